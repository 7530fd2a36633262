package engine

import (
	"context"
	"time"
)

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

// Dead is the Last of a connection that a sweep is to close. No pong brings it back.
var Dead = time.Unix(0, 0).UTC()

// giveUp leaves a connection to the next sweep, whatever becomes of this invocation.
func (e *Engine) giveUp(ctx context.Context, a Address) {
	if err := e.store.Touch(ctx, a, Dead, false); err != nil {
		e.opt.Logger.ErrorContext(ctx, "a connection could not be marked as dead", "error", err)
	}
}

// late is how far a timer may be overdue before it counts as lost. Its message is ignored if it comes after all.
const late = 10 * time.Second

// skew is how far the clocks of two processes may be apart.
const skew = time.Second

// arm sees to it that a sweep of a shard is on its way. It is called after a liveness row was written; a sweep disarms
// before it looks for rows a last time: so one of the two sees the other. A timer is disarmed when it is due and no
// sooner, so that one that is due later than now is good, however old what was read is.
func (e *Engine) arm(ctx context.Context, shard int) error {
	t, err := e.store.Timer(ctx, shard, false)
	if err != nil || e.now().Add(2*skew).Before(t.Due) {
		return err
	}
	t, err = e.store.Timer(ctx, shard, true)
	if err != nil || !t.Due.IsZero() && e.now().Before(t.Due.Add(late)) {
		return err
	}
	_, err = e.rearm(ctx, shard, t.Generation, e.newOp())
	return err
}

// rearm sends the message of the next generation, then replaces the timer of a shard. It reports whether it replaced
// it; when somebody else has, there are two messages of a generation, and the second to arrive is ignored. In this
// order no timer is left without a message.
func (e *Engine) rearm(ctx context.Context, shard int, generation int64, by string) (bool, error) {
	next := Timer{Generation: generation + 1, Due: e.now().Add(e.opt.PingInterval), By: by}
	err := e.schedule(ctx, job{Kind: jobSweep, Shard: shard, Generation: next.Generation}, e.opt.PingInterval)
	if err != nil {
		return false, err
	}
	return e.store.SetTimer(ctx, shard, generation, next)
}

// sweep pings the connections of a shard, closes what has missed a deadline, finishes what a crash has left, and sends
// itself again while there are rows. A message of another generation is a double, and is ignored; the very message
// that made the present generation is not, because its invocation may have died half-way.
func (e *Engine) sweep(ctx context.Context, j job) error {
	t, err := e.store.Timer(ctx, j.Shard, true)
	if err != nil {
		return err
	}
	again := t.Generation == j.Generation+1 && t.By == j.ID
	if j.After != 0 {
		return e.resumeSweep(ctx, j, t)
	}
	if t.Generation != j.Generation && !again {
		return e.overtaken(ctx, j.Shard, t)
	}
	at := e.now()
	lives, err := e.store.Lives(ctx, j.Shard)
	switch {
	case err != nil:
		return err
	case len(lives) == 0 && again: // the message of the present generation disarms
		return nil
	case len(lives) == 0 && at.Add(skew).Before(t.Due): // a double that was sent before the one that is due
		return e.schedule(ctx, j, t.Due.Sub(at))
	case len(lives) == 0:
		return e.disarm(ctx, j.Shard, j.Generation)
	}
	if won, err := e.rearm(ctx, j.Shard, j.Generation, j.ID); err != nil || !won {
		return err
	}
	return e.serve(ctx, j, remaining(lives, j), at)
}

// resumeSweep does what a sweep had no time for. The timer is not its business: the first sweep has seen to it. It is
// given up when the sweep after the next has begun, so that a shard that nobody can serve in time has two at most.
func (e *Engine) resumeSweep(ctx context.Context, j job, t Timer) error {
	if over := t.Generation - j.Generation; over != 1 && over != 2 {
		return e.overtaken(ctx, j.Shard, t)
	}
	at := e.now()
	lives, err := e.store.Lives(ctx, j.Shard)
	if err != nil {
		return err
	}
	return e.serve(ctx, j, remaining(lives, j), at)
}

// overtaken is for a message of another generation than the timer's. It arms an overdue timer, and one that a sweep
// has disarmed without living to look for rows again.
func (e *Engine) overtaken(ctx context.Context, shard int, t Timer) error {
	if t.Due.IsZero() {
		lives, err := e.store.Lives(ctx, shard)
		if err != nil || len(lives) == 0 {
			return err
		}
	}
	return e.arm(ctx, shard)
}

// disarm stops the timer of an empty shard, then looks once more for a row that was written meanwhile.
func (e *Engine) disarm(ctx context.Context, shard int, generation int64) error {
	ok, err := e.store.SetTimer(ctx, shard, generation, Timer{})
	if err != nil || !ok {
		return err
	}
	return e.overtaken(ctx, shard, Timer{})
}
