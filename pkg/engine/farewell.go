package engine

import (
	"context"
	"sync"
	"time"
)

type farewellKey struct{}

// Farewell returns a context for what a Handler sends to others about a client that leaves. Where many leave together,
// each is told of all the others and finds most of them gone: nothing is done about these, which have an end of their
// own by $disconnect or the sweep.
func Farewell(ctx context.Context) context.Context {
	return context.WithValue(ctx, farewellKey{}, true)
}

// A process posts nothing to a connection that it has found gone for metFor, and remembers maxMet of them.
const (
	metFor = 10 * time.Second
	maxMet = 10_000
)

// meetings are the connections that a process has found gone: by a post, and by asking for them.
type meetings struct {
	mu    sync.Mutex
	until time.Time // when they are forgotten
	gone  map[string]bool
}

// add reports whether it has begun anew: the caller has what is met forgotten metFor later.
func (m *meetings) add(connection string, now time.Time) (anew bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if anew = !now.Before(m.until) || len(m.gone) >= maxMet; anew {
		m.until, m.gone = now.Add(metFor), map[string]bool{}
	}
	m.gone[connection] = true
	return anew
}

// forget drops what is met, unless others have been since.
func (m *meetings) forget(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !now.Before(m.until) {
		m.gone = nil
	}
}

// has reports whether a connection was found gone lately.
func (m *meetings) has(connection string, now func() time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.gone[connection] && now().Before(m.until)
}
