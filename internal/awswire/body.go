package awswire

import (
	"errors"
	"io"
	"sync"
)

// body is a request's. net/http reads it in a goroutine of its own, which may go on when the answer is there: then the
// bytes are the caller's again. It is safe for concurrent use.
type body struct {
	mu   sync.Mutex
	rest []byte
	turn int // of the reader that may read
	read bool
	over bool
}

var (
	errRead = errors.New("the request is not sent again, because it may have been carried out: its connection failed when its body had been read")
	errOver = errors.New("the request is over, and its body no longer there")
)

// again has another reader instead of the one before, as long as nothing was read. net/http asks for it where a
// connection was closed before anything was written to it, but also after a failure of HTTP/2 that may come when the
// server has the whole request.
func (b *body) again() (io.ReadCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.read || b.over {
		return nil, errRead
	}
	b.turn++
	return reader{b, b.turn}, nil
}

// end has nothing read from now on.
func (b *body) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
}

// reader reads a body when it is its turn.
type reader struct {
	b    *body
	turn int
}

// Read implements io.Reader.
func (r reader) Read(p []byte) (int, error) {
	r.b.mu.Lock()
	defer r.b.mu.Unlock()
	if r.b.turn != r.turn {
		return 0, errOver
	}
	r.b.read = true
	if len(r.b.rest) == 0 {
		return 0, io.EOF
	}
	if r.b.over {
		return 0, errOver
	}
	n := copy(p, r.b.rest)
	r.b.rest = r.b.rest[n:]
	return n, nil
}

// Close implements io.Closer. A body that was closed and not read can be had again.
func (reader) Close() error { return nil }
