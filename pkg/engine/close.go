package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// writeClose writes one closing of the session at an address, and reports whether this call did it. It cleans up
// nothing.
func (e *Engine) writeClose(ctx context.Context, a Address, c Close) (Session, bool, error) {
	c.Op, c.At = e.newOp(), e.now()
	c.Expires = c.At.Add(e.tombstone())
	return e.store.Update(ctx, a, c)
}

// close closes the session at an address: whoever wins lets the handler clean up and removes the rows. It returns the
// row as it is then, and whether this call did it.
func (e *Engine) close(ctx context.Context, a Address, c Close) (Session, bool) {
	return e.closeThen(ctx, a, c, e.finish)
}

// closeThen is close with another way to finish.
func (e *Engine) closeThen(ctx context.Context, a Address, c Close, finish func(context.Context, Session)) (Session, bool) {
	ctx, cancel := e.outlive(ctx)
	defer cancel()
	s, ok, err := e.writeClose(ctx, a, c)
	if err != nil { // a sweep will find the session
		e.opt.Logger.ErrorContext(ctx, "a session could not be closed", "session", a, "reason", c.Reason, "error", err)
		return s, false
	}
	if ok {
		finish(ctx, s)
	}
	return s, ok
}

// finishBeside is finish for who has others to serve, one after the other, where posts do not wait: a job does it, so
// that they do not wait for what the application does when a session ends. Elsewhere it is finish.
func (e *Engine) finishBeside(ctx context.Context, s Session) {
	if !e.unblocking || s.SID == "" || e.opt.HandlersElsewhere ||
		e.schedule(ctx, job{Kind: jobFinish, Address: s.Address, By: s.ClosedBy}, 0) != nil {
		e.finish(ctx, s)
	}
}

// overdue reports whether a deadline of a live session has passed, and how the session is to be closed then. Deadlines
// are exact: a request at pingInterval plus pingTimeout after the last pong is too late. The pongs of a connection
// stand in its liveness row, for sweeps to judge.
func (e *Engine) overdue(s *Session) (Close, bool) {
	now, heartbeat := e.now(), e.opt.PingInterval+e.opt.PingTimeout
	passed := func(t time.Time, d time.Duration) bool { return !now.Before(t.Add(d)) }
	switch {
	case !s.live() || s.State == Probing && !s.polling():
	case s.polling() && passed(s.Ponged, heartbeat):
		return Close{Reason: PingTimeout, Told: true, Before: now.Add(time.Millisecond - heartbeat)}, true
	case passed(s.Created, e.opt.MaxAge):
		return Close{Reason: ForcedClose}, true
	case len(s.Entries) == 0 && e.connectedLate(s.Created, now):
		return Close{Reason: ForcedClose, Empty: true}, true
	}
	return Close{}, false
}

// closeOverdue closes a polling session that is overdue.
func (e *Engine) closeOverdue(ctx context.Context, s Session) (closed Session, ok bool) {
	c, is := e.overdue(&s)
	if !is {
		return s, false
	}
	return e.close(ctx, s.Address, c)
}

// finish does what closing entails, in an order that a sweep can repeat: the liveness row goes last.
func (e *Engine) finish(ctx context.Context, s Session) {
	if err := e.finishing(ctx, s); err != nil {
		e.opt.Logger.ErrorContext(ctx, "a closed session could not be cleaned up, a sweep will", "session", s.Address, "error", err)
	}
}

// finishing is finish, and returns why it has failed.
func (e *Engine) finishing(ctx context.Context, s Session) error {
	if s.SID == "" { // a tombstone of a session that was never created
		e.bury(ctx, s)
		return nil
	}
	if e.opt.Watch != nil {
		e.opt.Watch.Ended(ctx, s.Reason)
	}
	if e.opt.HandlersElsewhere {
		return e.schedule(ctx, job{Kind: jobFinish, Address: s.Address, By: s.ClosedBy}, 0)
	}
	return e.cleanUp(ctx, s)
}

// finishClosed is finish for a session that another process has closed. A job that comes twice finds that it has been
// begun, and does nothing: should whoever has begun it have died, a sweep goes on. One that fails gives the right to it
// back, so that its next delivery has it again: in a second, where a sweep waits for a minute and more.
func (e *Engine) finishClosed(ctx context.Context, j job) error {
	s, ok, err := e.takeFinish(ctx, j.Address, j.By)
	if err != nil || !ok || s.SID == "" {
		return err
	}
	if err := e.cleanUp(ctx, s); err != nil {
		ctx, cancel := e.outlive(ctx)
		defer cancel()
		_, _, lost := e.store.Update(ctx, j.Address, Finish{Op: j.By, Before: s.ClosedBy, At: s.ClosedAt, Expires: s.Expires})
		return errors.Join(err, lost)
	}
	if e.opt.Watch != nil {
		e.opt.Watch.Ended(ctx, s.Reason)
	}
	return nil
}

// takeFinish takes the right to finish over from the operation that had it before, and reports false when somebody else
// has it.
func (e *Engine) takeFinish(ctx context.Context, a Address, before string) (Session, bool, error) {
	now := e.now()
	return e.store.Update(ctx, a, Finish{Op: e.newOp(), Before: before, At: now, Expires: now.Add(e.tombstone())})
}

