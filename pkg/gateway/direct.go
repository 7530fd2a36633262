package gateway

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/gobwas/ws"
)

// Direct is what may stand behind a gateway in its own process instead of functions: it gets what came, without events,
// and answers with Post, Reachable and Disconnect, without the management API. This is not AWS's, but for a server that
// is one process. All methods may be called concurrently, but for one connection Message and Closed are called one
// after the other, in the order of arrival, each when the one before has returned or has yielded. Messages that wait
// are dropped when the connection is ended from this side, by Disconnect, Close or ErrSlow.
type Direct interface {
	// Connect decides on a handshake, which succeeds with a status from 200 to 299. Of the header, the client then gets
	// the subprotocol. Posts to the connection are answered ErrGone until Opened.
	Connect(ctx context.Context, id, connection string, r *http.Request) (status int, header http.Header, body []byte)
	// Opened follows when the client has been answered. It does not when Disconnect has been called before: then Closed
	// does.
	Opened(ctx context.Context, connection string)
	// Prompt is asked for each text message first, while others may still be handled. When it reports true the message
	// has been handled. It must neither keep data nor block.
	Prompt(ctx context.Context, connection string, data []byte) bool
	// Message handles a message, whose data is the callee's. It may call yield, so that the next one is handled while
	// this one still is. When it has returned, yield has no effect.
	Message(ctx context.Context, connection string, binary bool, data []byte, yield func())
	// Closed follows when the connection has ended, with WebSocket's code.
	Closed(ctx context.Context, connection string, code int)
	// HTTP answers a request below Path, whose body has been read. Its writes fail when the client does not take them.
	HTTP(id string, w http.ResponseWriter, r *http.Request, body []byte) (status int)
}

// Errors of Post.
var (
	// ErrGone says that there is no such connection.
	ErrGone = errors.New("gateway: no such connection")
	// ErrSlow says that a client has not read what was sent to it, so that its connection has been broken.
	ErrSlow = errors.New("gateway: the client does not read")
)

// Query returns the values of a request's query by the rules of browsers: a ; is part of a value, and so is a % that
// begins no escape.
func Query(r *http.Request) url.Values { return query(r) }

// Post sends one message to a connection, and does not wait for its client. What the socket does not take waits in
// memory, WriteBuffer bytes at most: a client that is behind by more is taken to read no longer, and disconnected.
func (g *Gateway) Post(connection string, binary bool, data []byte) error {
	g.stats.posts.Add(1)
	c := g.find(connection)
	if c == nil {
		return ErrGone
	}
	op := ws.OpText
	if binary {
		op = ws.OpBinary
	}
	switch c.send(op, data) {
	case nil:
		return nil
	case errBufferFull:
		g.opt.Logger.Warn("a client that does not read is disconnected", "connection", connection, "bytes", g.opt.WriteBuffer)
		g.Kill(connection)
		c.discard()
		return ErrSlow
	}
	return ErrGone
}

// Reachable reports whether a connection is open.
func (g *Gateway) Reachable(connection string) bool { return g.reachable(connection) != nil }

// Disconnect closes a connection with 1000, and reports whether there was one. With Direct that includes one whose
// handshake is not answered yet, which is closed right after the answer. Without, as on AWS, it is not known so early.
func (g *Gateway) Disconnect(connection string) bool {
	find := g.reachable
	if g.opt.Direct != nil {
		find = g.find
	}
	c := find(connection)
	if c == nil {
		return false
	}
	if !c.doom() {
		c.end(statusNormal, reasonNormal, true)
		c.discard()
	}
	return true
}

// doom has a connection end as soon as its handshake is answered, and reports whether that is still to come. Whoever
// asks for its end asks once, and nobody else would: its session may be gone.
func (c *conn) doom() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == connecting {
		c.cut = true
	}
	return c.state == connecting
}

// Go calls f on a goroutine of its own, and reports false when Close has returned and it does not. Close waits for f, and
// ends its context when it waits no longer.
func (g *Gateway) Go(f func(context.Context)) bool {
	return g.tasks.run(func() { f(g.base) })
}

// connectDirectly is connect without a function.
func (g *Gateway) connectDirectly(r *http.Request, c *conn) (protocol, id string, refusal *proxyResponse) {
	g.stats.connects.Add(1)
	id = newRequestID()
	status, header, body := g.opt.Direct.Connect(g.base, id, c.id, r)
	if status < 200 || status > 299 {
		return "", id, &proxyResponse{StatusCode: &status, MultiValueHeaders: header, Body: string(body)}
	}
	return header.Get("Sec-WebSocket-Protocol"), id, nil
}

