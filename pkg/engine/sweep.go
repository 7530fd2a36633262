package engine

import (
	"context"
	"errors"
	"time"
)

// check looks at one session of a sweep, whose liveness row was read at a time: by that time it is judged, because
// pongs that have come since are not in it. It reports whether a pong is missing, which may have got lost: the
// connection has then been pinged once more, and is to be judged in PingTimeout.
func (e *Engine) check(ctx context.Context, l Live, at time.Time) (doubted bool) {
	connection, ok := l.Address.connection()
	if !ok {
		if err := e.checkPolling(ctx, l); err != nil {
			e.opt.Logger.ErrorContext(ctx, "a sweep could not finish a session, the next one will", "session", l.Address, "error", err)
		}
		return false
	}
	switch {
	case l.Last.Equal(Dead):
		e.closeSwept(ctx, l, connection, Close{Reason: TransportError})
	case !at.Before(l.Created.Add(e.opt.MaxAge)):
		e.closeSwept(ctx, l, connection, Close{Reason: ForcedClose})
	case !l.Joined && e.connectedLate(l.Created, at):
		e.closeUnjoined(ctx, l, connection)
	case !at.Before(e.silentFrom(l.Last)):
		if !e.ping(ctx, l, connection) { // who was not asked is not judged
			return false
		}
		if _, _, err := e.store.Update(ctx, l.Address, Doubt{At: e.now(), Since: e.silentFrom(l.Last)}); err != nil {
			e.opt.Logger.ErrorContext(ctx, "a sweep could not note its doubt, the next one will", "connection", connection, "error", err)
			return false
		}
		return true // also for an earlier doubt that stands: its sweep may have died before its job was sent
	case at.Sub(l.Created) >= e.quiet() && (l.Joined || e.isGreeted(ctx, l)):
		e.ping(ctx, l, connection)
	}
	return false
}

// silentFrom is when a connection whose last sign of life was at a time counts as silent. A doubt from then on holds
// against it; one from before does not, however far the clocks of two processes are apart.
func (e *Engine) silentFrom(last time.Time) time.Time {
	return last.Add(e.opt.PingInterval + e.opt.PingTimeout).Truncate(time.Millisecond)
}

// quiet is how long a new connection is not pinged, whenever its shard has its beat. Node pings after PingInterval for
// the first time, and the official suites expect nothing before their first answers. The ping that is left out is
// missing from PingTimeout, which has to last for a sweep that dies, too.
func (e *Engine) quiet() time.Duration { return min(e.opt.PingTimeout*3/4, time.Second) }

// isGreeted reports whether a connection without an entry has its open packet: a ping must not come before.
func (e *Engine) isGreeted(ctx context.Context, l Live) bool {
	s, err := e.store.Get(ctx, l.Address, true)
	return err == nil && s.greeted()
}

// closeUnjoined closes a connection for which the handler has made no entry in time.
func (e *Engine) closeUnjoined(ctx context.Context, l Live, connection string) {
	s, err := e.store.Get(ctx, l.Address, true)
	if err == nil && s.State == Open && len(s.Entries) > 0 { // the note that it has did not get here
		err = e.store.Touch(ctx, l.Address, time.Time{}, true)
	} else if err == nil {
		e.closeSwept(ctx, l, connection, Close{Reason: ForcedClose, Empty: true})
	}
	if err != nil {
		e.opt.Logger.ErrorContext(ctx, "a sweep could not judge a connection, the next one will", "connection", connection, "error", err)
	}
}

// pingTries is how often a ping is sent when its post fails: a second one harms nobody, but a client without one
// leaves.
const pingTries = 3

// ping sends a ping and reports whether it was sent. A connection that turns out to be gone is closed, unless it is
// still being made.
func (e *Engine) ping(ctx context.Context, l Live, connection string) (sent bool) {
	lane, err := e.lanes.enter(ctx, connection)
	if err != nil {
		return false
	}
	for try := 1; ; try++ {
		err = e.post1(ctx, connection, Frame{Data: ping})
		if err == nil || errors.Is(err, ErrGone) || try == pingTries || e.sleep(ctx, 100*time.Millisecond) != nil {
			break
		}
	}
	e.lanes.leave(connection, lane)
	if !errors.Is(err, ErrGone) || !errors.Is(e.exists(ctx, connection), ErrGone) {
		return err == nil
	}
	if e.now().Sub(l.Created) < invocationTime {
		s, err := e.store.Get(ctx, l.Address, true)
		if err != nil || s.State == Absent || s.State == Open && !s.greeted() {
			return false
		}
	}
	e.closeSwept(ctx, l, connection, Close{Reason: TransportClose})
	return false
}

// closeSwept closes a session that a sweep found dead, or finishes one that was closed but not cleaned up.
func (e *Engine) closeSwept(ctx context.Context, l Live, connection string, c Close) {
	s := e.closeBehind(ctx, connection, c, true)
	var err error
	switch {
	case s.State == Closed && s.SID != "":
		err = e.finishLate(ctx, s)
	case s.State == Closed:
		err = e.store.Forget(ctx, l.Address, "")
	}
	if err != nil {
		e.opt.Logger.ErrorContext(ctx, "a dead connection could not be cleaned up, the next sweep will", "session", l.Address, "error", err)
	}
}

// finishLate cleans up after a closed session whose liveness row a sweep has seen, once whoever closed it, or took that
// over, has had its time.
func (e *Engine) finishLate(ctx context.Context, s Session) error {
	began := s.ClosedAt
	if began.IsZero() { // another version has closed it
		began = s.Expires.Add(-e.tombstone())
	}
	if e.now().Sub(began) < invocationTime {
		return nil
	}
	s, ok, err := e.takeFinish(ctx, s.Address, s.ClosedBy)
	if err == nil && ok {
		e.finish(ctx, s)
	}
	return err
}

// checkPolling looks at a polling session, whose deadlines stand in its own row.
func (e *Engine) checkPolling(ctx context.Context, l Live) error {
	s, err := e.store.Get(ctx, l.Address, true)
	if err != nil {
		return err
	}
	now := e.now()
	passed := func(t time.Time, d time.Duration) bool { return !now.Before(t.Add(d)) }
	how, overdue := e.overdue(&s)
	switch {
	case s.State == Absent:
		if passed(l.Created, invocationTime) { // else it may be about to be written
			return e.store.Forget(ctx, l.Address, "")
		}
	case s.State == Closed:
		return e.finishLate(ctx, s)
	case s.State == Moved:
		return e.resume(ctx, s)
	case overdue:
		e.close(ctx, l.Address, how)
	case s.Poll.ID != "" && passed(s.Poll.Until, e.opt.PingTimeout): // its invocation died, and the client with it
		e.close(ctx, l.Address, Close{Reason: TransportClose, Told: true})
	case e.stuck(s):
		e.close(ctx, l.Address, Close{Reason: TransportError, Told: true})
	case e.unconfirmed(&s):
		return e.closeUnconfirmed(ctx, s)
	}
	return nil
}
