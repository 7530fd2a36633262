package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/coder/websocket"

	"github.com/dozeio/doze/pkg/gateway"
)

func TestRouteResponseIsOneTextMessage(t *testing.T) {
	b := start(t, gateway.Options{})
	c := b.dial()
	b.say(c, `42["x","ä\u0000"]`)
	if kind, got, err := c.Read(b.ctx); err != nil || kind != websocket.MessageText || string(got) != `42["x","ä\u0000"]` {
		t.Fatalf("%v %q %v", kind, got, err)
	}
}

func TestFailingFunctionSendsTheErrorFrame(t *testing.T) {
	for name, f := range map[string]gateway.Handler{
		"other key": function(func(wsEvent) (any, error) {
			return map[string]any{"statusCode": 200, "connectionId": "x"}, nil
		}),
		"two values": gateway.HandlerFunc(func(context.Context, []byte) ([]byte, error) { return []byte(`{"statusCode":200}{}`), nil }),
		"no answer":  gateway.HandlerFunc(func(context.Context, []byte) ([]byte, error) { return nil, nil }),
		"error":      function(func(wsEvent) (any, error) { return nil, errors.New("no") }),
		"panic":      function(func(wsEvent) (any, error) { panic("no") }),
		"no status":  function(func(wsEvent) (any, error) { return map[string]string{}, nil }),
		"too large":  function(reply(200, strings.Repeat("x", 128<<10+1))),
		"no JSON":    gateway.HandlerFunc(func(context.Context, []byte) ([]byte, error) { return []byte("no"), nil }),
	} {
		b := start(t, gateway.Options{Default: f})
		c, id := b.connect()
		b.say(c, "x")
		isErrorFrame(t, name, b.hear(c), id)
		if err := b.post(id, "alive"); err != nil {
			t.Errorf("%s: the connection did not survive: %v", name, err)
		}
	}
}

func isErrorFrame(t *testing.T, name, frame, connectionID string) {
	t.Helper()
	var got struct{ Message, ConnectionID, RequestID string }
	if err := json.Unmarshal([]byte(frame), &got); err != nil || got.Message != "Internal server error" ||
		got.ConnectionID != connectionID || len(got.RequestID) != 16 || !strings.HasPrefix(frame, `{"message":"Internal server error"`) {
		t.Errorf("%s: %s %v", name, frame, err)
	}
}

func TestFunctionOver29SecondsSendsTheErrorFrame(t *testing.T) {
	clock := newClock()
	started, release := make(chan struct{}), make(chan struct{})
	b := start(t, gateway.Options{Clock: clock, FunctionTimeout: time.Minute, OrderedFrames: true, RouteResponse: true, Default: function(func(e wsEvent) (any, error) {
		if e.Body == "x" {
			close(started)
			<-release // notices nothing
		}
		return reply(200, "answer to "+e.Body)(e)
	})})
	c, id := b.connect()
	b.say(c, "x")
	<-started
	clock.Advance(29*time.Second - 1)
	if err := b.post(id, "not yet"); err != nil {
		t.Fatal(err)
	}
	if got := b.hear(c); got != "not yet" {
		t.Fatal(got)
	}
	clock.Advance(1)
	isErrorFrame(t, "timeout", b.hear(c), id)
	close(release)
	b.say(c, "y") // waits for x
	if got := b.hear(c); got != "answer to y" {
		t.Fatalf("the late answer was sent: %q", got)
	}
}

func TestMessagesOfOneConnectionRunInParallel(t *testing.T) {
	var all atomic.Int32
	together := make(chan struct{})
	b := start(t, gateway.Options{Default: function(func(e wsEvent) (any, error) {
		if all.Add(1) == 5 {
			close(together)
		}
		<-together
		return reply(200, "")(e)
	})})
	c := b.dial()
	for range 5 {
		b.say(c, "x")
	}
	select {
	case <-together:
	case <-b.ctx.Done():
		t.Fatalf("%d invocations at once", all.Load())
	}
}

func TestJitterSwapsMessagesAndTheSeedRepeatsIt(t *testing.T) {
	const n = 60
	run := func(seed uint64) []string {
		clock := newClock()
		b := start(t, gateway.Options{Clock: clock, Jitter: 100 * time.Millisecond, Seed: seed})
		c := b.dial()
		for i := range n {
			b.say(c, strconv.Itoa(i))
		}
		clock.Await(1 + n) // one watches the limits
		var order []string
		for range n {
			due, _ := clock.Next()
			clock.Advance(due.Sub(clock.Now()))
			order = append(order, b.next(b.messages).Body)
			b.hear(c)
		}
		if s := b.Stats(); s.Swapped == 0 || s.Messages != n {
			t.Errorf("%+v", s)
		}
		return order
	}
	first, again, other := run(7), run(7), run(8)
	if !slices.Equal(first, again) {
		t.Errorf("seed 7 gave %v, then %v", first, again)
	}
	if slices.Equal(first, other) {
		t.Error("seeds 7 and 8 gave the same order")
	}
}