// directly hands on a payload, which it does not keep.
func (c *conn) directly(kind ws.OpCode, payload []byte) {
	g := c.g
	if kind == ws.OpText && g.opt.Direct.Prompt(g.base, c.id, payload) {
		g.stats.messages.Add(1)
		return
	}
	if !c.admit(len(payload)) {
		return
	}
	m := message{event: bytes.Clone(payload), binary: kind == ws.OpBinary}
	now := time.Now()
	busy := now.Sub(c.spoke) < busyFor
	c.spoke = now
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != open { // it came to its end while there was no room
		c.release(len(payload))
		return
	}
	c.queue = append(c.queue, m)
	switch {
	case c.draining:
	case busy:
		c.gathered++
	default:
		c.draining = g.tasks.run(c.drain)
	}
}

const (
	roomBeside = 100 << 10        // bytes of a client's messages that may wait beside one of the largest
	small      = 4 << 10          // bytes of a message that is taken however much has yielded: it may be an ack
	noRoomTime = 10 * time.Second // how long a client goes unread before the log says so
)

// admit waits until there is room for a message of so many bytes. The reader reads nothing meanwhile, also no pong.
func (c *conn) admit(bytes int) bool {
	g := c.g
	for {
		c.mu.Lock()
		if c.hasRoom(bytes) {
			c.waiting++
			c.held += bytes
			c.mu.Unlock()
			return true
		}
		if !c.draining && len(c.queue) > 0 { // what the reader has gathered
			c.draining = g.tasks.run(c.drain)
		}
		waiting, held := c.waiting+c.yielded, c.held+c.kept
		c.mu.Unlock()
		stop := g.opt.Clock.AfterFunc(noRoomTime, func() {
			g.opt.Logger.Warn("a client is not read, nor are its pongs: what it has sent waits for its handlers",
				"connection", c.id, "messages", waiting, "bytes", held)
		})
		select {
		case <-c.room:
			stop()
		case <-g.base.Done():
			stop()
			return false
		}
	}
}

// hasRoom reports whether one more message may wait. What has yielded, whose handler has its bytes still, may have as
// much as what waits. The mutex is held.
func (c *conn) hasRoom(bytes int) bool {
	most := c.g.opt.MaxMessage + roomBeside
	switch {
	case c.waiting > 0 && (c.waiting >= c.g.opt.MaxParallel || c.held+bytes > most):
		return false
	case bytes <= small: // a client's rate bounds how many of these have yielded
		return true
	}
	return c.kept+c.held+bytes <= 2*most
}

// release gives a message's room back. The mutex is held.
func (c *conn) release(bytes int) {
	c.waiting--
	c.held -= bytes
	c.makeRoom()
}

// makeRoom wakes the reader, if there is no room for what it has. The mutex is held.
func (c *conn) makeRoom() {
	select {
	case c.room <- struct{}{}:
	default:
	}
}

// discard drops what waits, of a client that the server has cut off.
func (c *conn) discard() {
	c.mu.Lock()
	c.cut = true
	c.mu.Unlock()
}

// skips reports whether a message is not to be handled any more. While a connection is still to be ended, who waits for
// something may wait for this message. The mutex is held.
func (c *conn) skips(m message) bool {
	return c.cut && !m.disconnect && (c.state == closed || c.yielded == 0)
}

// leave ends the connection with 1001 once the handlers that run have returned. No other begins.
func (c *conn) leave() {
	c.mu.Lock()
	c.cut = true
	idle := c.isIdle()
	c.mu.Unlock()
	if idle {
		c.end(statusGoingAway, reasonGoingAway, true)
	}
}

// isIdle reports whether no handler runs. The mutex is held.
func (c *conn) isIdle() bool { return !c.draining && c.yielded == 0 }

// The reader of a client that has sent something a moment ago handles what comes itself: another goroutine would have
// to be woken for each message, which costs as much as what a short handler does. The first message after a pause goes
// to another goroutine all the same, because handlers need a large stack, which readers of idle clients are to be
// without. A reader handles what has come together, so that the answers leave together, and no more than maxGathered.
// When that takes longer than patience, another goroutine reads on.
const (
	busyFor     = time.Second
	maxGathered = 64
	patience    = 5 * time.Millisecond
)

