package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gobwas/ws"

	"github.com/dozeio/doze/pkg/gateway"
)

// own counts the goroutines that run code of the gateway.
func own() (n int) {
	buffer := make([]byte, 1<<20)
	buffer = buffer[:runtime.Stack(buffer, true)]
	for g := range bytes.SplitSeq(buffer, []byte("\n\n")) {
		if bytes.Contains(g, []byte("doze/pkg/gateway.")) {
			n++
		}
	}
	return n
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	release := make(chan struct{})
	b := start(t, gateway.Options{
		Jitter: time.Hour, Faults: gateway.Faults{DisconnectLate: 0.5, DisconnectDelay: time.Hour},
		Jobs: gateway.HandlerFunc(func(context.Context, []byte) ([]byte, error) { return nil, errors.New("no") }),
		HTTP: map[string]gateway.Handler{"GET": httpFunction(func(httpRequest) (any, error) { <-release; return nil, nil })},
	})
	const n = 20
	for range n {
		c := b.dial()
		b.say(c, "x")
		go b.closeCode(c)
	}
	slow := b.raw() // one that does not answer the close frame
	b.writeRaw(slow, masked(ws.NewTextFrame([]byte("x"))))
	b.Schedule(b.ctx, []byte("job"), 0)
	b.Schedule(b.ctx, []byte("job"), time.Minute)
	go b.request("GET", "/socket.io/", "")
	for b.Stats().Requests == 0 || b.Stats().Jobs == 0 {
		runtime.Gosched()
	}
	slow.Close()
	close(release)
	if err := b.Close(b.ctx); err != nil {
		t.Fatal(err)
	}
	if s := b.Stats(); s.Disconnects != n+1 || s.Connections != 0 {
		t.Errorf("%+v", s)
	}
	for own() > 0 { // the last may be on its way out
		if b.ctx.Err() != nil {
			t.Fatalf("%d goroutines are left", own())
		}
		runtime.Gosched()
	}
}

func TestCloseTells1001(t *testing.T) {
	b := start(t, gateway.Options{})
	c, id := b.connect()
	code := make(chan int)
	go func() { code <- b.closeCode(c) }()
	if err := b.Close(b.ctx); err != nil {
		t.Fatal(err)
	}
	if got := <-code; got != 1001 {
		t.Errorf("the client saw %d", got)
	}
	b.gone(id, 1001, "Going away")
}

func TestCloseDuringAHandshakeEndsTheConnectionProperly(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	b := start(t, gateway.Options{Connect: function(func(e wsEvent) (any, error) {
		close(arrived)
		<-release
		return reply(200, "")(e)
	})})
	code := make(chan int)
	go func() {
		c, _, err := websocket.Dial(b.ctx, b.url("/local"), nil)
		if err != nil {
			code <- 0
			return
		}
		code <- b.closeCode(c)
	}()
	<-arrived
	closed := make(chan error)
	go func() { closed <- b.Close(b.ctx) }()
	for b.refuses() != true {
		runtime.Gosched()
	}
	close(release)
	if got := <-code; got != 1001 {
		t.Errorf("the client saw %d", got)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if n := b.Stats().Disconnects; n != 1 {
		t.Errorf("%d times $disconnect", n)
	}
}

func (b *bench) refuses() bool {
	res, _ := b.request("GET", "/local", "")
	return res.StatusCode == 503
}

func TestCloseCancelsWhatItsCallerDoesNotWaitFor(t *testing.T) {
	started := make(chan struct{})
	b := start(t, gateway.Options{Default: gateway.HandlerFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
		close(started)
		<-ctx.Done()
		return nil, ctx.Err()
	})})
	c := b.dial()
	b.say(c, "x")
	<-started
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	if err := b.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestLogNeverHasASessionIDOrABody(t *testing.T) {
	var log lockedBuffer
	b := start(t, gateway.Options{
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		HTTP: map[string]gateway.Handler{"GET": httpFunction(func(e httpRequest) (any, error) {
			return nil, errors.New("cannot GET /?" + e.RawQueryString)
		})},
		Default: function(reply(200, "SECRETBODY")), RouteResponse: true,
	})
	b.request("GET", "/socket.io/?EIO=4&sid=SECRET&t=1", "")
	c, _, err := websocket.Dial(b.ctx, b.url("/socket.io/?EIO=4&transport=websocket&sid=SECRET"), nil)
	if err != nil {
		t.Fatal(err)
	}
	id := b.next(b.connects).RequestContext.ConnectionID
	b.say(c, "SECRETBODY")
	b.hear(c)
	b.post(id, "SECRETBODY")
	c.CloseNow()
	b.next(b.disconnects)
	b.Close(b.ctx)
	got := log.String()
	if strings.Contains(got, "SECRET") {
		t.Errorf("log:\n%s", got)
	}
	for _, want := range []string{"sid=REDACTED", "api=http", "api=websocket", "status=500", "function=$connect", "function=$default", "function=$disconnect", "management"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func TestNewSaysWhichOptionIsWrong(t *testing.T) {
	for want, o := range map[string]gateway.Options{
		"Path":        {Path: "socket.io"},
		"Stage":       {Stage: "a/b"},
		"same place":  {Stage: "x", Path: "/x/"},
		"HTTP":        {HTTP: map[string]gateway.Handler{"get": function(nil)}},
		"GET":         {HTTP: map[string]gateway.Handler{"GET": nil}},
		"Jitter":      {Jitter: -1},
		"PostGone":    {Faults: gateway.Faults{PostGone: 1.5}},
		"Killed":      {Faults: gateway.Faults{Killed: math.NaN()}},
		"Max":         {Faults: gateway.Faults{Max: -1}},
		"IdleTimeout": {IdleTimeout: -1},
		"MaxFrame":    {MaxFrame: -1},
	} {
		if _, err := gateway.New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if err := start(t, gateway.Options{}).SetFaults(gateway.Faults{PostGone: -1}); err == nil {
		t.Error("SetFaults accepts a negative rate")
	}
}
