package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/dozeio/doze/pkg/gateway"
)

// stand is a Direct whose functions may be left out.
type stand struct {
	opened, closed chan string // connections
	connect        func(connection string) (status int)
	prompt         func(data string)
	message        func(connection, data string, yield func())
	answer         func(w http.ResponseWriter, r *http.Request)
}

func (s *stand) Connect(_ context.Context, _, connection string, _ *http.Request) (int, http.Header, []byte) {
	if s.connect != nil {
		return s.connect(connection), http.Header{}, nil
	}
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

// TestAnAnswerThatIsNotReadEnds has a client ask for more than its socket takes, and read nothing.
func TestAnAnswerThatIsNotReadEnds(t *testing.T) {
	failed := make(chan error, 1)
	s := &stand{answer: func(w http.ResponseWriter, _ *http.Request) {
		_, err := w.Write(make([]byte, 16<<20))
		failed <- err
	}}
	b := startDirect(t, gateway.Options{}, s)
	b.SetTimes(50*time.Millisecond, 0)
	c, err := net.Dial("tcp", b.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b.put(c, []byte("GET /socket.io/ HTTP/1.1\r\nHost: x\r\n\r\n"))
	select {
	case err := <-failed:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the answer is waited with")
	}
}

// TestABodyOfARequestThatWaitsIsNotHeld: it means nothing, and there is room for so many bytes of all bodies.
func TestABodyOfARequestThatWaitsIsNotHeld(t *testing.T) {
	waits, over := make(chan struct{}), make(chan struct{})
	s := &stand{answer: func(_ http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			waits <- struct{}{}
			<-over
		}
	}}
	b := startDirect(t, gateway.Options{MaxBodies: 1000}, s)
	body := strings.Repeat("x", 900)
	var all sync.WaitGroup
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodGet} {
		all.Go(func() {
			if res, _ := b.request(method, "/socket.io/", body); res.StatusCode != http.StatusOK {
				t.Errorf("%s: %s", method, res.Status)
				waits <- struct{}{}
			}
		})
		<-waits
	}
	if res, got := b.request(http.MethodPost, "/socket.io/", body); res.StatusCode != http.StatusOK {
		t.Errorf("a POST beside them: %s %s", res.Status, got)
	}
	close(over)
	all.Wait()
}

