package conformance

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// A client is what one case talks with: plain HTTP requests and WebSockets, all ended with the case. Every failure ends
// the case.
type client struct {
	*testing.T
	target Target
	ctx    context.Context // ends when the case has taken far too long
	http   *http.Client
}

func newClient(t *testing.T, target Target) *client {
	// Only a bound for what hangs: no case asserts how long something took.
	limit := 10*time.Second + 5*(target.PingInterval+target.PingTimeout)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	transport := &http.Transport{}
	t.Cleanup(func() {
		cancel()
		transport.CloseIdleConnections()
	})
	return &client{T: t, target: target, ctx: ctx, http: &http.Client{Transport: transport}}
}

// An answer is an HTTP response that has been read to its end.
type answer struct {
	status int
	body   string
	err    error
}

// do sends a request whose query is given and waits for the answer.
func (c *client) do(method, query, body string) answer {
	return c.doContext(c.ctx, method, query, body)
}

func (c *client) doContext(ctx context.Context, method, query, body string) answer {
	req, err := http.NewRequestWithContext(ctx, method, c.target.URL+c.target.Path+"?"+query, strings.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	if body != "" {
		req.Header.Set("Content-Type", "text/plain;charset=UTF-8")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	return answer{status: res.StatusCode, body: string(content), err: err}
}

// start sends a GET that the server is expected to hold and returns when it has left this side. The answer comes
// through the channel; stop cancels the request.
func (c *client) start(query string) (answers <-chan answer, stop func()) {
	c.Helper()
	left := make(chan struct{})
	ctx, cancel := context.WithCancel(c.ctx)
	c.Cleanup(cancel)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { close(left) },
	})
	got := make(chan answer, 1)
	go func() { got <- c.doContext(ctx, http.MethodGet, query, "") }()
	select {
	case <-left:
	case early := <-got:
		c.Fatalf("GET %s: answered %d %q, %v; want it to be held", query, early.status, early.body, early.err)
	}
	// Requests on two TCP connections have no order of their own. The official suite leaves 5 ms between them.
	c.pause(5 * time.Millisecond)
	return got, cancel
}

// pause waits for a time that is itself part of the case.
func (c *client) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.ctx.Done():
		c.Fatal(c.ctx.Err())
	}
}

// expect fails the case unless the answer has this status and, if any are given, one of these bodies.
func (c *client) expect(got answer, status int, bodies ...string) {
	c.Helper()
	if got.err != nil {
		c.Fatalf("no answer: %v", got.err)
	}
	if got.status != status {
		c.Fatalf("status %d with %q, want %d", got.status, got.body, status)
	}
	if len(bodies) > 0 && !slices.Contains(bodies, got.body) {
		c.Fatalf("body %q, want %q", got.body, bodies)
	}
}

// poll expects the next poll of a session to be answered with this body.
func (c *client) poll(sid, body string) {
	c.Helper()
	c.expect(c.do(http.MethodGet, session(sid), ""), http.StatusOK, body)
}

// push expects the server to accept the payload.
func (c *client) push(sid, payload string) {
	c.Helper()
	c.expect(c.do(http.MethodPost, session(sid), payload), http.StatusOK, "ok")
}

// gone expects a poll of the session to be refused.
func (c *client) gone(sid string) {
	c.Helper()
	c.expect(c.do(http.MethodGet, session(sid), ""), http.StatusBadRequest)
}

const handshake = "EIO=4&transport=polling"

func session(sid string) string { return handshake + "&sid=" + url.QueryEscape(sid) }

// openPolling opens a session over HTTP and returns its id and the open packet.
func (c *client) openPolling() (sid, packet string) {
	c.Helper()
	got := c.do(http.MethodGet, handshake, "")
	c.expect(got, http.StatusOK)
	var open struct{ SID string }
	if content, ok := strings.CutPrefix(got.body, "0"); !ok || json.Unmarshal([]byte(content), &open) != nil || open.SID == "" {
		c.Fatalf("got %q, want an open packet", got.body)
	}
	return open.SID, got.body
}

// checkOpen fails the case unless packet is an open packet with exactly the keys of the protocol and the values that
// the target promises.
func (c *client) checkOpen(packet string, upgrades []string) {
	c.Helper()
	content, ok := strings.CutPrefix(packet, "0")
	if !ok {
		c.Fatalf("got %q, want an open packet", packet)
	}
	var keys map[string]json.RawMessage
	var open struct {
		SID                                   string
		Upgrades                              []string
		PingInterval, PingTimeout, MaxPayload int64
	}
	if err := json.Unmarshal([]byte(content), &keys); err != nil {
		c.Fatalf("open packet %q: %v", packet, err)
	}
	if err := json.Unmarshal([]byte(content), &open); err != nil {
		c.Fatalf("open packet %q: %v", packet, err)
	}
	want := []string{"maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"}
	if got := slices.Sorted(maps.Keys(keys)); !slices.Equal(got, want) {
		c.Fatalf("open packet has keys %q, want %q", got, want)
	}
	if open.SID == "" {
		c.Fatalf("open packet %q has no sid", packet)
	}
	if open.Upgrades == nil || !slices.Equal(open.Upgrades, upgrades) {
		c.Fatalf("upgrades %q in %q, want %q", open.Upgrades, packet, upgrades)
	}
	if open.PingInterval != c.target.PingInterval.Milliseconds() || open.PingTimeout != c.target.PingTimeout.Milliseconds() || open.MaxPayload != 1_000_000 {
		c.Fatalf("open packet %q, want pingInterval %d, pingTimeout %d, maxPayload 1000000", packet,
			c.target.PingInterval.Milliseconds(), c.target.PingTimeout.Milliseconds())
	}
}
