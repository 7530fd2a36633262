package direct

import (
	"context"
	"sync"

	"github.com/dozeio/doze/pkg/engine"
)

var _ engine.Watched = (*Rows)(nil)

// Rows is a store that all of a server's updates go through, so that a waiting GET learns of them at once. It is safe
// for concurrent use.
type Rows struct {
	engine.Store

	mu      sync.Mutex
	watched map[engine.Address]chan struct{}
}

// Watch returns a store whose updates are noticed when they are made through what is returned.
func Watch(s engine.Store) *Rows {
	return &Rows{Store: s, watched: map[engine.Address]chan struct{}{}}
}

// Changed implements engine.Watched. The channel is kept until the next Update of the session, which a GET that has
// waited ends with.
func (r *Rows) Changed(a engine.Address) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.watched[a]
	if c == nil {
		c = make(chan struct{})
		r.watched[a] = c
	}
	return c
}

// Update implements engine.Store.
func (r *Rows) Update(ctx context.Context, a engine.Address, t engine.Transition) (engine.Session, bool, error) {
	s, ok, err := r.Store.Update(ctx, a, t)
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.watched[a]; c != nil {
		close(c)
		delete(r.watched, a)
	}
	return s, ok, err
}
