package leftovers

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/dozeio/doze/tests/kit/rawclient"
)

// A step is part of a life: an arrival, what is done then, or a departure that fits.
type step struct {
	name string
	when func(*customer) bool // nil: always
	run  func(*customer)
}

func polls(c *customer) bool       { return c.line == nil }
func hasLine(c *customer) bool     { return c.line != nil }
func wasUpgraded(c *customer) bool { return c.upgraded }

var arrivals = []step{
	{"polling", nil, func(c *customer) { c.openPolling(); c.join() }},
	{"websocket", nil, func(c *customer) { c.openWebSocket(); c.join() }},
	{"upgraded", nil, func(c *customer) { c.openPolling(); c.join(); c.upgrade() }},
	{"upgraded, then joined", nil, func(c *customer) { c.openPolling(); c.upgrade(); c.join() }},
}

var activities = []step{
	{"nothing", nil, func(*customer) {}},
	{"echo", nil, func(c *customer) { c.request("echo", `,"x",1`) }},
	{"rooms", nil, func(c *customer) {
		c.request("join", fmt.Sprintf(`,"all","a","b%d"`, c.number%100))
		c.request("leave", `,"a"`)
	}},
	{"rooms of two namespaces", nil, func(c *customer) {
		c.send("40/second,")
		c.until("40/second,{")
		c.request("join", `,"all"`)
		c.send(`42/second,7["join","c"]`)
		c.until("43/second,7[")
	}},
	{"a namespace and out of it again", nil, func(c *customer) {
		c.send("40/second,")
		c.until("40/second,{")
		c.send(`42/second,["join","c"]`, "41/second,")
	}},
	{"not waiting for any answer", nil, func(c *customer) {
		c.send(`42["join","all","d"]`, `42["echo"]`, `42["leave","d"]`, fmt.Sprintf(`42["say","b%d",-1]`, c.number%100))
	}},
}

// departures: whoever vanishes leaves it to the server to find out.
var departures = []step{
	{"close packet", nil, func(c *customer) { c.send("1") }},
	{"silence", nil, func(*customer) {}},
	{"namespace disconnect, then silence", nil, func(c *customer) { c.send("41") }},
	{"namespace disconnect, then close", nil, func(c *customer) { c.send("41"); c.depart() }},
	{"disconnected by the server, then silence", nil, func(c *customer) { c.send(`42["disconnect-me",false]`); c.until("41") }},
	{"session closed by the server", nil, func(c *customer) { c.send(`42["disconnect-me",true]`) }},
	{"malformed packet", nil, func(c *customer) { c.malformed() }},
	{"close during a join", nil, func(c *customer) { c.atOnce(`42["join","all","e","f"]`, "1") }},
	{"server disconnect during a join", nil, func(c *customer) { c.atOnce(`42["join","all","e","f"]`, `42["disconnect-me",true]`) }},
	{"two closes at once", nil, func(c *customer) { c.atOnce("1", "1", "41") }},

	{"poll abandoned", polls, func(c *customer) { c.abandonPoll() }},
	{"two polls at once", polls, func(c *customer) {
		var poll sync.WaitGroup
		poll.Go(func() { _, _ = c.get() })
		c.post("3")
		_, _ = c.get()
		poll.Wait()
	}},
	{"close during a poll", polls, func(c *customer) {
		var poll sync.WaitGroup
		poll.Go(func() { _, _ = c.get() })
		c.post("1")
		poll.Wait()
	}},
	{"oversize request", polls, func(c *customer) {
		c.refused(http.MethodPost, "4"+strings.Repeat("x", oversize), http.StatusRequestEntityTooLarge)
	}},
	{"wrong method", polls, func(c *customer) { c.refused(http.MethodDelete, "", http.StatusInternalServerError) }},
	{"probe abandoned before its first frame, then silence", polls, func(c *customer) { c.keep(c.probe()) }},
	{"probe abandoned before its first frame, and broken", polls, func(c *customer) { c.probe().reset() }},
	{"probe abandoned after its answer, then silence", polls, func(c *customer) { c.keep(c.probed()) }},
	{"probe abandoned after its answer, and closed", polls, func(c *customer) { c.probed().close(1000) }},
	{"probe open while the session is closed", polls, func(c *customer) {
		c.keep(c.probed())
		c.post("1")
	}},
	{"probe broken, then the session closed", polls, func(c *customer) {
		c.probed().reset()
		c.post("1")
	}},
	{"probe killed, then the session closed by the server", polls, func(c *customer) {
		c.probed().kill(c.sid)
		c.post(`42["disconnect-me",true]`)
	}},
	{"two probes", polls, func(c *customer) { c.keep(c.probed()); c.keep(c.probe()) }},
	{"upgrade confirmed and broken", polls, func(c *customer) {
		l := c.probed()
		_ = l.send(c.ctx, "5")
		l.reset()
	}},
	{"upgrade confirmed while the session is closed", polls, func(c *customer) {
		l := c.probed()
		c.keep(l)
		var close sync.WaitGroup
		close.Go(func() { _, _ = c.tryPost("1") })
		_ = l.send(c.ctx, "5", `42["join","all"]`)
		close.Wait()
	}},

	{"close frame", hasLine, func(c *customer) { c.line.close(1000) }},
	{"close frame with 1001", hasLine, func(c *customer) { c.line.close(1001) }},
	{"broken", hasLine, func(c *customer) { c.line.reset() }},
	{"killed", hasLine, func(c *customer) { c.line.kill(c.sid) }},
	{"killed during a join", hasLine, func(c *customer) {
		_ = c.line.send(c.ctx, `42["join","all","e","f"]`, `40/second,`)
		c.line.kill(c.sid)
	}},
	{"broken with events on their way", hasLine, func(c *customer) {
		_ = c.line.send(c.ctx, `42["echo",1]`, `42["join","g"]`, `42["say","g",-1]`, `42["leave","g"]`, `420["echo",2]`)
		c.line.reset()
	}},
	{"oversize frame", hasLine, func(c *customer) { _ = c.line.send(c.ctx, "4"+strings.Repeat("x", 33<<10)) }},
	{"binary frame", hasLine, func(c *customer) { _ = c.line.sendBinary(c.ctx, []byte{1, 2, 3}) }},
	{"poll after the upgrade", wasUpgraded, func(c *customer) {
		c.request("echo", "") // it is complete
		c.refused(http.MethodGet, "", http.StatusBadRequest)
	}},
	{"another connection after the upgrade", wasUpgraded, func(c *customer) { c.keep(c.probe()) }},
}

