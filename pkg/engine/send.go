package engine

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"
)

// A post that takes longer than postTimeout has failed. A busy connection is tried again busyTries times. What has to
// be tried although the invocation's own time is over gets the reserve: less than apigw keeps back of it.
const (
	postTimeout = 5 * time.Second
	busyTries   = 6
	reserve     = 800 * time.Millisecond
)

// Deliver sends a parcel to the session at an address, wherever it has moved to. Parcels of one caller arrive in the
// order of its calls. It blocks until the packets are in the outbox, or posted.
//
// ErrGone: the session is closed, or is being closed on account of this. ErrBusy and ErrOutboxFull: nothing was sent.
// After any other error it is unknown what arrived; a WebSocket connection has then been closed, so that its client
// knows.
func (e *Engine) Deliver(ctx context.Context, a Address, p Parcel) error {
	if v, ok := ctx.Value(invocationKey{}).(*Invocation); ok && v.e == e && v.owns(a) {
		return v.Send(ctx, p)
	}
	return e.deliver(ctx, a, p)
}

func (e *Engine) deliver(ctx context.Context, a Address, p Parcel) error {
	return e.delivered(ctx, p, e.deliverTo(ctx, a, p))
}

func (e *Engine) deliverTo(ctx context.Context, a Address, p Parcel) error {
	connection, ok := a.connection()
	if !ok {
		moved, err := e.put(ctx, a, p)
		if moved == "" {
			return err
		}
		connection = moved
	}
	return e.postParcel(ctx, connection, p)
}

// DeliverPolling is Deliver to a session that polls, and posts nothing: for a session that has moved to a connection
// it returns the address of that, and nothing was sent.
func (e *Engine) DeliverPolling(ctx context.Context, a Address, p Parcel) (moved Address, err error) {
	connection, err := e.put(ctx, a, p)
	if connection != "" {
		return connectionAddress(connection), nil
	}
	return "", e.delivered(ctx, p, err)
}

// put puts a parcel into the outbox of a session that polls, or returns the connection to which the session has moved.
func (e *Engine) put(ctx context.Context, a Address, p Parcel) (moved string, err error) {
	if p.Op == "" {
		p.Op = e.newOp()
	}
	s, ok, err := e.store.Update(ctx, a, Append{p})
	if err == nil && !ok && s.Sealed { // it is about to move
		s, err = e.drained(ctx, s)
	}
	switch {
	case err != nil || ok:
		if ok {
			e.opt.Logger.DebugContext(ctx, "kept for the next poll", "session", a)
		}
		return "", err
	case s.State == Moved:
		return s.Connection, nil
	case s.live():
		return "", ErrOutboxFull
	}
	return "", ErrGone
}

