package verify

import (
	"bytes"
	"encoding/binary"
	"net"
	"sync"
)

// wire follows the frames that a server sends by their headers: which message came in how many frames is not to be had
// from a WebSocket library.
type wire struct {
	net.Conn

	mu       sync.Mutex
	begun    bool // the HTTP response is over
	header   []byte
	skip     uint64 // bytes of the current frame's payload
	frames   int    // of the current message
	bytes    uint64
	messages []message // whole, in order
	closed   int       // code of the server's close frame, which a library may find wrong and not tell
}

// message is a data message as it came over the wire.
type message struct {
	frames int
	bytes  uint64
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.follow(p[:n])
	return n, err
}

func (w *wire) follow(p []byte) {
	for len(p) > 0 {
		if w.begun && w.skip > 0 {
			n := min(w.skip, uint64(len(p)))
			p, w.skip = p[n:], w.skip-n
			continue
		}
		w.header, p = append(w.header, p[0]), p[1:]
		if !w.begun {
			if bytes.HasSuffix(w.header, []byte("\r\n\r\n")) {
				w.begun, w.header = true, nil
			}
			continue
		}
		w.frame()
	}
}

// frame takes a header, once it is complete: RFC 6455, section 5.2. A server's frames have no mask.
func (w *wire) frame() {
	h := w.header
	if len(h) < 2 {
		return
	}
	size := uint64(h[1] & 0x7f)
	switch {
	case size == 126 && len(h) == 4:
		size = uint64(binary.BigEndian.Uint16(h[2:]))
	case size == 127 && len(h) == 10:
		size = binary.BigEndian.Uint64(h[2:])
	case size >= 126:
		return
	}
	const closing = 8
	if h[0]&0x0f == closing && size >= 2 {
		if len(h) < 4 {
			return
		}
		w.closed = int(binary.BigEndian.Uint16(h[2:]))
		size -= 2
	}
	w.header, w.skip = nil, size
	if h[0]&0x08 != 0 { // a control frame
		return
	}
	w.frames++
	w.bytes += size
	if h[0]&0x80 != 0 {
		w.messages = append(w.messages, message{w.frames, w.bytes})
		w.frames, w.bytes = 0, 0
	}
}

// closeCode returns that of the server's close frame, 0 when none has come.
func (w *wire) closeCode() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}

// framesOf returns in how many frames the last message of a size came, 0 when there was none.
func (w *wire) framesOf(size int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := len(w.messages) - 1; i >= 0; i-- {
		if w.messages[i].bytes == uint64(size) {
			return w.messages[i].frames
		}
	}
	return 0
}
