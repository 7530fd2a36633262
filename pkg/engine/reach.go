package engine

import "context"

// Open returns the session at an address, wherever it has moved to, as an Invocation for whoever handles no frame or
// request of its own: any client can be read, changed, sent to and closed by it, under the same conditions as by the
// client's own invocations, and what is sent leaves at once. It is one read of the store, or two for a session that has
// moved. With strong false what it shows may be some time old, at half the price, and Refresh reads it anew.
//
// ErrGone: the session is closed; with strong false, it may be too young for a cheap read to know it.
func (e *Engine) Open(ctx context.Context, a Address, strong bool) (*Invocation, error) {
	s, err := e.store.Get(ctx, a, strong)
	if err == nil && s.State == Moved {
		var c Session
		c, err = e.store.Get(ctx, connectionAddress(s.Connection), strong)
		if c.State != Probing && c.State != Absent { // else it is about to be opened with what this row has
			s = c
		}
	}
	if err != nil {
		return nil, err
	}
	if !s.live() && s.State != Moved {
		return nil, ErrGone
	}
	v := e.invocation(ctx, s)
	v.gathers = false
	return v, nil
}
