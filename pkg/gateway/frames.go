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
	c.end(e.code, e.reason, e.tell)
	if e.tell && !e.theirs {
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
}

var lost = ending{code: statusAbnormal, reason: reasonAbnormal}

// violation is the end of a client that breaks a rule.
func violation(code int) ending { return ending{code: code, tell: true} }

// frames returns when the connection is to be closed.
func (c *conn) frames() ending {
	var (
		scratch [ws.MaxHeaderSize]byte
		partial []byte    // of a fragmented message
		kind    ws.OpCode // of it; 0 between messages
	)
	for {
		h, err := ws.ReadHeaderBuffer(c.in, scratch[:])
		switch {
		case err == ws.ErrHeaderLengthMSB || err == ws.ErrHeaderLengthUnexpected:
			return violation(statusProtocolError)
		case err != nil:
			return lost
		case !legal(h, kind):
			return violation(statusProtocolError)
		}
		if h.OpCode.IsControl() {
			if e, ended := c.control(h); ended {
				return e
			}
			continue
		}
		if h.OpCode != ws.OpContinuation {
			kind = h.OpCode
		}
		if kind == ws.OpBinary && !c.g.opt.BinaryFrames {
			return violation(statusUnsupported)
		}
		if h.Length > int64(c.g.opt.MaxFrame) || int64(len(partial))+h.Length > int64(c.g.opt.MaxMessage) {
			return violation(statusTooBig)
		}
		if h.Fin && partial == nil && int(h.Length) <= c.in.Size() { // the usual case needs no buffer of its own
			payload, err := c.in.Peek(int(h.Length))
			if err != nil {
				return lost
			}
			ws.Cipher(payload, h.Mask, 0)
			ok := c.message(kind, payload)
			c.in.Discard(len(payload))
			if !ok {
				return violation(statusInvalidPayload)
			}
		} else {
			if partial, err = c.readMore(partial, h); err != nil {
				return lost
			}
			if !h.Fin {
				continue
			}
			if !c.message(kind, partial) {
				return violation(statusInvalidPayload)
			}
		}
		partial, kind = nil, 0
		if c.g.faults.kills() {
			c.drop()
			return lost
		}
		if c.in.Buffered() > 0 {
			runtime.Gosched() // let the invocation begin before the next frame's does: the newest goroutine would run first
		}
	}
}

// legal says whether RFC 6455 allows a client's frame; kind is that of the unfinished message, if there is one.
func legal(h ws.Header, kind ws.OpCode) bool {
	if !h.Masked || h.Rsv != 0 {
		return false
	}
	switch h.OpCode {
	case ws.OpPing, ws.OpPong, ws.OpClose:
		return h.Fin && h.Length <= ws.MaxControlFramePayloadSize
	case ws.OpText, ws.OpBinary:
		return kind == 0
	case ws.OpContinuation:
		return kind != 0
	}
	return false
}

// legalClose says whether a client may close with a code: those that RFC 6455 and the registry of IANA have for the
// wire, 1012 to 1014 among them, and 3000 to 4999 for libraries and applications.
// https://www.iana.org/assignments/websocket/websocket.xhtml#close-code-number
func legalClose(code ws.StatusCode) bool {
	switch {
	case code < 1000, code == 1004, code == statusNoStatus, code == statusAbnormal:
		return false
	case code <= 1014:
		return true
	}
	return code >= 3000 && code <= 4999
}

// control answers pings and close frames: they reach no function. https://github.com/dvmatyun/web_socket/issues/13
func (c *conn) control(h ws.Header) (e ending, ended bool) {
	var buffer [ws.MaxControlFramePayloadSize]byte
	payload := buffer[:h.Length]
	if _, err := io.ReadFull(c.in, payload); err != nil {
		return lost, true
	}
	ws.Cipher(payload, h.Mask, 0)
	switch h.OpCode {
	case ws.OpPing:
		c.write(appendFrame(nil, ws.OpPong, payload)) // one that a slow client has no room for is dropped
	case ws.OpClose:
		if len(payload) == 0 {
			return ending{statusNoStatus, reasonNoStatus, true, true}, true
		}
		status, text := ws.ParseCloseFrameData(payload)
		if !legalClose(status) || !utf8.ValidString(text) {
			return violation(statusProtocolError), true
		}
		return ending{int(status), text, true, true}, true
	}
	return ending{}, false
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
