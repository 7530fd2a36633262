package awswire

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http/httptrace"
	"sync/atomic"
)

var errCarried = errors.New("the request is not sent again, because it may have been carried out: its connection failed when its header had been sent")

// uncarried returns what lets net/http send a request by another connection as long as nobody can have carried it out: its
// context, and what to call for its body once more.
//
// Over HTTP/1.1 net/http asks for the body only when nothing was written to the connection, where the method is one such
// as POST (persistConn.shouldRetryRequest). Over HTTP/2 it asks also after failures that may come when the server has the
// whole request (http2shouldRetryRequest): there the header must not have been written, which goes before the body. Of a
// connection that nobody has told of, nothing is known.
func uncarried(ctx context.Context, body []byte) (context.Context, func() (io.ReadCloser, error)) {
	var known, http2, carried atomic.Bool
	trace := &httptrace.ClientTrace{
		GotConn: func(got httptrace.GotConnInfo) {
			c, ok := got.Conn.(*tls.Conn)
			http2.Store(ok && c.ConnectionState().NegotiatedProtocol == "h2")
			known.Store(true)
		},
		WroteHeaders: func() {
			if http2.Load() {
				carried.Store(true)
			}
		},
	}
	return httptrace.WithClientTrace(ctx, trace), func() (io.ReadCloser, error) {
		if !known.Load() || carried.Load() {
			return nil, errCarried
		}
		return reader(body), nil
	}
}

// reader returns a body of a type that net/http knows to be in memory, so that it writes a small one together with the
// header, in one system call.
func reader(body []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(body)) }
