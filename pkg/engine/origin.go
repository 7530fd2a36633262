package engine

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/dozeio/doze/pkg/protocol"
)

// origins decides whose pages may connect.
type origins struct {
	any    bool
	public origin // zero where the Host header tells it
	listed []origin
}

// parseOrigins reads AllowOrigins and PublicOrigin.
func parseOrigins(listed []string, public string) (o origins, err error) {
	if o.public, err = parseOrigin("PublicOrigin", public); err != nil {
		return o, err
	}
	if o.public.other != "" {
		return o, fmt.Errorf("engine: PublicOrigin has %q: write http or https, and the host, as in https://chat.example.com", public)
	}
	for _, text := range listed {
		if strings.TrimSpace(text) == "*" {
			o.any = true
			continue
		}
		listed, err := parseOrigin("AllowOrigins", text)
		if err != nil {
			return o, err
		}
		if listed != (origin{}) {
			o.listed = append(o.listed, listed)
		}
	}
	return o, nil
}

// allow reports whether a request may come from where it says. One without an Origin header is not from another
// site's page: browsers send it. One with a header need not be from a page: see origin.
func (o origins) allow(r Request) bool {
	header := r.Header.Get("Origin")
	if header == "" || o.any {
		return true
	}
	from := readOrigin(header)
	return o.same(from, r) || slices.Contains(o.listed, from)
}

// allows is allow, with a line in the log that says what to do about a refusal.
func (e *Engine) allows(ctx context.Context, r Request) bool {
	if e.origins.allow(r) {
		return true
	}
	e.opt.Logger.WarnContext(ctx, "a page of another site was refused: name its origin in AllowOrigins if it is yours",
		"origin", protocol.Excerpt(r.Header.Get("Origin")), "host", protocol.Excerpt(r.Header.Get("Host")))
	return false
}

// same reports whether an origin is the server's own. Where PublicOrigin is set the Host header counts beside it over
// TLS alone: who reaches the server by another address of its own, such as the WebSocket API's, has asked for that
// name, and the certificate is for it.
func (o origins) same(from origin, r Request) bool {
	if o.public != (origin{}) && (from == o.public || !r.Secure) {
		return from == o.public
	}
	return from == originOf(r)
}

// allowOrigin adds the CORS headers that let the page of an allowed other origin read the answer.
func (e *Engine) allowOrigin(r Request, answer *Response) {
	header := r.Header.Get("Origin")
	from := readOrigin(header)
	if header == "" || e.origins.same(from, r) || !e.origins.allow(r) {
		return
	}
	if answer.Header == nil {
		answer.Header = http.Header{}
	}
	if e.origins.any && !slices.Contains(e.origins.listed, from) {
		answer.Header.Set("Access-Control-Allow-Origin", "*") // without credentials, on purpose
		return
	}
	answer.Header.Set("Access-Control-Allow-Origin", header)
	answer.Header.Add("Vary", "Origin")
	if from.other != "null" { // which every site can make a frame of its page send: as for "*"
		answer.Header.Set("Access-Control-Allow-Credentials", "true")
	}
}

// preflight answers a browser's question whether it may send a request with headers of its own.
func (e *Engine) preflight(r Request) Response {
	if !e.origins.allow(r) {
		return refuse(forbidden)
	}
	answer := Response{Status: http.StatusNoContent, Header: http.Header{}}
	e.allowOrigin(r, &answer)
	if answer.Header.Get("Access-Control-Allow-Origin") != "" {
		answer.Header.Set("Access-Control-Allow-Methods", "GET, POST")
		if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
			answer.Header.Set("Access-Control-Allow-Headers", asked)
		}
		answer.Header.Set("Access-Control-Max-Age", "86400")
	}
	return answer
}
