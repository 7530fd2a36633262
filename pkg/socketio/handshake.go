package socketio

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"time"

	"github.com/dozeio/doze/pkg/protocol"
)

// Handshake is what the client sent when it connected.
type Handshake struct {
	Headers http.Header
	Query   url.Values // one value of each name: the last, as in Node. URL has all of a handshake over HTTP
	// Auth is the payload with which the client joined the namespace, as JSON, nil when there was none. It is there
	// in middlewares and OnConnection only: what is needed later goes into the socket's data.
	Auth    json.RawMessage
	Address string    // IP address
	Time    time.Time // when the session began
	Secure  bool      // over TLS
	XDomain bool      // an Origin header was sent
	URL     string    // path and query of the first request
}

// Handshake reads what the client sent when it connected. It is one read of the store. When the session is closed, as
// it mostly is in OnDisconnecting and OnDisconnect, it returns ErrGone.
func (s *Socket) Handshake(ctx context.Context) (Handshake, error) {
	if s.turn == nil {
		return Handshake{}, ErrGone
	}
	h, err := s.turn.v.Handshake(ctx)
	if err == nil && h.Time.IsZero() {
		err = ErrGone
	}
	return Handshake{h.Header, h.Query, s.auth, h.Address, h.Time, h.Secure, h.XDomain, h.URL}, err
}

// Auth decodes the payload with which the client joins the namespace, which costs no read. Without a payload it does
// nothing. A payload of another form is an *ArgumentError. Like Handshake.Auth it is there in middlewares and
// OnConnection only.
func (s *Socket) Auth(into any) error {
	if s.auth == nil {
		return nil
	}
	if err := protocol.DecodeJSON(s.auth, into); err != nil {
		payload := &ArgumentError{Err: err}
		if t := reflect.TypeOf(into); t != nil && t.Kind() == reflect.Pointer {
			payload.Type = t.Elem()
		}
		return payload
	}
	return nil
}
