package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/coder/websocket"

	"github.com/dozeio/doze/pkg/gateway"
)

func TestHandshakeIsPendingUntilConnectReturns(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	b := start(t, gateway.Options{Connect: function(func(e wsEvent) (any, error) {
		close(arrived)
		<-release
		return reply(200, "")(e)
	})})
	c, err := net.Dial("tcp", b.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET /local HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	<-arrived
	if n := b.Stats().Connections; n != 0 {
		t.Errorf("%d connections are open while $connect runs", n)
	}
	c.SetReadDeadline(time.Now()) // what is there must be there already
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(err.Error(), "timeout") {
		t.Fatalf("read %d bytes, %v, while $connect runs", n, err)
	}
	c.SetReadDeadline(time.Time{})
	close(release)
	head := make([]byte, 12)
	if _, err := c.Read(head); err != nil || string(head) != "HTTP/1.1 101" {
		t.Fatalf("%q %v", head, err)
	}
}

func TestConnectStatusAndBodyReachTheClient(t *testing.T) {
	b := start(t, gateway.Options{Connect: function(reply(403, "not you"))})
	_, res, err := websocket.Dial(b.ctx, b.url("/local"), nil)
	if err == nil || res.StatusCode != 403 {
		t.Fatalf("%v %v", res, err)
	}
	body := make([]byte, 20)
	if n, _ := res.Body.Read(body); string(body[:n]) != "not you" {
		t.Fatalf("body %q", body[:n])
	}
	b.Close(b.ctx)
	if n := b.Stats().Disconnects; n != 0 {
		t.Fatal("a refused handshake has a $disconnect")
	}
}

func TestConnectFunctionErrorIs502(t *testing.T) {
	for name, f := range map[string]gateway.Handler{
		"error":     function(func(wsEvent) (any, error) { return nil, errors.New("no") }),
		"panic":     function(func(wsEvent) (any, error) { panic("no") }),
		"no status": function(func(wsEvent) (any, error) { return map[string]string{}, nil }),
		"no object": function(func(wsEvent) (any, error) { return 3, nil }),
	} {
		b := start(t, gateway.Options{Connect: f})
		if _, res, err := websocket.Dial(b.ctx, b.url("/local"), nil); err == nil || res.StatusCode != 502 {
			t.Errorf("%s: %v %v", name, res, err)
		}
	}
}

func TestConnectTimeoutIs504(t *testing.T) {
	arrived := make(chan context.Context, 1)
	clock := newClock()
	b := start(t, gateway.Options{Clock: clock, FunctionTimeout: time.Minute, Connect: gateway.HandlerFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
		arrived <- ctx
		<-ctx.Done()
		return nil, ctx.Err()
	})})
	status := make(chan int)
	go func() {
		_, res, err := websocket.Dial(b.ctx, b.url("/local"), nil)
		if err == nil {
			status <- 101
			return
		}
		status <- res.StatusCode
	}()
	ctx := <-arrived
	if d, ok := ctx.Deadline(); !ok || !d.Equal(clock.Now().Add(time.Minute)) {
		t.Errorf("deadline %v", d)
	}
	clock.Advance(29 * time.Second)
	if s := <-status; s != 504 {
		t.Errorf("status %d", s)
	}
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Errorf("the function's context: %v", ctx.Err())
	}
}

