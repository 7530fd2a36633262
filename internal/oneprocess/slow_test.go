package oneprocess_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/tests/kit/rawclient"
	"github.com/dozeio/doze/tests/kit/shiftclock"
)

// TestWhoIsDroppedDelaysNobody sends more into a room than clients that poll fetch, whose handlers of OnDisconnecting go
// on until the end of the server. Another client has all events and may say something, and the end waits for them.
func TestWhoIsDroppedDelaysNobody(t *testing.T) {
	t.Run("by another", func(t *testing.T) { droppedBy(t, false) })
	t.Run("by one of them", func(t *testing.T) { droppedBy(t, true) })
}

func droppedBy(t *testing.T, one bool) {
	const slow, fit = 3, 3
	large := strings.Repeat("x", engine.MaxOutbox/(fit+1))
	begun, hold := make(chan struct{}, slow), make(chan struct{})
	release := sync.OnceFunc(func() { close(hold) })
	defer release()
	var ended atomic.Int32
	s, left := ends(t, engine.Options{}, func(n *socketio.Namespace) {
		n.On("say", func(ctx context.Context, s *socketio.Socket) error { return n.Emit(ctx, "said", large) })
		n.On("ask", func(context.Context, *socketio.Socket) (string, error) { return "answer", nil })
		n.OnDisconnecting(func(_ context.Context, _ *socketio.Socket, r socketio.Reason) error {
			if r == socketio.TransportError {
				begun <- struct{}{}
				<-hold
				ended.Add(1)
			}
			return nil
		})
	})
	client := rawclient.New(s.URL)
	defer client.Close()
	all := &site{t, s, client, nil}
	var sid string
	for range slow {
		sid = all.open("40")
	}
	fast := all.dial(rawclient.WebSocket, "40", "40{")
	defer fast.Reset()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	hear := func(what string) {
		t.Helper()
		for {
			m, err := fast.Next(ctx)
			if err != nil {
				t.Fatalf("waiting for %s: %v", what, err)
			}
			if strings.HasPrefix(m, what) {
				return
			}
		}
	}
	for i := range fit + 1 {
		if i == fit && one {
			go func() { _, _ = client.Do(ctx, http.MethodPost, rawclient.Session(sid), `42["say"]`) }()
		} else {
			all.check(fast.Send(ctx, `42["say"]`))
		}
		hear(`42["said"`)
	}
	all.check(fast.Send(ctx, `421["ask"]`))
	hear(`431["answer"`)
	for range slow {
		select {
		case <-begun:
		case <-ctx.Done():
			t.Fatal("a handler waits for another one")
		}
	}
	closed := make(chan error)
	go func() { closed <- s.Close(ctx) }()
	for {
		if _, err := fast.Next(ctx); err != nil { // the end has begun
			break
		}
	}
	release()
	all.check(<-closed)
	if n := ended.Load(); n != slow || len(left) != slow+1 {
		t.Errorf("%d handlers of %d have returned before the end, and %d clients have left", n, slow, len(left))
	}
}

// stuckRooms are rooms that nobody leaves at first.
type stuckRooms struct {
	rooms.Store
	stuck atomic.Int32 // so many times
}

func (r *stuckRooms) Leave(ctx context.Context, namespace, socket string, names ...string) error {
	if r.stuck.Add(-1) >= 0 {
		return errors.New("stuck")
	}
	return r.Store.Leave(ctx, namespace, socket, names...)
}

// TestWhoIsDroppedIsCleanedUpAgain has the store fail when a client that does not poll is dropped, and once more.
func TestWhoIsDroppedIsCleanedUpAgain(t *testing.T) {
	left, stuck, clock := make(chan socketio.Reason, 10), &stuckRooms{}, &shiftclock.Clock{}
	app := socketio.New(socketio.Options{Logger: slog.New(slog.DiscardHandler)})
	app.Of("/").OnDisconnect(func(_ context.Context, _ *socketio.Socket, r socketio.Reason) error {
		left <- r
		return nil
	})
	s, err := oneprocess.Start(oneprocess.Options{
		Direct: true, Engine: engine.Options{Clock: clock}, Gateway: gateway.Options{Clock: clock},
		Wrap: func(b socketio.Backend) socketio.Backend {
			stuck.Store = b.Rooms
			b.Rooms = stuck
			return b
		},
	}, app.Bind)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	client := rawclient.New(s.URL)
	defer client.Close()
	all := &site{t, s, client, clock}
	all.open("40")
	stuck.stuck.Store(2)
	for range 5 {
		all.check(app.Emit(t.Context(), "said", strings.Repeat("x", engine.MaxOutbox/4)))
	}
	if !all.within(10*time.Second, func() bool { return len(left) > 0 }) {
		t.Fatal("its handler is not called")
	}
	if r := <-left; r != socketio.TransportError || len(left) > 0 {
		t.Errorf("it has left by %s, and %d times more", r, len(left))
	}
}
