package socketiotest

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/socketio"
)

// Option says how a client connects.
type Option func(*dial)

type dial struct {
	auth    any
	polling bool
	query   url.Values
	header  http.Header
}

// Auth is the payload with which the client joins the namespace: anything that JSON makes an object of.
func Auth(payload any) Option { return func(d *dial) { d.auth = payload } }

// Polling makes the client poll. By default it is on WebSocket from the start.
func Polling() Option { return func(d *dial) { d.polling = true } }

// Query adds a parameter to the client's URL.
func Query(name, value string) Option { return func(d *dial) { d.query.Add(name, value) } }

// Header adds a header to the client's requests.
func Header(name, value string) Option { return func(d *dial) { d.header.Add(name, value) } }

// Client is a client in one namespace. Those of its methods that can fail the test are for the test's goroutine; the
// others may be called concurrently.
type Client struct {
	s         *Server
	session   *session
	namespace string

	// The rest is guarded by session.mu.
	id      string
	refused *socketio.ConnectError
	reason  string
	events  []protocol.Packet
	taken   protocol.Packet // of events, the last that the test has got
	answers map[string]func(socketio.Args) socketio.Args
	acks    map[int64]protocol.Packet
	emitted int64
}

// Connect connects a client to a namespace, over a session of its own. A refusal fails the test.
func (s *Server) Connect(namespace string, options ...Option) *Client {
	s.t.Helper()
	d := dialOf(options)
	return s.open(d).join(namespace, d).mustBeIn()
}

// ConnectError is for a client that is to be kept out: it returns what the client is told. Acceptance fails the test.
func (s *Server) ConnectError(namespace string, options ...Option) *socketio.ConnectError {
	s.t.Helper()
	d := dialOf(options)
	return s.open(d).join(namespace, d).mustBeOut()
}

// Connect joins another namespace, or the same one again, over the client's session. A refusal fails the test.
func (c *Client) Connect(namespace string, options ...Option) *Client {
	c.s.t.Helper()
	return c.session.join(namespace, dialOf(options)).mustBeIn()
}

// ConnectError is Connect for a client that is to be kept out.
func (c *Client) ConnectError(namespace string, options ...Option) *socketio.ConnectError {
	c.s.t.Helper()
	return c.session.join(namespace, dialOf(options)).mustBeOut()
}

func dialOf(options []Option) dial {
	d := dial{query: url.Values{}, header: http.Header{"Host": {"localhost"}, "User-Agent": {"socketiotest"}}}
	for _, o := range options {
		o(&d)
	}
	return d
}

func (c *session) join(namespace string, d dial) *Client {
	client := &Client{s: c.s, session: c, namespace: namespace, acks: map[int64]protocol.Packet{},
		answers: map[string]func(socketio.Args) socketio.Args{}}
	p := protocol.Packet{Type: protocol.Connect, Namespace: namespace, ID: protocol.NoID}
	if d.auth != nil {
		var err error
		if p.Data, err = protocol.EncodeJSON(d.auth); err != nil {
			c.s.t.Fatalf("socketiotest: Auth: %v", err)
		}
	}
	c.mu.Lock()
	c.clients[namespace] = client
	c.mu.Unlock()
	client.send(p)
	return client
}

func (c *Client) mustBeIn() *Client {
	c.s.t.Helper()
	c.session.mu.Lock()
	id, refused, reason := c.id, c.refused, c.session.reason
	c.session.mu.Unlock()
	switch {
	case refused != nil:
		c.s.t.Fatalf("the client was kept out of %s: %s %v", c.namespace, refused.Message, refused.Data)
	case id == "":
		c.s.t.Fatalf("the client's CONNECT to %s was not answered; its session: %q", c.namespace, reason)
	}
	return c
}

func (c *Client) mustBeOut() *socketio.ConnectError {
	c.s.t.Helper()
	c.session.mu.Lock()
	refused, reason := c.refused, c.session.reason
	c.session.mu.Unlock()
	if refused == nil {
		c.s.t.Fatalf("the client was not kept out of %s; its session: %q", c.namespace, reason)
	}
	return refused
}

// ID returns the socket's id, as Socket.ID does on the server.
func (c *Client) ID() string {
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	return c.id
}

// Disconnected returns why the client is disconnected, in the words of socket.io-client, and "" when it is connected.
func (c *Client) Disconnected() string {
	c.session.settle()
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	return c.reason
}

// Disconnect leaves the namespace. The session stays, as with a client that is in other namespaces too.
func (c *Client) Disconnect() {
	c.send(protocol.Packet{Type: protocol.Disconnect, Namespace: c.namespace, ID: protocol.NoID})
	c.session.mu.Lock()
	c.end(byClient)
	c.session.mu.Unlock()
}

// Close closes the client's session, as the page does that is closed.
func (c *Client) Close() {
	c.session.end()
	c.s.Settle()
}

// Vanish is the loss of the network. The server is told of a lost connection at once; of a client that polls it finds
// out when the clock has passed the ping timeout.
func (c *Client) Vanish() {
	c.session.vanish()
	c.s.Settle()
}

// Upgrade takes the session of a client that polls to WebSocket.
func (c *Client) Upgrade() {
	c.s.t.Helper()
	c.session.settle()
	if err := c.session.upgrade(); err != nil {
		c.s.t.Fatalf("the client could not upgrade: %v", err)
	}
	c.session.settle()
}

// Raw sends Engine.IO packets as they are, right or wrong: in one request when the client polls, else in frames.
func (c *Client) Raw(packets ...protocol.EnginePacket) {
	c.session.mu.Lock()
	c.session.raw = true
	c.session.mu.Unlock()
	c.session.send(packets...)
	c.session.settle()
}

// encode returns the messages of a packet, in the format of the application's clients.
func (c *Client) encode(p protocol.Packet) ([]protocol.EnginePacket, error) {
	if !c.s.msgpack() {
		return p.Encode()
	}
	message, err := p.EncodeMsgPack()
	return []protocol.EnginePacket{message}, err
}

func (c *Client) send(p protocol.Packet) {
	packets, err := c.encode(p)
	if err != nil {
		c.s.t.Fatalf("socketiotest: %v", err)
	}
	c.session.send(packets...)
	c.session.settle()
}

// packet takes a packet from the server. session.mu is held.
func (c *Client) packet(p protocol.Packet) {
	switch p.Type {
	case protocol.Connect:
		var reply struct{ SID string }
		if err := json.Unmarshal(p.Data, &reply); err != nil || c.id != "" && !c.session.raw {
			c.s.t.Errorf("socketiotest: the server sent a CONNECT %q to socket %q", p.Data, c.id)
		}
		c.id = reply.SID
	case protocol.ConnectError:
		c.refused = &socketio.ConnectError{}
		if err := protocol.DecodeJSON(p.Data, c.refused); err != nil {
			c.s.t.Errorf("socketiotest: the server sent a CONNECT_ERROR %q: %v", p.Data, err)
		}
	case protocol.Disconnect:
		c.end(byServer)
	case protocol.Event, protocol.BinaryEvent:
		c.events = append(c.events, p)
		c.answer(p)
	case protocol.Ack, protocol.BinaryAck:
		if _, ok := c.acks[p.ID]; ok {
			c.s.t.Errorf("socketiotest: the server acked event %d twice", p.ID)
		}
		c.acks[p.ID] = p
	}
}

// end notes that the client is disconnected. session.mu is held.
func (c *Client) end(reason string) {
	if c.reason == "" {
		c.reason = reason
	}
}
