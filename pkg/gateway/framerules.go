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
		c.write(appendFrame(nil, ws.OpPong, payload)) // one that a slow client has no room for is dropped
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
