package socketiotest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
)

// session is the client's side of one Engine.IO session.
type session struct {
	s       *Server
	query   url.Values
	header  http.Header
	getting chan struct{} // holds one while a GET runs, for the protocol allows one; a mutex would stop a bubble's time
	posting chan struct{} // the same for POSTs

	mu         sync.Mutex // guards everything below
	sid        string
	connection string // "" while polling
	probed     bool   // a probe has been answered
	silent     bool   // the network is gone: nothing is sent any more
	reason     string // not empty: the session is closed
	raw        bool   // it has sent what no client sends, so the answers may be what no client gets
	pending    *protocol.Packet
	clients    map[string]*Client // by namespace
}

// What a client says of why it is disconnected.
const (
	transportClose = "transport close"
	transportError = "transport error"
	byServer       = "io server disconnect"
	byClient       = "io client disconnect"
)

// open begins a session.
func (s *Server) open(d dial) *session {
	c := &session{s: s, query: d.query, header: d.header, clients: map[string]*Client{},
		getting: make(chan struct{}, 1), posting: make(chan struct{}, 1)}
	s.mu.Lock()
	s.sessions = append(s.sessions, c)
	s.mu.Unlock()
	if d.polling {
		c.get()
	} else if connection, status := c.dial(); status == http.StatusOK {
		c.use(connection)
	} else {
		c.closed(transportError)
	}
	s.Settle()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sid == "" { // without an open packet a client sends nothing
		c.close(transportError)
	}
	return c
}

// dial makes a WebSocket connection.
func (c *session) dial() (connection string, status int) {
	c.s.mu.Lock()
	c.s.made++
	connection = fmt.Sprintf("connection%d", c.s.made)
	c.s.mu.Unlock()
	status = c.s.engine.Connect(c.s.context(), connection, c.request(http.MethodGet, "websocket", nil)).Status
	if status == http.StatusOK {
		c.s.mu.Lock()
		c.s.connections[connection] = c
		c.s.mu.Unlock()
	}
	return connection, status
}

// use sends over a connection from now on.
func (c *session) use(connection string) {
	c.mu.Lock()
	c.connection = connection
	c.mu.Unlock()
}

func (c *session) upgrade() error {
	connection, status := c.dial()
	if status != http.StatusOK {
		return fmt.Errorf("the connection was refused with status %d", status)
	}
	c.frameOut(connection, engine.Frame{Data: []byte("2probe")})
	c.mu.Lock()
	probed := c.probed
	c.mu.Unlock()
	if !probed {
		return errors.New("the server did not answer the probe")
	}
	c.use(connection)
	c.frameOut(connection, engine.Frame{Data: []byte("5")})
	return nil
}

// msgpack reports whether the server's clients have the msgpack parser.
func (s *Server) msgpack() bool { return s.engine.Options().BinaryMessages }

func (c *session) request(method, transport string, body []byte) engine.Request {
	c.mu.Lock()
	sid := c.sid
	c.mu.Unlock()
	q := url.Values{}
	for name, values := range c.query {
		q[name] = values
	}
	q.Set("EIO", "4")
	q.Set("transport", transport)
	if sid != "" {
		q.Set("sid", sid)
	}
	if c.s.msgpack() && !c.s.engine.Options().BinaryFrames { // the option forceBase64, without which it could only poll
		q.Set("b64", "1")
	}
	return engine.Request{
		Method: method, Query: q, Header: c.header.Clone(), Body: body, Remote: "192.0.2.1", URL: "/socket.io/?" + q.Encode(),
	}
}

// over is a context that has ended: a GET with it takes what waits and does not wait itself.
var over = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// get polls once and reports whether there was something.
func (c *session) get() bool {
	c.getting <- struct{}{}
	defer func() { <-c.getting }()
	r, ctx := c.request(http.MethodGet, "polling", nil), over
	if r.Query.Get("sid") == "" {
		ctx = c.s.context()
	}
	response := c.s.engine.HTTP(ctx, r)
	if response.Status != http.StatusOK {
		c.refused()
		return false
	}
	packets, err := protocol.DecodePayload(response.Body)
	if err != nil {
		c.s.t.Errorf("socketiotest: the server answered a GET with %q: %v", response.Body, err)
	}
	for _, p := range packets {
		c.packet(p)
	}
	return len(packets) > 0 && packets[0].Type != protocol.EngineNoop
}

// settle lets everything arrive that is on its way.
func (c *session) settle() {
	c.s.Settle()
	for c.polls() && c.get() {
		c.s.Settle()
	}
}

func (c *session) polls() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.connection == "" && c.reason == "" && !c.silent
}

// send sends packets: in one POST, or one frame each.
func (c *session) send(packets ...protocol.EnginePacket) {
	c.mu.Lock()
	connection, mute := c.connection, c.silent || c.reason != ""
	c.mu.Unlock()
	switch {
	case mute:
	case connection == "":
		c.posting <- struct{}{}
		defer func() { <-c.posting }()
		r := c.request(http.MethodPost, "polling", protocol.AppendPayload(nil, packets...))
		if c.s.engine.HTTP(c.s.context(), r).Status != http.StatusOK {
			c.refused()
		}
	default:
		for _, p := range packets {
			f := engine.Frame{Data: p.Append(nil)}
			if p.Binary && c.s.engine.Options().BinaryFrames {
				f = engine.Frame{Binary: true, Data: p.Data}
			}
			c.frameOut(connection, f)
		}
	}
}

// refused notes that a request was not answered with 200: the session is no more, unless it has just been upgraded.
func (c *session) refused() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.connection == "" {
		c.close(transportError)
	}
}

func (c *session) frameOut(connection string, f engine.Frame) {
	c.s.engine.Frame(c.s.context(), connection, f)
}

// closed notes that the session has ended.
func (c *session) closed(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.close(reason)
}

// close is closed with c.mu held.
func (c *session) close(reason string) {
	if c.reason != "" {
		return
	}
	c.reason = reason
	for _, client := range c.clients {
		client.end(reason)
	}
}

// end closes the session from the client's side.
func (c *session) end() {
	c.mu.Lock()
	connection, sid := c.connection, c.sid
	ended := c.reason != ""
	c.close(byClient)
	c.mu.Unlock()
	switch {
	case connection != "":
		c.s.drop(connection)
	case sid != "" && !ended:
		c.s.engine.HTTP(c.s.context(), c.request(http.MethodPost, "polling", []byte{byte(protocol.EngineClose)}))
	}
}

// vanish ends the connection from neither side.
func (c *session) vanish() {
	c.mu.Lock()
	connection := c.connection
	c.silent = true
	for _, client := range c.clients {
		client.end(transportClose)
	}
	c.mu.Unlock()
	if connection != "" {
		c.s.drop(connection)
	}
}
