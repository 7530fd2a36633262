package gateway

import (
	"io"
	"runtime"
	"slices"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// readBuffer is small, because each connection has one for life; longer frames are read past it.
const readBuffer = 512

// read takes frames until the connection ends, on one goroutine.
func (c *conn) read() {
	e := c.frames()
	if e.elsewhere {
		return
	}
	violates := e.tell && !e.theirs
	if violates && c.isOpen() {
		c.logViolation(e)
	}
	c.end(e.code, e.reason, e.tell)
	if violates {
		// Closing a socket with unread bytes would reset it, and the client might never see our close frame.
		io.Copy(io.Discard, c.in)
	}
	c.nc.Close()
}

// ending is how a connection comes to its end.
type ending struct {
	code   int
	reason string
	tell   bool // the client is there for a close frame
	theirs bool // it has sent one

	elsewhere bool // it is none: another goroutine reads on

	bytes, limit int64 // of a frame or message that is too large
}

var lost = ending{code: statusAbnormal, reason: reasonAbnormal}

// violation is the end of a client that breaks a rule.
func violation(code int) ending { return ending{code: code, tell: true} }

// tooBig is the violation of a client whose frame, or message as far as it has come, has more bytes than the limit.
func tooBig(bytes, limit int64) ending {
	return ending{code: statusTooBig, tell: true, bytes: bytes, limit: limit}
}

// logViolation says why the gateway closes a connection that its client may not know to be at fault.
func (c *conn) logViolation(e ending) {
	if e.code == statusTooBig {
		hint := "send less, or raise MaxPayload, the flag -max-payload"
		if c.g.opt.Direct == nil {
			hint = "send less, because the limit is API Gateway's, or send it over HTTP long-polling, which takes MaxPayload, 1 MB by default"
		}
		c.g.opt.Logger.Warn("a client has sent a message that is too large, and its connection is closed: "+hint,
			"connection", c.id, "bytes", e.bytes, "limit", e.limit)
		return
	}
	c.g.opt.Logger.Warn("a client has sent what WebSocket or the gateway does not allow, and its connection is closed",
		"connection", c.id, "code", e.code)
}

// fragments are what has come of a message.
type fragments struct {
	kind    ws.OpCode // 0 between messages
	partial []byte    // nil before the first
}

// frames returns when the connection is to be closed.
func (c *conn) frames() ending {
	var scratch [ws.MaxHeaderSize]byte
	for {
		c.answerPing()
		if c.gathered > 0 && c.handleGathered() {
			return ending{elsewhere: true}
		}
		h, err := ws.ReadHeaderBuffer(c.in, scratch[:])
		switch {
		case err == ws.ErrHeaderLengthMSB || err == ws.ErrHeaderLengthUnexpected:
			return violation(statusProtocolError)
		case err != nil:
			return lost
		case !legal(h, c.partly.kind):
			return violation(statusProtocolError)
		}
		var e ending
		var ended bool
		if h.OpCode.IsControl() {
			e, ended = c.control(h)
		} else {
			e, ended = c.data(h)
		}
		if ended {
			return e
		}
	}
}

// data takes a frame of a message, which becomes an event with its last one.
func (c *conn) data(h ws.Header) (e ending, ended bool) {
	m := &c.partly
	if h.OpCode != ws.OpContinuation {
		m.kind = h.OpCode
	}
	if m.kind == ws.OpBinary && !c.g.opt.BinaryFrames {
		return violation(statusUnsupported), true
	}
	if limit := int64(c.g.opt.MaxFrame); h.Length > limit {
		return tooBig(h.Length, limit), true
	}
	if bytes, limit := int64(len(m.partial))+h.Length, int64(c.g.opt.MaxMessage); bytes > limit {
		return tooBig(bytes, limit), true
	}
	valid, err := c.payload(h, m)
	switch {
	case err != nil:
		return lost, true
	case !valid:
		return violation(statusInvalidPayload), true
	case !h.Fin:
		return ending{}, false
	}
	*m = fragments{}
	if c.g.faults.kills() {
		c.drop()
		return lost, true
	}
	if c.g.opt.Direct == nil && c.in.Buffered() > 0 {
		runtime.Gosched() // let the invocation begin before the next frame's does: the newest goroutine would run first
	}
	return ending{}, false
}

// payload reads a frame's payload and, after the last frame, hands on the message. It reports whether the message is
// what its kind promises.
func (c *conn) payload(h ws.Header, m *fragments) (valid bool, err error) {
	if h.Fin && m.partial == nil && int(h.Length) <= c.in.Size() { // the usual case needs no buffer of its own
		payload, err := c.in.Peek(int(h.Length))
		if err != nil {
			return false, err
		}
		ws.Cipher(payload, h.Mask, 0)
		valid = c.message(m.kind, payload)
		c.in.Discard(len(payload))
		return valid, nil
	}
	if m.partial, err = c.readMore(m.partial, h); err != nil || !h.Fin {
		return true, err
	}
	return c.message(m.kind, m.partial), nil
}

// readMore appends a frame's payload, in steps, so that a length is not believed before the bytes are there.
func (c *conn) readMore(message []byte, h ws.Header) ([]byte, error) {
	begin := len(message)
	if message == nil {
		message = []byte{} // an empty first fragment is a fragment
	}
	for left := int(h.Length); left > 0; {
		step := min(left, 32<<10)
		message = slices.Grow(message, step)
		n := len(message)
		message = message[:n+step]
		if _, err := io.ReadFull(c.in, message[n:]); err != nil {
			return nil, err
		}
		left -= step
	}
	ws.Cipher(message[begin:], h.Mask, 0)
	return message, nil
}

// message makes an event of a payload, which it does not keep. It waits while too many invocations are on their way,
// and reports whether the payload is what its kind promises.
func (c *conn) message(kind ws.OpCode, payload []byte) bool {
	if kind == ws.OpText && !utf8.Valid(payload) {
		return false
	}
	c.touch()
	if !c.isOpen() {
		return true // the rest of what came before the client saw our close frame
	}
	if c.g.opt.Direct != nil {
		c.directly(kind, payload)
		return true
	}
	if !c.g.admitMessage() {
		c.send(ws.OpText, errorMessage(tooMany, c.id, c.g.random.id()))
		return true
	}
	select {
	case c.slots <- struct{}{}:
	case <-c.g.base.Done():
		return true
	}
	c.arrived++
	request := c.g.random.id()
	m := message{
		event:   c.g.messageEvent(c, request, kind == ws.OpBinary, payload),
		request: request, number: c.arrived,
	}
	c.deliver(m, c.g.random.delay(c.g.opt.Jitter))
	return true
}
