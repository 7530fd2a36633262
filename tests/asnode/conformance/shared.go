package conformance

import (
	"net/http"
	"time"
)

// Cases that both suites have, under titles that differ by a word.

var engineHeartbeat = []testCase{
	{"heartbeat / HTTP long-polling / sends ping/pong packets", pingsPolling},
	{"heartbeat / HTTP long-polling / closes the session upon ping timeout", timesOutPolling},
	{"heartbeat / WebSocket / sends ping/pong packets", pingsWebSocket},
	{"heartbeat / WebSocket / closes the session upon ping timeout", timesOutWebSocket},
}

func pingsPolling(c *client) {
	sid, _ := c.openPolling()
	for range 3 {
		c.poll(sid, "2")
		c.push(sid, "3")
	}
}

// late is how much later than allowed a client shows up: the server's clock started before the client heard of it, but
// the timers of some servers are a few milliseconds late.
const late = 20 * time.Millisecond

func timesOutPolling(c *client) {
	sid, _ := c.openPolling()
	c.pause(c.target.PingInterval + c.target.PingTimeout + late)
	c.gone(sid)
}

func pingsWebSocket(c *client) {
	s := c.openWebSocket()
	for range 3 {
		if got := s.next(); got != "2" {
			c.Fatalf("got %q, want a ping", got)
		}
		s.send("3")
	}
}

// timesOutWebSocket answers no ping. How many there are before the end is the server's affair.
func timesOutWebSocket(c *client) {
	c.openWebSocket().closed(onlyPings)
}

func closesPolling(c *client) {
	sid, _ := c.openPolling()
	poll, _ := c.start(session(sid))
	c.expect(c.do(http.MethodPost, session(sid), "1"), http.StatusOK)
	c.expect(<-poll, http.StatusOK, "6")
	c.gone(sid)
}

func closesWebSocket(c *client) {
	s := c.openWebSocket()
	s.send("1")
	s.closed(onlyPings)
}

// probe opens a WebSocket for a polling session, up to the answer to the probe.
func (c *client) probe(sid string) *socket {
	c.Helper()
	s := c.dial(webSocketHandshake + "&sid=" + sid)
	s.send("2probe")
	if got := s.next(); got != "3probe" {
		c.Fatalf("got %q, want 3probe", got)
	}
	return s
}

func pollAfterUpgrade(c *client) *socket {
	sid, _ := c.openPolling()
	s := c.probe(sid)
	s.send("5")
	c.gone(sid)
	return s
}

func secondWebSocket(c *client) *socket {
	sid, _ := c.openPolling()
	s := c.probe(sid)
	s.send("5")
	second := c.dial(webSocketHandshake + "&sid=" + sid)
	second.closed(func(string) bool { return false })
	return s
}
