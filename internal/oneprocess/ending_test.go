package oneprocess_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/direct"
	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/socketio"
)

// poller is a client that polls, and has joined the main namespace.
type poller struct {
	t   *testing.T
	url string
}

func poll(t *testing.T, s *oneprocess.Server) poller {
	t.Helper()
	url := s.URL + "/socket.io/?EIO=4&transport=polling"
	_, open := get(t, url)
	p := poller{t, url + "&sid=" + strings.SplitN(open, `"`, 5)[3]}
	p.post("40")
	if got := p.get(); !strings.HasPrefix(got, "200 40{") {
		t.Fatal(got)
	}
	return p
}

// get returns the status and the body. It may be called on any goroutine, as post.
func (p poller) get() string { return p.do(http.MethodGet, "") }

func (p poller) post(packets string) string { return p.do(http.MethodPost, packets) }

func (p poller) do(method, body string) string {
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.url, strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return res.Status[:3] + " " + string(b)
}

// ends is an application that notes who leaves, and what else the test adds.
func ends(t *testing.T, o engine.Options, more func(*socketio.Namespace)) (s *oneprocess.Server, left chan socketio.Reason) {
	t.Helper()
	left = make(chan socketio.Reason, 100)
	app := socketio.New(socketio.Options{Logger: slog.New(slog.DiscardHandler)})
	app.Of("/").OnDisconnect(func(_ context.Context, _ *socketio.Socket, r socketio.Reason) error {
		left <- r
		return nil
	})
	if more != nil {
		more(app.Of("/"))
	}
	s, err := oneprocess.Start(oneprocess.Options{Direct: true, Engine: o}, app.Bind)
	if err != nil {
		t.Fatal(err)
	}
	return s, left
}

// within closes a server that has so much time for that.
func within(t *testing.T, s *oneprocess.Server, d time.Duration) error {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	return s.Close(ctx)
}

// dial opens a connection to a server and sends what is given.
func dial(t *testing.T, s *oneprocess.Server, sent string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, sent); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestOnDisconnectRunsForAllThatPoll closes a server between their GETs, which something else holds up for longer than
// there is time.
func TestOnDisconnectRunsForAllThatPoll(t *testing.T) {
	const polling = 3
	for name, hold := range map[string]func(*oneprocess.Server){
		"nothing": func(*oneprocess.Server) {},
		"a close frame that is not answered": func(s *oneprocess.Server) {
			c := dial(t, s, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"+
				"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
			if _, err := c.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		},
		"a handler of another": func(s *oneprocess.Server) {
			p := poll(t, s)
			go p.post(`42["hang"]`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			hangs, end := make(chan struct{}), make(chan struct{})
			s, left := ends(t, engine.Options{}, func(n *socketio.Namespace) {
				n.On("hang", func(context.Context, *socketio.Socket) error {
					close(hangs)
					<-end
					return nil
				})
			})
			for range polling {
				poll(t, s)
			}
			hold(s)
			handler := strings.Contains(name, "handler")
			if handler {
				<-hangs
			}
			err := within(t, s, 100*time.Millisecond)
			if n := len(left); n != polling {
				t.Errorf("OnDisconnect has run for %d clients, want %d", n, polling)
			}
			if told := err != nil && strings.Contains(err.Error(), "1 clients that poll"); told != handler {
				t.Errorf("Close says %v", err)
			}
			close(end)
		})
	}
}

// TestManyAreEndedAtTheSameTime has each OnDisconnect wait for all others.
func TestManyAreEndedAtTheSameTime(t *testing.T) {
	const polling = 20
	var here sync.WaitGroup
	here.Add(polling)
	app := socketio.New(socketio.Options{Logger: slog.New(slog.DiscardHandler)})
	app.Of("/").OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason) error {
		here.Done()
		here.Wait()
		return nil
	})
	s, err := oneprocess.Start(oneprocess.Options{Direct: true}, app.Bind)
	if err != nil {
		t.Fatal(err)
	}
	for range polling {
		poll(t, s)
	}
	if err := within(t, s, 10*time.Second); err != nil {
		t.Error(err)
	}
}

// await waits until a gateway has counted what is wanted, which happens in real time and tells nobody.
func await(t *testing.T, s *oneprocess.Server, what string, is func(gateway.Stats) bool) {
	t.Helper()
	for over := time.Now().Add(10 * time.Second); !is(s.Gateway.Stats()); time.Sleep(time.Millisecond) {
		if time.Now().After(over) {
			t.Fatalf("no %s within 10 s: %+v", what, s.Gateway.Stats())
		}
	}
}

