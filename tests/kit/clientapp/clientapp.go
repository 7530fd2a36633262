// Package clientapp is the application that the stock clients of tests/asnode/client and tests/asnode/oracle talk to.
// Its contract is written down in tests/kit/reference/app.mjs, which is the same application for Node.
package clientapp

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"

	"github.com/dozeio/doze/pkg/socketio"
)

// data is what a socket keeps.
type data struct {
	Value   any `json:"value,omitempty"`
	Counter int `json:"counter,omitempty"`
}

// New returns the application.
func New() *socketio.Server { return With(socketio.Options{}) }

// With is New with options.
func With(o socketio.Options) *socketio.Server {
	o.AllowRequest, o.InitialHeaders, o.Headers = allow, first, each
	io := socketio.New(o)
	main := io.Of("/")
	main.Use(refuse)
	main.OnConnection(hello)
	main.On("echo", echo)
	main.On("echo-event", func(ctx context.Context, s *socketio.Socket, args socketio.Args) (socketio.Args, error) {
		return nil, s.Emit(ctx, "echo-event", args...)
	})
	main.On("fail", func(context.Context, *socketio.Socket, ...any) error { return errors.New("as asked") })
	main.On("join", func(ctx context.Context, s *socketio.Socket, room string) (string, error) {
		return "ok", s.Join(ctx, room)
	})
	main.On("leave", func(ctx context.Context, s *socketio.Socket, room string) (string, error) {
		return "ok", s.Leave(ctx, room)
	})
	main.On("rooms", func(ctx context.Context, s *socketio.Socket) ([]string, error) { return roomsOf(ctx, s) })
	main.On("to", func(ctx context.Context, s *socketio.Socket, rooms []string, event string, args ...any) (string, error) {
		return "ok", s.To(rooms...).Emit(ctx, event, args...)
	})
	main.On("to-except", func(ctx context.Context, s *socketio.Socket, rooms, except []string, event string, args ...any) (string, error) {
		return "ok", s.To(rooms...).Except(except...).Emit(ctx, event, args...)
	})
	main.On("broadcast", func(ctx context.Context, s *socketio.Socket, event string, args ...any) (string, error) {
		return "ok", s.Broadcast().Emit(ctx, event, args...)
	})
	main.On("server-emit", func(ctx context.Context, _ *socketio.Socket, event string, args ...any) (string, error) {
		return "ok", io.Emit(ctx, event, args...)
	})
	main.On("private", func(ctx context.Context, _ *socketio.Socket, id, event string, args ...any) (string, error) {
		return "ok", io.To(id).Emit(ctx, event, args...)
	})
	main.On("set-data", func(ctx context.Context, s *socketio.Socket, value any) (string, error) {
		return "ok", socketio.UpdateData(ctx, s, func(d *data) error { d.Value = value; return nil })
	})
	main.On("get-data", func(_ context.Context, s *socketio.Socket) (any, error) {
		var d data
		err := s.Data(&d)
		return d.Value, err
	})
	main.On("counter", counter)
	main.On("binary", binary)
	main.On("disconnect-me", func(ctx context.Context, s *socketio.Socket, closeSession bool) error {
		if closeSession {
			return s.DisconnectClient(ctx)
		}
		return s.Disconnect(ctx)
	})
	main.On("burst", func(ctx context.Context, s *socketio.Socket, n int) error {
		for i := range n {
			if err := s.Emit(ctx, "burst", i); err != nil {
				return err
			}
		}
		return nil
	})
	others(io, main)
	main.On("7", func(context.Context, *socketio.Socket) (string, error) { return "seven", nil })
	acks(main)
	main.OnDisconnecting(leaving)
	main.OnDisconnect(func(ctx context.Context, s *socketio.Socket, reason socketio.Reason) error {
		return s.Broadcast().Emit(ctx, "peer-left", map[string]any{"id": s.ID(), "reason": reason})
	})

	custom := io.Of("/custom")
	custom.OnConnection(hello)
	custom.On("echo", echo)
	dynamic(io)
	guarded(io.Of("/guarded"))
	io.Of("/secret").Use(func(context.Context, *socketio.Socket) error { return &socketio.ConnectError{Message: "no entry"} })
	return io
}

