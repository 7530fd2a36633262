package engine

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/dozeio/doze/pkg/protocol"
)

// Connect decides on a WebSocket connection: the $connect route. The connection is made when the status is 200. A new
// session's open packet follows by a job, because nothing can be sent to a connection that is not made yet. Of the
// subprotocols that the client offers, the answer's header has the first.
func (e *Engine) Connect(ctx context.Context, connection string, r Request) Response {
	defer e.done(ctx, true)
	r.Query = single(r.Query)
	chosen, ok := subprotocol(r.Header)
	answer := e.connect(ctx, connection, r, ok)
	e.addHeaders(ctx, r, &answer)
	if answer.Status == http.StatusOK && chosen != "" {
		if answer.Header == nil {
			answer.Header = http.Header{}
		}
		answer.Header.Set("Sec-Websocket-Protocol", chosen)
	}
	return answer
}

// connect is Connect; offersWell says that the header with the subprotocols is as it should be.
func (e *Engine) connect(ctx context.Context, connection string, r Request, offersWell bool) Response {
	switch {
	case r.Query.Get("transport") != websocketTransport || !e.serves(websocketTransport):
		return refuse(transportUnknown)
	case !e.allows(ctx, r):
		return refuse(forbidden)
	case !offersWell:
		return refuse(badRequest)
	case r.Query.Get("sid") != "" && !isSID(r.Query.Get("sid")):
		return refuse(unknownSID)
	case r.Query.Get("sid") != "" && e.opt.NoUpgrades:
		return refuse(badRequest)
	case r.Query.Get("sid") != "" && e.carries(r):
		return e.probe(ctx, connection, r.Query.Get("sid"))
	case r.Query.Get("sid") == "":
		if refused, ok := e.admitted(ctx, r); !ok {
			return refused
		}
		if !e.speaks(ctx, r) {
			return refuse(unsupportedVersion)
		}
	}
	if !e.carries(r) {
		e.hint(ctx, "a WebSocket was refused, because this gateway takes no binary frames, and clients with the msgpack parser send nothing else: "+
			"give the client the option forceBase64: true, or let it poll")
		return refuse(badRequest)
	}
	sid, err := e.newSID()
	if err != nil {
		return e.unavailable(ctx, "there is no randomness for a session id", err)
	}
	open, began := job{Kind: jobOpen, ID: e.newOp(), Connection: connection}, e.now()
	err = e.create(ctx, Session{Address: connectionAddress(connection), SID: sid, State: Open, Opened: open.ID}, r)
	if errors.Is(err, ErrExists) { // a tombstone: its $disconnect has overtaken it
		return Response{Status: http.StatusGone}
	}
	if err == nil {
		e.opening.put(connection, opening{sid, began})
		if err = e.schedule(ctx, open, 0); err != nil {
			e.closeBehind(ctx, connection, Close{Reason: TransportError}, false)
		}
	}
	if err != nil {
		return e.unavailable(ctx, "a connection could not be accepted", err)
	}
	return Response{Status: http.StatusOK}
}

// Frame handles one message of a connection: the $default route. What the client is to get has been posted when Frame
// returns. It never fails: what goes wrong closes the connection.
func (e *Engine) Frame(ctx context.Context, connection string, f Frame) {
	defer e.done(ctx, false)
	if !e.admits(ctx, connection) {
		return
	}
	if len(f.Data) > e.opt.MaxPayload {
		e.opt.Logger.WarnContext(ctx, "a message over MaxPayload closes its connection", "connection", connection, "bytes", len(f.Data))
		e.closeBehind(ctx, connection, Close{Reason: TransportError}, true)
		return
	}
	if !f.Binary {
		switch string(f.Data) {
		case "2probe":
			e.answerProbe(ctx, connection)
			return
		case "3":
			e.pong(ctx, connectionAddress(connection))
			return
		}
	}
	s, err := e.sender(ctx, connection, f)
	if err != nil {
		e.opt.Logger.ErrorContext(ctx, "a frame could not read its session", "connection", connection, "error", err)
		e.cut(ctx, connection)
		return
	}
	if s.State != Open && s.State != Probing {
		e.cut(ctx, connection)
		return
	}
	how, overdue := e.overdue(&s)
	if e.unconfirmed(&s) {
		how, overdue = Close{Reason: TransportClose}, true
	}
	if overdue {
		e.closeBehind(ctx, connection, how, true)
		return
	}
	if !s.Doubted.IsZero() {
		e.alive(ctx, s)
	}
	packet, err := decodeFrame(f)
	if err == nil && s.State == Probing && (packet.Type == protocol.EngineUpgrade || packet.Type == protocol.EngineMessage) {
		if s, err = e.upgrade(ctx, s); err != nil {
			e.opt.Logger.WarnContext(ctx, "an upgrade failed", "connection", connection, "error", err)
			e.cut(ctx, connection)
			return
		}
	}
	v := e.invocation(ctx, s)
	var packets []protocol.EnginePacket
	if err == nil {
		packets = []protocol.EnginePacket{packet}
	}
	if reason, ok := e.receive(ctx, v, packets, err); !ok {
		v.Close(ctx, reason)
	}
}