// TestASessionThatOutlivesTheProcessIsNotClosed has a GET wait at the end of a process whose sessions are not its own.
func TestASessionThatOutlivesTheProcessIsNotClosed(t *testing.T) {
	s, err := oneprocess.Start(oneprocess.Options{Direct: true, Wrap: func(b socketio.Backend) socketio.Backend {
		b.Sessions = direct.Watch(b.Sessions)
		return b
	}}, socketio.New(socketio.Options{Logger: slog.New(slog.DiscardHandler)}).Bind)
	if err != nil {
		t.Fatal(err)
	}
	p, answer := poll(t, s), make(chan string, 1)
	go func() { answer <- p.get() }()
	await(t, s, "four requests", func(n gateway.Stats) bool { return n.Requests >= 4 })
	if err := within(t, s, 25*time.Second); err != nil {
		t.Error(err)
	}
	if got := <-answer; got != "200 6" {
		t.Errorf("the GET is answered %q, want a noop", got)
	}
	if n := s.Store.Rows(); n.Sockets != 1 {
		t.Errorf("left are %+v, want one socket", n)
	}
}

// TestABodyThatDoesNotComeHoldsUpNoEnd closes a server that has a part of a POST.
func TestABodyThatDoesNotComeHoldsUpNoEnd(t *testing.T) {
	s, left := ends(t, engine.Options{}, nil)
	p := poll(t, s)
	c := dial(t, s, "POST "+strings.TrimPrefix(p.url, s.URL)+" HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n")
	goOn := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))
	if _, err := io.ReadFull(c, goOn); err != nil { // so that the body is being read
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "42"); err != nil {
		t.Fatal(err)
	}
	if err := within(t, s, 25*time.Second); err != nil {
		t.Error(err)
	}
	if answer, _ := io.ReadAll(c); !strings.HasPrefix(string(answer), "HTTP/1.1 503 ") { // an error: of what is not read
		t.Errorf("the answer is %q", answer)
	}
	if r := <-left; r != socketio.ForcedClose {
		t.Errorf("it left by %q", r)
	}
}

// TestAWaitingGETHasWhatThereIsAtTheEnd closes a server while GETs wait. One of a client whose handler runs waits for
// the handler's ack.
func TestAWaitingGETHasWhatThereIsAtTheEnd(t *testing.T) {
	began, finish := make(chan struct{}), make(chan struct{})
	s, left := ends(t, engine.Options{}, func(n *socketio.Namespace) {
		n.On("work", func(context.Context, *socketio.Socket) (string, error) {
			close(began)
			<-finish
			return "done", nil
		})
	})
	idle, busy := poll(t, s), poll(t, s)
	answers := func(p poller) <-chan string {
		a := make(chan string, 1)
		go func() { a <- p.get() }()
		return a
	}
	posted := make(chan string, 1)
	go func() { posted <- busy.post(`421["work"]`) }()
	<-began
	nothing, acked := answers(idle), answers(busy)
	// Each client's handshake, CONNECT and first GET, the event, and the two that wait.
	await(t, s, "nine requests", func(n gateway.Stats) bool { return n.Requests >= 9 })
	ended := make(chan error, 1)
	go func() { ended <- within(t, s, 25*time.Second) }()
	if got := <-nothing; got != "200 1" {
		t.Errorf("with nothing there: %q, want a close packet", got)
	}
	if r := <-left; r != socketio.ForcedClose {
		t.Errorf("it left by %q", r)
	}
	close(finish)
	if got := <-acked; got != `200 431["done"]` {
		t.Errorf("with an ack to come: %q", got)
	}
	if got := <-posted; got != "200 ok" {
		t.Errorf("the POST: %q", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if len(left) != 1 {
		t.Error("OnDisconnect has not run for the client whose handler ran")
	}
}

// TestALongHandlerEndsNoClientThatPolls has a handler run until its client, which sends one POST at a time as the stock
// client does, has been pinged more often than it may be without a pong.
func TestALongHandlerEndsNoClientThatPolls(t *testing.T) {
	finish := make(chan struct{})
	s, _ := ends(t, engine.Options{PingInterval: 300 * time.Millisecond, PingTimeout: 300 * time.Millisecond}, func(n *socketio.Namespace) {
		n.On("work", func(context.Context, *socketio.Socket) (string, error) {
			<-finish
			return "done", nil
		})
	})
	p := poll(t, s)
	go p.post(`421["work"]`)
	for pings := 0; ; {
		switch got := p.get(); {
		case got == "200 2":
			if pings++; pings == 4 {
				close(finish)
			}
			continue
		case got == `200 431["done"]` && pings >= 4:
		default:
			t.Errorf("after %d pings: %q", pings, got)
		}
		break
	}
	if err := within(t, s, 25*time.Second); err != nil {
		t.Error(err)
	}
}
