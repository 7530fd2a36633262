package gateway

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
)

// Closing codes and the reasons that $disconnect gets with them. https://github.com/boto/boto3/issues/3789 has the one
// of a DeleteConnection; those of 1001, 1005 and 1006 are from memory.
const (
	statusNormal         = 1000
	statusGoingAway      = 1001
	statusProtocolError  = 1002
	statusUnsupported    = 1003
	statusNoStatus       = 1005
	statusAbnormal       = 1006
	statusInvalidPayload = 1007
	statusTooBig         = 1009

	reasonNormal    = "Connection Closed Normally"
	reasonGoingAway = "Going away"
	reasonNoStatus  = "Client-side close frame status not set"
	reasonAbnormal  = "Connection closed abnormally"
)

const (
	lingering = 5 * time.Second  // how long a client has to answer our close frame
	writeTime = 30 * time.Second // how long a client may take nothing at all before it is given up; see writeStep
)

// conn is one connection of the WebSocket API. One goroutine reads; whoever has something to say writes under mu.
type conn struct {
	g           *Gateway
	id          string
	context     []byte // what the requestContext of its events has in common
	connectedAt time.Time
	host        string
	identity    identity

	in         *bufio.Reader
	partly     fragments     // the reader's
	pong       []byte        // frame that answers a ping, if not empty; the reader's
	arrived    uint64        // messages so far; the reader's
	spoke      time.Time     // when the last message came, Direct only; the reader's
	gathered   int           // messages that the reader will handle itself; the reader's
	slots      chan struct{} // one for each invocation that runs or waits; nil with Direct
	room       chan struct{} // with Direct: holds one when a message has ended since
	lastActive atomic.Int64  // Unix milliseconds of the last data frame in either direction

	mu       sync.Mutex
	state    state
	known    time.Time // when @connections begins to know it
	vanish   bool      // the fault OpenThenGone: the next post is answered 410
	nc       net.Conn
	socket   socket   // nc's, for writing without waiting
	early    [][]byte // frames that the fault EarlyPostArrives holds back
	pending  []byte   // what the socket did not take yet
	unsent   int      // bytes of pending, and of what flush is writing
	flushing bool
	corked   bool        // more will follow at once: what is written waits for it, see cork
	corkTime *time.Timer // ends the wait; nil before the first
	began    uint64      // the latest message whose invocation began
	queue    []message   // OrderedFrames only
	draining bool
	patience *time.Timer // of the reader that handles messages itself; nil before the first
	handling bool        // the reader is at it
	readers  int         // that were too slow at it, so that another one reads
	waiting  int         // messages that are handled or are to be, Direct only
	held     int         // bytes of these
	kept     int         // bytes of the messages whose handlers have yielded, Direct only
	yielded  int         // handlers that wait for something, and hold up no other; Direct only
	cut      bool        // the server has ended it or is about to, so that no handler begins; Direct only
	stop     func() bool // of the clock's next look at the limits
}

type state int

const (
	connecting state = iota
	open
	closed
)

type identity struct{ sourceIP, userAgent string }

var (
	errGone       = errors.New("connection is not open")
	errBufferFull = errors.New("client takes no more")
	errDoomed     = errors.New("connection was ended before it was open")
)

func (g *Gateway) newConn(r *http.Request) *conn {
	raw := g.random.id()
	c := &conn{
		g: g, id: string(raw[:]), connectedAt: g.opt.Clock.Now(), host: r.Host,
		identity: identity{sourceIP: SourceIP(r), userAgent: r.UserAgent()},
	}
	if g.opt.Direct == nil {
		c.slots = make(chan struct{}, g.opt.MaxParallel)
		c.context = g.connectionContext(c)
	} else {
		c.room = make(chan struct{}, 1)
	}
	c.touch()
	return c
}

// SourceIP returns the IP address that a request comes from.
func SourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// find returns nil for a connection that has ended or never was; one still connecting is found.
func (g *Gateway) find(id string) *conn {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.conns[id]
}

func (c *conn) isOpen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == open
}

// reachable returns the connection that @connections knows by an id, or nil.
func (g *Gateway) reachable(id string) *conn {
	c := g.find(id)
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != open || c.inGap() {
		return nil
	}
	return c
}

