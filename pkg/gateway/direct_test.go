package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/dozeio/doze/pkg/gateway"
)

// stand is a Direct whose functions may be left out.
type stand struct {
	opened, closed chan string // connections
	prompt         func(data string)
	message        func(connection, data string, yield func())
	answer         func(w http.ResponseWriter, r *http.Request)
}

func (s *stand) Connect(context.Context, string, string, *http.Request) (int, http.Header, []byte) {
	return 200, http.Header{}, nil
}

func (s *stand) Opened(_ context.Context, connection string) { s.opened <- connection }

func (s *stand) Closed(_ context.Context, connection string, _ int) { s.closed <- connection }

func (s *stand) Prompt(_ context.Context, _ string, data []byte) bool {
	if s.prompt != nil {
		s.prompt(string(data))
	}
	return false
}

func (s *stand) Message(_ context.Context, connection string, _ bool, data []byte, yield func()) {
	s.message(connection, string(data), yield)
}

func (s *stand) HTTP(_ string, w http.ResponseWriter, r *http.Request, _ []byte) int {
	s.answer(w, r)
	return 200
}

func startDirect(t *testing.T, o gateway.Options, s *stand) *bench {
	t.Helper()
	s.opened, s.closed = make(chan string, 100), make(chan string, 100)
	o.Direct = s
	return start(t, o)
}

// rawDirect is raw, with the connection's id.
func (b *bench) rawDirect(s *stand) (c io.ReadWriter, id string) {
	b.Helper()
	c = b.raw()
	select {
	case id = <-s.opened:
	case <-b.ctx.Done():
		b.Fatal("it was not opened")
	}
	return c, id
}

// text is the frame of a client's message.
func text(data string) []byte { return ws.MustCompileFrame(masked(ws.NewTextFrame([]byte(data)))) }

func (b *bench) put(c io.Writer, frames ...[]byte) {
	b.Helper()
	var all []byte
	for _, f := range frames {
		all = append(all, f...)
	}
	if _, err := c.Write(all); err != nil {
		b.Fatal(err)
	}
}

// TestAClientThatWasSlowOnceStays posts more than its socket takes, and once more when the time for that has passed.
func TestAClientThatWasSlowOnceStays(t *testing.T) {
	s := &stand{}
	b := startDirect(t, gateway.Options{WriteBuffer: 32 << 20}, s)
	const limit = time.Second
	b.SetTimes(limit, 0)
	c, id := b.rawDirect(s)
	for _, wait := range []time.Duration{0, 2 * limit} {
		time.Sleep(wait)
		for range 2 {
			if err := b.Post(id, true, make([]byte, 8<<20)); err != nil {
				t.Fatalf("after %v: %v", wait, err)
			}
		}
		for range 2 {
			h, err := ws.ReadHeader(c)
			if err != nil {
				t.Fatalf("after %v: %v", wait, err)
			}
			if _, err := io.CopyN(io.Discard, c, h.Length); err != nil {
				t.Fatalf("after %v: %v", wait, err)
			}
		}
	}
}

// TestAMessageInPartsOutlivesItsReader has a handler wait for a message whose first part the reader has taken before
// it. So another goroutine reads the second. Not in every round is the reader the one that handles.
func TestAMessageInPartsOutlivesItsReader(t *testing.T) {
	hold, whole := make(chan struct{}), make(chan string, 2)
	s := &stand{message: func(_, data string, yield func()) {
		if data == "wait" {
			yield()
			<-hold
			return
		}
		whole <- data
	}}
	b := startDirect(t, gateway.Options{}, s)
	c, _ := b.rawDirect(s)
	part := func(op ws.OpCode, fin bool, data string) []byte {
		return ws.MustCompileFrame(masked(ws.NewFrame(op, fin, []byte(data))))
	}
	go func() {
		f, err := readFrame(c.(net.Conn))
		whole <- fmt.Sprintf("a frame of the gateway's, %v %q, %v", f.Header.OpCode, f.Payload, err)
	}()
	for range 50 {
		b.put(c, text("wait"), part(ws.OpText, false, "in "))
		b.put(c, part(ws.OpContinuation, true, "parts"))
		if got := <-whole; got != "in parts" {
			t.Fatal(got)
		}
		hold <- struct{}{}
	}
}

// TestABodyThatDoesNotComeIsAnswered sends a part of a body.
func TestABodyThatDoesNotComeIsAnswered(t *testing.T) {
	b := startDirect(t, gateway.Options{}, &stand{})
	b.SetTimes(0, 50*time.Millisecond)
	c, err := net.Dial("tcp", b.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	deadline, _ := b.ctx.Deadline()
	c.SetDeadline(deadline.Add(-10 * time.Second))
	b.put(c, []byte("POST /socket.io/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nonly this"))
	all, err := io.ReadAll(c)
	if answer := string(all); err != nil || !strings.HasPrefix(answer, "HTTP/1.1 408 ") || strings.Count(answer, "HTTP/1.1") != 1 {
		t.Errorf("%q %v", answer, err)
	}
}
