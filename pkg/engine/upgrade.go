package engine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// probe accepts a connection that wants to take a polling session over. The session polls on until the client
// confirms. The session's row goes first: whoever closes the connection finds it there.
func (e *Engine) probe(ctx context.Context, connection, sid string) Response {
	probe := Probe{Connection: connection, Now: e.now()}
	s, ok, err := e.store.Update(ctx, pollingAddress(sid), probe)
	if err == nil && !ok && e.unconfirmed(s) { // an older one makes room
		if err = e.unprobe(ctx, s); err == nil {
			s, ok, err = e.store.Update(ctx, pollingAddress(sid), probe)
		}
	}
	switch {
	case err != nil:
		return e.unavailable(ctx, "a connection could not be accepted", err)
	case s.State == Absent || s.State == Closed:
		return refuse(unknownSID)
	}
	if _, expired := e.expire(ctx, s); expired {
		return refuse(unknownSID)
	}
	if !ok { // the session probes or has moved already; refusing the handshake would be an error to some clients
		if err := e.schedule(ctx, job{Kind: jobReject, Connection: connection}, 0); err != nil {
			return e.unavailable(ctx, "a connection could not be refused", err)
		}
		return Response{Status: http.StatusOK}
	}
	mine := Session{Address: connectionAddress(connection), SID: sid, State: Probing, Created: s.Created, ProbedAt: probe.Now,
		Expires: probe.Now.Add(e.opt.UpgradeTimeout + e.tombstone())}
	if err := e.store.Create(ctx, mine, nil, nil); err != nil {
		if err := e.unprobe(ctx, s); err != nil {
			e.opt.Logger.ErrorContext(ctx, "an upgrade could not be given up, its timeout will", "error", err)
		}
		if errors.Is(err, ErrExists) { // a tombstone: its $disconnect has overtaken it
			return Response{Status: http.StatusGone}
		}
		return e.unavailable(ctx, "a connection could not be accepted", err)
	}
	return Response{Status: http.StatusOK}
}

// upgrade completes the upgrade to a probing connection, whose row it gets, and returns the row as it is open.
// Any frame of the connection may begin it: "5", or a message that has overtaken it.
func (e *Engine) upgrade(ctx context.Context, c Session) (Session, error) {
	connection, _ := c.Address.connection()
	s, mine, err := e.drain(ctx, pollingAddress(c.SID), connection)
	if err != nil { // what was taken from the outbox may be lost: the client has to know
		e.close(ctx, pollingAddress(c.SID), Close{Reason: TransportError, Told: true})
		return c, err
	}
	if c, err = e.settled(ctx, s, connection); err != nil {
		return c, err
	}
	if mine {
		if err := e.readdress(ctx, s); err != nil {
			e.opt.Logger.ErrorContext(ctx, "a session that moved could not be re-addressed, a sweep will", "error", err)
		}
	}
	return c, nil
}

// drain confirms the upgrade of a polling session and posts its outbox to the connection until it is empty, for
// UpgradeTimeout at most. It returns the row: moved, or why it is not this invocation's to drain.
func (e *Engine) drain(ctx context.Context, a Address, connection string) (s Session, mine bool, err error) {
	ctx, cancel := e.within(ctx, e.opt.UpgradeTimeout)
	defer cancel()
	step := Drain{Connection: connection, Now: e.now()}
	for {
		step.Step, step.Expires = e.newOp(), e.now().Add(e.tombstone())
		s, mine, err = e.store.Update(ctx, a, step)
		if err != nil || !mine {
			return s, false, err
		}
		for _, p := range s.Taken.Parcels {
			if err := e.postParcel(ctx, connection, p); err != nil {
				return s, true, err
			}
		}
		if s.State == Moved {
			return s, true, nil
		}
		step.After = step.Step
	}
}

// stuck reports whether the invocation that drains a session must be dead.
func (e *Engine) stuck(s Session) bool {
	return s.State == Draining && !e.now().Before(s.ProbedAt.Add(e.opt.UpgradeTimeout+postTimeout))
}

// settled waits for an upgrade that another invocation carries out and returns the open row of the connection, which
// it finishes if need be. It begins with a polling row as it was read. ErrGone: there is nothing to wait for, or
// another connection has the session than the one that is named.
func (e *Engine) settled(ctx context.Context, s Session, connection string) (Session, error) {
	for wait := time.Millisecond; s.State == Draining; wait = min(2*wait, 20*time.Millisecond) {
		if e.stuck(s) {
			e.close(ctx, s.Address, Close{Reason: TransportError, Told: true})
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
	switch {
	case s.State != Moved:
		return s, ErrGone
	case connection != "" && s.Connection != connection:
		return s, fmt.Errorf("%w: another connection has the session", ErrGone)
	}
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
	case !ok:
		return open, errors.Join(ErrGone, e.store.Forget(ctx, target, ""))
	}
	return open, e.arm(ctx, Shard(target))
}

// readdress lets the handler know of a move, then ends the polling row's watch: until then a sweep repeats it.
func (e *Engine) readdress(ctx context.Context, s Session) error {
	err := protected(func() error { return e.handler.Moved(ctx, s, connectionAddress(s.Connection)) })
	if err != nil {
		return err
	}
	return e.store.Forget(ctx, s.Address, "")
}

// resume finishes the move of a session whose polling row is still watched.
func (e *Engine) resume(ctx context.Context, s Session) error {
	c, err := e.settled(ctx, s, "")
	switch {
	case err == nil:
		return e.readdress(ctx, s)
	case !errors.Is(err, ErrGone):
		return err
	case c.State == Absent: // the connection's row has expired before it was open
		s.State, s.Reason = Closed, TransportClose
		return e.cleanUp(ctx, s)
	}
	return e.store.Forget(ctx, s.Address, "") // it was closed, and what it kept is cleaned up under its own address
}
