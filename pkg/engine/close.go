package engine

import (
	"context"
	"time"
)

// close ends the session at an address: whoever wins lets the handler clean up and removes the rows. It reports whether
// this call did.
func (e *Engine) close(ctx context.Context, a Address, c Close) bool {
	c.Op = e.newOp()
	c.Expires = e.now().Add(e.tombstone())
	s, ok, err := e.store.Update(ctx, a, c)
	if err != nil { // a sweep will find the session
		e.opt.Logger.ErrorContext(ctx, "a session could not be closed", "reason", c.Reason, "error", err)
		return false
	}
	if ok {
		e.finish(ctx, s)
	}
	return ok
}

// expire closes a polling session that missed its ping timeout or is too old, unless a pong has come after all.
func (e *Engine) expire(ctx context.Context, a Address) bool {
	now := e.now()
	s, err := e.store.Get(ctx, a, true)
	if err != nil || !e.expired(s) {
		return false
	}
	c := Close{Reason: PingTimeout, Told: true}
	if now.Before(s.Created.Add(e.opt.MaxAge)) {
		c.Before = now.Add(time.Millisecond - e.opt.PingInterval - e.opt.PingTimeout)
	}
	return e.close(ctx, a, c)
}

// finish does what closing entails, in an order that a sweep can repeat: the liveness row goes last.
func (e *Engine) finish(ctx context.Context, s Session) {
	if s.SID == "" { // a tombstone of a session that was never created
		return
	}
	if s.polling() && s.Connection != "" {
		e.cut(ctx, s.Connection)
	}
	if err := e.handler.Closed(ctx, s); err != nil {
		e.opt.Logger.ErrorContext(ctx, "a closed session could not be cleaned up, a sweep will", "error", err)
		return
	}
	if err := e.store.Forget(ctx, s.Address, s.SID); err != nil {
		e.opt.Logger.ErrorContext(ctx, "a closed session could not be cleaned up, a sweep will", "error", err)
	}
}

// closeConnection ends what a connection stands for: a session, or the attempt to upgrade one. With cut it closes the
// connection too.
func (e *Engine) closeConnection(ctx context.Context, connection string, reason Reason, cut bool) {
	if cut {
		defer e.cut(ctx, connection)
	}
	a := connectionAddress(connection)
	s, err := e.store.Get(ctx, a, true)
	if err == nil && s.State == Probing {
		s, err = e.closeProbe(ctx, s, reason)
	}
	switch {
	case err != nil:
		e.opt.Logger.ErrorContext(ctx, "a connection could not be closed, a sweep will", "connection", connection, "error", err)
	case s.State == Absent || s.State == Open:
		e.close(ctx, a, Close{Reason: reason, Told: true})
	}
}

// Close ends the session from within: what was sent to it before arrives first.
func (v *Invocation) Close(ctx context.Context, reason Reason) {
	v.mu.Lock()
	v.reply = false
	if err := v.release(ctx); err != nil {
		v.e.opt.Logger.ErrorContext(ctx, "a packet could not be sent", "error", err)
	}
	a := v.address
	v.mu.Unlock()
	if connection, ok := a.connection(); ok {
		v.e.closeConnection(ctx, connection, reason, true)
	} else {
		v.e.close(ctx, a, Close{Reason: reason})
	}
}

// closeProbe ends a connection that was to take a session over. Before the client has confirmed, the session polls
// on. It returns the connection's row as it is now: open when the session is the connection's by now.
func (e *Engine) closeProbe(ctx context.Context, c Session, reason Reason) (Session, error) {
	connection, _ := c.Address.connection()
	s, ok, err := e.store.Update(ctx, pollingAddress(c.SID), Unprobe{connection})
	if err != nil {
		return c, err
	}
	if !ok && s.Connection == connection {
		switch s.State {
		case Draining:
			if e.close(ctx, s.Address, Close{Reason: reason, Told: true}) {
				break
			}
			fallthrough // it has moved meanwhile
		case Moved:
			if open, err := e.settled(ctx, s, c); err == nil {
				return open, nil
			}
		}
	}
	c, _, err = e.store.Update(ctx, c.Address, Close{Op: e.newOp(), Reason: reason, Told: true, Expires: e.now().Add(e.tombstone())})
	return c, err
}
