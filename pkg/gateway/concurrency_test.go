package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/dozeio/doze/pkg/gateway"
)

// held is a function that keeps its invocations until it is released.
type held struct {
	begun   chan struct{}
	release chan struct{}
}

func newHeld() *held { return &held{make(chan struct{}, 100), make(chan struct{})} }

func (h *held) Invoke(context.Context, []byte) ([]byte, error) {
	h.begun <- struct{}{}
	<-h.release
	return []byte(`{"statusCode":200,"body":"held"}`), nil
}

// free waits until no invocation is left of which the answer is there already: it would take what concurrency there is.
func (b *bench) free() {
	b.Helper()
	b.until(func(gateway.Stats) bool { return b.Running() == 0 })
}

// hold makes a request that a function keeps.
func (b *bench) hold(h *held) (answered chan string) {
	b.free()
	answered = make(chan string, 1)
	go func() {
		_, body := b.request("GET", "/socket.io/", "")
		answered <- body
	}()
	<-h.begun
	return answered
}

func (b *bench) until(condition func(gateway.Stats) bool) {
	b.Helper()
	for !condition(b.Stats()) {
		if b.ctx.Err() != nil {
			b.Fatalf("it never happened: %+v", b.Stats())
		}
		runtime.Gosched()
	}
}

// While one request holds all the concurrency there is, each route shows what a throttled function becomes.
func TestConcurrencyIsThatOfAllFunctions(t *testing.T) {
	clock, busy := newClock(), newHeld()
	b, jobs := startQueue(t, gateway.Options{Clock: clock, Concurrency: 1, HTTP: map[string]gateway.Handler{
		"GET": busy, "POST": httpFunction(func(httpRequest) (any, error) { return "fine", nil }),
	}}, fine)
	c, id := b.connect()
	b.free()
	leaving, _ := b.connect()
	answered := b.hold(busy)
	before := b.Stats().Throttles

	b.say(c, "x")
	isErrorFrame(t, "a message", b.hear(c), id)
	if res, body := b.request("POST", "/socket.io/", ""); res.StatusCode != 500 || body != `{"message":"Internal Server Error"}` {
		t.Errorf("a request was answered %d %s", res.StatusCode, body)
	}
	if status := b.shake(); status != http.StatusInternalServerError {
		t.Errorf("a handshake was answered %d", status)
	}
	if err := leaving.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Fatal(err)
	}
	b.Schedule(b.ctx, []byte("job"), 0)
	b.until(func(s gateway.Stats) bool { return s.Throttles == before+5 })

	close(busy.release)
	if body := <-answered; body != "held" {
		t.Errorf("the one that ran was answered %s", body)
	}
	b.free()
	clock.Advance(20*time.Second - 1)
	if len(jobs) != 0 {
		t.Error("the job came too early")
	}
	clock.Advance(1)
	if j := <-jobs; j.Attributes["ApproximateReceiveCount"] != "2" {
		t.Errorf("%+v", j)
	}
	if err := b.post(id, "alive"); err != nil || b.hear(c) != "alive" {
		t.Errorf("the connection did not survive: %v", err)
	}
	if len(b.disconnects) != 0 {
		t.Error("$disconnect was tried again")
	}
}

// A function that throttles by itself, or is on Lambda: runtimeapi.ErrThrottled and the SDK's errors have this method.
type throttling struct{}

func (throttling) Error() string     { return "Rate Exceeded" }
func (throttling) ErrorCode() string { return "TooManyRequestsException" }

func TestThrottlingFunctionsAreThrottled(t *testing.T) {
	refusing := gateway.HandlerFunc(func(context.Context, []byte) ([]byte, error) { return nil, errors.Join(throttling{}) })
	b := start(t, gateway.Options{Connect: refusing, HTTP: map[string]gateway.Handler{"GET": refusing}})
	if status := b.shake(); status != http.StatusInternalServerError {
		t.Errorf("a handshake was answered %d", status)
	}
	if res, _ := b.request("GET", "/socket.io/", ""); res.StatusCode != http.StatusInternalServerError {
		t.Errorf("a request was answered %d", res.StatusCode)
	}
}

