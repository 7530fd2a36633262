//go:build full

package faults

import (
	"context"
	"errors"
	"log/slog"

	"github.com/dozeio/doze/pkg/socketio"
)

// wireData is what sockets of the application keep.
type wireData struct {
	Name  string         `json:"name"`
	Tries int            `json:"tries"`
	Any   map[string]any `json:"any"`
}

// newWireApp is an application that uses what there is: namespaces, middleware, rooms, data, and whatever clients send
// it.
func newWireApp(logger *slog.Logger) *app {
	a := &app{io: socketio.New(socketio.Options{Logger: logger}), release: make(chan struct{})}
	for _, name := range []string{"/", "/rooms", "/data", "/guarded"} {
		n := a.io.Of(name)
		n.On("echo", func(_ context.Context, _ *socketio.Socket, args socketio.Args) (socketio.Args, error) {
			return args, nil
		})
		n.On("join", func(ctx context.Context, s *socketio.Socket, room string) error { return s.Join(ctx, room) })
		n.On("leave", func(ctx context.Context, s *socketio.Socket, room string) error { return s.Leave(ctx, room) })
		n.On("say", func(ctx context.Context, s *socketio.Socket, room string, what any) error {
			return s.To(room).Emit(ctx, "said", what)
		})
		n.On("bytes", func(ctx context.Context, s *socketio.Socket, b []byte) (int, error) {
			return len(b), s.Emit(ctx, "bytes", b)
		})
		n.On("set", func(ctx context.Context, s *socketio.Socket, name string, more map[string]any) error {
			return socketio.UpdateData(ctx, s, func(d *wireData) error {
				d.Name, d.Any = name, more
				d.Tries++
				return nil
			})
		})
		n.On("get", func(ctx context.Context, s *socketio.Socket) (d wireData, rooms []string, err error) {
			if err := s.Data(&d); err != nil {
				return d, nil, err
			}
			rooms, err = s.Rooms(ctx)
			return d, rooms, err
		})
		n.On("go", func(ctx context.Context, s *socketio.Socket, all bool) error {
			if all {
				return s.DisconnectClient(ctx)
			}
			return s.Disconnect(ctx)
		})
	}
	a.io.Of("/rooms").OnConnection(func(ctx context.Context, s *socketio.Socket) error { return s.Join(ctx, "all", "some") })
	a.io.Of("/rooms").OnDisconnecting(func(ctx context.Context, s *socketio.Socket, _ socketio.Reason) error {
		return s.To("all").Emit(ctx, "gone", s.ID())
	})
	a.io.Of("/guarded").Use(func(ctx context.Context, s *socketio.Socket) error {
		var auth struct {
			Token string `json:"token"`
		}
		if err := s.Auth(&auth); err != nil || auth.Token != "good" {
			return errors.Join(err, &socketio.ConnectError{Message: "no entry", Data: auth})
		}
		return nil
	})
	return a
}