// TestWhatIsCorkedIsNotTheClientsFault: a handler posts as much as a client may leave unread, and the gateway holds a
// part of it back to send all together.
func TestWhatIsCorkedIsNotTheClientsFault(t *testing.T) {
	const most = 1 << 19
	var b *bench
	posted := make(chan error, 2)
	first := make(chan struct{})
	s := &stand{message: func(id, data string, _ func()) {
		switch data {
		case "first":
			<-first
		case "second":
			posted <- b.Post(id, false, []byte("small"))
			posted <- b.Post(id, true, make([]byte, most))
		}
	}}
	b = startDirect(t, gateway.Options{WriteBuffer: most}, s)
	c, _ := b.rawDirect(s)
	b.put(c, text("first"), text("second"), text("third"))
	time.AfterFunc(50*time.Millisecond, func() { close(first) }) // when all have come
	go io.Copy(io.Discard, c)
	for range 2 {
		if err := <-posted; err != nil {
			t.Error(err)
		}
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

// TestAYieldThatComesLateYieldsNothing has the yield of a handler that has returned come while the next message is
// handled by the same goroutine.
func TestAYieldThatComesLateYieldsNothing(t *testing.T) {
	var late func()
	var read atomic.Int32
	all, order := make(chan struct{}), make(chan string, 3)
	s := &stand{
		prompt: func(string) {
			if read.Add(1) == 3 {
				close(all)
			}
		},
		message: func(_, data string, yield func()) {
			switch data {
			case "first":
				late = yield
				<-all
			case "second":
				late()
				time.Sleep(50 * time.Millisecond) // for the third
			}
			order <- data
		},
	}
	b := startDirect(t, gateway.Options{}, s)
	c, _ := b.rawDirect(s)
	b.put(c, text("first"), text("second"), text("third"))
	for _, want := range []string{"first", "second", "third"} {
		select {
		case got := <-order:
			if got != want {
				t.Errorf("%s has returned instead of %s", got, want)
			}
		case <-b.ctx.Done():
			t.Fatal("nothing is handled any more")
		}
	}
}

// TestAReaderWithoutRoomHandlesWhatItHasGathered sends more at once than may wait.
func TestAReaderWithoutRoomHandlesWhatItHasGathered(t *testing.T) {
	handled := make(chan string, 100)
	s := &stand{message: func(_, data string, _ func()) { handled <- data }}
	b := startDirect(t, gateway.Options{MaxParallel: 2}, s)
	c, _ := b.rawDirect(s)
	for range 20 {
		b.put(c, text("1"), text("2"), text("3"), text("4"), text("5"), text("6"))
		for i := 1; i <= 6; i++ {
			select {
			case got := <-handled:
				if got != fmt.Sprint(i) {
					t.Fatalf("%s instead of %d", got, i)
				}
			case <-b.ctx.Done():
				t.Fatal("nothing is handled any more")
			}
		}
	}
}

// TestWhatWaitsForAHandlerIsBounded has a client send large messages behind one whose handler waits. Of a client that
// is not read for that, the log tells.
func TestWhatWaitsForAHandlerIsBounded(t *testing.T) {
	const size = 64 << 10
	var read atomic.Int32
	hold, handled := make(chan struct{}), make(chan struct{}, 10)
	s := &stand{
		prompt:  func(string) { read.Add(1) },
		message: func(string, string, func()) { <-hold; handled <- struct{}{} },
	}
	var log lockedBuffer
	b := startDirect(t, gateway.Options{
		MaxParallel: 100, MaxMessage: size, MaxFrame: size, Clock: newClock(), Logger: slog.New(slog.NewTextHandler(&log, nil)),
	}, s)
	c, _ := b.rawDirect(s)
	go func() {
		_, _ = c.Write(bytes.Repeat(text(strings.Repeat("x", size)), 10))
	}()
	b.clock.Await(2) // its age, and how long it has not been read
	if n := read.Load(); n != 3 {
		t.Errorf("%d messages of 64 KiB were read, want one that is handled, one that waits and one for which there is no room", n)
	}
	b.clock.Advance(time.Minute)
	if s := log.String(); !strings.Contains(s, "a client is not read") || !strings.Contains(s, "messages=2 bytes=131072") {
		t.Errorf("the log says %q", s)
	}
	close(hold)
	for range 10 {
		<-handled
	}
}

// TestWhereNoGatewayLimitsAMessageTheLogSaysWhatDoes sends one that is too large: MaxFrame and MaxMessage are the engine's
// MaxPayload there.
func TestWhereNoGatewayLimitsAMessageTheLogSaysWhatDoes(t *testing.T) {
	var log lockedBuffer
	s := &stand{}
	b := startDirect(t, gateway.Options{MaxMessage: 1000, MaxFrame: 1000, Logger: slog.New(slog.NewTextHandler(&log, nil))}, s)
	raw, _ := b.rawDirect(s)
	if _, err := raw.Write(text(strings.Repeat("x", 1001))); err != nil {
		t.Fatal(err)
	}
	if f, err := readFrame(raw); err != nil || f.Header.OpCode != ws.OpClose {
		t.Fatal(f, err)
	}
	if got := log.String(); !strings.Contains(got, "send less, or raise MaxPayload, the flag -max-payload") || strings.Contains(got, "API Gateway") {
		t.Errorf("the log says %q", got)
	}
}

// TestWhatHasYieldedIsBounded has a client send large messages to handlers that yield and go on. What is small is
// handled meanwhile, and all is when handlers return.
func TestWhatHasYieldedIsBounded(t *testing.T) {
	const size = 256 << 10
	begun, hold, handled := make(chan int, 20), make(chan struct{}), make(chan struct{}, 20)
	s := &stand{message: func(_, data string, yield func()) {
		yield()
		begun <- len(data)
		<-hold
		handled <- struct{}{}
	}}
	b := startDirect(t, gateway.Options{MaxParallel: 100, MaxMessage: size, MaxFrame: size, Clock: newClock()}, s)
	c, _ := b.rawDirect(s)
	next := func(want int) {
		t.Helper()
		select {
		case got := <-begun:
			if got != want {
				t.Fatalf("a message of %d bytes is handled, want %d", got, want)
			}
		case <-b.ctx.Done():
			t.Fatalf("no message of %d bytes is handled", want)
		}
	}
	large := text(strings.Repeat("x", size))
	for range 2 {
		b.put(c, large)
		next(size)
	}
	b.put(c, text("ack"))
	next(len("ack"))
	go func() {
		_, _ = c.Write(bytes.Repeat(large, 10))
	}()
	for len(begun) == 0 && b.clock.Waiting() < 2 && b.ctx.Err() == nil { // its age, and how long it has not been read
		runtime.Gosched()
	}
	if n := len(begun); n != 0 {
		t.Errorf("%d large messages more are handled, beside two whose handlers have yielded", n)
	}
	close(hold)
	for range 13 {
		select {
		case <-handled:
		case <-b.ctx.Done():
			t.Fatal("nothing is handled any more")
		}
	}
}

// TestWhatWaitsBehindACutIsDropped has a client's first handler end its connection in several ways. What the client has
// sent before it closes the connection itself is handled.
func TestWhatWaitsBehindACutIsDropped(t *testing.T) {
	for how, want := range map[string]int{"disconnect": 1, "flood": 1, "leave": 5} {
		var b *bench
		sent := make(chan struct{})
		var handled atomic.Int32
		s := &stand{message: func(id, _ string, _ func()) {
			if handled.Add(1) > 1 {
				return
			}
			<-sent
			switch how {
			case "disconnect":
				b.Disconnect(id)
			case "flood":
				for b.Post(id, true, make([]byte, 1<<20)) == nil {
				}
			}
		}}
		var read atomic.Int32
		s.prompt = func(string) {
			if read.Add(1) == 5 && how != "leave" {
				close(sent)
			}
		}
		b = startDirect(t, gateway.Options{}, s)
		c, _ := b.rawDirect(s)
		b.put(c, text("1"), text("2"), text("3"), text("4"), text("5"))
		if how == "leave" {
			c.(net.Conn).Close()
			close(sent)
		}
		<-s.closed
		if n := handled.Load(); int(n) != want {
			t.Errorf("%s: %d messages were handled, want %d", how, n, want)
		}
	}
}

// TestCloseWaitsForTheAnswersOfHandlers closes the gateway while one client's handler runs and another's waits for a
// message of its own client. Both get their answers before the end, and a client without a handler ends at once.
func TestCloseWaitsForTheAnswersOfHandlers(t *testing.T) {
	var b *bench
	hold, begun, answer, extra := make(chan struct{}), make(chan struct{}, 2), make(chan struct{}), make(chan string, 10)
	post := func(id, data string) {
		if err := b.Post(id, false, []byte(data)); err != nil {
			t.Error(data, err)
		}
	}
	s := &stand{message: func(id, data string, yield func()) {
		switch data {
		case "run":
			begun <- struct{}{}
			<-hold
			post(id, "has run")
		case "ask":
			begun <- struct{}{}
			yield()
			<-answer
			post(id, "has asked")
		case "answer":
			close(answer)
		default:
			extra <- data
		}
	}}
	b = startDirect(t, gateway.Options{}, s)
	runs, id := b.rawDirect(s)
	asks, _ := b.rawDirect(s)
	idle, _ := b.rawDirect(s)
	b.put(runs, text("run"))
	b.put(asks, text("ask"))
	<-begun
	<-begun
	ended := make(chan error)
	go func() { ended <- b.Close(b.ctx) }()
	next := func(c io.ReadWriter, op ws.OpCode, data string) {
		t.Helper()
		f, err := readFrame(c.(net.Conn))
		if err != nil || f.Header.OpCode != op || string(f.Payload) != data {
			t.Errorf("%v %q %v, want %v %q", f.Header.OpCode, f.Payload, err, op, data)
		}
	}
	const goingAway = "\x03\xe9"
	next(idle, ws.OpClose, goingAway)
	for !b.Leaves(id) {
		runtime.Gosched()
	}
	b.put(runs, text("too late"))
	b.put(asks, text("answer"))
	next(asks, ws.OpText, "has asked")
	next(asks, ws.OpClose, goingAway)
	close(hold)
	next(runs, ws.OpText, "has run")
	next(runs, ws.OpClose, goingAway)
	for _, c := range []io.ReadWriter{runs, asks, idle} {
		c.(net.Conn).Close()
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if len(s.closed) != 3 || len(extra) != 0 {
		t.Errorf("%d were closed, and %d messages begun at the end", len(s.closed), len(extra))
	}
}

// TestWhatIsEndedBeforeItIsOpenEnds has connections ended while their handshake is decided on: nobody asks again.
func TestWhatIsEndedBeforeItIsOpenEnds(t *testing.T) {
	for name, status := range map[string]int{"accepted": 200, "refused": 403} {
		var b *bench
		asked := make(chan string, 1)
		s := &stand{connect: func(connection string) int {
			if !b.Disconnect(connection) {
				t.Errorf("%s: the connection is not known", name)
			}
			asked <- connection
			return status
		}}
		b = startDirect(t, gateway.Options{ConnectGap: time.Hour}, s)
		c, early, _, err := ws.Dial(b.ctx, b.url("/local"))
		id := <-asked
		if refused := (ws.StatusError)(0); errors.As(err, &refused) && int(refused) == status {
			if b.Disconnect(id) {
				t.Errorf("%s: the connection is known for good", name)
			}
			continue
		}
		if err != nil {
			t.Fatal(name, err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(10 * time.Second))
		from := io.Reader(c)
		if early != nil { // what came with the answer
			from = io.MultiReader(early, c)
		}
		f, err := readFrame(from)
		if err != nil || f.Header.OpCode != ws.OpClose || string(f.Payload) != "\x03\xe8" {
			t.Fatalf("%s: the client has %v %q, %v, want a close frame with 1000", name, f.Header.OpCode, f.Payload, err)
		}
		if got := <-s.closed; got != id || len(s.opened) > 0 || b.Disconnect(id) {
			t.Errorf("%s: %s of %s is closed, %d opened", name, got, id, len(s.opened))
		}
	}
}
