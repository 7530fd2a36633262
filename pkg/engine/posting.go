package engine

import (
	"context"
	"sync"
)

// posting knows the sessions whose POSTs this process is handling, where it handles those of all. A stock client sends
// one POST at a time, so that a pong of its waits for the handlers that the one before has called.
type posting struct {
	mu       sync.Mutex
	sessions map[Address]*posts
}

// posts are those of one session.
type posts struct {
	n    int
	over chan struct{} // closed when n is 0 again; nil while nobody waits for that
}

// begin counts a POST until its end is called.
func (p *posting) begin(a Address) (end func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sessions == nil {
		p.sessions = map[Address]*posts{}
	}
	of := p.sessions[a]
	if of == nil {
		of = &posts{}
		p.sessions[a] = of
	}
	of.n++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if of.n--; of.n > 0 {
			return
		}
		delete(p.sessions, a)
		if of.over != nil {
			close(of.over)
		}
	}
}

// over returns a channel that is closed when no POST of a session is handled any more, nil when none is.
func (p *posting) over(a Address) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	of := p.sessions[a]
	if of == nil {
		return nil
	}
	if of.over == nil {
		of.over = make(chan struct{})
	}
	return of.over
}

// posts notes that a POST of a session is handled, until end is called. That is a sign of life, and counts for the pong
// that the client cannot send before its POST is answered: of a ping that the client has, here, of one that is sent
// meanwhile, in endPoll. Where invocations have other processes, none lasts for that long.
func (e *Engine) posts(ctx context.Context, s Session) (end func()) {
	if e.watched == nil {
		return func() {}
	}
	end = e.posting.begin(s.Address)
	if s.Pinged.After(s.Ponged) {
		e.pong(ctx, s.Address)
	}
	return end
}
