package engine

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/protocol"
)

// Handshake is what a client sent when its session began.
type Handshake struct {
	Header http.Header `json:"headers"`
	Query  url.Values  `json:"query"` // one value of each name, the last
	// Address is the IP address of the client, or of what it reaches the gateway by: behind CloudFront that is the
	// edge's, and the client's is in X-Forwarded-For, which a client that reaches the API directly can forge.
	Address string    `json:"address"`
	Time    time.Time `json:"time"`
	Secure  bool      `json:"secure"`  // over TLS
	XDomain bool      `json:"xdomain"` // an Origin header was sent
	URL     string    `json:"url"`
}

// open begins a session on the polling transport.
func (e *Engine) open(ctx context.Context, r Request) Response {
	sid, err := e.newSID()
	if err != nil {
		return e.unavailable(ctx, "there is no randomness for a session id", err)
	}
	if err := e.create(ctx, Session{Address: pollingAddress(sid), SID: sid, State: Open}, r); err != nil {
		return e.unavailable(ctx, "a session could not be created", err)
	}
	if err := e.opened(ctx, pollingAddress(sid)); err != nil {
		return e.unavailable(ctx, "a session could not be opened", err)
	}
	if !e.carries(r) {
		e.hint(ctx, "clients with the msgpack parser go on polling: give them the option forceBase64: true for WebSocket, where this gateway takes no binary frames")
		return text(string(e.openPacket(sid).Append(nil)))
	}
	return text(string(e.openPacket(sid, e.upgrades()...).Append(nil)))
}

// carries reports whether a WebSocket can carry what a client will send. One that sends binary as text says so by b64.
func (e *Engine) carries(r Request) bool {
	return !e.opt.BinaryMessages || e.opt.BinaryFrames || r.Query.Get("b64") != ""
}

// speaks reports whether a client that begins a session speaks this version of Engine.IO, with a line in the log that
// says what to do about one that does not. One without a version is taken for old by the reference, too.
func (e *Engine) speaks(ctx context.Context, r Request) bool {
	version := r.Query.Get("EIO")
	if version == "4" {
		return true
	}
	e.hint(ctx, "a client was refused that does not speak version 4 of Engine.IO: clients of Socket.IO 2 and older speak 3 and have to be upgraded, "+
		"in JavaScript to socket.io-client 4; docs/clients.md has the versions for other languages",
		"EIO", protocol.Excerpt(version), "user-agent", protocol.Excerpt(r.Header.Get("User-Agent")))
	return false
}

func (e *Engine) openPacket(sid string, upgrades ...string) protocol.EnginePacket {
	return protocol.Open{
		SID:          sid,
		Upgrades:     upgrades,
		PingInterval: int(e.opt.PingInterval / time.Millisecond),
		PingTimeout:  int(e.opt.PingTimeout / time.Millisecond),
		MaxPayload:   e.opt.MaxPayload,
	}.Packet()
}

// create writes a new session and sees to it that the timer of its shard runs. It looks at another shard's timer, too:
// what keeps timers going may be lost.
func (e *Engine) create(ctx context.Context, s Session, r Request) error {
	now := e.now()
	handshake, err := json.Marshal(Handshake{
		Header: r.Header, Query: r.Query, Address: r.Remote, Time: now, Secure: r.Secure,
		XDomain: r.Header.Get("Origin") != "", URL: r.URL,
	})
	if err != nil {
		return err
	}
	s.Created, s.Ponged, s.Expires = now, now, e.unjoined(now)
	live := &Live{Address: s.Address, Created: now, Last: now, Expires: e.expiry(now)}
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() { e.lookAtAnother(ctx, Shard(s.Address)) })
	if err := e.store.Create(ctx, s, handshake, live); err != nil {
		return err
	}
	if err := e.arm(ctx, Shard(s.Address)); err != nil {
		e.close(ctx, s.Address, Close{Reason: TransportError, Told: true})
		return err
	}
	e.opt.Meter.Count(observe.Handshakes, transportOf(s.Address), 1)
	e.began(ctx)
	return nil
}

// lookFor is how long a connect may be held up by another shard than its own.
const lookFor = 250 * time.Millisecond

// lookAtAnother repairs the timer of some other shard.
func (e *Engine) lookAtAnother(ctx context.Context, shard int) {
	ctx, cancel := e.within(ctx, lookFor)
	defer cancel()
	e.repair(ctx, (shard+1+Shard(Address(e.newOp()))%(Shards-1))%Shards)
}

// unjoined returns when a session goes by itself while the handler has made no entry: after a sweep should have closed
// it, and some minutes after it began. Its other rows stay for the whole age that it may reach: closing takes them
// away.
func (e *Engine) unjoined(created time.Time) time.Time {
	if e.opt.ConnectTimeout < 0 {
		return e.expiry(created)
	}
	return created.Add(e.opt.ConnectTimeout + e.opt.PingInterval + e.opt.PingTimeout + invocationTime)
}

// expiry returns when the rows of a session that began at a time go by themselves: well after the sweep has closed it.
func (e *Engine) expiry(created time.Time) time.Time {
	return created.Add(e.opt.MaxAge + e.opt.PingTimeout + e.tombstone())
}
