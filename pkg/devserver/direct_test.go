package devserver_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/dozeio/doze/pkg/devserver"
	"github.com/dozeio/doze/pkg/socketio"
)

// next reads text frames until one begins as given.
func (p peer) next(t *testing.T, prefix string) string {
	t.Helper()
	for {
		frame, err := wsutil.ReadServerText(p)
		if err != nil {
			t.Fatalf("waiting for %s: %v", prefix, err)
		}
		if strings.HasPrefix(string(frame), prefix) {
			return string(frame)
		}
	}
}

func (p peer) say(t *testing.T, packet string) {
	t.Helper()
	if err := wsutil.WriteClientText(p, []byte(packet)); err != nil {
		t.Fatal(err)
	}
}

// TestAClientThatDoesNotReadHoldsUpNobody emits more to two clients than the sockets of the one that does not read
// take.
func TestAClientThatDoesNotReadHoldsUpNobody(t *testing.T) {
	left := make(chan socketio.Reason, 2)
	io := socketio.New(socketio.Options{})
	io.Of("/").OnDisconnect(func(_ context.Context, _ *socketio.Socket, reason socketio.Reason) error {
		left <- reason
		return nil
	})
	s := start(t, devserver.Options{Direct: true}, io)
	join(t, s.URL) // and reads no more
	reader := join(t, s.URL)
	text := strings.Repeat("x", 200_000)
	for i := range 100 {
		if err := io.Emit(t.Context(), "news", i, text); err != nil {
			t.Fatal(err)
		}
		reader.next(t, "42")
	}
	if reason := <-left; reason != "transport close" && reason != "transport error" {
		t.Errorf("it left by %q", reason)
	}
	reader.say(t, `421["unknown"]`)
	if n, err := io.SocketIDs(t.Context()); err != nil || len(n) != 1 {
		t.Errorf("left are %q, %v", n, err)
	}
}

// TestMessagesAreInOrderAndReadingGoesOn has a handler wait while the client sends more events and a ping of WebSocket's:
// that is answered, and the events are handled when the handler returns, in their order.
func TestMessagesAreInOrderAndReadingGoesOn(t *testing.T) {
	hold, entered := make(chan struct{}), make(chan struct{})
	server := socketio.New(socketio.Options{})
	server.Of("/").On("wait", func(context.Context, *socketio.Socket) error {
		close(entered)
		<-hold
		return nil
	})
	server.Of("/").On("echo", func(_ context.Context, _ *socketio.Socket, n int) (int, error) { return n, nil })
	s := start(t, devserver.Options{Direct: true}, server)
	p := join(t, s.URL)
	p.say(t, `42["wait"]`)
	<-entered
	for i := range 50 {
		p.say(t, `421`+string(rune('0'+i%10))+`["echo",`+string(rune('0'+i%10))+`]`)
	}
	if err := ws.WriteFrame(p, ws.MaskFrame(ws.NewPingFrame([]byte("there?")))); err != nil {
		t.Fatal(err)
	}
	for {
		h, err := ws.ReadHeader(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, p, h.Length); err != nil {
			t.Fatal(err)
		}
		if h.OpCode == ws.OpPong {
			break
		}
	}
	close(hold)
	for i := range 50 {
		if got, want := p.next(t, "43"), string(rune('0'+i%10)); got != "431"+want+"["+want+"]" {
			t.Fatalf("ack %d is %s", i, got)
		}
	}
}

// TestAHandlerMayWaitForItsOwnClient asks who has just sent an event, as Node's await of emitWithAck does. Meanwhile the
// client's other events are handled, in their order. A busy client, whose reader handles what comes, is no exception.
func TestAHandlerMayWaitForItsOwnClient(t *testing.T) {
	server := socketio.New(socketio.Options{})
	server.Of("/").On("ask", func(ctx context.Context, s *socketio.Socket) (socketio.Args, error) {
		return s.EmitWithAck(ctx, "question")
	})
	server.Of("/").On("echo", func(_ context.Context, _ *socketio.Socket, n int) (int, error) { return n, nil })
	p := join(t, start(t, devserver.Options{Direct: true}, server).URL)
	for round := range 20 { // the first of an idle client, the others of a busy one
		p.say(t, `421["ask"]`)
		question := p.next(t, "42")
		id, _, _ := strings.Cut(question[len("42"):], "[")
		if !strings.HasSuffix(question, `["question"]`) {
			t.Fatal(question)
		}
		p.say(t, `422["echo",2]`)
		p.say(t, `423["echo",3]`)
		for _, want := range []string{"432[2]", "433[3]"} {
			if got := p.next(t, "43"); got != want {
				t.Fatalf("round %d: %s instead of %s", round, got, want)
			}
		}
		p.say(t, "43"+id+`[7]`)
		if got := p.next(t, "43"); got != "431[7]" {
			t.Fatalf("round %d: %s", round, got)
		}
	}
	for range 3 { // handlers that wait, at the same time
		p.say(t, `424["ask"]`)
	}
	var answers []string
	for range 3 {
		id, _, _ := strings.Cut(p.next(t, "42")[len("42"):], "[")
		answers = append(answers, "43"+id+`[8]`)
	}
	for _, answer := range answers {
		p.say(t, answer)
		p.next(t, "434[8]")
	}
}

// TestPollsEndWithTheServer has a poll wait, with nothing to come for ten minutes, while the server closes.
func TestPollsEndWithTheServer(t *testing.T) {
	io := socketio.New(socketio.Options{PingInterval: 10 * time.Minute})
	joined := make(chan struct{})
	io.Of("/").OnConnection(func(context.Context, *socketio.Socket) error { close(joined); return nil })
	s, err := devserver.Start(devserver.Options{Direct: true}, io)
	if err != nil {
		t.Fatal(err)
	}
	_, opened := open(t, s.URL)
	url := s.URL + "/socket.io/?EIO=4&transport=polling&sid=" + opened.SID
	res, err := http.Post(url, "text/plain", strings.NewReader("40"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	<-joined
	polls := make(chan error, 1)
	go func() {
		for { // the first has the answer to the CONNECT
			res, err := http.Get(url)
			if err == nil {
				res.Body.Close()
			}
			if err != nil || res.StatusCode != http.StatusOK {
				polls <- err
				return
			}
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
	<-polls
}

// TestAnAnswerDoesNotWaitForTheNextHandler sends an event with an ack and, in the same segment, one whose handler takes
// as long as the ack.
func TestAnAnswerDoesNotWaitForTheNextHandler(t *testing.T) {
	acked := make(chan struct{})
	io := socketio.New(socketio.Options{})
	io.Of("/").On("wait", func(context.Context, *socketio.Socket) error { <-acked; return nil })
	io.Of("/").On("echo", func(_ context.Context, _ *socketio.Socket, n int) (int, error) { return n, nil })
	s := start(t, devserver.Options{Direct: true}, io)
	p := join(t, s.URL)
	var both []byte
	for _, packet := range []string{`421["echo",7]`, `42["wait"]`, `422["echo",8]`} {
		both = append(both, ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(packet))))...)
	}
	if _, err := p.Write(both); err != nil {
		t.Fatal(err)
	}
	p.next(t, "431[7]")
	close(acked)
	p.next(t, "432[8]")
}
