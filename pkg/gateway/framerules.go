package gateway

import (
	"io"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

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
		c.pong = appendFrame(c.pong[:0], ws.OpPong, payload)
	case ws.OpClose:
		if len(payload) == 0 {
			return ending{code: statusNoStatus, reason: reasonNoStatus, tell: true, theirs: true}, true
		}
		status, text := ws.ParseCloseFrameData(payload)
		if !legalClose(status) || !utf8.ValidString(text) {
			return violation(statusProtocolError), true
		}
		return ending{code: int(status), reason: text, tell: true, theirs: true}, true
	}
	return ending{}, false
}

// answerPing sends the pong to the last ping, unless another frame is here that ends no message: of many pings the last
// alone has to be answered, and each pong is a system call. https://www.rfc-editor.org/rfc/rfc6455#section-5.5.3
func (c *conn) answerPing() {
	if len(c.pong) == 0 {
		return
	}
	const fin, control = 0x80, 0x08
	if c.hasFrame() {
		if next, err := c.in.Peek(1); err == nil && next[0]&(fin|control) != fin {
			return
		}
	}
	c.write(c.pong) // one that a slow client has no room for is dropped
	c.pong = c.pong[:0]
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
