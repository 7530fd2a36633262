//go:build full

package bill

import (
	"context"

	"github.com/dozeio/doze/pkg/socketio"
)

// A room with a name of 36 bytes, as a UUID has.
const (
	room    = "0b0d4a4e-2f0e-4a53-9a3e-8d1f5f1d6a77" // of many
	another = "5f0c1f9e-7d55-4f0a-b6f7-2c1e9a3b4d10" // of few
)

// profile is the data of a socket.
type profile struct {
	Name    string `json:"name"`
	Color   string `json:"color"`
	Version int    `json:"version"`
}

// application is in two namespaces. Its OnConnection looks at the handshake, as one that knows its users does; called,
// if not nil, is called by the handler of "echo".
func application(called func()) *socketio.Server {
	io := socketio.New(socketio.Options{})
	for _, name := range []string{"/", "/chat"} {
		n := io.Of(name)
		n.OnConnection(func(ctx context.Context, s *socketio.Socket) error {
			_, err := s.Handshake(ctx)
			return err
		})
		n.On("echo", func(_ context.Context, _ *socketio.Socket, text string) (string, error) {
			if called != nil {
				called()
			}
			return text, nil
		})
		n.On("set", func(ctx context.Context, s *socketio.Socket) error {
			return socketio.UpdateData(ctx, s, func(p *profile) error {
				p.Name, p.Color = "Grace Hopper", "#aabbcc"
				p.Version++
				return nil
			})
		})
		n.On("join", func(ctx context.Context, s *socketio.Socket, room string) error { return s.Join(ctx, room) })
		n.On("leave", func(ctx context.Context, s *socketio.Socket, room string) error { return s.Leave(ctx, room) })
		n.On("say", func(ctx context.Context, s *socketio.Socket, room, text string) error {
			return s.To(room).Emit(ctx, "said", text)
		})
		n.On("move", func(ctx context.Context, s *socketio.Socket, x int) error {
			return s.To(another).Volatile().Emit(ctx, "moved", x)
		})
		n.On("fetch", func(ctx context.Context, s *socketio.Socket, room string) (int, error) {
			sockets, err := s.In(room).FetchSockets(ctx)
			return len(sockets), err
		})
		n.On("find", func(ctx context.Context, s *socketio.Socket, id string) error {
			_, err := s.Namespace().FetchSocket(ctx, id)
			return err
		})
		n.On("bring", func(ctx context.Context, s *socketio.Socket, from, to string) error {
			return s.In(from).SocketsJoin(ctx, to)
		})
		n.On("take out", func(ctx context.Context, s *socketio.Socket, from, room string) error {
			return s.In(from).SocketsLeave(ctx, room)
		})
		n.On("send away", func(ctx context.Context, s *socketio.Socket, room string) error {
			return s.In(room).DisconnectSockets(ctx, false)
		})
		n.On("rooms", func(ctx context.Context, s *socketio.Socket) ([]socketio.Room, error) {
			return s.Namespace().Rooms(ctx)
		})
	}
	return io
}
