package engine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// probe accepts a connection that wants to take a polling session over. The session polls on until the client confirms.
func (e *Engine) probe(ctx context.Context, connection, sid string) Response {
	now := e.now()
	a := pollingAddress(sid)
	s, err := e.store.Get(ctx, a, true)
	switch {
	case err != nil:
		return e.unavailable(ctx, "a connection could not read its session", err)
	case s.State == Absent || s.State == Closed || e.expired(s):
		return refuse(unknownSID)
	}
	former := s.Connection
	mine := Session{Address: connectionAddress(connection), SID: sid, State: Probing, Created: s.Created, Ponged: now, Expires: s.Expires}
	if err := e.store.Create(ctx, mine, nil, nil); errors.Is(err, ErrExists) {
		return Response{Status: http.StatusGone}
	} else if err != nil {
		return e.unavailable(ctx, "a connection could not be accepted", err)
	}
	_, ok, err := e.store.Update(ctx, a, Probe{Connection: connection, Now: now, Stale: now.Add(-e.opt.UpgradeTimeout)})
	switch {
	case err != nil:
		return e.unavailable(ctx, "a connection could not be accepted", err)
	case !ok: // the session probes or has moved already; refusing the handshake would be an error to some clients
		err = e.schedule(ctx, job{Kind: jobReject, Connection: connection}, 0)
	case former != "": // an older probe that was never confirmed
		err = e.schedule(ctx, job{Kind: jobGone, Connection: former}, 0)
	}
	if err != nil {
		return e.unavailable(ctx, "a connection could not be accepted", err)
	}
	return Response{Status: http.StatusOK}
}

// upgrade completes the upgrade to a probing connection, whose row it gets, and returns the row as it is open.
// Any frame of the connection may begin it: "5", or a message that has overtaken it.
func (e *Engine) upgrade(ctx context.Context, c Session) (Session, error) {
	connection, _ := c.Address.connection()
	a := pollingAddress(c.SID)
	step := Drain{Connection: connection, Drainer: e.newOp(), Step: e.newOp()}
	for {
		step.Expires = e.now().Add(e.tombstone())
		s, ok, err := e.store.Update(ctx, a, step)
		if err != nil {
			e.close(ctx, a, Close{Reason: TransportError, Told: true})
			return c, err
		}
		if !ok {
			return e.settled(ctx, s, c)
		}
		for _, p := range s.Taken.Parcels {
			if err := e.postParcel(ctx, connection, p); err != nil { // what it carried is lost: the client has to know
				e.close(ctx, a, Close{Reason: TransportError, Told: true})
				return c, err
			}
		}
		if s.State == Moved {
			if c, err = e.settled(ctx, s, c); err == nil {
				if err := e.readdress(ctx, s); err != nil {
					e.opt.Logger.ErrorContext(ctx, "a session that moved could not be re-addressed, a sweep will", "error", err)
				}
			}
			return c, err
		}
		step.Step = e.newOp()
	}
}

// settled waits for an upgrade that another invocation carries out and returns the open row of the connection, which
// it finishes if need be. It begins with a row as it was read; ErrGone: there is nothing to wait for.
func (e *Engine) settled(ctx context.Context, s Session, c ...Session) (Session, error) {
	for wait := time.Millisecond; s.State == Draining; wait = min(2*wait, 20*time.Millisecond) {
		if err := e.sleep(ctx, wait); err != nil {
			return s, err
		}
		var err error
		if s, err = e.store.Get(ctx, s.Address, true); err != nil {
			return s, err
		}
	}
	if len(c) > 0 && connectionAddress(s.Connection) != c[0].Address {
		return s, fmt.Errorf("%w: another connection has the session", ErrGone)
	}
	if s.State != Moved {
		return s, ErrGone
	}
	now := e.now()
	target := connectionAddress(s.Connection)
	// The liveness row comes first: a connection without one would never be found dead.
	if err := e.store.PutLive(ctx, Live{Address: target, Created: s.Created, Last: now, Joined: len(s.Entries) > 0, Expires: e.expiry(s.Created)}); err != nil {
		return s, err
	}
	open, ok, err := e.store.Update(ctx, target, Settle{Entries: s.Entries, Pending: s.Pending})
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
	if err := e.handler.Moved(ctx, s, connectionAddress(s.Connection)); err != nil {
		return err
	}
	return e.store.Forget(ctx, s.Address, "")
}
