package engine

import (
	"bytes"
	"context"
	"net/http"
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
	// A lease outlives its GET's wait by this much before its invocation counts as dead.
	leaseSlack = 5 * time.Second
)

var (
	noop    = []byte("6")
	ping    = []byte("2")
	closing = []byte("1")

	probeAnswer = []byte("3probe")
	separator   = []byte("\x1e")
)

// A GET is answered this long before its invocation's time is over.
const pollMargin = 2 * time.Second

// poll answers the GET of a session that polls.
func (e *Engine) poll(ctx context.Context, sid string) Response {
	begin := e.now()
	end := begin.Add(e.opt.PollWait)
	if deadline, ok := ctx.Deadline(); ok && deadline.Add(-pollMargin).Before(end) {
		end = deadline.Add(-pollMargin)
	}
	if ctx.Err() != nil {
		ctx, end = context.WithoutCancel(ctx), begin
	}
	id := e.newOp()
	a := pollingAddress(sid)
	s, ok, err := e.store.Update(ctx, a, BeginPoll{Lease: Lease{id, end.Add(leaseSlack)}, Now: begin})
	if err != nil {
		return e.unavailable(ctx, "a poll could not read its session", err)
	}
	if closed, expired := e.expire(ctx, s); expired {
		return e.refusePoll(ctx, closed, id)
	}
	if !ok {
		return e.refusePoll(ctx, s, id)
	}
	held := s.State == Probing
	patience := e.patience(ctx, a)
	for {
		until := begin.Add(patience)
		if len(s.Entries) == 0 && e.opt.ConnectTimeout > 0 {
			until = begin.Add(min(patience, pollUnjoined))
		}
		if end.Before(until) {
			until = end
		}
		if e.unconfirmed(s) {
			if err := e.unprobe(ctx, s); err != nil {
				return e.unavailable(ctx, "an upgrade could not be given up", err)
			}
			s.State, s.Connection = Open, ""
		}
		now := e.now()
		wait := min(max(readSoon, (now.Sub(begin)/readShare).Truncate(time.Millisecond)), readLater)
		pinged := s.Pinged.After(s.Ponged)
		pingAt := s.Ponged.Add(e.opt.PingInterval)
		pingDue := !pinged && !now.Before(pingAt)
		switch {
		case s.State != Open && s.State != Probing, len(s.Outbox) > 0, !now.Before(until), pingDue:
			return e.endPoll(ctx, a, id, pingDue)
		case s.State == Probing:
			if !held || now.Sub(begin) >= probeHold {
				return e.endPoll(ctx, a, id, false)
			}
			wait = probeRead
		}
		if _, expired := e.expire(ctx, s); expired {
			return e.endPoll(ctx, a, id, false)
		}
		if pinged {
			pingAt = pingAt.Add(e.opt.PingTimeout)
		}
		for _, at := range []time.Time{until, pingAt, s.Created.Add(e.opt.ConnectTimeout), s.Created.Add(e.opt.MaxAge)} {
			if now.Before(at) {
				wait = min(wait, at.Sub(now))
			}
		}
		if err := e.sleep(ctx, wait); err != nil { // the client has left, or the invocation's time is over
			e.close(ctx, a, Close{Reason: TransportError, Told: true})
			return refuse(badRequest)
		}
		if s, err = e.store.Get(ctx, a, false); err != nil {
			return e.unavailable(ctx, "a poll could not read its session", err)
		}
	}
}

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
