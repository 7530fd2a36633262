// Package rawclient speaks Engine.IO packet by packet, for tests whose clients misbehave.
package rawclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/coder/websocket"
)

// Client reaches one server. It is safe for concurrent use.
type Client struct {
	origin string
	http   *http.Client
}

// New returns a client of the server at a URL such as http://127.0.0.1:3000. Close it.
func New(origin string) *Client {
	return &Client{origin, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
}

// Close closes the connections that wait for another request.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// The queries of handshakes.
const (
	Polling   = "EIO=4&transport=polling"
	WebSocket = "EIO=4&transport=websocket"
)

// Session is the query of a polling request of a session.
func Session(sid string) string { return Polling + "&sid=" + url.QueryEscape(sid) }

// Probe is the query of a WebSocket that is to take a session over.
func Probe(sid string) string { return WebSocket + "&sid=" + url.QueryEscape(sid) }

// Answer is an HTTP response that was read to its end.
type Answer struct {
	Status int
	Body   string
}

// Do sends a request and waits for its answer. The header is a list of names and values.
func (c *Client) Do(ctx context.Context, method, query, body string, header ...string) (Answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.origin+"/socket.io/?"+query, strings.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "text/plain;charset=UTF-8")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := c.http.Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	return Answer{res.StatusCode, string(content)}, err
}

// Open begins a session over HTTP and returns its id.
func (c *Client) Open(ctx context.Context) (sid string, err error) {
	a, err := c.Do(ctx, http.MethodGet, Polling, "")
	if err != nil {
		return "", err
	}
	if sid = SID(a.Body); a.Status != http.StatusOK || sid == "" {
		return "", fmt.Errorf("the handshake was answered %d %q", a.Status, a.Body)
	}
	return sid, nil
}

// SID returns the session id in an open packet, "" when it is none.
func SID(packet string) string {
	var open struct{ SID string }
	if content, ok := strings.CutPrefix(packet, "0"); !ok || json.Unmarshal([]byte(content), &open) != nil {
		return ""
	}
	return open.SID
}

// Refused is the error of a WebSocket handshake that was answered with an HTTP status.
type Refused struct{ Status int }

func (r *Refused) Error() string { return fmt.Sprintf("the handshake was answered %d", r.Status) }

// Conn is a WebSocket. One goroutine may read while others write.
type Conn struct {
	ws  *websocket.Conn
	tcp *net.TCPConn
}

// Dial opens a WebSocket. An answer that refuses it is a *Refused.
func (c *Client) Dial(ctx context.Context, query string, header ...string) (*Conn, error) {
	conn := &Conn{}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		nc, err := (&net.Dialer{}).DialContext(ctx, network, address)
		conn.tcp, _ = nc.(*net.TCPConn)
		return nc, err
	}}
	defer transport.CloseIdleConnections()
	o := &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}, HTTPHeader: http.Header{}}
	for i := 0; i < len(header); i += 2 {
		o.HTTPHeader.Set(header[i], header[i+1])
	}
	ws, res, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(c.origin, "http")+"/socket.io/?"+query, o)
	switch {
	case err == nil:
	case res != nil && res.StatusCode != http.StatusSwitchingProtocols:
		return nil, &Refused{res.StatusCode}
	default:
		return nil, err
	}
	ws.SetReadLimit(1 << 20)
	conn.ws = ws
	return conn, nil
}

// Send sends text frames.
func (c *Conn) Send(ctx context.Context, frames ...string) error {
	for _, f := range frames {
		if err := c.ws.Write(ctx, websocket.MessageText, []byte(f)); err != nil {
			return err
		}
	}
	return nil
}

// SendBinary sends a binary frame.
func (c *Conn) SendBinary(ctx context.Context, data []byte) error {
	return c.ws.Write(ctx, websocket.MessageBinary, data)
}

// Next returns the next frame, whatever it is. An error is the end of the connection, also when it is ctx's.
func (c *Conn) Next(ctx context.Context) (string, error) {
	_, data, err := c.ws.Read(ctx)
	return string(data), err
}

// Message returns the next frame that is no ping, and answers pings.
func (c *Conn) Message(ctx context.Context) (string, error) {
	for {
		frame, err := c.Next(ctx)
		if err != nil || frame != "2" {
			return frame, err
		}
		if err := c.Send(ctx, "3"); err != nil {
			return "", err
		}
	}
}

// CloseCode is the code of the close frame that ended a connection, -1 when there was none.
func CloseCode(err error) int {
	var e websocket.CloseError
	if errors.As(err, &e) {
		return int(e.Code)
	}
	return -1
}

// Close sends a close frame with a code, and waits for the answer for a few seconds.
func (c *Conn) Close(code int) error { return c.ws.Close(websocket.StatusCode(code), "") }

// Reset ends the connection without a close frame.
func (c *Conn) Reset() {
	if c.tcp != nil {
		_ = c.tcp.SetLinger(0)
		_ = c.tcp.Close()
	}
	_ = c.ws.CloseNow()
}

// SendFragments sends one text message in several frames.
func (c *Conn) SendFragments(ctx context.Context, fragments ...string) error {
	w, err := c.ws.Writer(ctx, websocket.MessageText)
	if err != nil {
		return err
	}
	for _, f := range fragments {
		if _, err := w.Write([]byte(f)); err != nil {
			return err
		}
	}
	return w.Close()
}

// SendRaw sends bytes that need not be WebSocket frames. Nothing else may be sent meanwhile.
func (c *Conn) SendRaw(b []byte) error {
	_, err := c.tcp.Write(b)
	return err
}
