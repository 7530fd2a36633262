package gateway

import (
	"net/http"
	"time"
)

// inSteps is an answer over HTTP, of which a client has to take writeStep bytes within a time, as of what is sent over
// WebSocket. When it does not, net/http breaks the connection.
type inSteps struct {
	http.ResponseWriter
	control *http.ResponseController
	time    time.Duration
}

// Write implements io.Writer.
func (s *inSteps) Write(b []byte) (n int, err error) {
	for err == nil && n < len(b) {
		s.limit()
		var wrote int
		wrote, err = s.ResponseWriter.Write(b[n:min(len(b), n+writeStep)])
		n += wrote
	}
	return n, err
}

// limit is for the next step, or for what net/http sends when the handler has returned: it lifts the limit then.
func (s *inSteps) limit() {
	_ = s.control.SetWriteDeadline(time.Now().Add(s.time)) // where it cannot be set, there is no socket
}

// Unwrap is for http.ResponseController.
func (s *inSteps) Unwrap() http.ResponseWriter { return s.ResponseWriter }