func TestSubprotocolOfConnectIsEchoed(t *testing.T) {
	b := start(t, gateway.Options{Connect: function(func(wsEvent) (any, error) {
		return events.APIGatewayProxyResponse{StatusCode: 200, Headers: map[string]string{"sec-websocket-protocol": "b"}}, nil
	})})
	c, _, err := websocket.Dial(b.ctx, b.url("/local"), &websocket.DialOptions{Subprotocols: []string{"a", "b"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if c.Subprotocol() != "b" {
		t.Fatalf("subprotocol %q", c.Subprotocol())
	}
}

// TestSubprotocolWithoutAnAnswerIsNotChosen offers some to a function that does not say which.
func TestSubprotocolWithoutAnAnswerIsNotChosen(t *testing.T) {
	b := start(t, gateway.Options{})
	c, res, err := websocket.Dial(b.ctx, b.url("/local"), &websocket.DialOptions{Subprotocols: []string{"a", "b"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if values := res.Header.Values("Sec-WebSocket-Protocol"); values != nil {
		t.Errorf("chosen: %q", values)
	}
	if e := b.next(b.connects); e.Headers["Sec-WebSocket-Protocol"] != "a,b" {
		t.Errorf("$connect got %q", e.Headers)
	}
}

func TestCompressionIsNotNegotiated(t *testing.T) {
	b := start(t, gateway.Options{})
	c, res, err := websocket.Dial(b.ctx, b.url("/local"), &websocket.DialOptions{CompressionMode: websocket.CompressionContextTakeover})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if e := res.Header.Get("Sec-WebSocket-Extensions"); e != "" {
		t.Fatalf("extensions %q", e)
	}
	b.say(c, "hello")
	if got := b.hear(c); got != "hello" {
		t.Fatal(got)
	}
}

func TestClientGoneDuringTheHandshakeGetsADisconnectIfConnectSucceeded(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	b := start(t, gateway.Options{Connect: function(func(e wsEvent) (any, error) {
		close(arrived)
		<-release
		return reply(200, "")(e)
	})})
	ctx, cancel := context.WithCancel(b.ctx)
	go func() {
		if c, _, err := websocket.Dial(ctx, b.url("/local"), nil); err == nil { // the answer came before the end of ctx was seen
			c.CloseNow()
		}
	}()
	<-arrived
	cancel()
	close(release)
	if e := b.next(b.disconnects); e.RequestContext.DisconnectStatusCode != 1006 {
		t.Fatalf("%+v", e.RequestContext)
	}
}

func TestPathAfterTheStageIs403(t *testing.T) {
	b := start(t, gateway.Options{})
	_, res, err := websocket.Dial(b.ctx, b.url("/local/socket.io/"), nil)
	if err == nil || res.StatusCode != 403 {
		t.Fatalf("%v %v", res, err)
	}
	if _, body := b.request("GET", "/local/more", ""); body != `{"message":"Forbidden"}` {
		t.Fatal(body)
	}
}

func TestBadHandshakesAreRefused(t *testing.T) {
	b := start(t, gateway.Options{})
	for name, c := range map[string]struct {
		status  int
		path    string
		headers []string
	}{
		"no upgrade":  {426, "/local", nil},
		"no key":      {400, "/local", []string{"Upgrade", "websocket", "Connection", "Upgrade", "Sec-WebSocket-Version", "13"}},
		"old version": {400, "/local", []string{"Upgrade", "websocket", "Connection", "Upgrade", "Sec-WebSocket-Version", "8", "Sec-WebSocket-Key", "x"}},
		"long URL": {414, "/local?" + strings.Repeat("x", 4096),
			[]string{"Upgrade", "websocket", "Connection", "Upgrade", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "x"}},
	} {
		if res, _ := b.request("GET", c.path, "", c.headers...); res.StatusCode != c.status {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
}

func TestFrontDoorTellsTheTransportsApart(t *testing.T) {
	b := start(t, gateway.Options{
		HTTP: map[string]gateway.Handler{"GET": httpFunction(func(events.APIGatewayV2HTTPRequest) (any, error) { return "polled", nil })},
		Site: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "the page") }),
	})
	c, _, err := websocket.Dial(b.ctx, b.url("/socket.io/?EIO=4&transport=websocket"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if e := b.next(b.connects); e.QueryStringParameters["EIO"] != "4" || e.Path != "" {
		t.Errorf("%+v", e)
	}
	for path, want := range map[string]string{
		"/socket.io/?EIO=4&transport=polling":   "polled",
		"/socket.io?EIO=4&transport=polling":    "polled",
		"/socket.io/?EIO=4&transport=websocket": "polled", // no upgrade
		"/socket.io/socket.io.js":               "polled",
		"/socket.ionic":                         "the page",
		"/":                                     "the page",
		"/localize":                             "the page",
	} {
		if _, got := b.request("GET", path, ""); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
	if _, res, err := websocket.Dial(b.ctx, b.url("/socket.io/?EIO=4&transport=abc"), nil); err == nil || res.StatusCode != 200 {
		t.Error("an upgrade without transport=websocket is the HTTP API's", err)
	}
}

func TestClosedGatewayRefuses(t *testing.T) {
	b := start(t, gateway.Options{})
	if err := b.Close(b.ctx); err != nil {
		t.Fatal(err)
	}
	if res, body := b.request("GET", "/local", ""); res.StatusCode != 503 || !bytes.Contains([]byte(body), []byte("Unavailable")) {
		t.Fatal(res.StatusCode, body)
	}
}
