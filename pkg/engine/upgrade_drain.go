package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// openSteps is how many steps of a drain leave the outbox open. Should packets come faster than they can be posted,
// whoever emits waits for the end of the drain.
const openSteps = 1

// drain confirms the upgrade of a polling session and posts its outbox to the connection until it is empty, each step
// for drainTime at most. It returns the row: moved, or why it is not this invocation's to drain.
func (e *Engine) drain(ctx context.Context, a Address, connection string) (s Session, mine bool, err error) {
	step := Drain{Connection: connection}
	for steps := 1; ; steps++ {
		step.Seal = steps > openSteps
		step.Step, step.Now, step.Expires = e.newOp(), e.now(), e.now().Add(e.tombstone())
		s, mine, err = e.store.Update(ctx, a, step)
		if err != nil || !mine {
			return s, false, err
		}
		if err := e.postTaken(ctx, connection, s); err != nil {
			return s, true, err
		}
		if s.State == Moved {
			return s, true, nil
		}
		step.After = step.Step
	}
}

// postTaken posts what a step of a drain has taken.
func (e *Engine) postTaken(ctx context.Context, connection string, s Session) error {
	ctx, cancel := e.within(ctx, e.drainTime(s))
	defer cancel()
	for _, p := range s.Taken.Parcels {
		if err := e.postParcel(ctx, connection, p); err != nil {
			return err
		}
	}
	return nil
}

// drainPost is how long one post of a drain may take, on average. MaxOutbox bounds how many there are.
const drainPost = 15 * time.Millisecond

// drainTime is how long a step of a drain may last, by what it has taken.
func (e *Engine) drainTime(s Session) time.Duration {
	packets := 0
	for _, p := range s.Taken.Parcels {
		packets += len(p.Packets)
	}
	return e.opt.UpgradeTimeout + time.Duration(packets)*drainPost
}

// stuck reports whether the invocation that drains a session must be dead.
func (e *Engine) stuck(s Session) bool {
	return s.State == Draining && !e.now().Before(s.ProbedAt.Add(e.drainTime(s)+postTimeout))
}

// settled waits for an upgrade that another invocation carries out and returns the open row of the connection, which
// it finishes if need be. It begins with a polling row as it was read. ErrGone: there is nothing to wait for, or
// another connection has the session than the one that is named.
func (e *Engine) settled(ctx context.Context, s Session, connection string) (Session, error) {
	s, err := e.drained(ctx, s)
	if err != nil {
		return s, err
	}
	switch {
	case s.State != Moved:
		return s, ErrGone
	case connection != "" && s.Connection != connection:
		return s, fmt.Errorf("%w: another connection has the session", ErrGone)
	}
	open, err := e.store.Get(ctx, connectionAddress(s.Connection), true)
	switch {
	case err != nil:
		return s, err
	case open.State == Open: // who settled it may have had no time for the timer
		return open, e.arm(ctx, Shard(open.Address))
	case open.State == Closed: // and whoever closed it needs its liveness row as it is
		return open, ErrGone
	}
	return e.settle(ctx, s)
}

// settle opens the row of a connection that a session has moved to, given the polling row.
func (e *Engine) settle(ctx context.Context, s Session) (Session, error) {
	target := connectionAddress(s.Connection)
	expires := e.expiry(s.Created)
	// The liveness row comes first: a connection without one would never be found dead.
	live := Live{Address: target, Created: s.Created, Last: e.now(), Joined: len(s.Entries) > 0, Expires: expires}
	if err := e.store.PutLive(ctx, live); err != nil {
		return s, err
	}
	settle := Settle{Entries: s.Entries, Changes: s.Changes, Pending: s.Pending, Kept: s.Kept, Expires: expires}
	open, ok, err := e.store.Update(ctx, target, settle)
	switch {
	case err != nil:
		return s, err
	case !ok: // whoever has closed it just now cleans up
		return open, errors.Join(ErrGone, e.store.Forget(ctx, target, ""))
	}
	// The one line that has both names: lines from before have the session's, later ones the connection's.
	e.opt.Logger.DebugContext(ctx, "a session has moved to a connection", "session", s.Address, "connection", s.Connection)
	return open, e.arm(ctx, Shard(target))
}

// drained waits until nobody drains a polling session any more, and returns its row as it is then.
func (e *Engine) drained(ctx context.Context, s Session) (Session, error) {
	for wait := time.Millisecond; s.State == Draining; wait = min(2*wait, 100*time.Millisecond) {
		if e.stuck(s) {
			e.closeThen(ctx, s.Address, Close{Reason: TransportError, Told: true}, e.finishBeside)
			return s, ErrGone
		}
		if err := e.sleep(ctx, wait); err != nil {
			return s, err
		}
		var err error
		if s, err = e.store.Get(ctx, s.Address, true); err != nil {
			return s, err
		}
	}
	return s, nil
}
