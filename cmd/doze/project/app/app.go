// Package app is the application: handlers of events, registered once. Nothing that lies in memory lasts from one event
// to the next; what has to is kept in the socket's data (socketio.UpdateData), its rooms, or a database of yours.
package app

import (
	"context"

	"github.com/dozeio/doze/pkg/socketio"
)

// message is what clients send to a room.
type message struct {
	Room string `json:"room"`
	Text string `json:"text"`
}

// New returns the application.
func New() *socketio.Server {
	io := socketio.New(socketio.Options{})
	root := io.Of("/")
	root.On("join", join)
	root.On("say", say)
	return io
}

// join answers with the number of those who are in the room now.
func join(ctx context.Context, s *socketio.Socket, room string) (int, error) {
	if room == "" || len(room) > 100 {
		return 0, problem("A room's name has 1 to 100 bytes.")
	}
	if err := s.Join(ctx, "#"+room); err != nil { // a room without # may be somebody's own: its name is a socket's id
		return 0, err
	}
	others, err := s.To("#" + room).SocketIDs(ctx)
	return 1 + len(others), err
}

// say sends to everybody else in the room. What a handler returns besides the error is the ack.
func say(ctx context.Context, s *socketio.Socket, m message) (string, error) {
	if m.Text == "" || len(m.Text) > 4000 {
		return "", problem("A message has 1 to 4000 bytes.")
	}
	return "delivered", s.To("#"+m.Room).Emit(ctx, "said", m)
}

// problem makes an ack that says what is wrong. Any other error sends no ack and is logged.
func problem(hint string) error {
	return &socketio.AckError{Data: map[string]string{"error": hint}}
}
