package gateway

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// errTimeout is the end of an integration's time, errOver of the function's own. With that, and a panic, an environment
// ends, and the next invocation begins with a cold start.
var (
	errTimeout = errors.New("the integration timed out")
	errOver    = errors.New("task timed out")
	errPanic   = errors.New("panic")
)

// Routes that are no HTTP method.
const (
	routeConnect    = "$connect"
	routeDefault    = "$default"
	routeDisconnect = "$disconnect"
	routeJobs       = "jobs"
)

// invocation is what a function is to be invoked with.
type invocation struct {
	route   string
	handler Handler
	event   []byte
	timeout time.Duration // of the integration, and of a job's function, with a cold start
	trace   string        // its trace id; empty for none
	id      string        // its request id, as a function of Go has it from lambdacontext; empty: invoke makes one

	named *string // gets the request id before finish is called, unless that is for a timeout; nil: nobody asks
}

// newRequestID makes up the id of an invocation. It is not of Options.Seed, whose ids clients and tests see.
func newRequestID() string { return rand.Text()[:12] }

// invoke runs a function on the calling goroutine. finish gets its answer, or errTimeout or errOver as soon as a time
// is up, whether the function has noticed or not, or errThrottled without an invocation. It is called exactly once, perhaps
// from the clock's goroutine, and must not block.
func (g *Gateway) invoke(i invocation, finish func(answer []byte, err error)) {
	i.id = cmp.Or(i.id, newRequestID())
	f, cold, ok := g.functions.begin(i.route)
	if !ok {
		g.stats.throttles.Add(1)
		g.opt.Logger.Warn("function throttled", "function", i.route, trace, i.id)
		finish(nil, errThrottled)
		return
	}
	broken := false
	defer func() { g.functions.end(f, broken) }()
	var ended atomic.Pointer[error] // how: nil in it with an answer
	began := g.opt.Clock.Now()
	ctx, cancel := context.WithCancelCause(g.base)
	limited := &limitedContext{Context: ctx, trace: i.trace}
	end := func(err error) func() {
		return func() {
			if ended.CompareAndSwap(nil, &err) {
				limited.expired.Store(true)
				cancel(context.DeadlineExceeded)
				finish(nil, err)
			}
		}
	}
	stop := g.opt.Clock.AfterFunc(i.timeout, end(errTimeout))
	if cold {
		g.stats.coldStarts.Add(1)
		if g.opt.ColdStart > 0 {
			g.pause(g.opt.ColdStart)
		}
	}
	now := g.opt.Clock.Now()
	own := g.opt.FunctionTimeout
	if i.route == routeJobs {
		own = began.Add(i.timeout).Sub(now)
	}
	limited.deadline = now.Add(own) // which is all that a function knows
	if limited.deadline.Before(began.Add(i.timeout)) && stop() {
		stop = g.opt.Clock.AfterFunc(own, end(errOver))
	}
	lambda := &lambdacontext.LambdaContext{AwsRequestID: i.id}
	answer, err := g.protected(lambdacontext.NewContext(limited, lambda), i)
	i.id = lambda.AwsRequestID // of a function elsewhere, which has its own
	stop()
	if ended.CompareAndSwap(nil, new(error)) {
		if i.named != nil {
			*i.named = i.id
		}
		finish(answer, err)
	} else {
		err = *ended.Load()
	}
	broken = err == errOver || err == errTimeout && i.route == routeJobs || errors.Is(err, errPanic)
	cancel(nil)
	if err != nil {
		g.opt.Logger.Warn("function error", "function", i.route, "error", redact(err.Error()), trace, i.id)
	}
	if g.opt.Logger.Enabled(ctx, slog.LevelDebug) {
		g.opt.Logger.Debug("invocation", "function", i.route, "took", g.opt.Clock.Now().Sub(began), "in", len(i.event), "out", len(answer), trace, i.id)
	}
}

// protected turns a panic into a function error: on Lambda it ends the process, and the gateway sees just that.
func (g *Gateway) protected(ctx context.Context, i invocation) (answer []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanic, p)
			g.opt.Logger.Error("function panicked", "function", i.route, "panic", redact(fmt.Sprint(p)), "stack", string(debug.Stack()), trace, i.id)
		}
	}()
	return i.handler.Invoke(ctx, i.event)
}

// call is invoke for those who wait for the answer, after a delay. It returns the id of the invocation, too.
func (g *Gateway) call(i invocation, delay time.Duration) (answer []byte, id string, err error) {
	type result struct {
		answer []byte
		err    error
	}
	results := make(chan result, 1)
	i.id = newRequestID()
	id = i.id
	i.named = &id
	ok := g.tasks.after(delay, true, func() {
		g.invoke(i, func(answer []byte, err error) { results <- result{answer, err} })
	})
	if !ok {
		return nil, "", errClosed
	}
	r := <-results
	return r.answer, id, r.err
}

// limitedContext has its deadline on the gateway's clock, and the trace id where aws-lambda-go has it.
type limitedContext struct {
	context.Context
	deadline time.Time
	trace    string
	expired  atomic.Bool
}

func (c *limitedContext) Deadline() (time.Time, bool) { return c.deadline, true }

func (c *limitedContext) Value(key any) any {
	if key == traceKey && c.trace != "" {
		return c.trace
	}
	return c.Context.Value(key)
}

func (c *limitedContext) Err() error {
	if c.expired.Load() {
		return context.DeadlineExceeded
	}
	return c.Context.Err()
}