// dynamic are the namespaces of a pattern, and one of them that has handlers of its own.
func dynamic(io *socketio.Server) {
	io.Of("/dynamic-7").On("where", func(context.Context, *socketio.Socket) (string, error) { return "by name", nil })
	n := io.OfFunc(regexp.MustCompile(`^/dynamic-\d+$`).MatchString)
	n.Use(func(_ context.Context, s *socketio.Socket) error {
		var auth struct{ Refuse bool }
		if s.Auth(&auth) == nil && auth.Refuse {
			return &socketio.ConnectError{Message: "refused"}
		}
		return nil
	})
	n.OnConnection(hello)
	n.On("where", func(_ context.Context, s *socketio.Socket) (string, error) { return s.Namespace().Name(), nil })
	n.On("join", func(ctx context.Context, s *socketio.Socket, room string) (string, error) {
		return "ok", s.Join(ctx, room)
	})
	n.On("tell", func(ctx context.Context, s *socketio.Socket, event string, args ...any) (string, error) {
		return "ok", s.Namespace().Emit(ctx, event, args...)
	})
	n.On("tell-room", func(ctx context.Context, s *socketio.Socket, room, event string, args ...any) (string, error) {
		return "ok", s.Namespace().To(room).Emit(ctx, event, args...)
	})
	n.OnDisconnect(func(ctx context.Context, s *socketio.Socket, _ socketio.Reason) error {
		return s.Namespace().Emit(ctx, "left", map[string]any{"id": s.ID(), "namespace": s.Namespace().Name()})
	})
}

// guarded has a middleware for each event.
func guarded(n *socketio.Namespace) {
	n.OnAny(func(_ context.Context, _ *socketio.Socket, event string, _ socketio.Args) error {
		switch event {
		case "denied":
			return &socketio.AckError{Data: "not for you"}
		case "dropped":
			return errors.New("dropped")
		}
		return nil
	})
	for _, event := range []string{"denied", "dropped", "heard"} {
		n.On(event, func(ctx context.Context, s *socketio.Socket) (string, error) {
			var events []string
			err := socketio.UpdateData(ctx, s, func(all *[]string) error {
				*all = append(*all, event)
				events = *all
				return nil
			})
			if err != nil || event != "heard" {
				return "ok", err
			}
			return "ok", s.Emit(ctx, "heard", map[string]any{"events": events})
		})
	}
}

func allow(_ context.Context, r socketio.Request) error {
	switch r.Query.Get("deny") {
	case "1":
		return &socketio.ConnectError{Message: "not today"}
	case "2":
		return errors.New("as asked")
	}
	return nil
}

func first(_ context.Context, _ socketio.Request, h http.Header) { h.Set("Set-Cookie", "first=1") }

func each(_ context.Context, r socketio.Request, h http.Header) {
	h.Set("X-Each", r.Method+" of "+cmp.Or(r.Header.Get("X-Who"), "nobody"))
}

func refuse(_ context.Context, s *socketio.Socket) error {
	var auth struct{ Refuse bool }
	if s.Auth(&auth) == nil && auth.Refuse {
		return &socketio.ConnectError{Message: "refused", Data: map[string]any{"code": "E_REFUSED", "detail": 42}}
	}
	return nil
}

func hello(ctx context.Context, s *socketio.Socket) error {
	h, err := s.Handshake(ctx)
	if err != nil {
		return err
	}
	greeting := struct {
		ID    string          `json:"id"`
		Auth  json.RawMessage `json:"auth"`
		Query *string         `json:"query"`
	}{ID: s.ID(), Auth: h.Auth}
	if greeting.Auth == nil {
		greeting.Auth = json.RawMessage("{}")
	}
	if h.Query.Has("x") {
		x := h.Query.Get("x")
		greeting.Query = &x
	}
	return s.Emit(ctx, "hello", greeting)
}

func echo(_ context.Context, _ *socketio.Socket, args socketio.Args) (socketio.Args, error) {
	return args, nil
}

func roomsOf(ctx context.Context, s *socketio.Socket) ([]string, error) {
	rooms, err := s.Rooms(ctx)
	return append([]string{}, rooms...), err
}

func counter(ctx context.Context, s *socketio.Socket) (n int, err error) {
	err = socketio.UpdateData(ctx, s, func(d *data) error {
		d.Counter++
		n = d.Counter
		return nil
	})
	return n, err
}

func binary(ctx context.Context, s *socketio.Socket, n int) error {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return s.Emit(ctx, "binary", map[string]any{"buf": b, "list": [][]byte{b}})
}

func leaving(ctx context.Context, s *socketio.Socket, reason socketio.Reason) error {
	rooms, err := roomsOf(ctx, s)
	if err != nil || len(rooms) == 0 {
		return err
	}
	return s.To(rooms...).Emit(ctx, "peer-leaving", map[string]any{"id": s.ID(), "rooms": rooms, "reason": reason})
}
