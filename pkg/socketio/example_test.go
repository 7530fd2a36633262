package socketio_test

import (
	"context"
	"fmt"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

type message struct {
	Room string `json:"room"`
	Text string `json:"text"`
}

// newChat is a whole application: a tiny chat.
func newChat() *socketio.Server {
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

// A chat, and two clients that are not real: in a browser they would be socket.io-client's, unmodified.
func Example() {
	s := socketiotest.New(nil, newChat())
	defer s.Close()

	ada, bob := s.Connect("/"), s.Connect("/")
	ada.Emit("join", "tea")
	bob.Emit("join", "tea")
	fmt.Println(ada.Emit("say", message{"tea", "hello"})...)

	var m message
	bob.Expect("said", &m)
	fmt.Println(m.Text)
	// Output:
	// delivered
	// hello
}
