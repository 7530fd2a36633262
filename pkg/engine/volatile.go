package engine

import (
	"context"
	"errors"
	"time"
)

// DeliverVolatile is Deliver for what is worth nothing later: it tries once, waits for no client, keeps nothing for a
// client that cannot take it now, and disconnects nobody on account of it. A connection takes it when the posts of this
// process that are on their way to it end at once and the gateway accepts it; a client that polls when a GET of it
// waits and nothing waits for that GET. It is one post, or one cheap read of the store and one write.
//
// ErrBusy: the client does not take it now. ErrGone: it is closed. Any other error: nobody knows whether it has
// arrived. The connection is closed all the same when it may have got a part of a binary packet, after which it would
// misunderstand whatever comes next.
func (e *Engine) DeliverVolatile(ctx context.Context, a Address, p Parcel) error {
	if v, ok := ctx.Value(invocationKey{}).(*Invocation); ok && v.e == e && v.owns(a) {
		return v.SendVolatile(ctx, p)
	}
	return e.deliverVolatile(ctx, a, p)
}

// SendVolatile is DeliverVolatile to the session itself. What it has been sent before and is on its way counts as
// something that the client takes first.
func (v *Invocation) SendVolatile(ctx context.Context, p Parcel) error {
	select {
	case v.sending <- struct{}{}:
		defer v.sent()
	default:
		return ErrBusy
	}
	if v.outbox != nil {
		return ErrBusy
	}
	return v.e.deliverVolatile(ctx, v.Address(), p)
}

func (e *Engine) deliverVolatile(ctx context.Context, a Address, p Parcel) error {
	if connection, ok := a.connection(); ok {
		return e.delivered(ctx, p, e.postVolatile(ctx, connection, p))
	}
	s, err := e.store.Get(ctx, a, false)
	switch {
	case err != nil:
		return err
	case s.State == Moved:
		return e.delivered(ctx, p, e.postVolatile(ctx, s.Connection, p))
	case !s.live():
		return ErrGone
	case s.State == Draining, s.Poll.ID == "", !s.Poll.Until.After(e.now()), len(s.Outbox) > 0:
		return ErrBusy
	}
	return e.deliver(ctx, a, p)
}

// volatileWait is how long what is volatile waits for another post to the connection: somewhat longer than one takes.
const volatileWait = 50 * time.Millisecond

// postVolatile tries to post packets to a connection.
func (e *Engine) postVolatile(ctx context.Context, connection string, p Parcel) error {
	if e.met.has(connection, e.now) {
		return ErrGone
	}
	turn, cancel := e.within(ctx, volatileWait)
	lane, err := e.lanes.enter(turn, connection)
	cancel()
	if err != nil {
		return ErrBusy
	}
	defer e.lanes.leave(connection, lane)
	if ctx.Err() != nil {
		return ErrBusy
	}
	post, cancel := e.aPost(ctx)
	err = e.poster.Post(post, connection, e.frame(p.Packets[0]))
	cancel()
	switch {
	case errors.Is(err, ErrBusy):
		return ErrBusy
	case errors.Is(err, ErrGone):
		if !errors.Is(e.exists(ctx, connection), ErrGone) { // the gateway was wrong, and the client stays
			return ErrBusy
		}
		return e.ended(ctx, connection)
	case err != nil:
		if len(p.Packets) > 1 {
			e.cut(ctx, connection)
		}
		return err
	}
	return e.postPackets(ctx, connection, p.Packets[1:], false)
}
