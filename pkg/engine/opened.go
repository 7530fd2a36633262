package engine

import (
	"context"
	"time"
)

// Opener is what a Handler may be besides, that wants to know of each session: a server of Engine.IO without Socket.IO.
type Opener interface {
	// Opened is called once at most when a session has begun: over WebSocket when the open packet has been posted, over
	// polling before the answer that has it leaves. What it sends with the Invocation comes after the open packet, and
	// messages of the client are handled after it: they wait for it some seconds at most. An error, or a panic, closes
	// the session. When the invocation dies in between it is not called, and the session ends with its ping timeout.
	Opened(ctx context.Context, v *Invocation) error
}

// opened tells the handler of a session, and closes the session when that fails.
func (e *Engine) opened(ctx context.Context, a Address) error {
	h, ok := e.handler.(Opener)
	if !ok {
		return nil
	}
	s, err := e.store.Get(ctx, a, true) // with the key of its handshake
	if err == nil && s.State != Open {
		err = ErrGone
	}
	if err != nil {
		e.opt.Logger.ErrorContext(ctx, "a session that was opened could not be read, so it is closed", "session", a, "error", err)
		e.Drop(ctx, a)
		return err
	}
	v := e.invocation(ctx, s)
	err = protected(func() error { return h.Opened(context.WithValue(ctx, invocationKey{}, v), v) })
	v.flush()
	if err != nil {
		e.opt.Logger.ErrorContext(ctx, "a session that was opened is closed", "session", s.Address, "error", err)
		v.Close(ctx, TransportError)
	}
	return err
}

// connectedLate reports whether a session of a time has gone without an entry of the handler for too long.
func (e *Engine) connectedLate(created, now time.Time) bool {
	return e.opt.ConnectTimeout > 0 && !now.Before(created.Add(e.opt.ConnectTimeout))
}
