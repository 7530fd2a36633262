package engine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Forbidden is an error of Options.AllowRequest that tells the client why: Message takes the place of "Forbidden" in
// the answer.
type Forbidden struct{ Message string }

// Error returns the message.
func (f *Forbidden) Error() string { return f.Message }

// The transports, as Options.Transports has them.
const (
	pollingTransport   = "polling"
	websocketTransport = "websocket"
)

// parseTransports returns what Options.Transports means.
func parseTransports(names []string) ([]string, error) {
	if len(names) == 0 {
		return []string{pollingTransport, websocketTransport}, nil
	}
	for i, name := range names {
		switch {
		case name != pollingTransport && name != websocketTransport:
			return nil, fmt.Errorf("engine: Transports has %q: write polling or websocket, which are all that there are", name)
		case slices.Contains(names[:i], name):
			return nil, fmt.Errorf("engine: Transports has %q twice", name)
		}
	}
	return slices.Clone(names), nil
}

// parsePath returns what Options.Path means: with a slash at its end, as clients ask for it.
func parsePath(path string) (string, error) {
	if path == "" {
		return "/socket.io/", nil
	}
	clean := "/" + strings.Trim(path, "/") + "/"
	u, err := url.Parse(clean)
	if clean == "//" || path[0] != '/' || err != nil || u.Path != clean || strings.Contains(clean, "//") || strings.Contains(clean, "/../") || strings.Contains(clean, "/./") {
		return "", fmt.Errorf("engine: Path is %q: write a path such as /socket.io/, without a query and without what has to be escaped", path)
	}
	return clean, nil
}

// serves reports whether there is a transport of a client's name for it.
func (e *Engine) serves(transport string) bool { return slices.Contains(e.opt.Transports, transport) }

// upgrades returns what the open packet offers to a client that polls.
func (e *Engine) upgrades() []string {
	if e.opt.NoUpgrades || !e.serves(websocketTransport) {
		return nil
	}
	return []string{websocketTransport}
}

// admitted asks the application whether a request may begin a session. If not, it returns what the client is told.
func (e *Engine) admitted(ctx context.Context, r Request) (Response, bool) {
	if e.opt.AllowRequest == nil {
		return Response{}, true
	}
	err := protected(func() error { return e.opt.AllowRequest(ctx, r) })
	if err == nil {
		return Response{}, true
	}
	if told := (*Forbidden)(nil); errors.As(err, &told) && told != nil {
		return refuseWith(forbidden, told.Message), false
	}
	e.opt.Logger.WarnContext(ctx, "AllowRequest refused a request", "error", err)
	return refuse(forbidden), false
}

// addHeaders lets the application add headers to an answer of the protocol.
func (e *Engine) addHeaders(ctx context.Context, r Request, answer *Response) {
	if answer.Status != http.StatusOK || e.opt.Headers == nil && e.opt.InitialHeaders == nil {
		return
	}
	h := answer.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	err := protected(func() error {
		if e.opt.InitialHeaders != nil && r.Query.Get("sid") == "" {
			e.opt.InitialHeaders(ctx, r, h)
		}
		if e.opt.Headers != nil {
			e.opt.Headers(ctx, r, h)
		}
		return nil
	})
	if err == nil {
		err = checkHeaders(h)
	}
	if err != nil {
		e.opt.Logger.ErrorContext(ctx, "the headers of InitialHeaders or Headers are left out", "error", err)
		return
	}
	answer.Header = h
}

// checkHeaders reports what HTTP cannot carry.
func checkHeaders(h http.Header) error {
	for name, values := range h {
		if !isToken(name) {
			return fmt.Errorf("engine: a header cannot have the name %q", name)
		}
		for _, value := range values {
			if strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
				return fmt.Errorf("engine: the header %s has a line break or another control character", name)
			}
		}
	}
	return nil
}
