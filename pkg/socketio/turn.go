package socketio

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dozeio/doze/pkg/engine"
)

// turn is the handling of the messages of one invocation, or what another one does with a session.
type turn struct {
	server *Server
	v      *engine.Invocation
	opened bool // by another invocation: what it does is confirmed at once, and nothing ends it
	tally  tally
	moves  int // CONNECTs and DISCONNECTs so far, each of which costs some writes
	count  int // packets so far

	calls atomic.Int64 // of handlers, as far as they cost something; see spend

	mu      sync.Mutex // guards everything below
	sockets []*Socket  // the last one of a namespace is the present one: all events share what they see
	closed  bool       // by a handler: what else came with the invocation is dropped
}

// ordered reports whether messages of this session come one after the other.
func (t *turn) ordered() bool {
	return t.v.Polling() || t.server.engine.Options().OrderedFrames
}

// waits reports whether the session's next message is handled only when this one is done.
func (t *turn) waits() bool { return t.ordered() && !t.v.Yields() }

func (t *turn) isClosed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closed
}

// close closes the session.
func (t *turn) close(ctx context.Context, reason Reason) {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.v.Close(ctx, reason)
}

// add makes a socket the one of its namespace.
func (t *turn) add(s *Socket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sockets = append(t.sockets, s)
}

// find returns the socket that the session has, or had, in a namespace, nil when it never had one.
func (t *turn) find(n *Namespace) *Socket {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range slices.Backward(t.sockets) {
		if s.namespace.name == n.name {
			return s
		}
	}
	e := entry(t.v.Entries()[n.name])
	if e.id() == "" {
		return nil
	}
	s := &Socket{namespace: n, turn: t, id: e.id(), entry: e, data: e.data()}
	t.sockets = append(t.sockets, s)
	return s
}

// everywhere returns the session's sockets of all namespaces.
func (t *turn) everywhere() (all []*Socket) {
	for _, name := range slices.Sorted(maps.Keys(t.v.Entries())) {
		if s := t.find(t.server.joined(name)); s != nil {
			all = append(all, s)
		}
	}
	return all
}

// refresh reads the session again, and with it what its sockets show. ErrGone: it is closed.
func (t *turn) refresh(ctx context.Context) error {
	if err := t.v.Refresh(ctx); err != nil {
		return err
	}
	t.mu.Lock()
	sockets := t.sockets
	t.mu.Unlock()
	for _, s := range sockets {
		s.mu.Lock()
		s.reload()
		s.mu.Unlock()
	}
	return nil
}

// socket returns the socket that a packet comes from. Nil: it has left, and what was on its way from it is dropped.
// Where frames are not in order, one may have overtaken the CONNECT, which is then waited for: with the first namespace
// only, because each frame that waits reads again, and a client that knows that it is connected has not overtaken it.
func (t *turn) socket(ctx context.Context, namespace string) (*Socket, error) {
	n := t.server.namespace(ctx, namespace)
	if n == nil {
		return nil, fmt.Errorf("%w: a packet for a namespace that does not exist", engine.ErrRefused)
	}
	s := t.find(n)
	if s == nil && !t.ordered() && t.count == 1 && len(t.v.Entries()) == 0 {
		t.v.Await(ctx, func(entries map[string][]byte) bool { return len(entries[namespace]) > 0 })
		s = t.find(n)
	}
	if s == nil {
		return nil, fmt.Errorf("%w: a packet for a namespace that was not joined", engine.ErrRefused)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.entry.connected():
		return s, nil
	case s.entry.is(left) && t.ordered(): // one that the server has removed may not know it yet
		return nil, fmt.Errorf("%w: a packet for a namespace that was left", engine.ErrRefused)
	}
	return nil, nil
}

// end ends the use of the invocation's sockets. When they have joined rooms it looks once more at the session: a
// socket that has been disconnected, or has moved, since it joined would leave rows behind, or rows with an address of
// old.
func (t *turn) end(ctx context.Context) error {
	t.mu.Lock()
	sockets := t.sockets
	t.mu.Unlock()
	var joined []*Socket
	for _, s := range sockets {
		s.mu.Lock()
		s.over = true
		if len(s.rooms) > 0 {
			joined = append(joined, s)
		}
		s.mu.Unlock()
	}
	if len(joined) == 0 {
		return nil
	}
	ctx, cancel := t.server.engine.Outlive(ctx)
	defer cancel()
	gone := t.v.Refresh(ctx)
	if gone != nil && !errors.Is(gone, ErrGone) {
		return gone
	}
	var errs []error
	for _, s := range joined {
		s.mu.Lock()
		if gone == nil {
			s.reload()
		}
		switch {
		case gone != nil || !s.entry.connected():
			errs = append(errs, t.server.store.Leave(ctx, s.namespace.name, s.id, s.rooms...))
		case string(t.v.Address()) != s.from:
			errs = append(errs, t.server.store.Move(ctx, s.namespace.name, s.id, string(t.v.Address())))
		}
		s.mu.Unlock()
	}
	return errors.Join(errs...)
}
