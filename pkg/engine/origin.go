package engine

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/dozeio/doze/pkg/protocol"
)

// origins decides whose pages may connect.
type origins struct {
	any    bool
	public string
	listed []string
}

// parseOrigins checks what people write: spaces around an origin and a slash after it are left out, empty ones skipped.
func parseOrigins(listed []string, public string) (o origins, err error) {
	if o.public, err = parseOrigin("PublicOrigin", public); err != nil {
		return o, err
	}
	for _, text := range listed {
		if strings.TrimSpace(text) == "*" {
			o.any = true
			continue
		}
		origin, err := parseOrigin("AllowOrigins", text)
		if err != nil {
			return o, err
		}
		if origin != "" {
			o.listed = append(o.listed, origin)
		}
	}
	return o, nil
}

// parseOrigin returns an origin as a browser writes it, in lower case; "" for an empty text.
func parseOrigin(option, text string) (string, error) {
	origin := strings.ToLower(strings.TrimSuffix(strings.TrimSpace(text), "/"))
	u, err := url.Parse(origin)
	if origin != "" && (err != nil || u.Scheme == "" || u.Host == "" || origin != u.Scheme+"://"+u.Host) {
		return "", fmt.Errorf(`engine: %s has %q: write scheme and host as a browser does, such as https://chat.example.com, without a path`, option, text)
	}
	return origin, nil
}

// allow reports whether a request may come from where it says. One without an Origin header is not from another
// site's page: browsers send it.
func (o origins) allow(r Request) bool {
	origin := strings.ToLower(r.Header.Get("Origin"))
	return origin == "" || o.any || o.same(origin, r) || slices.Contains(o.listed, origin)
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

func (o origins) same(origin string, r Request) bool {
	if o.public != "" {
		return origin == o.public
	}
	scheme := "http://"
	if r.Secure {
		scheme = "https://"
	}
	return origin == scheme+strings.ToLower(r.Header.Get("Host"))
}

// allowOrigin adds the CORS headers that let the page of an allowed other origin read the answer.
func (e *Engine) allowOrigin(r Request, answer *Response) {
	origin := r.Header.Get("Origin")
	if origin == "" || e.origins.same(strings.ToLower(origin), r) || !e.origins.allow(r) {
		return
	}
	if answer.Header == nil {
		answer.Header = http.Header{}
	}
	if e.origins.any && !slices.Contains(e.origins.listed, strings.ToLower(origin)) {
		answer.Header.Set("Access-Control-Allow-Origin", "*") // without credentials, on purpose
		return
	}
	answer.Header.Set("Access-Control-Allow-Origin", origin)
	answer.Header.Set("Access-Control-Allow-Credentials", "true")
	answer.Header.Add("Vary", "Origin")
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
