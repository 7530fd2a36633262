//go:build full

package upgrades

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
)

// app is the application that clients.mjs describes. It lives in one process, so it can remember what each socket sent.
type app struct {
	io *socketio.Server

	mu       sync.Mutex
	sent     map[string][]int
	upgraded map[string]chan struct{}
	failed   []error // of emits, but for clients that have left
	emitters sync.WaitGroup
}

func newApp() *app {
	a := &app{
		io:       socketio.New(socketio.Options{Logger: slog.New(slog.DiscardHandler)}),
		sent:     map[string][]int{},
		upgraded: map[string]chan struct{}{},
	}
	main := a.io.Of("/")
	main.OnConnection(func(ctx context.Context, s *socketio.Socket) error {
		for i := range 20 {
			if err := s.Emit(ctx, "a", i); err != nil {
				return a.note(err)
			}
		}
		told := a.told(s.ID())
		a.emitters.Go(func() { _ = a.note(a.stream(s.ID(), told)) })
		return nil
	})
	main.On("n", func(ctx context.Context, s *socketio.Socket, i int) error {
		a.mu.Lock()
		a.sent[s.ID()] = append(a.sent[s.ID()], i)
		a.mu.Unlock()
		return a.note(s.Emit(ctx, "c", i))
	})
	main.On("upgraded", func(_ context.Context, s *socketio.Socket) error {
		close(a.told(s.ID()))
		return nil
	})
	main.OnDisconnect(func(_ context.Context, s *socketio.Socket, _ socketio.Reason) error {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.upgraded, s.ID())
		return nil
	})
	return a
}

// stream is the second emitter of a socket's events, from outside of any invocation. It does not go on for ever: what
// an upgrade has to deliver before it is complete must not grow faster than it can be delivered.
func (a *app) stream(id string, told <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for n, more := 0, 10; ; n++ {
		select {
		case <-told:
			more--
		default:
		}
		if n >= 20 && more <= 0 || n == 100 {
			return a.io.To(id).Emit(ctx, "end", n)
		}
		if err := a.io.To(id).Emit(ctx, "b", n); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (a *app) told(id string) chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.upgraded[id] == nil {
		a.upgraded[id] = make(chan struct{})
	}
	return a.upgraded[id]
}

func (a *app) note(err error) error {
	if err != nil && !errors.Is(err, socketio.ErrGone) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.failed = append(a.failed, err)
	}
	return err
}

// slowConnect is a store in which the row of a connection takes as long to write as a cold start: so clients talk by
// polling for a while before their probe is answered.
type slowConnect struct{ engine.Store }

func (s slowConnect) Create(ctx context.Context, row engine.Session, handshake []byte, live *engine.Live) error {
	if row.State == engine.Probing {
		wait := time.NewTimer(100 * time.Millisecond)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return s.Store.Create(ctx, row, handshake, live)
}
