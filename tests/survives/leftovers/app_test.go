package leftovers

import (
	"context"
	"log/slog"
	"sync"

	"github.com/dozeio/doze/pkg/socketio"
)

// tally is what the application has seen.
type tally struct {
	mu           sync.Mutex
	connected    map[string]int // by socket
	disconnected map[string]int
	reasons      map[socketio.Reason]int
	failedEmits  []error
}

// newApp is an application with rooms that counts who comes and goes.
func newApp() (*socketio.Server, *tally) {
	seen := &tally{connected: map[string]int{}, disconnected: map[string]int{}, reasons: map[socketio.Reason]int{}}
	io := socketio.New(socketio.Options{Logger: slog.New(slog.DiscardHandler)}) // what goes wrong here goes wrong on purpose
	for _, n := range []*socketio.Namespace{io.Of("/"), io.Of("/second")} {
		n.OnConnection(func(_ context.Context, s *socketio.Socket) error {
			seen.mu.Lock()
			defer seen.mu.Unlock()
			seen.connected[s.ID()]++
			return nil
		})
		n.OnDisconnect(func(_ context.Context, s *socketio.Socket, reason socketio.Reason) error {
			seen.mu.Lock()
			defer seen.mu.Unlock()
			seen.disconnected[s.ID()]++
			seen.reasons[reason]++
			return nil
		})
		n.On("join", func(ctx context.Context, s *socketio.Socket, rooms ...string) error { return s.Join(ctx, rooms...) })
		n.On("leave", func(ctx context.Context, s *socketio.Socket, rooms ...string) error { return s.Leave(ctx, rooms...) })
		n.On("echo", func(_ context.Context, _ *socketio.Socket, args socketio.Args) (socketio.Args, error) {
			return args, nil
		})
		n.On("disconnect-me", func(ctx context.Context, s *socketio.Socket, all bool) error {
			if all {
				return s.DisconnectClient(ctx)
			}
			return s.Disconnect(ctx)
		})
		n.On("say", func(ctx context.Context, _ *socketio.Socket, room string, what int) error {
			if err := n.To(room).Emit(ctx, "said", what); err != nil {
				seen.mu.Lock()
				defer seen.mu.Unlock()
				seen.failedEmits = append(seen.failedEmits, err)
			}
			return nil
		})
	}
	return io, seen
}
