package faults

import (
	"context"
	"log/slog"
	"sync"

	"github.com/dozeio/doze/pkg/socketio"
)

// app is an application that emits as it is told, and remembers what it was told about that.
type app struct {
	io *socketio.Server
	// release lets "later" go on.
	release chan struct{}

	mu     sync.Mutex
	failed []error // of emits
}

func newApp() *app {
	a := &app{io: socketio.New(socketio.Options{Logger: slog.New(slog.DiscardHandler)}), release: make(chan struct{})}
	main := a.io.Of("/")
	main.On("echo", func(_ context.Context, _ *socketio.Socket, args socketio.Args) (socketio.Args, error) {
		return args, nil
	})
	main.On("join", func(ctx context.Context, s *socketio.Socket, room string) error { return s.Join(ctx, room) })
	main.On("burst", func(ctx context.Context, s *socketio.Socket, n int) error {
		for i := range n {
			if err := a.note(s.Emit(ctx, "burst", i+1)); err != nil {
				return err
			}
		}
		return nil
	})
	main.On("say", func(ctx context.Context, s *socketio.Socket, room string, what int) error {
		return a.note(s.To(room).Emit(ctx, "said", what))
	})
	main.On("later", func(ctx context.Context, s *socketio.Socket) error {
		err := a.note(s.Emit(ctx, "later"))
		select {
		case <-a.release:
		case <-ctx.Done():
		}
		return err
	})
	main.On("panic", func(context.Context, *socketio.Socket) error { panic("as asked") })
	greeting := a.io.Of("/greeting")
	greeting.OnConnection(func(ctx context.Context, s *socketio.Socket) error { return a.note(s.Emit(ctx, "hello")) })
	return a
}

func (a *app) note(err error) error {
	if err != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.failed = append(a.failed, err)
	}
	return err
}

// told returns the errors of emits.
func (a *app) told() []error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]error(nil), a.failed...)
}