func (e *Engine) cleanUp(ctx context.Context, s Session) error {
	if s.polling() && s.Connection != "" { // it was to take over
		if _, _, err := e.writeClose(ctx, connectionAddress(s.Connection), Close{Reason: s.Reason, Told: true, Probe: true}); err != nil {
			return err
		}
		e.cut(ctx, s.Connection)
	}
	if err := protected(func() error { return e.handler.Closed(ctx, s) }); err != nil {
		return err
	}
	handshake := s.SID
	if len(s.Entries) > 0 { // reading it is over; deleting it would cost a write for each KiB
		handshake = ""
	}
	if err := e.store.Forget(ctx, s.Address, handshake); err != nil {
		return err
	}
	e.bury(ctx, s)
	return nil
}

// closeBehind closes what a connection stands for: a session, or the attempt to upgrade one. With cut it closes the
// connection too. It returns the connection's row as it is then, the zero Session when the store failed.
func (e *Engine) closeBehind(ctx context.Context, connection string, c Close, cut bool) Session {
	ctx, cancel := e.outlive(ctx)
	defer cancel()
	a := connectionAddress(connection)
	c.Told = true
	if cut { // should this invocation die between closing the row and the connection, a sweep takes it for dead
		e.markDead(ctx, a)
	}
	s, ok, err := e.writeClose(ctx, a, c)
	if err == nil && !ok && s.State == Probing {
		s, ok, err = e.closeProbe(ctx, s, c)
	}
	if cut {
		e.cut(ctx, connection)
	}
	switch {
	case err != nil:
		e.opt.Logger.ErrorContext(ctx, "a connection could not be closed, a sweep will", "connection", connection, "error", err)
		return Session{}
	case ok:
		e.finish(ctx, s)
	}
	return s
}

// closeGone closes what a connection stands for that the gateway does not know any more, unless its $disconnect has.
// The connection is cut as well: the gateway may have been wrong.
func (e *Engine) closeGone(ctx context.Context, connection string) error {
	s, err := e.store.Get(ctx, connectionAddress(connection), true)
	if err != nil || s.State == Closed || s.State == Absent {
		return err
	}
	e.closeBehind(ctx, connection, Close{Reason: TransportClose}, false)
	e.cut(ctx, connection)
	return nil
}

// closeProbe closes a connection that was to take a session over. Before the client has confirmed, the session polls
// on. It returns the connection's row as it is now, and whether this call has closed a session that is to be finished.
func (e *Engine) closeProbe(ctx context.Context, c Session, how Close) (Session, bool, error) {
	connection, _ := c.Address.connection()
	s, unprobed, err := e.store.Update(ctx, pollingAddress(c.SID), Unprobe{connection})
	switch {
	case err != nil:
		return c, false, err
	case unprobed || s.Connection != connection: // the session is none of its business
		return e.closeOnlyProbe(ctx, c, how)
	}
	if s.State == Draining {
		var ok bool
		if s, ok, err = e.writeClose(ctx, s.Address, how); err != nil {
			return c, false, err
		} else if ok {
			return s, true, nil
		}
	}
	open, err := e.settled(ctx, s, connection)
	switch {
	case err == nil: // it has moved: the session is the connection's by now
		return e.writeClose(ctx, open.Address, how)
	case errors.Is(err, ErrGone):
		return e.closeOnlyProbe(ctx, c, how)
	}
	return c, false, err
}

// closeOnlyProbe closes a connection that probes, and no session.
func (e *Engine) closeOnlyProbe(ctx context.Context, c Session, how Close) (Session, bool, error) {
	how.Probe, how.Empty = true, false
	c, ok, err := e.writeClose(ctx, c.Address, how)
	if ok {
		e.bury(ctx, Session{Address: c.Address}) // not the session, which polls on or has an end of its own
	}
	return c, false, err
}

// closeUnconfirmed closes an upgrade that the client has not confirmed in time.
func (e *Engine) closeUnconfirmed(ctx context.Context, s Session) error {
	_, ok, err := e.store.Update(ctx, s.Address, Unprobe{s.Connection})
	if err == nil && ok {
		e.closeBehind(ctx, s.Connection, Close{Reason: TransportClose}, true)
	}
	return err
}

// unconfirmed reports whether an upgrade was not confirmed in time; the row may be either of the two that probe.
func (e *Engine) unconfirmed(s *Session) bool {
	return s.State == Probing && !e.now().Before(s.ProbedAt.Add(e.opt.UpgradeTimeout))
}

// Close closes the session from within: what was sent to it before arrives first.
func (v *Invocation) Close(ctx context.Context, reason Reason) {
	v.flush()
	v.close(ctx, Close{Reason: reason})
}

// close closes the session, also when it has moved to a connection since it was read.
func (v *Invocation) close(ctx context.Context, c Close) {
	connection, ok := v.Address().connection()
	if !ok {
		s, closed := v.e.close(ctx, v.Address(), c)
		if closed || s.State != Moved {
			return
		}
		connection = s.Connection
	}
	v.e.closeBehind(ctx, connection, c, true)
}

// panicked is a panic of a handler, as an error.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v\n%s", p.value, p.stack) }

// protected calls a handler and returns its panic as an error.
func protected(f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &panicked{value, debug.Stack()}
		}
	}()
	return f()
}
