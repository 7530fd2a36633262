//go:build full

package disconnects

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/dozeio/doze/tests/kit/causes"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

// client is a causes.Client over WebSocket, which does what the stock client does with what it gets.
type client struct {
	d    *deployment
	conn *rawclient.Conn
	id   string

	mu       sync.Mutex // guards what follows
	refused  func()     // what it does when a frame has met no function; the stock client closes
	silent   bool       // answers no ping
	joined   map[string]bool
	holding  bool
	finished bool
}

var _ causes.Client = (*client)(nil)

// connect connects a client to "/", which answers pings from then on.
func (d *deployment) connect() *client {
	d.t.Helper()
	conn, err := d.raw.Dial(d.ctx, rawclient.WebSocket)
	if err != nil {
		d.t.Fatal(err)
	}
	c := &client{d: d, conn: conn, joined: map[string]bool{}}
	c.refused = c.Close
	if _, err := conn.Message(d.ctx); err != nil { // the open packet
		d.t.Fatal(err)
	}
	var answer string
	for answer = "{"; err == nil && strings.HasPrefix(answer, "{"); { // of a deployment with one function, which may be at the frame before
		c.send("40")
		answer, err = conn.Message(d.ctx)
	}
	var connected struct{ SID string }
	if err == nil {
		err = json.Unmarshal([]byte(strings.TrimPrefix(answer, "40")), &connected)
	}
	if err != nil || connected.SID == "" {
		d.t.Fatalf("%q %v", answer, err)
	}
	c.id = connected.SID
	go c.read()
	d.t.Cleanup(func() { conn.Reset() })
	return c
}

func (c *client) read() {
	for {
		frame, err := c.conn.Next(c.d.ctx)
		c.mu.Lock()
		switch {
		case err != nil:
			c.finished = true
		case strings.HasPrefix(frame, "40/"):
			name, _, _ := strings.Cut(frame[2:], ",")
			c.joined[name] = true
		case strings.HasPrefix(frame, `42["holding"`):
			c.holding = true
		}
		finished, pong, refused := c.finished, frame == "2" && !c.silent, c.refused
		c.mu.Unlock()
		switch {
		case finished:
			return
		case pong:
			_ = c.conn.Send(c.d.ctx, "3")
		case strings.HasPrefix(frame, "{"):
			refused()
		}
	}
}

// is waits until something holds of the client.
func (c *client) is(what string, holds func() bool) {
	c.d.t.Helper()
	c.d.until(what, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return holds()
	})
}

// send sends a frame. Whoever was disconnected meanwhile cannot.
func (c *client) send(frame string) { _ = c.conn.Send(c.d.ctx, frame) }

func (c *client) ID() string  { return c.id }
func (c *client) Disconnect() { c.send("41") }
func (c *client) Close()      { go func() { _ = c.conn.Close(1001) }() }
func (c *client) Malformed()  { c.send("49") }

func (c *client) Vanish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silent = true
}

func (c *client) Join(namespace string) {
	c.d.t.Helper()
	c.send("40" + namespace + ",")
	c.is("the namespace "+namespace, func() bool { return c.joined[namespace] })
}

func (c *client) Emit(namespace, event string, args ...any) {
	b, err := json.Marshal(append([]any{event}, args...))
	if err != nil {
		panic(err) // texts
	}
	if namespace == "/" {
		c.send("42" + string(b))
		return
	}
	c.send("42" + namespace + "," + string(b))
}

func (c *client) Ask(event string) { c.send(fmt.Sprintf("421[%q]", event)) }

// eitherOr has DynamoDB's requests answered by a table, and the others by a stub.
type eitherOr struct{ table, others http.Handler }

func (e eitherOr) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.Header.Get("X-Amz-Target"), "DynamoDB_") {
		e.table.ServeHTTP(w, r)
		return
	}
	e.others.ServeHTTP(w, r)
}