// postParcel posts packets to a connection, together and in order.
func (e *Engine) postParcel(ctx context.Context, connection string, p Parcel) error {
	if e.met.has(connection, e.now) {
		return ErrGone
	}
	lane, err := e.lanes.enter(ctx, connection)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	defer e.lanes.leave(connection, lane)
	if err := ctx.Err(); err != nil { // an ended context must not look like a post of unknown fate
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return e.postPackets(ctx, connection, p.Packets, true)
}

// postPackets posts packets, or the rest of them, in the lane of a connection. Whoever has got none that belong to one
// another may stay without.
func (e *Engine) postPackets(ctx context.Context, connection string, packets [][]byte, first bool) error {
	for i, packet := range packets {
		err := e.post1(ctx, connection, e.frame(packet))
		switch {
		case err == nil:
		case errors.Is(err, ErrGone):
			return e.gone(ctx, connection)
		case errors.Is(err, ErrBusy) && i == 0 && first:
			return err
		default: // it may have arrived, or half a binary packet has
			e.cut(ctx, connection)
			return err
		}
	}
	return nil
}

// post1 posts one frame, with pauses while the connection is busy.
func (e *Engine) post1(ctx context.Context, connection string, f Frame) error {
	for wait, try := 10*time.Millisecond, 0; ; wait, try = wait*2, try+1 {
		post, cancel := e.aPost(ctx)
		err := e.poster.Post(post, connection, f)
		cancel()
		if !errors.Is(err, ErrBusy) || try == busyTries || e.sleep(ctx, wait) != nil {
			return err
		}
	}
}

// gone decides what a 410 means. Confirmed, the session is closed off the hot path. A
// connection that is open for all that may or may not have got the frame: it is closed, so that the client knows.
func (e *Engine) gone(ctx context.Context, connection string) error {
	if err := e.exists(ctx, connection); !errors.Is(err, ErrGone) {
		e.cut(ctx, connection)
		return ErrGone
	}
	return e.ended(ctx, connection)
}

// ended has the session of a connection closed that is confirmed to be gone, unless somebody is at it already.
func (e *Engine) ended(ctx context.Context, connection string) error {
	if e.met.add(connection, e.now()) {
		e.opt.Clock.AfterFunc(metFor, func() { e.met.forget(e.now()) })
	}
	if ctx.Value(farewellKey{}) != nil {
		return ErrGone
	}
	s, err := e.store.Get(ctx, connectionAddress(connection), false)
	if err == nil && s.State == Closed {
		return ErrGone
	}
	return errors.Join(ErrGone, e.schedule(ctx, job{Kind: jobGone, Connection: connection}, 0))
}

// exists asks whether a connection is open.
func (e *Engine) exists(ctx context.Context, connection string) error {
	ctx, cancel := e.aPost(ctx)
	defer cancel()
	return e.poster.Exists(ctx, connection)
}

// goneTries is how often a connection is to be closed that the gateway does not know: a client that has just connected
// may have sent something before. A gateway of the same process, which is Unblocking, is asked once: it knows also those
// that are being made, and the connection's lane is held meanwhile, behind which all that others post to it waits.
const goneTries = 4

// cut closes a connection, also when the invocation's own time is over. What follows comes by $disconnect. If the
// gateway does not do it for as long as postTimeout, a sweep has to.
func (e *Engine) cut(ctx context.Context, connection string) {
	err := e.disconnect(ctx, connection)
	if err == nil || errors.Is(err, ErrGone) {
		return
	}
	e.opt.Logger.ErrorContext(ctx, "a connection could not be closed", "connection", connection, "error", err)
	ctx, cancel := e.outlive(ctx)
	defer cancel()
	e.markDead(ctx, connectionAddress(connection))
}

// disconnect has the gateway close a connection, and tries again for as long as postTimeout. It returns what the last
// try has said, and ErrGone when the gateway has not known the connection.
func (e *Engine) disconnect(ctx context.Context, connection string) error {
	limit := min(postTimeout, e.left(ctx)+reserve/2)
	if ctx.Err() != nil {
		limit = min(limit, reserve/2)
	}
	limited, cancel := e.within(context.WithoutCancel(ctx), limit)
	defer cancel()
	gone := 0
	var refused error // of a try that had time
	for wait := 10 * time.Millisecond; ; wait *= 2 {
		err := e.poster.Disconnect(limited, connection)
		if errors.Is(err, ErrGone) {
			gone++
		}
		if err == nil || gone == goneTries || gone > 0 && e.unblocking {
			return err
		}
		if limited.Err() == nil || refused == nil {
			refused = err
		}
		if e.sleep(limited, wait) != nil {
			if gone > 0 {
				return ErrGone
			}
			return refused
		}
	}
}

// Drop closes the session at an address because something for it was lost: so its client knows, and comes back. Where
// that fails, a sweep does it. With an Unblocking Poster it does not wait for the Handler, which a job calls.
func (e *Engine) Drop(ctx context.Context, a Address) { e.drop(ctx, a, e.finishBeside) }

func (e *Engine) drop(ctx context.Context, a Address, finish func(context.Context, Session)) {
	if connection, ok := a.connection(); ok {
		e.cut(ctx, connection)
		return
	}
	if s, ok := e.closeThen(ctx, a, Close{Reason: TransportError, Told: true}, finish); !ok && s.State == Moved {
		e.cut(ctx, s.Connection)
	}
}

// End is Drop for who asks, and is told why it has failed: nothing is left to a sweep then, but a farewell whose job
// could not be put on the queue. A connection that the gateway does not know is ErrGone, a session that is closed is
// fine. It blocks until the gateway has answered, for some seconds at most where that fails.
func (e *Engine) End(ctx context.Context, a Address) error {
	if connection, ok := a.connection(); ok {
		return e.disconnect(ctx, connection)
	}
	s, ok, err := e.writeClose(ctx, a, Close{Reason: TransportError, Told: true})
	switch {
	case err != nil:
		return err
	case ok:
		return e.finishing(ctx, s)
	case s.State == Moved:
		return e.disconnect(ctx, s.Connection)
	}
	return nil
}

// DropConnection is Drop for a connection whose frame could not be handled.
func (e *Engine) DropConnection(ctx context.Context, connection string) { e.cut(ctx, connection) }

// frame puts a packet in text form into a WebSocket frame.
func (e *Engine) frame(packet []byte) Frame {
	if e.opt.BinaryFrames && packet[0] == 'b' {
		if b, err := base64.StdEncoding.DecodeString(string(packet[1:])); err == nil {
			return Frame{Binary: true, Data: b}
		}
	}
	return Frame{Data: packet}
}
