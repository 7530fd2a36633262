//go:build full

package histories

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dozeio/doze/tests/kit/rawclient"
)

// patience is how long a client waits for an answer.
const patience = 12 * time.Second

// client is one client with one session. Its script runs in one goroutine; what comes is read in another.
type client struct {
	h    *history
	name string
	slow bool
	ctx  context.Context
	stop context.CancelFunc
	sid  string

	reading sync.WaitGroup

	mu       sync.Mutex // guards what follows
	line     *rawclient.Conn
	pausing  bool          // of polls, for an upgrade
	polling  chan struct{} // closed when no poll is under way
	dead     string        // why the session has ended, for the client
	heard    time.Time     // when the server last said something
	acks     map[string]chan struct{}
	next     int
	sockets  map[string]*socket // by namespace
	connects chan string
	open     chan string
	probed   chan struct{}
}

// end notes that the session is over. The first reason counts.
func (c *client) end(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked(fmt.Sprintf(format, args...))
}

func (c *client) endLocked(why string) {
	if c.dead == "" {
		c.dead = why
		c.stop()
	}
}

// alive reports whether the session goes on, as far as the client knows.
func (c *client) alive() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead == "" && time.Since(c.heard) > pingInterval+pingTimeout {
		c.endLocked("ping timeout")
	}
	return c.dead == ""
}

// dawdle has a slow client pause before it reads on.
func (c *client) dawdle() {
	if !c.slow {
		return
	}
	pause := time.NewTimer(rand.N(200 * time.Millisecond))
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-c.ctx.Done():
	}
}

// newClient begins a session; nil when the server would not have one.
func (h *history) newClient(name string, webSocket, slow bool) *client {
	ctx, stop := context.WithCancel(h.run.ctx)
	c := &client{h: h, name: name, slow: slow, ctx: ctx, stop: stop, heard: time.Now(), acks: map[string]chan struct{}{},
		sockets: map[string]*socket{}, connects: make(chan string, 10), open: make(chan string, 1), probed: make(chan struct{}, 1)}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if !webSocket {
		sid, err := h.run.raw.Open(limited)
		if err != nil {
			stop()
			return nil
		}
		c.sid = sid
		c.startPolls()
		return c
	}
	line, err := h.run.raw.Dial(limited, rawclient.WebSocket)
	if err != nil {
		stop()
		return nil
	}
	c.line = line
	c.read(line)
	select {
	case c.sid = <-c.open:
		return c
	case <-limited.Done():
		c.end("no open packet")
		line.Reset()
		return nil
	}
}

// packet handles what the server says.
func (c *client) packet(p string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard = time.Now()
	switch {
	case p == "":
		c.h.violation("%s got an empty packet", c.name)
	case p == "2":
		go c.send("3") // not in order with the script, as with any client
	case p[0] == '0':
		c.open <- rawclient.SID(p)
	case p[0] == '1':
		c.endLocked("closed by the server")
	case strings.HasPrefix(p, "4"):
		c.message(p[1:])
	}
}

// message handles a Socket.IO packet. The mutex is held.
func (c *client) message(p string) {
	kind, rest := p[0], p[1:]
	namespace := "/"
	if strings.HasPrefix(rest, "/") {
		namespace, rest, _ = strings.Cut(rest, ",")
	}
	i := strings.IndexAny(rest, "[{")
	if i < 0 {
		i = len(rest)
	}
	id, body := rest[:i], rest[i:]
	switch kind {
	case '0':
		var connected struct{ SID string }
		_ = json.Unmarshal([]byte(body), &connected)
		c.connects <- connected.SID
	case '1':
		c.endLocked("disconnected by the server")
	case '2':
		var said []any
		if err := json.Unmarshal([]byte(body), &said); err != nil || len(said) != 3 {
			c.h.violation("%s got %q", c.name, p)
			return
		}
		s := c.sockets[namespace]
		if s == nil { // it has just left, or its CONNECT's answer is on its way after this
			return
		}
		s.received = append(s.received, receipt{emit: int(said[1].(float64)), index: int(said[2].(float64)), at: c.h.tick()})
	case '3':
		if ack := c.acks[id]; ack != nil && body == `["ok"]` {
			delete(c.acks, id)
			close(ack)
		} else {
			c.h.violation("%s got an ack twice, or one that it did not ask for: %q", c.name, p)
		}
	case '4':
		c.h.violation("%s got a CONNECT_ERROR %q", c.name, p)
	}
}

// head is what a packet of a namespace begins with.
func head(kind, namespace string) string {
	if namespace == "/" {
		return "4" + kind
	}
	return "4" + kind + namespace + ","
}

// call sends an event and reports whether it was acked.
func (c *client) call(namespace, event string, args ...any) bool {
	body, _ := json.Marshal(append([]any{event}, args...))
	ack := make(chan struct{})
	c.mu.Lock()
	c.next++
	id := strconv.Itoa(c.next)
	c.acks[id] = ack
	c.mu.Unlock()
	c.send(head("2", namespace) + id + string(body))
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case <-ack:
		return true
	case <-c.ctx.Done():
	case <-limit.C:
		c.h.run.unacked.Add(1)
	}
	c.mu.Lock()
	delete(c.acks, id)
	c.mu.Unlock()
	select {
	case <-ack:
		return true
	default:
		c.mu.Lock()
		c.acks[id] = make(chan struct{}) // it may still come
		c.mu.Unlock()
		return false
	}
}

// connect joins a namespace. A client that is not let in, for want of an answer, gives up.
func (c *client) connect(namespace string) bool {
	s := &socket{client: c, namespace: namespace, rooms: map[string][]*operation{}}
	c.mu.Lock()
	s.before = c.sockets[namespace]
	c.sockets[namespace] = s
	c.mu.Unlock()
	c.h.mu.Lock()
	c.h.sockets = append(c.h.sockets, s)
	c.h.mu.Unlock()
	c.send(head("0", namespace))
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case id := <-c.connects:
		c.mu.Lock()
		s.id, s.connected = id, c.h.tick()
		c.mu.Unlock()
		return true
	case <-c.ctx.Done():
	case <-limit.C:
		c.end("a CONNECT was not answered")
	}
	return false
}
