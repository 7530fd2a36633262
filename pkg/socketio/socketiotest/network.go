package socketiotest

import (
	"context"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// network is the gateway's and the queue's part of a backend.
type network struct{ s *Server }

var (
	_ engine.Poster = network{}
	_ engine.Timers = network{}
)

func (n network) find(connection string) *session {
	n.s.mu.Lock()
	defer n.s.mu.Unlock()
	return n.s.connections[connection]
}

// Post implements engine.Poster.
func (n network) Post(_ context.Context, connection string, f engine.Frame) error {
	session := n.find(connection)
	if session == nil {
		return engine.ErrGone
	}
	session.frame(f)
	return nil
}

// Exists implements engine.Poster.
func (n network) Exists(_ context.Context, connection string) error {
	if n.find(connection) == nil {
		return engine.ErrGone
	}
	return nil
}

// Disconnect implements engine.Poster.
func (n network) Disconnect(_ context.Context, connection string) error {
	if session := n.find(connection); session != nil {
		session.closed(transportClose)
		n.s.drop(connection)
	}
	return nil
}

// Schedule implements engine.Timers.
func (n network) Schedule(_ context.Context, job []byte, after time.Duration) error {
	due := n.s.engine.Options().Clock.Now().Add(after)
	n.s.mu.Lock()
	defer n.s.mu.Unlock()
	n.s.tasks = append(n.s.tasks, task{due: due, run: func(ctx context.Context) error { return n.s.engine.Job(ctx, job) }})
	return nil
}

// drop ends a connection, of which the engine is told soon: as of one that broke, because here nothing that the client
// sent before can come later.
func (s *Server) drop(connection string) {
	s.mu.Lock()
	_, ok := s.connections[connection]
	delete(s.connections, connection)
	s.mu.Unlock()
	if ok {
		s.soon(func(ctx context.Context) { s.engine.Disconnect(ctx, connection, 1006) })
	}
}
