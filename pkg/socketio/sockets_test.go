package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/pkg/engine"
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

// unblocking is a poster whose posts do not wait, as that of one process.
type unblocking struct{ engine.Poster }

func (unblocking) Unblocking() {}

// TestWhatIsDoneToSocketsWaitsForNoOther has handlers of one process wait for each other.
func TestWhatIsDoneToSocketsWaitsForNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := socketio.New(socketio.Options{Logger: slog.New(slog.DiscardHandler)})
		left := make(chan struct{})
		io.Of("/").OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason) error {
			select { // one sends, the other receives
			case left <- struct{}{}:
			case <-left:
			case <-time.After(time.Minute):
				t.Error("a handler was called when the other had returned")
			}
			return nil
		})
		s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
			b.Poster = unblocking{b.Poster}
			return b
		}})
		s.Connect("/")
		s.Connect("/")
		if err := io.DisconnectSockets(t.Context(), false); err != nil {
			t.Error(err)
		}
		s.Settle()
	})
}
