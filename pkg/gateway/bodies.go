package gateway

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// errNoRoom is the end of a body for which there is no room.
var errNoRoom = errors.New("too many bytes of bodies are held")

// bodies counts the bytes of request bodies that are held: read, and not yet answered.
type bodies struct {
	mu   sync.Mutex
	left int
}

func (b *bodies) take(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n > b.left {
		return false
	}
	b.left -= n
	return true
}

func (b *bodies) give(n int) {
	b.mu.Lock()
	b.left += n
	b.mu.Unlock()
}

// read returns a body of at most limit bytes. It is counted as held until release is called, also after an error.
func (b *bodies) read(w http.ResponseWriter, r *http.Request, limit int64) (body []byte, release func(), err error) {
	held := &heldReader{bodies: b, source: http.MaxBytesReader(w, r.Body, limit)}
	body, err = io.ReadAll(held)
	return body, func() { b.give(held.n) }, err
}

type heldReader struct {
	*bodies
	source io.Reader
	n      int
}

func (h *heldReader) Read(p []byte) (int, error) {
	n, err := h.source.Read(p)
	if !h.take(n) {
		return 0, errNoRoom
	}
	h.n += n
	return n, err
}