// strangers are those who never join a namespace.
var strangers = []step{
	{"polling, silence", nil, func(c *customer) { c.openPolling() }},
	{"polling, one poll abandoned", nil, func(c *customer) { c.openPolling(); c.abandonPoll() }},
	{"polling, closed", nil, func(c *customer) { c.openPolling(); c.post("1") }},
	{"polling, probe, silence", nil, func(c *customer) { c.openPolling(); c.keep(c.probe()) }},
	{"polling, upgraded, silence", nil, func(c *customer) { c.openPolling(); c.upgrade(); c.keep(c.line) }},
	{"polling, malformed", nil, func(c *customer) { c.openPolling(); c.malformed() }},
	{"websocket, silence", nil, func(c *customer) { c.openWebSocket(); c.keep(c.line) }},
	{"websocket, broken at once", nil, func(c *customer) { c.dialAndLeave(line.reset) }},
	{"websocket, closed at once", nil, func(c *customer) { c.dialAndLeave(func(l line) { l.close(1000) }) }},
	{"websocket, malformed", nil, func(c *customer) { c.openWebSocket(); c.malformed() }},
	{"websocket, joins where nothing is", nil, func(c *customer) {
		c.openWebSocket()
		c.send("40/nowhere,")
		c.until("44/nowhere,")
		c.keep(c.line)
	}},
	{"unknown session", nil, func(c *customer) {
		c.sid = "unknown"
		c.refused(http.MethodGet, "", http.StatusBadRequest)
		c.refused(http.MethodPost, "1", http.StatusBadRequest)
	}},
	{"$disconnect before $connect", nil, func(c *customer) {
		h, ok := c.network.(*handlers)
		if !ok { // nothing that a client with a socket can bring about
			c.dialAndLeave(line.reset)
			return
		}
		l := h.newLine()
		<-l.disconnected(1006)
		_ = l.handshake(c.ctx, rawclient.WebSocket)
		l.end(1006)
	}},
	{"$disconnect during $connect", nil, func(c *customer) {
		h, ok := c.network.(*handlers)
		if !ok {
			c.dialAndLeave(line.reset)
			return
		}
		l := h.newLine()
		gone := l.disconnected(1006)
		_ = l.handshake(c.ctx, rawclient.WebSocket)
		<-gone
		l.end(1006)
	}},
}

var malformed = []string{"9", "4", "49", "4x", "42", `42["echo"`, "42{}", "42[]", "42[1,", "0", "2", `42["connect"]`, "40{", "44", "43", "bAA==", `451-["x",{"_placeholder":true,"num":0}]`, `42/nowhere,["x"]`, "4" + deep}

var deep = `2["echo",` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "]"

// malformed sends one of the packets that the protocol does not know.
func (c *customer) malformed() {
	packet := malformed[c.random(len(malformed))]
	if c.line != nil {
		_ = c.line.send(c.ctx, packet)
		return
	}
	_, _ = c.tryPost(packet)
}

// depart closes as a client does that is asked to.
func (c *customer) depart() {
	if c.line != nil {
		c.line.close(1000)
		return
	}
	_, _ = c.tryPost("1")
}

// atOnce sends packets in requests or frames of their own, without waiting for any.
func (c *customer) atOnce(packets ...string) {
	if c.line != nil {
		_ = c.line.send(c.ctx, packets...)
		return
	}
	var posts sync.WaitGroup
	for _, p := range packets {
		posts.Go(func() { _, _ = c.tryPost(p) })
	}
	posts.Wait()
}

// abandonPoll lets a poll begin and leaves.
func (c *customer) abandonPoll() {
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	left := make(chan struct{})
	go func() {
		defer close(left)
		_, _ = c.do(ctx, http.MethodGet, rawclient.Session(c.sid), "")
	}()
	c.post("3") // by the time of its answer the poll is there, as a rule
	cancel()
	<-left
}

// refused sends a request that has to be refused with a status.
func (c *customer) refused(method, body string, status int) {
	a, err := c.do(c.ctx, method, rawclient.Session(c.sid), body)
	if err == nil && a.Status != status {
		err = fmt.Errorf("%s was answered %d %q, want %d", method, a.Status, a.Body, status)
	}
	must(err)
}

// dialAndLeave is gone before the open packet comes.
func (c *customer) dialAndLeave(leave func(line)) {
	l, err := c.dial(c.ctx, rawclient.WebSocket)
	must(err)
	leave(l)
}
