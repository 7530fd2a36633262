package conformance

import (
	"bytes"
	"errors"
	"net/http"
	"strings"

	"github.com/coder/websocket"
)

// A socket is one WebSocket of a case.
type socket struct {
	*client
	conn *websocket.Conn
}

// dial opens a WebSocket whose query is given; a refusal ends the case.
func (c *client) dial(query string) *socket {
	c.Helper()
	conn, _, err := c.tryDial(query)
	if err != nil {
		c.Fatalf("WebSocket %s: %v", query, err)
	}
	return &socket{c, conn}
}

func (c *client) tryDial(query string) (*websocket.Conn, *http.Response, error) {
	address := "ws" + strings.TrimPrefix(c.target.URL, "http") + c.target.Path + "?" + query
	conn, res, err := websocket.Dial(c.ctx, address, nil)
	if err != nil {
		return nil, res, err
	}
	conn.SetReadLimit(1 << 20)
	c.Cleanup(func() { _ = conn.CloseNow() })
	return conn, res, nil
}

const webSocketHandshake = "EIO=4&transport=websocket"

// openWebSocket opens a session over WebSocket, its open packet already read.
func (c *client) openWebSocket() *socket {
	c.Helper()
	s := c.dial(webSocketHandshake)
	if got := s.next(); !strings.HasPrefix(got, "0{") {
		c.Fatalf("got %q, want an open packet", got)
	}
	return s
}

// refused expects a WebSocket to be refused with an HTTP error, or to be closed before anything came through it.
func (c *client) refused(query string) {
	c.Helper()
	conn, res, err := c.tryDial(query)
	if err != nil {
		if res == nil || res.StatusCode < 400 {
			c.Fatalf("WebSocket %s: %v, want it to be refused with an HTTP status", query, err)
		}
		return
	}
	s := &socket{c, conn}
	if got, err := s.read(); err == nil {
		c.Fatalf("WebSocket %s: got %q, want it to be closed", query, got)
	}
}

// read returns the next frame: text as a string, binary with its kind in front.
func (s *socket) read() (string, error) {
	kind, data, err := s.conn.Read(s.ctx)
	if err == nil && kind == websocket.MessageBinary {
		return binaryMark + string(data), nil
	}
	return string(data), err
}

// binaryMark tells a binary frame from text in what read returns.
const binaryMark = "(binary)"

// next returns the next frame, whatever it is.
func (s *socket) next() string {
	s.Helper()
	got, err := s.read()
	if err != nil {
		s.Fatalf("WebSocket ended: %v; want a packet", err)
	}
	return got
}

// message returns the next frame that is no ping, and answers pings as a client must.
func (s *socket) message() string {
	s.Helper()
	for {
		got := s.next()
		if got != "2" {
			return got
		}
		s.send("3")
	}
}

// wants expects the next messages, in order.
func (s *socket) wants(messages ...string) {
	s.Helper()
	for _, want := range messages {
		if got := s.message(); got != want {
			s.Fatalf("got %q, want %q", got, want)
		}
	}
}

// wantsBinary expects the next message to be this binary frame.
func (s *socket) wantsBinary(data []byte) {
	s.Helper()
	got, binary := strings.CutPrefix(s.message(), binaryMark)
	if !binary || !bytes.Equal([]byte(got), data) {
		s.Fatalf("got %q (binary: %t), want the binary frame %q", got, binary, data)
	}
}

func (s *socket) send(packets ...string) {
	s.Helper()
	for _, packet := range packets {
		if err := s.conn.Write(s.ctx, websocket.MessageText, []byte(packet)); err != nil {
			s.Fatalf("sending %q: %v", packet, err)
		}
	}
}

func (s *socket) sendBinary(data []byte) {
	s.Helper()
	if err := s.conn.Write(s.ctx, websocket.MessageBinary, data); err != nil {
		s.Fatalf("sending binary: %v", err)
	}
}

// closed reads until the server closes the WebSocket; only packets that pass may come before, and pings stay
// unanswered. It returns the close code, or -1 if there was no closing handshake.
func (s *socket) closed(pass func(packet string) bool) websocket.StatusCode {
	s.Helper()
	for {
		got, err := s.read()
		if err != nil {
			if s.ctx.Err() != nil {
				s.Fatal("the server left the WebSocket open")
			}
			var closed websocket.CloseError
			if errors.As(err, &closed) {
				return closed.Code
			}
			return -1
		}
		if !pass(got) {
			s.Fatalf("got %q, want the WebSocket to be closed", got)
		}
	}
}

// onlyPings is what may come on a connection that is about to be closed.
func onlyPings(packet string) bool { return packet == "2" }

// noBinary expects what Amazon's gateway does with a binary frame.
func (s *socket) noBinary() {
	s.Helper()
	if code := s.closed(onlyPings); code != websocket.StatusUnsupportedData {
		s.Fatalf("closed with %d, want 1003", code)
	}
}
