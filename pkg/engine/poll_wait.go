package engine

import (
	"context"
	"time"
)

// While a GET waits it reads its session again: at first often, because most answers come soon after traffic, then
// after a quarter of what it has waited, so that none waits for much longer than it must, and at last at a rate that
// costs little.
const (
	readSoon  = 5 * time.Millisecond
	readLater = 250 * time.Millisecond
	readShare = 4
	// A GET that begins while an upgrade is under way is held this long, for it may have overtaken the "5".
	probeHold = 100 * time.Millisecond
	probeRead = 10 * time.Millisecond
)

// A GET of a session that is in no namespace waits for pollUnjoined, because anybody can open one. Where more poll than
// may wait, a GET waits for pollLeast at least.
const (
	pollUnjoined = 2 * time.Second
	pollLeast    = time.Second
)

// patience returns how long a GET may wait where others want their turn: by what the last sweep of its shard has
// counted, three quarters of Polls wait at a time.
func (e *Engine) patience(ctx context.Context, a Address) time.Duration {
	if e.opt.Polls == 0 {
		return e.opt.PollWait
	}
	t, err := e.store.Timer(ctx, Shard(a), false)
	if err != nil {
		e.opt.Logger.WarnContext(ctx, "a poll could not see how many others wait", "session", a, "error", err)
	}
	most, waiting := e.opt.Polls*3/4, t.Polling*Shards
	if waiting <= most {
		return e.opt.PollWait
	}
	return min(e.opt.PollWait, max(pollLeast, e.opt.PollWait*time.Duration(most)/time.Duration(waiting)))
}

// waiting is a GET that has the lease of its session.
type waiting struct {
	e          *Engine
	begin, end time.Time     // of its own time
	patience   time.Duration // for the others' sake
	held       bool          // it has begun while an upgrade was under way
}

// until returns when a GET is answered in any case.
func (w *waiting) until(s Session) time.Time {
	patience := w.patience
	if len(s.Entries) == 0 && w.e.opt.ConnectTimeout > 0 {
		patience = min(patience, pollUnjoined)
	}
	if until := w.begin.Add(patience); until.Before(w.end) {
		return until
	}
	return w.end
}

// ping returns when the session is to be pinged or, once it has been, when the pong has to have come.
func (w *waiting) ping(s Session) (at time.Time, pinged bool) {
	at, pinged = s.Ponged.Add(w.e.opt.PingInterval), s.Pinged.After(s.Ponged)
	if pinged {
		at = at.Add(w.e.opt.PingTimeout)
	}
	return at, pinged
}

// over reports whether there is something to answer, given the session's row, and whether that is a ping.
func (w *waiting) over(s Session, now time.Time) (over, pingDue bool) {
	pingAt, pinged := w.ping(s)
	pingDue = !pinged && !now.Before(pingAt)
	switch {
	case s.State != Open && s.State != Probing, len(s.Outbox) > 0, !now.Before(w.until(s)), pingDue:
		return true, pingDue
	case s.State == Probing:
		return !w.held || now.Sub(w.begin) >= probeHold, false
	}
	return false, false
}

// pause returns how long a GET that is not over waits until it reads its session again: not past anything that is due.
func (w *waiting) pause(s Session, now time.Time) time.Duration {
	wait := min(max(readSoon, (now.Sub(w.begin)/readShare).Truncate(time.Millisecond)), readLater)
	if s.State == Probing {
		wait = probeRead
	}
	pingAt, _ := w.ping(s)
	for _, at := range []time.Time{w.until(s), pingAt, s.Created.Add(w.e.opt.ConnectTimeout), s.Created.Add(w.e.opt.MaxAge)} {
		if now.Before(at) {
			wait = min(wait, at.Sub(now))
		}
	}
	return wait
}