// sender reads the session that a frame comes from, once its client has got the open packet. For the frame that
// confirms an upgrade a row of old will do, if it shows a connection that probes: what follows is decided by
// conditional writes.
func (e *Engine) sender(ctx context.Context, connection string, f Frame) (Session, error) {
	a := connectionAddress(connection)
	if !f.Binary && string(f.Data) == "5" {
		s, err := e.store.Get(ctx, a, false)
		if err != nil || s.State == Probing && !e.unconfirmed(&s) {
			return s, err
		}
	}
	var end time.Time // until the first look, which mostly is the only one
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, readLater) {
		s, err := e.store.Get(ctx, a, true)
		if err != nil || s.State != Open || s.greeted() {
			return s, err
		}
		now := e.now()
		if end.IsZero() {
			end = now.Add(greetFor)
		}
		if !now.Before(end) {
			return s, errNotGreeted
		}
		if err := e.sleep(ctx, wait); err != nil {
			return s, err
		}
	}
}

// greetFor is how long a frame waits for the open packet of its connection, which is on its way.
const greetFor = postTimeout + time.Second

var errNotGreeted = errors.New("engine: the open packet has not left")

// answerProbe answers a probe without reading anything: a connection that does not probe ignores the answer. A
// connection that has just been made may seem gone; it is then waited for, and a second answer does no harm.
func (e *Engine) answerProbe(ctx context.Context, connection string) {
	lane, err := e.lanes.enter(ctx, connection)
	if err == nil {
		defer e.lanes.leave(connection, lane)
		err = e.post1(ctx, connection, Frame{Data: probeAnswer})
	}
	if errors.Is(err, ErrGone) {
		var made bool
		if made, err = e.established(ctx, connection, establishSoon); made {
			err = e.post1(ctx, connection, Frame{Data: probeAnswer})
		}
	}
	if err != nil && !errors.Is(err, ErrGone) { // the session polls on
		e.opt.Logger.WarnContext(ctx, "a probe could not be answered", "connection", connection, "error", err)
	}
}

func decodeFrame(f Frame) (protocol.EnginePacket, error) {
	if f.Binary {
		return protocol.EnginePacket{Type: protocol.EngineMessage, Binary: true, Data: f.Data}, nil
	}
	return protocol.DecodeEngine(f.Data)
}

// linger is how long a close by the client is waited with for the frames that it has overtaken.
const linger = 200 * time.Millisecond

// Disconnect notes that a connection is closed: the $disconnect route. It may come late, twice, never, or before
// Connect has returned. The code is WebSocket's. Where frames are not in order it blocks for linger first, unless the
// connection broke: what the client sent before it closed may still be on its way to another invocation.
func (e *Engine) Disconnect(ctx context.Context, connection string, code int) {
	defer e.done(ctx, false)
	reason := TransportClose
	switch code {
	case 1002, 1003, 1007, 1009: // the gateway refused what the client sent
		reason = TransportError
	}
	defer e.rates.forget(connection)
	if !e.opt.OrderedFrames && code != 1006 {
		_ = e.sleep(ctx, linger) // cut short when the invocation's time is over
	}
	e.closeBehind(ctx, connection, Close{Reason: reason}, false)
}

// receive handles the packets of one frame or request, in order, then err when decoding the rest of them failed.
// When it reports false the session has to be closed for the reason.
func (e *Engine) receive(ctx context.Context, v *Invocation, packets []protocol.EnginePacket, err error) (Reason, bool) {
	var messages []protocol.EnginePacket
	reason, ponged := Reason(""), false
	for _, p := range packets {
		switch p.Type {
		case protocol.EngineMessage:
			messages = append(messages, p)
		case protocol.EnginePong:
			// One is as good as many, and of a client that polls none is worth a write unless it has fetched a ping.
			if s := v.seen(); !ponged && (!s.polling() || s.Pinged.After(s.Ponged)) {
				e.pong(ctx, v.Address())
			}
			ponged = true
		case protocol.EngineClose:
			reason = TransportClose
		case protocol.EnginePing, protocol.EngineOpen: // these are the server's to send
			reason = TransportError
		}
		if reason != "" {
			err = nil
			break
		}
	}
	if len(messages) > 0 {
		err := protected(func() error {
			return e.handler.Message(context.WithValue(ctx, invocationKey{}, v), v, messages)
		})
		if reason := e.failed(ctx, v, err); reason != "" {
			return reason, false
		}
	}
	switch {
	case reason != "":
		return reason, false
	case err != nil:
		return ParseError, false
	}
	return "", true
}

// failed logs the error of a handler. It returns the reason for which the session has to be closed, if it has to.
func (e *Engine) failed(ctx context.Context, v *Invocation, err error) Reason {
	if err == nil { // mostly, and errors.As needs memory
		return ""
	}
	switch {
	case errors.As(err, new(*panicked)): // the connection lives on
		e.opt.Logger.ErrorContext(ctx, "a handler panicked", "session", v.Address(), "error", err)
	case errors.Is(err, protocol.ErrMalformed) || errors.Is(err, ErrRefused):
		e.opt.Logger.WarnContext(ctx, "a session is closed", "session", v.Address(), "error", err)
		return ParseError
	case errors.Is(err, ErrGone):
	default:
		e.opt.Logger.ErrorContext(ctx, "a message was not handled, so its session is closed", "session", v.Address(), "error", err)
		return TransportError
	}
	return ""
}
