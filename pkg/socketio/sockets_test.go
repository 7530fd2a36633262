package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

func TestSocketsAreThoseThatAnEmitWouldReach(t *testing.T) {
	io := socketio.New(socketio.Options{Logger: slog.New(slog.DiscardHandler)})
	if _, err := io.To("tea").SocketIDs(t.Context()); !errors.Is(err, socketio.ErrUnbound) {
		t.Errorf("before Bind: %v, want ErrUnbound", err)
	}
	main := io.Of("/")
	main.On("join", func(ctx context.Context, s *socketio.Socket, room string) error { return s.Join(ctx, room) })
	main.On("others", func(ctx context.Context, s *socketio.Socket, room string) ([]string, error) {
		return s.To(room).SocketIDs(ctx)
	})
	s := socketiotest.New(t, io)
	ada, bob, eve := s.Connect("/"), s.Connect("/"), s.Connect("/")
	ada.Emit("join", "tea")
	bob.Emit("join", "tea")
	sockets := func(b socketio.Broadcast) string {
		t.Helper()
		ids, err := b.SocketIDs(t.Context())
		if err != nil {
			t.Error(err)
		}
		slices.Sort(ids)
		return strings.Join(ids, " ")
	}
	sorted := func(ids ...string) string {
		slices.Sort(ids)
		return strings.Join(ids, " ")
	}
	for _, c := range []struct {
		name string
		of   socketio.Broadcast
		want string
	}{
		{"a room", main.To("tea"), sorted(ada.ID(), bob.ID())},
		{"two rooms, each once", main.To("tea", ada.ID()), sorted(ada.ID(), bob.ID())},
		{"everybody but a room", main.Except("tea"), eve.ID()},
		{"one socket", main.To(bob.ID()), bob.ID()},
		{"nobody", main.To("coffee"), ""},
	} {
		if got := sockets(c.of); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if got := ada.Emit("others", "tea"); fmt.Sprint(got) != "[["+bob.ID()+"]]" {
		t.Errorf("the others for ada: %v, want bob", got)
	}
	bob.Vanish()
	if got := sockets(main.To(bob.ID())); got != "" {
		t.Errorf("a socket that is gone: %q", got)
	}
}
