package engine

import (
	"context"
	"errors"
	"sync"
	"time"
)

// sweepers is the number of rows that a sweep works on at a time.
const sweepers = 32

// pong notes that a client is alive.
func (e *Engine) pong(ctx context.Context, a Address) {
	var err error
	if _, ok := a.connection(); ok {
		err = e.store.Touch(ctx, a, e.now(), false)
	} else {
		_, _, err = e.store.Update(ctx, a, Pong{At: e.now()})
	}
	if err != nil {
		e.opt.Logger.ErrorContext(ctx, "a pong could not be noted", "error", err)
	}
}

// arm sees to it that a sweep of a shard is on its way. It is called after a liveness row was written; a sweep disarms
// before it looks for rows a last time: so one of the two sees the other.
func (e *Engine) arm(ctx context.Context, shard int) error {
	t, err := e.store.Timer(ctx, shard)
	if err != nil {
		return err
	}
	if !t.Due.IsZero() && e.now().Before(t.Due.Add(e.late())) {
		return nil
	}
	return e.rearm(ctx, shard, t.Generation, e.newOp())
}

// late is how far a timer may be overdue before it counts as lost.
func (e *Engine) late() time.Duration { return 2*e.opt.PingInterval + 10*time.Second }

// rearm replaces the timer of a shard, unless somebody else has, and sends its message.
func (e *Engine) rearm(ctx context.Context, shard int, generation int64, by string) error {
	next := Timer{Generation: generation + 1, Due: e.now().Add(e.opt.PingInterval), By: by}
	ok, err := e.store.SetTimer(ctx, shard, generation, next)
	if err != nil || !ok {
		return err
	}
	return e.schedule(ctx, job{Kind: jobSweep, Shard: shard, Generation: next.Generation}, e.opt.PingInterval)
}

// sweep pings the connections of a shard, closes what has missed a deadline, finishes what a crash has left, and sends
// itself again while there are rows. A message of another generation is a double, and is ignored; the very message
// that made the present generation is not, because its invocation may have died half-way.
func (e *Engine) sweep(ctx context.Context, j job) error {
	t, err := e.store.Timer(ctx, j.Shard)
	if err != nil {
		return err
	}
	again := t.Generation == j.Generation+1 && t.By == j.ID
	if t.Generation != j.Generation && !again {
		return e.armIfRows(ctx, j.Shard, t)
	}
	if err := e.rearm(ctx, j.Shard, j.Generation, j.ID); err != nil {
		return err
	}
	lives, err := e.store.Lives(ctx, j.Shard)
	if err != nil {
		return err
	}
	if len(lives) == 0 {
		return e.disarm(ctx, j.Shard, j.Generation+1)
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, sweepers)
	for _, l := range lives {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			e.check(ctx, l)
		})
	}
	wg.Wait()
	return nil
}

// armIfRows is for an overtaken message: it arms an overdue timer.
func (e *Engine) armIfRows(ctx context.Context, shard int, t Timer) error {
	if t.Due.IsZero() || e.now().Before(t.Due.Add(e.late())) {
		return nil
	}
	return e.rearm(ctx, shard, t.Generation, e.newOp())
}

// disarm stops the timer of an empty shard, then looks once more for a row that was written meanwhile.
func (e *Engine) disarm(ctx context.Context, shard int, generation int64) error {
	ok, err := e.store.SetTimer(ctx, shard, generation, Timer{})
	if err != nil || !ok {
		return err
	}
	lives, err := e.store.Lives(ctx, shard)
	if err != nil || len(lives) == 0 {
		return err
	}
	return e.arm(ctx, shard)
}

// check looks at one session of a sweep.
func (e *Engine) check(ctx context.Context, l Live) {
	connection, ok := l.Address.connection()
	if !ok {
		e.checkPolling(ctx, l)
		return
	}
	now := e.now()
	switch {
	case !now.Before(l.Last.Add(e.opt.PingInterval + e.opt.PingTimeout)):
		e.closeSwept(ctx, l, connection, PingTimeout)
	case !now.Before(l.Created.Add(e.opt.MaxAge)):
		e.closeSwept(ctx, l, connection, TransportClose)
	case !l.Joined && !now.Before(l.Created.Add(e.opt.ConnectTimeout)):
		if e.close(ctx, l.Address, Close{Reason: ForcedClose, Told: true, Empty: true}) {
			e.cut(ctx, connection)
		} else if err := e.store.Touch(ctx, l.Address, time.Time{}, true); err != nil {
			e.opt.Logger.ErrorContext(ctx, "a liveness row could not be mended", "error", err)
		}
	default:
		leave := e.lanes.enter(connection)
		err := e.post1(ctx, connection, Frame{Data: ping})
		leave()
		if errors.Is(err, ErrGone) && errors.Is(e.poster.Exists(ctx, connection), ErrGone) {
			e.closeSwept(ctx, l, connection, TransportClose)
		}
	}
}

// closeSwept closes a session that a sweep found dead, or finishes one that was closed but not cleaned up.
func (e *Engine) closeSwept(ctx context.Context, l Live, connection string, reason Reason) {
	e.closeConnection(ctx, connection, reason, true)
	s, err := e.store.Get(ctx, l.Address, true)
	switch {
	case err != nil:
	case s.State == Closed && s.SID != "":
		e.unfinished(ctx, l, s)
	case s.State == Absent || s.State == Closed:
		err = e.store.Forget(ctx, l.Address, "")
	}
	if err != nil {
		e.opt.Logger.ErrorContext(ctx, "a dead connection could not be cleaned up, the next sweep will", "error", err)
	}
}

// unfinished cleans up after a closed session whose liveness row a sweep has seen.
func (e *Engine) unfinished(ctx context.Context, l Live, s Session) {
	if e.now().Sub(s.Expires.Add(-e.tombstone())) > e.opt.PingInterval/2 { // whoever closed it has had its time
		e.finish(ctx, s)
	}
}

// checkPolling looks at a polling session, whose deadlines stand in its own row.
func (e *Engine) checkPolling(ctx context.Context, l Live) {
	s, err := e.store.Get(ctx, l.Address, true)
	if err != nil {
		e.opt.Logger.ErrorContext(ctx, "a sweep could not read a session", "error", err)
		return
	}
	now := e.now()
	late := func(t time.Time, d time.Duration) bool { return !t.IsZero() && !now.Before(t.Add(d)) }
	switch {
	case s.State == Absent:
		err = e.store.Forget(ctx, l.Address, string(l.Address[len(pollingPrefix):]))
	case s.State == Closed:
		e.unfinished(ctx, l, s)
	case s.State == Moved:
		err = e.readdress(ctx, s)
	case e.expired(s):
		e.expire(ctx, l.Address)
	case s.Poll.ID != "" && late(s.Poll.Until, e.opt.PingTimeout): // its invocation died, and the client with it
		e.close(ctx, l.Address, Close{Reason: TransportClose, Told: true})
	case !l.Joined && late(s.Created, e.opt.ConnectTimeout) && len(s.Entries) == 0:
		e.close(ctx, l.Address, Close{Reason: ForcedClose, Empty: true})
	case s.State == Draining && late(s.ProbedAt, e.opt.UpgradeTimeout+e.opt.PingTimeout): // its invocation died
		e.close(ctx, l.Address, Close{Reason: TransportError, Told: true})
	case s.State == Probing && late(s.ProbedAt, e.opt.UpgradeTimeout):
		e.closeConnection(ctx, s.Connection, TransportClose, true)
	}
	if err != nil {
		e.opt.Logger.ErrorContext(ctx, "a sweep could not finish a session, the next one will", "error", err)
	}
}
