package socketiotest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// newChat is the application under test.
func newChat() *socketio.Server {
	io := socketio.New(socketio.Options{})
	chat := io.Of("/")
	chat.Use(func(ctx context.Context, s *socketio.Socket) error {
		var auth struct{ Nickname string }
		if err := s.Auth(&auth); err != nil || auth.Nickname == "" {
			return &socketio.ConnectError{Message: "a nickname, please"}
		}
		return socketio.UpdateData(ctx, s, func(nickname *string) error { *nickname = auth.Nickname; return nil })
	})
	chat.On("join", func(ctx context.Context, s *socketio.Socket, room string) (string, error) {
		var nickname string
		if err := s.Data(&nickname); err != nil {
			return "", err
		}
		return "welcome to " + room, errors.Join(s.Join(ctx, "#"+room), s.To("#"+room).Emit(ctx, "joined", nickname))
	})
	return io
}

// In a test, the first argument of New is its *testing.T, and Close is called by itself.
func Example() {
	s := socketiotest.New(nil, newChat())
	defer s.Close()

	ada := s.Connect("/", socketiotest.Auth(map[string]string{"nickname": "ada"}))
	bob := s.Connect("/", socketiotest.Auth(map[string]string{"nickname": "bob"}), socketiotest.Polling())
	fmt.Println(ada.Emit("join", "go")...)
	bob.Emit("join", "go")

	var who string
	ada.Expect("joined", &who) // decodes; ada.Expect("joined", "bob") compares
	fmt.Println(who)
	ada.ExpectNothing()
	bob.ExpectNothing()

	fmt.Println(s.ConnectError("/").Message)
	// Output:
	// welcome to go
	// bob
	// a nickname, please
}
