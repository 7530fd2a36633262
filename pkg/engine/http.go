package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"unicode/utf8"

	"github.com/dozeio/doze/pkg/protocol"
)

// Request is one HTTP request, or the handshake of a WebSocket connection, free of any gateway's dialect.
type Request struct {
	Method string
	Query  url.Values  // of several values of a name, the last counts
	Header http.Header // canonical keys
	Body   []byte
	Remote string // IP address of the client
	Secure bool   // over TLS
	URL    string // path and query as the client sent them

	// Unreadable, if not nil, is why the query or the body could not be read, and is logged. The request is refused.
	// No sid may be in it.
	Unreadable error
}

// Response answers a Request.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// The errors of a request, by the code in their body:
// https://github.com/socketio/socket.io/blob/main/packages/engine.io/lib/server.ts.
const (
	transportUnknown   = 0
	unknownSID         = 1
	badHandshakeMethod = 2
	badRequest         = 3
	forbidden          = 4
	unsupportedVersion = 5
)

var errorMessages = [...]string{
	"Transport unknown", "Session ID unknown", "Bad handshake method", "Bad request", "Forbidden", "Unsupported protocol version",
}

func refuse(code int) Response { return refuseWith(code, "") }

// refuseWith refuses with a message of the application's own, or the protocol's where that is empty.
func refuseWith(code int, message string) Response {
	body, _ := json.Marshal(struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{code, cmp.Or(message, errorMessages[code])})
	status := http.StatusBadRequest
	if code == forbidden {
		status = http.StatusForbidden
	}
	return Response{Status: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
}

func text(body string) Response {
	return Response{Status: http.StatusOK, Header: http.Header{
		"Content-Type":  {"text/plain; charset=UTF-8"},
		"Cache-Control": {"no-store"},
	}, Body: []byte(body)}
}

// textOf returns what the reference server reads in a body: what is no UTF-8 is U+FFFD, one for what could have begun a
// character, as https://encoding.spec.whatwg.org/#utf-8-decoder has it. Where a gateway makes text of a body, that has
// been done before.
func textOf(body []byte) []byte {
	if utf8.Valid(body) {
		return body
	}
	text := make([]byte, 0, len(body))
	for len(body) > 0 {
		r, n := utf8.DecodeRune(body)
		if r == utf8.RuneError && n == 1 {
			for n < len(body) && !utf8.FullRune(body[:n+1]) {
				n++
			}
			text = utf8.AppendRune(text, utf8.RuneError)
		} else {
			text = append(text, body[:n]...)
		}
		body = body[n:]
	}
	return text
}

// unavailable is the answer when the store fails: a stock client closes its session and starts a new one.
func (e *Engine) unavailable(ctx context.Context, what string, err error) Response {
	e.opt.Logger.ErrorContext(ctx, what, "error", err)
	return Response{Status: http.StatusServiceUnavailable, Header: http.Header{"Content-Type": {"application/json"}},
		Body: []byte(`{"message":"Service Unavailable"}`)}
}

// HTTP answers a request of the polling transport. A GET for a session blocks until there is something to answer, at
// most PollWait, and not longer than two seconds before the deadline of ctx. With a ctx that has ended already it takes
// what is there; when ctx ends while it waits, its client has left, and the session is closed, unless the process is
// Ending. The checks come in the order of the reference server.
func (e *Engine) HTTP(ctx context.Context, r Request) Response {
	defer e.done(ctx, true)
	if r.Method == http.MethodOptions {
		return e.preflight(r)
	}
	r.Query = single(r.Query)
	answer := e.http(ctx, r)
	e.addHeaders(ctx, r, &answer)
	e.allowOrigin(r, &answer)
	return answer
}

func (e *Engine) http(ctx context.Context, r Request) Response {
	transport, sid := r.Query.Get("transport"), r.Query.Get("sid")
	switch {
	case r.Unreadable != nil:
		e.opt.Logger.WarnContext(ctx, "a request could not be read, and was refused", "method", protocol.Excerpt(r.Method), "error", r.Unreadable)
		return refuse(badRequest)
	case !e.serves(transport):
		return refuse(transportUnknown)
	case !e.allows(ctx, r):
		return refuse(forbidden)
	case sid == "" && r.Method != http.MethodGet:
		return refuse(badHandshakeMethod)
	case sid == "" && transport == "websocket":
		return refuse(badRequest)
	}
	if sid == "" {
		if refused, ok := e.admitted(ctx, r); !ok {
			return refused
		}
	}
	switch {
	case sid == "" && !e.speaks(ctx, r):
		return refuse(unsupportedVersion)
	case sid == "":
		return e.open(ctx, r)
	case !isSID(sid):
		return refuse(unknownSID)
	case r.Method == http.MethodGet && transport == "polling" && r.Query.Get("EIO") == "4":
		return e.poll(ctx, sid)
	}
	s, err := e.store.Get(ctx, pollingAddress(sid), true)
	if err != nil {
		return e.unavailable(ctx, "a request could not read its session", err)
	}
	switch {
	case s.State == Absent || s.State == Closed:
		return refuse(unknownSID)
	case s.State == Moved || transport == "websocket" || r.Query.Get("EIO") != "4":
		return refuse(badRequest)
	case r.Method != http.MethodPost:
		return Response{Status: http.StatusInternalServerError} // as the reference server does
	}
	if _, ok := e.closeOverdue(ctx, s); ok {
		return refuse(unknownSID)
	}
	return e.post(ctx, s, r)
}

// post handles a polling request that carries packets.
func (e *Engine) post(ctx context.Context, s Session, r Request) Response {
	body := r.Body
	if len(body) <= e.opt.MaxPayload {
		body = textOf(body) // which may be longer, and counts, as in the reference server
	}
	if len(body) > e.opt.MaxPayload {
		e.opt.Logger.WarnContext(ctx, "a client's POST is too large and is refused: send less, or raise MaxPayload",
			"session", s.Address, "limit", e.opt.MaxPayload)
		return Response{Status: http.StatusRequestEntityTooLarge}
	}
	if r.Header.Get("Content-Type") == "application/octet-stream" { // with a parameter, or in capitals, it is text there, too
		e.close(ctx, s.Address, Close{Reason: TransportError, Told: true})
		return Response{Status: http.StatusBadRequest} // as the reference server does
	}
	packets, err := protocol.DecodePayload(body)
	v := e.invocation(ctx, s)
	defer e.posts(ctx, s)()
	reason, ok := e.receive(ctx, v, packets, err)
	v.flush()
	if !ok {
		v.close(ctx, Close{Reason: reason, Told: reason == TransportError || err != nil})
		if reason != TransportClose {
			return refuse(badRequest)
		}
	}
	return Response{Status: http.StatusOK, Header: http.Header{
		"Content-Type":  {"text/html"},
		"Cache-Control": {"no-store"},
	}, Body: []byte("ok")}
}