func TestReservedConcurrency(t *testing.T) {
	busy := newHeld()
	b := start(t, gateway.Options{
		Concurrency: 3, Reserved: map[string]int{"GET": 2},
		HTTP: map[string]gateway.Handler{"GET": busy, "PUT": busy, "POST": httpFunction(func(httpRequest) (any, error) { return "fine", nil })},
	})
	answered := make(chan string)
	for _, method := range []string{"GET", "PUT"} { // one function
		go func() {
			_, body := b.request(method, "/socket.io/", "")
			answered <- body
		}()
		<-busy.begun
	}
	if res, _ := b.request("GET", "/socket.io/", ""); res.StatusCode != 500 {
		t.Errorf("a third: %d", res.StatusCode)
	}
	if _, body := b.request("POST", "/socket.io/", ""); body != "fine" { // the one that is not reserved
		t.Errorf("another function: %s", body)
	}
	close(busy.release)
	for range 2 {
		if body := <-answered; body != "held" {
			t.Error(body)
		}
	}
	for name, o := range map[string]gateway.Options{
		`Reserved["PATCH"]`: {Reserved: map[string]int{"PATCH": 1}},
		"negative":          {Reserved: map[string]int{"GET": -1}},
		"twice":             {Reserved: map[string]int{"GET": 1, "PUT": 1}},
		"left":              {Reserved: map[string]int{"GET": 1001}},
	} {
		o.HTTP = map[string]gateway.Handler{"GET": busy, "PUT": busy}
		if _, err := gateway.New(o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The first of each environment takes a second longer: two that run at once are two, and then there are two.
func TestColdStarts(t *testing.T) {
	clock := newClock()
	b := start(t, gateway.Options{Clock: clock, ColdStart: time.Second})
	dialled := make(chan *websocket.Conn, 2)
	dial := func(n int, want uint64) {
		for range n {
			go func() { dialled <- b.dial() }()
		}
		b.until(func(s gateway.Stats) bool { return s.ColdStarts == want })
	}
	dial(2, 2)
	clock.Await(4) // two time limits and two starts
	clock.Advance(time.Second - 1)
	if len(b.connects) != 0 {
		t.Error("the function ran before its environment was there")
	}
	clock.Advance(1)
	c := <-dialled
	<-dialled
	b.free()
	dial(1, 2) // warm
	<-dialled

	b.say(c, "x")  // another function
	clock.Await(5) // three connections' limits, a time limit and a start
	clock.Advance(time.Second)
	if got := b.hear(c); got != "x" {
		t.Error(got)
	}
	c.Close(websocket.StatusNormalClosure, "") // Close does not wait for the start of $disconnect's
	b.until(func(s gateway.Stats) bool { return s.ColdStarts == 4 })
}

func TestColdStartIsWithinTheTimeLimit(t *testing.T) {
	clock := newClock()
	b := start(t, gateway.Options{Clock: clock, ColdStart: time.Minute, Connect: function(reply(200, ""))})
	status := make(chan int)
	go func() { status <- b.shake() }()
	clock.Await(2)
	clock.Advance(29 * time.Second)
	if got := <-status; got != http.StatusGatewayTimeout {
		t.Errorf("%d", got)
	}
}

// TestAFunctionThatIsOverItsOwnTimeHasFailed has functions that take longer than they may. Their time begins when their
// environment has started, and an integration's before that. They do not look at the context.
func TestAFunctionThatIsOverItsOwnTimeHasFailed(t *testing.T) {
	for what, try := range map[string]struct {
		cold, after time.Duration // what the function may take then
		handshake   bool
		want        int
	}{
		"a handshake": {time.Second, 27 * time.Second, true, http.StatusBadGateway},
		"a request":   {time.Second, 27 * time.Second, false, http.StatusInternalServerError},
		"a handshake whose environment takes long": {3 * time.Second, 26 * time.Second, true, http.StatusGatewayTimeout},
		"a request whose environment takes long":   {4 * time.Second, 26 * time.Second, false, http.StatusServiceUnavailable},
	} {
		t.Run(what, func(t *testing.T) {
			clock := newClock()
			told, release := make(chan time.Duration, 1), make(chan struct{})
			deaf := gateway.HandlerFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
				deadline, _ := ctx.Deadline()
				told <- deadline.Sub(clock.Now())
				<-release
				return []byte("{}"), nil
			})
			b := start(t, gateway.Options{Clock: clock, ColdStart: try.cold, Connect: deaf, HTTP: map[string]gateway.Handler{http.MethodGet: deaf}})
			defer close(release)
			status := make(chan int, 1)
			go func() {
				if try.handshake {
					status <- b.shake()
					return
				}
				response, _ := b.request(http.MethodGet, "/socket.io/", "")
				status <- response.StatusCode
			}()
			clock.Await(2) // the integration's time, and the start
			clock.Advance(try.cold)
			if got := <-told; got != 27*time.Second {
				t.Errorf("the function has %v", got)
			}
			if due, ok := clock.Next(); !ok || due.Sub(clock.Now()) != try.after {
				t.Errorf("the time is over in %v, want %v", due.Sub(clock.Now()), try.after)
			}
			clock.Advance(try.after)
			if got := <-status; got != try.want {
				t.Errorf("%d, want %d", got, try.want)
			}
		})
	}
}
