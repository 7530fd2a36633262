package socketio_test

import (
	"context"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

func TestARecipientThatIsStuckTakesNobodysAck(t *testing.T) {
	io := socketio.New(socketio.Options{})
	main := io.Of("/")
	main.On("join", func(ctx context.Context, s *socketio.Socket) error { return s.Join(ctx, "tea") })
	main.On("say", func(ctx context.Context, s *socketio.Socket, text string) (string, error) {
		return "delivered", s.To("tea").Emit(ctx, "said", text)
	})
	gone := 0
	main.OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason) error { gone++; return nil })
	s := socketiotest.New(t, io)
	ada, bob, stuck := s.Connect("/"), s.Connect("/"), s.Connect("/", socketiotest.Polling())
	for _, c := range []*socketiotest.Client{ada, bob, stuck} {
		c.Emit("join")
	}
	stuck.Vanish() // it polls no more, and nobody knows yet
	text := strings.Repeat("x", 60<<10)
	for range 8 {
		if ack := ada.Emit("say", text); len(ack) != 1 || ack[0] != "delivered" {
			t.Fatalf("acked with %v", ack)
		}
		bob.Expect("said", text)
	}
	s.Settle()
	if gone != 1 {
		t.Errorf("%d sockets were disconnected, want the one that is stuck", gone)
	}
}

func TestTheRoomWithoutANameHasNoMembers(t *testing.T) {
	io := socketio.New(socketio.Options{})
	main := io.Of("/")
	main.On("say", func(ctx context.Context, s *socketio.Socket, room string) error { return s.To(room).Emit(ctx, "said") })
	main.On("shun", func(ctx context.Context, s *socketio.Socket, room string) error {
		return s.Except(room).Emit(ctx, "said")
	})
	s := socketiotest.New(t, io)
	ada, bob := s.Connect("/"), s.Connect("/")
	ada.Emit("say", "")
	bob.ExpectNothing()
	if ids, err := main.To("").SocketIDs(t.Context()); err != nil || len(ids) != 0 {
		t.Errorf("its sockets are %v %v", ids, err)
	}
	ada.Emit("shun", "")
	bob.Expect("said")
}

func TestAnEmitWhoseTimeIsOverDisconnectsNobody(t *testing.T) {
	io := socketio.New(socketio.Options{})
	main := io.Of("/")
	over, cancel := context.WithCancel(context.Background())
	cancel()
	main.On("late", func(context.Context, *socketio.Socket) (bool, error) { return main.Emit(over, "news") == nil, nil })
	s := socketiotest.New(t, io)
	clients := []*socketiotest.Client{s.Connect("/"), s.Connect("/"), s.Connect("/", socketiotest.Polling())}
	for range 20 {
		if ack := clients[0].Emit("late"); ack[0] != false {
			t.Fatal("the emit is said to have succeeded")
		}
	}
	for i, c := range clients {
		if why := c.Disconnected(); why != "" {
			t.Errorf("client %d was disconnected: %s", i, why)
		}
	}
}
