package verify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// conn is a WebSocket. A goroutine reads it all the time, answers pings, and keeps what else comes until it is asked
// for. Its methods may be called concurrently.
type conn struct {
	d          *deployment
	ws         *websocket.Conn
	wire       *wire         // nil behind a proxy
	began      time.Time     // of the handshake
	shook      time.Duration // how long it took
	extensions string        // that the server has agreed to

	ponging sync.Mutex
	closing bool // no more pongs

	mu    sync.Mutex
	got   []frame
	pings []time.Time
	err   error         // why it ended
	news  chan struct{} // closed, and replaced, when any of the above changes
}

// compressed asks for compression.
const compressed = websocket.CompressionContextTakeover

// frame is a message that came.
type frame struct {
	text string
	at   time.Time
}

// refusedError is that of a handshake that was answered with an HTTP status.
type refusedError struct{ status int }

func (r *refusedError) Error() string {
	return fmt.Sprintf("the handshake was answered %d", r.status)
}

// statusOf returns the status that refused a handshake, 0 when none did.
func statusOf(err error) int {
	if r := (*refusedError)(nil); errors.As(err, &r) {
		return r.status
	}
	return 0
}

// dial opens a connection; one that is refused is a *refusedError. Close it.
func (d *deployment) dial(ctx context.Context, to *url.URL, header http.Header) (*conn, error) {
	return d.dialWith(ctx, to, header, websocket.CompressionDisabled)
}

func (d *deployment) dialWith(ctx context.Context, to *url.URL, header http.Header, compression websocket.CompressionMode) (*conn, error) {
	c := &conn{d: d, news: make(chan struct{})}
	transport := c.transport(to.Scheme == "wss")
	defer transport.CloseIdleConnections()
	c.began = time.Now()
	ws, res, err := websocket.Dial(ctx, to.String(), &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: transport}, HTTPHeader: d.header(header), CompressionMode: compression,
	})
	c.shook = time.Since(c.began)
	switch {
	case err == nil:
	case res != nil && res.StatusCode != http.StatusSwitchingProtocols:
		return nil, &refusedError{res.StatusCode}
	default:
		return nil, errors.New("the handshake failed") // the library's error has the address
	}
	c.extensions = res.Header.Get("Sec-Websocket-Extensions")
	ws.SetReadLimit(1 << 20)
	c.ws = ws
	go c.read()
	return c, nil
}

// transport follows what comes over its one connection.
func (c *conn) transport(secure bool) *http.Transport {
	follow := func(nc net.Conn, err error) (net.Conn, error) {
		if err != nil {
			return nil, err
		}
		c.wire = &wire{Conn: nc}
		return c.wire, nil
	}
	t := &http.Transport{Proxy: http.ProxyFromEnvironment}
	if !secure {
		t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			return follow((&net.Dialer{}).DialContext(ctx, network, address))
		}
		return t
	}
	t.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, _ := net.SplitHostPort(address)
		config := &tls.Config{ServerName: host, NextProtos: []string{"http/1.1"}, RootCAs: c.d.roots}
		return follow((&tls.Dialer{Config: config}).DialContext(ctx, network, address))
	}
	return t
}

func (c *conn) read() {
	for {
		_, data, err := c.ws.Read(context.Background())
		c.mu.Lock()
		switch {
		case err != nil:
			c.err = err
		case string(data) == "2":
			c.pings = append(c.pings, time.Now())
		default:
			c.got = append(c.got, frame{string(data), time.Now()})
		}
		close(c.news)
		c.news = make(chan struct{})
		c.mu.Unlock()
		if err != nil {
			return
		}
		c.d.received.Add(1)
		if string(data) == "2" {
			c.pong()
		}
	}
}

// pong answers a ping, unless the close frame has been sent, after which the library lets a write wait for the end.
func (c *conn) pong() {
	c.ponging.Lock()
	defer c.ponging.Unlock()
	if !c.closing {
		_ = c.send(context.Background(), "3")
	}
}

// send sends text frames.
func (c *conn) send(ctx context.Context, frames ...string) error {
	for _, f := range frames {
		c.d.sent.Add(1)
		if err := c.ws.Write(ctx, websocket.MessageText, []byte(f)); err != nil {
			return err
		}
	}
	return nil
}

// sendIn sends one message in frames of a size.
func (c *conn) sendIn(ctx context.Context, size int, text string) error {
	c.d.sent.Add(1)
	w, err := c.ws.Writer(ctx, websocket.MessageText)
	if err != nil {
		return err
	}
	for part := range slices.Chunk([]byte(text), size) {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return w.Close()
}

// closeWith sends a close frame with any code, which the library does not do for codes that have no meaning. Nothing
// else may be sent at the same time or after it.
func (c *conn) closeWith(code int) error {
	if c.wire == nil {
		return errors.New("the connection goes through a proxy")
	}
	_, err := c.wire.Write([]byte{0x88, 0x80 | 2, 0, 0, 0, 0, byte(code >> 8), byte(code)}) // masked with zeros
	return err
}

// await takes the first frame that begins with one of the prefixes, and waits for it while ctx lasts. Frames before it
// stay.
func (c *conn) await(ctx context.Context, prefixes ...string) (frame, error) {
	for {
		c.mu.Lock()
		for i, f := range c.got {
			if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(f.text, p) }) {
				c.got = slices.Delete(c.got, i, i+1)
				c.mu.Unlock()
				return f, nil
			}
		}
		news, err, other := c.news, c.err, ""
		if len(c.got) > 0 {
			other = ", but " + show(c.got[0].text)
		}
		c.mu.Unlock()
		if err != nil {
			return frame{}, fmt.Errorf("%w%s", ending(err), other)
		}
		select {
		case <-news:
		case <-ctx.Done():
			return frame{}, fmt.Errorf("no frame came that begins with %q%s", prefixes, other)
		}
	}
}

// next takes the next frame, whatever it is.
func (c *conn) next(ctx context.Context) (frame, error) { return c.await(ctx, "") }

// rest takes all frames that are there.
func (c *conn) rest() []frame {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := c.got
	c.got = nil
	return got
}

// ended waits for the end of the connection and returns the code of the server's close frame: -1 when there was none,
// 0 when it did not end while ctx lasted.
func (c *conn) ended(ctx context.Context) int {
	for {
		c.mu.Lock()
		news, err := c.news, c.err
		c.mu.Unlock()
		if err != nil && c.wire != nil && c.wire.closeCode() != 0 {
			return c.wire.closeCode()
		}
		if err != nil {
			return int(websocket.CloseStatus(err))
		}
		select {
		case <-news:
		case <-ctx.Done():
			return 0
		}
	}
}

// ending says how a connection ended.
func ending(err error) error {
	if code := websocket.CloseStatus(err); code >= 0 {
		return fmt.Errorf("the connection was closed with %d", code)
	}
	return errors.New("the connection broke")
}

// close closes the connection, as a page does that is closed.
func (c *conn) close() {
	c.ponging.Lock()
	c.closing = true
	c.ponging.Unlock()
	_ = c.ws.Close(websocket.StatusNormalClosure, "")
}