// inGap says whether the handshake has been answered only just now. The mutex is held.
func (c *conn) inGap() bool { return c.g.opt.Clock.Now().Before(c.known) }

// start sends the handshake's reply and, in the same breath, opens the connection to posts. After errDoomed it is open,
// and is to be ended.
func (c *conn) start(nc net.Conn, reply []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nc = nc
	c.socket.init(nc)
	c.state = open
	c.known = c.g.opt.Clock.Now().Add(c.g.opt.ConnectGap)
	for _, frame := range c.early {
		reply = append(reply, frame...)
	}
	c.early = nil
	if err := c.enqueue(reply); err != nil {
		return err
	}
	c.watch()
	if c.cut {
		return errDoomed
	}
	return nil
}

// abandon forgets a connection whose handshake was refused: there is no $disconnect for it.
func (c *conn) abandon() {
	c.mu.Lock()
	c.state = closed
	c.mu.Unlock()
	c.forget()
}

func (c *conn) forget() {
	c.g.mu.Lock()
	delete(c.g.conns, c.id)
	c.g.mu.Unlock()
}

func (c *conn) touch() { c.lastActive.Store(c.g.opt.Clock.Now().UnixMilli()) }

// watch arms the clock for the earlier of the two limits, idle time and age. Traffic does not touch the timer: when it
// fires too early it is armed again. The mutex is held.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
func (c *conn) watch() {
	c.stop = c.g.opt.Clock.AfterFunc(c.remaining(), func() {
		c.mu.Lock()
		if c.state != open {
			c.mu.Unlock()
			return
		}
		if c.remaining() > 0 {
			c.watch()
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		c.end(statusGoingAway, reasonGoingAway, true)
	})
}

func (c *conn) remaining() time.Duration {
	now := c.g.opt.Clock.Now()
	idle := time.UnixMilli(c.lastActive.Load()).Add(c.g.opt.IdleTimeout).Sub(now)
	return min(idle, c.connectedAt.Add(c.g.opt.MaxAge).Sub(now))
}

// end closes the connection to posts, tells the client if it is still there, and invokes $disconnect: once, whoever
// comes first. The reader goes on until the client has closed its side, for a short while at most.
func (c *conn) end(code int, reason string, tell bool) {
	c.mu.Lock()
	if c.state == closed {
		c.mu.Unlock()
		return
	}
	c.state = closed
	if c.stop != nil {
		c.stop()
	}
	if tell && c.nc != nil {
		c.nc.SetReadDeadline(time.Now().Add(lingering))
		var body []byte
		if code != statusNoStatus {
			body = ws.NewCloseFrameBody(ws.StatusCode(code), "")
		}
		c.corked = false
		c.enqueue(appendFrame(nil, ws.OpClose, body))
		if !c.flushing {
			closeWrite(c.nc)
		}
	}
	c.mu.Unlock()
	c.forget()
	c.disconnected(code, reason)
}

// disconnected invokes $disconnect, as often and as late as the faults will have it.
func (c *conn) disconnected(code int, reason string) {
	if c.g.opt.Direct != nil {
		c.dispatch(message{disconnect: true, code: code})
		return
	}
	if c.g.opt.Disconnect == nil {
		return
	}
	for _, delay := range c.g.faults.disconnect() {
		event := c.g.disconnectEvent(c, code, reason)
		c.g.tasks.after(delay, true, func() { c.dispatch(message{event: event, disconnect: true}) })
	}
}

// drop breaks the connection without a word.
func (c *conn) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nc == nil {
		return
	}
	if tcp, ok := c.nc.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.nc.Close()
}

// Kill breaks a connection without a close frame, as a lost network does, and reports whether it was open. $disconnect
// follows with code 1006.
func (g *Gateway) Kill(connectionID string) bool {
	c := g.find(connectionID)
	if c == nil || !c.isOpen() {
		return false
	}
	c.drop()
	c.end(statusAbnormal, reasonAbnormal, false)
	return true
}

func closeWrite(nc net.Conn) {
	if half, ok := nc.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}
