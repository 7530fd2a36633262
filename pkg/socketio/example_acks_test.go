package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// The server asks the members of a room and waits for their answers. Those that come in time are there even when others
// do not.
func ExampleBroadcast_EmitWithAck() {
	io := socketio.New(socketio.Options{})
	n := io.Of("/")
	n.OnConnection(func(ctx context.Context, s *socketio.Socket) error { return s.Join(ctx, "voters") })
	n.On("call", func(ctx context.Context, s *socketio.Socket, what string) (string, error) {
		answers, err := s.To("voters").Timeout(200*time.Millisecond).EmitWithAck(ctx, "vote", what)
		if err != nil && !errors.Is(err, socketio.ErrNoAck) {
			return "", err
		}
		text := fmt.Sprintf("all voted: %v;", err == nil)
		for _, a := range answers {
			text += fmt.Sprint(" ", a.Args[0])
		}
		return text, nil
	})

	s := socketiotest.New(nil, io)
	defer s.Close()
	ada, bob, _ := s.Connect("/"), s.Connect("/"), s.Connect("/")
	bob.Answer("vote", func(args socketio.Args) socketio.Args { return socketio.Args{fmt.Sprint("yes to ", args[0])} })
	fmt.Println(ada.Emit("call", "tea")[0])
	// Output: all voted: false; yes to tea
}

// A client's ack is handled where it arrives, with what was kept for it. So it works for the client whose handler asks,
// whatever its transport is.
func ExampleNamespace_OnAck() {
	type order struct{ Item string }
	io := socketio.New(socketio.Options{})
	n := io.Of("/")
	n.On("buy", func(ctx context.Context, s *socketio.Socket, item string) error {
		return s.Then("confirmed", order{item}).Timeout(time.Minute).Emit(ctx, "are you sure?", item)
	})
	n.OnAck("confirmed", func(ctx context.Context, s *socketio.Socket, o order, missed error, sure bool) error {
		switch {
		case missed != nil: // socketio.ErrNoAck, socketio.ErrGone, or an answer that is no bool
			return s.Emit(ctx, "forgotten", o.Item)
		case sure:
			return s.Emit(ctx, "bought", o.Item)
		}
		return nil
	})

	s := socketiotest.New(nil, io)
	defer s.Close()
	ada := s.Connect("/", socketiotest.Polling())
	ada.Emit("buy", "a teapot")
	fmt.Println(ada.Next())
	ada.Ack(true)
	fmt.Println(ada.Next())
	// Output:
	// are you sure? [a teapot]
	// bought [a teapot]
}
