package app

import (
	"context"

	"github.com/dozeio/doze/pkg/socketio"
)

type message struct {
	Room string `json:"room"`
	Text string `json:"text"`
}

func New() *socketio.Server {
	io := socketio.New(socketio.Options{})
	chat := io.Of("/")
	chat.On("join", func(ctx context.Context, s *socketio.Socket, room string) error {
		return s.Join(ctx, "#"+room) // without the #, a room is a socket's own if its name is the socket's id
	})
	chat.On("say", func(ctx context.Context, s *socketio.Socket, m message) (string, error) {
		return "delivered", s.To("#"+m.Room).Emit(ctx, "said", m) // the results but the error are the ack's arguments
	})
	return io
}
