package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"
)

var errTimeout = errors.New("task timed out")

// invoke runs a function on the calling goroutine. finish gets its answer, or errTimeout as soon as the time is up, whether the function has
// noticed or not. It is called exactly once, perhaps from the clock's goroutine, and must not block.
func (g *Gateway) invoke(name string, h Handler, event []byte, timeout time.Duration, finish func(answer []byte, err error)) {
	var answered atomic.Bool
	began := g.opt.Clock.Now()
	ctx, cancel := context.WithCancelCause(g.base)
	limited := &limitedContext{Context: ctx, deadline: began.Add(timeout)}
	stop := g.opt.Clock.AfterFunc(timeout, func() {
		if answered.CompareAndSwap(false, true) {
			limited.expired.Store(true)
			cancel(context.DeadlineExceeded)
			finish(nil, errTimeout)
		}
	})
	answer, err := g.protected(limited, name, h, event)
	stop()
	if answered.CompareAndSwap(false, true) {
		finish(answer, err)
	} else {
		err = errTimeout
	}
	cancel(nil)
	if err != nil {
		g.opt.Logger.Warn("function error", "function", name, "error", redact(err.Error()))
	}
	if g.opt.Logger.Enabled(ctx, slog.LevelDebug) {
		g.opt.Logger.Debug("invocation", "function", name, "took", g.opt.Clock.Now().Sub(began), "in", len(event), "out", len(answer))
	}
}

// protected turns a panic into a function error: on Lambda it ends the process, and the gateway sees just that.
func (g *Gateway) protected(ctx context.Context, name string, h Handler, event []byte) (answer []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			g.opt.Logger.Error("function panicked", "function", name, "panic", redact(fmt.Sprint(p)), "stack", string(debug.Stack()))
		}
	}()
	return h.Invoke(ctx, event)
}

// call is invoke for those who wait for the answer, after a delay.
func (g *Gateway) call(name string, h Handler, event []byte, delay, timeout time.Duration) ([]byte, error) {
	type result struct {
		answer []byte
		err    error
	}
	results := make(chan result, 1)
	ok := g.tasks.after(delay, true, func() {
		g.invoke(name, h, event, timeout, func(answer []byte, err error) { results <- result{answer, err} })
	})
	if !ok {
		return nil, errClosed
	}
	r := <-results
	return r.answer, r.err
}

// limitedContext has its deadline on the gateway's clock.
type limitedContext struct {
	context.Context
	deadline time.Time
	expired  atomic.Bool
}

func (c *limitedContext) Deadline() (time.Time, bool) { return c.deadline, true }

func (c *limitedContext) Err() error {
	if c.expired.Load() {
		return context.DeadlineExceeded
	}
	return c.Context.Err()
}