func TestOrderedFramesRunOneAtATimeAndDisconnectLast(t *testing.T) {
	const n = 200
	var running, disconnectedAfter, seen atomic.Int32
	got := make(chan string, n)
	done := make(chan struct{})
	b := start(t, gateway.Options{
		OrderedFrames: true,
		Default: function(func(e wsEvent) (any, error) {
			if running.Add(1) != 1 {
				t.Error("two at once")
			}
			got <- e.Body
			seen.Add(1)
			running.Add(-1)
			return reply(200, "")(e)
		}),
		Disconnect: function(func(e wsEvent) (any, error) {
			disconnectedAfter.Store(seen.Load())
			close(done)
			return reply(200, "")(e)
		}),
	})
	c := b.dial()
	for i := range n {
		b.say(c, strconv.Itoa(i))
	}
	c.Close(websocket.StatusNormalClosure, "")
	<-done
	for i := range n {
		if s := <-got; s != strconv.Itoa(i) {
			t.Fatalf("%s came as number %d", s, i)
		}
	}
	if disconnectedAfter.Load() != n || b.Stats().Swapped != 0 {
		t.Fatalf("$disconnect after %d messages; %+v", disconnectedAfter.Load(), b.Stats())
	}
}

func TestOrderedFramesKeepTheirOrderUnderJitter(t *testing.T) {
	clock := newClock()
	b := start(t, gateway.Options{Clock: clock, OrderedFrames: true, Jitter: time.Second, Seed: 1})
	c := b.dial()
	for i := range 10 {
		b.say(c, strconv.Itoa(i))
	}
	for i := range 10 {
		clock.Await(2)
		due, _ := clock.Next()
		clock.Advance(due.Sub(clock.Now())) // no further: the next one's delay, which begins meanwhile, would end in it too
		if got := b.hear(c); got != strconv.Itoa(i) {
			t.Fatalf("%s came as number %d", got, i)
		}
	}
}

func TestParallelInvocationsAreBounded(t *testing.T) {
	var running, most atomic.Int32
	release := make(chan struct{})
	full := make(chan struct{}, 10)
	b := start(t, gateway.Options{MaxParallel: 2, RouteResponse: true, Default: function(func(e wsEvent) (any, error) {
		n := running.Add(1)
		most.Store(max(most.Load(), n))
		full <- struct{}{}
		<-release
		running.Add(-1)
		return reply(200, e.Body)(e)
	})})
	c := b.dial()
	for i := range 6 {
		b.say(c, fmt.Sprint(i))
	}
	<-full
	<-full
	close(release)
	for range 6 {
		b.hear(c)
	}
	if most.Load() > 2 {
		t.Fatalf("%d at once", most.Load())
	}
}

func TestMessageWithoutARouteGetsAForbiddenFrame(t *testing.T) {
	b := start(t, gateway.Options{})
	g, err := gateway.New(gateway.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(g)
	defer server.Close()
	c, _, err := websocket.Dial(b.ctx, server.URL+"/local", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	b.say(c, "x")
	if got := b.hear(c); !strings.HasPrefix(got, `{"message":"Forbidden","connectionId":"`) {
		t.Fatal(got)
	}
	go c.Read(b.ctx) // answers the close frame
	if err := g.Close(b.ctx); err != nil {
		t.Fatal(err)
	}
}

func TestBinaryFramesOptionBothWays(t *testing.T) {
	b := start(t, gateway.Options{BinaryFrames: true, RouteResponse: true, Default: function(func(e wsEvent) (any, error) {
		return events.APIGatewayProxyResponse{StatusCode: 200, Body: e.Body, IsBase64Encoded: e.IsBase64Encoded}, nil
	})})
	c := b.dial()
	for _, kind := range []websocket.MessageType{websocket.MessageBinary, websocket.MessageText} {
		if err := c.Write(b.ctx, kind, []byte("\x00\x01abc")); err != nil {
			t.Fatal(err)
		}
		if got, body, err := c.Read(b.ctx); err != nil || got != kind || string(body) != "\x00\x01abc" {
			t.Fatalf("%v %q %v", got, body, err)
		}
	}
}
