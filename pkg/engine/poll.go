package engine

import (
	"bytes"
	"context"
	"net/http"
	"time"
)

var (
	noop    = []byte("6")
	ping    = []byte("2")
	closing = []byte("1")

	probeAnswer = []byte("3probe")
	separator   = []byte("\x1e")
)

const (
	// A GET is answered this long before its invocation's time is over.
	pollMargin = 2 * time.Second
	// A lease outlives its GET's wait by this much before its invocation counts as dead.
	leaseSlack = 5 * time.Second
)

// poll answers the GET of a session that polls.
func (e *Engine) poll(ctx context.Context, sid string) Response {
	begin := e.now()
	end := begin.Add(e.opt.PollWait)
	if deadline, ok := ctx.Deadline(); ok && deadline.Add(-pollMargin).Before(end) {
		end = deadline.Add(-pollMargin)
	}
	if ending := e.ending.Load(); ctx.Err() != nil && ending != nil && (*ending).Err() == nil {
		ctx = lasting{*ending, ctx}
	} else if ctx.Err() != nil {
		ctx, end = context.WithoutCancel(ctx), begin
	}
	id := e.newOp()
	a := pollingAddress(sid)
	s, ok, err := e.store.Update(ctx, a, BeginPoll{Lease: Lease{id, end.Add(leaseSlack)}, Now: begin})
	if err != nil {
		return e.unavailable(ctx, "a poll could not read its session", err)
	}
	if closed, expired := e.closeOverdue(ctx, s); expired {
		return e.refusePoll(ctx, closed, id)
	}
	if !ok {
		return e.refusePoll(ctx, s, id)
	}
	w := waiting{e: e, begin: begin, end: end, patience: e.patience(ctx, a), held: s.State == Probing}
	var changed <-chan struct{}
	for {
		if e.unconfirmed(&s) {
			if err := e.closeUnconfirmed(ctx, s); err != nil {
				return e.unavailable(ctx, "an upgrade could not be given up", err)
			}
			s.State, s.Connection = Open, ""
		}
		now := e.now()
		if over, pingDue := w.over(s, now); over {
			return e.endPoll(ctx, a, id, pingDue)
		}
		if _, expired := e.closeOverdue(ctx, s); expired {
			return e.endPoll(ctx, a, id, false)
		}
		err := e.sleepUnless(ctx, w.pause(s, now), changed)
		switch ending := e.ending.Load(); {
		case err == nil:
		case ending == nil: // the client has left, or the invocation's time is over
			e.close(ctx, a, Close{Reason: TransportError, Told: true})
			return refuse(badRequest)
		case (*ending).Err() != nil:
			return e.endPoll(context.WithoutCancel(ctx), a, id, false)
		default:
			ctx = lasting{*ending, ctx}
		}
		if e.watched != nil {
			changed = e.watched.Changed(a)
		}
		if s, err = e.store.Get(ctx, a, false); err != nil {
			return e.unavailable(ctx, "a poll could not read its session", err)
		}
	}
}

// endPoll gives the lease back, then answers with what was waiting: never with an empty body, which ends a stock
// client's session.
func (e *Engine) endPoll(ctx context.Context, a Address, id string, pingDue bool) Response {
	end := EndPoll{ID: id}
	if pingDue {
		end.Pinged = e.now()
	}
	s, ok, err := e.store.Update(ctx, a, end)
	switch {
	case err != nil:
		return e.unavailable(ctx, "a poll could not take its packets", err)
	case s.State == Absent:
		return refuse(unknownSID)
	case !ok, s.State == Draining, s.State == Moved:
		return refuse(badRequest)
	}
	var packets [][]byte
	if pingDue && s.State != Closed {
		packets = append(packets, ping)
		if e.posting.over(a) != nil {
			e.pong(ctx, a)
		}
	}
	return payload(s, packets)
}

// refusePoll answers a GET that could not have the lease.
func (e *Engine) refusePoll(ctx context.Context, s Session, id string) Response {
	switch s.State {
	case Closed:
		s, ok, err := e.store.Update(ctx, s.Address, Tell{ID: id})
		if err != nil {
			return e.unavailable(ctx, "a poll could not read its session", err)
		}
		if ok {
			if len(s.Taken.Parcels) == 0 && s.Reason != TransportClose {
				s.Taken.Parcels = []Parcel{{Packets: [][]byte{noop, closing}}} // as the reference server does
			}
			return payload(s, nil)
		}
		return refuse(unknownSID)
	case Open, Probing: // another GET is waiting: the protocol allows one
		e.close(ctx, s.Address, Close{Reason: TransportError, Told: true})
		return Response{Status: http.StatusBadRequest} // as the reference server does
	case Absent:
		return refuse(unknownSID)
	}
	return refuse(badRequest)
}

// payload encodes what was taken from an outbox and what else is to be said.
func payload(s Session, more [][]byte) Response {
	var packets [][]byte
	for _, p := range s.Taken.Parcels {
		packets = append(packets, p.Packets...)
	}
	packets = append(packets, more...)
	switch {
	case len(packets) > 0: // a close among them would overtake them in a stock client, which hands packets on later
	case s.State == Closed && s.Reason != TransportClose:
		packets = append(packets, closing)
	default:
		packets = append(packets, noop)
	}
	return text(string(bytes.Join(packets, separator)))
}