// handleGathered handles messages, unless more have come, and reports whether another goroutine reads on.
func (c *conn) handleGathered() (overtaken bool) {
	if c.gathered < maxGathered && c.hasFrame() {
		return false
	}
	c.gathered = 0
	c.mu.Lock()
	if c.draining || len(c.queue) == 0 { // its end has come, and all before that
		c.mu.Unlock()
		return false
	}
	c.draining, c.handling = true, true
	me := c.readers
	if c.patience == nil {
		c.patience = time.AfterFunc(patience, c.overtake)
	} else {
		c.patience.Reset(patience)
	}
	c.mu.Unlock()
	c.drain()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.readers != me {
		return true
	}
	c.handling = false
	c.patience.Stop()
	return false
}

// overtake has another goroutine read on while the reader handles messages.
func (c *conn) overtake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.handling && c.g.tasks.run(c.read) {
		c.handling = false
		c.readers++
	}
}

// hasFrame reports whether a whole frame, and not a large one, has been read already.
func (c *conn) hasFrame() bool {
	const masked = 6 // bytes of the header of a client's small frame
	b, _ := c.in.Peek(min(c.in.Buffered(), masked+2))
	if len(b) < masked {
		return false
	}
	length, header := int(b[1]&0x7f), masked
	if length == 126 {
		length, header = int(b[2])<<8|int(b[3]), masked+2
	}
	return length != 127 && c.in.Buffered() >= header+length
}

// drainer is a goroutine that works off a connection's queue. Its fields are guarded by c.mu.
type drainer struct {
	c       *conn
	running uint64 // the message that it runs, counted from 1; 0 for none
	begun   uint64 // messages so far
	size    int    // of the message that it runs
	yielded bool   // another one goes on
}

// yield lets another goroutine go on with the queue, and with reading when this one is the reader, unless the message
// that yields has come to its end. Its message takes the room of one that waits no more, because what it waits for may be
// a message; its bytes are counted until its end.
func (d *drainer) yield(message uint64) {
	c := d.c
	c.mu.Lock()
	if d.yielded || d.running != message {
		c.mu.Unlock()
		return
	}
	d.yielded, c.corked = true, false
	c.yielded++
	c.kept += d.size
	c.release(d.size)
	_ = c.uncork() // the reader will notice
	c.draining = len(c.queue) > 0 && c.g.tasks.run(c.drain)
	c.mu.Unlock()
	c.overtake()
}

// runDirectly hands a message over, or the news of the end.
func (c *conn) runDirectly(m message, d *drainer) {
	g := c.g
	if m.disconnect {
		g.stats.disconnects.Add(1)
		g.opt.Direct.Closed(g.base, c.id, m.code)
		return
	}
	c.mu.Lock()
	d.begun++
	number := d.begun
	d.running, d.size = number, len(m.event)
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		d.running = 0
		if d.yielded {
			c.yielded--
			c.kept -= d.size
			c.makeRoom()
		} else {
			c.release(d.size)
		}
	}()
	g.stats.messages.Add(1)
	g.opt.Direct.Message(g.base, c.id, m.binary, m.event, func() { d.yield(number) })
}

// bodyTime is how long a client may take for the body of a request that Direct is to answer. Others have readTime.
const bodyTime = 30 * time.Second

// readDirectly is bodies.read with a limit for the time, which is none for what follows: a request may wait for long.
// Of a body that was not read to its end, the rest is not waited for, and none is when the gateway closes.
func (g *Gateway) readDirectly(w http.ResponseWriter, r *http.Request, limit int64) (body []byte, release func(), err error) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(g.bodyTime)) // where it cannot be set, there is no socket
	stop := context.AfterFunc(g.closing, func() { _ = control.SetReadDeadline(time.Unix(1, 0)) })
	body, release, err = g.bodies.read(w, r, limit)
	if stop(); err != nil {
		w.Header().Set("Connection", "close")
		if g.closing.Err() != nil {
			err = errClosed
		}
		return nil, release, err
	}
	_ = control.SetReadDeadline(time.Time{})
	if waits(r) { // it would hold the room of others
		release()
		return nil, func() {}, nil
	}
	return body, release, nil
}

// waits reports whether a request may wait for long. Its body means nothing.
func waits(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// answerDirectly is a call of HTTP. What waits is told when its client leaves and when the gateway closes; what brings
// packets is not cut short.
func (g *Gateway) answerDirectly(w http.ResponseWriter, r *http.Request, body []byte) (status int, id string) {
	g.stats.requests.Add(1)
	ctx := g.base
	if waits(r) {
		var cancel func()
		ctx, cancel = context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(g.closing, cancel)()
	}
	id = newRequestID()
	out := &inSteps{ResponseWriter: w, control: http.NewResponseController(w), time: g.writeTime}
	defer out.limit()
	return g.opt.Direct.HTTP(id, out, r.WithContext(ctx), body), id
}
