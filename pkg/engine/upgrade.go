package engine

import (
	"context"
	"errors"
	"net/http"

	"github.com/dozeio/doze/pkg/observe"
)

// probe accepts a connection that wants to take a polling session over. The session polls on until the client
// confirms. The session's row goes first: whoever closes the connection finds it there.
func (e *Engine) probe(ctx context.Context, connection, sid string) Response {
	probe := Probe{Connection: connection, Now: e.now()}
	s, ok, err := e.store.Update(ctx, pollingAddress(sid), probe)
	if err == nil && !ok && e.unconfirmed(&s) { // an older one makes room
		if err = e.closeUnconfirmed(ctx, s); err == nil {
			s, ok, err = e.store.Update(ctx, pollingAddress(sid), probe)
		}
	}
	switch {
	case err != nil:
		return e.unavailable(ctx, "a connection could not be accepted", err)
	case s.State == Absent || s.State == Closed:
		return refuse(unknownSID)
	}
	if _, expired := e.closeOverdue(ctx, s); expired {
		return refuse(unknownSID)
	}
	if !ok { // the session probes or has moved already; refusing the handshake would be an error to some clients
		if err := e.schedule(ctx, job{Kind: jobReject, Connection: connection}, 0); err != nil {
			return e.unavailable(ctx, "a connection could not be refused", err)
		}
		return Response{Status: http.StatusOK}
	}
	mine := Session{Address: connectionAddress(connection), SID: sid, State: Probing, Created: s.Created, ProbedAt: probe.Now,
		HandshakeKey: s.HandshakeKey, Expires: probe.Now.Add(e.opt.UpgradeTimeout + e.tombstone())}
	if err := e.store.Create(ctx, mine, nil, nil); err != nil {
		if err := e.closeUnconfirmed(ctx, s); err != nil {
			e.opt.Logger.ErrorContext(ctx, "an upgrade could not be given up, its timeout will", "session", s.Address, "error", err)
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
	if !mine {
		return e.settled(ctx, s, connection)
	}
	probed := c.ProbedAt
	if c, err = e.settle(ctx, s); err != nil {
		return c, err
	}
	e.opt.Meter.Observe(observe.UpgradeTime, observe.Since(probed, e.now()))
	if err := e.readdress(ctx, s); err != nil {
		e.opt.Logger.ErrorContext(ctx, "a session that moved could not be re-addressed, a sweep will", "session", s.Address, "error", err)
	}
	return c, nil
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
