package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Worker is what a Handler may be besides: one with jobs of its own.
type Worker interface {
	// Work carries out what Later was given. It may come twice and late. What has not been done when ctx ends, it gives
	// to Later again. An error asks for another delivery.
	Work(ctx context.Context, work json.RawMessage) error
}

// Commanded is what a Handler may be besides: one that takes what others than this engine put on the queue.
type Commanded interface {
	// Command carries out a message without a kind, which jobs have. It may come twice and late. An error asks for
	// another delivery, unless it is ErrNotAJob.
	Command(ctx context.Context, message []byte) error
}

// command hands a message to the handler that is no job of this engine's.
func (e *Engine) command(ctx context.Context, message []byte) error {
	c, ok := e.handler.(Commanded)
	if !ok {
		return fmt.Errorf("%w: it has no kind", ErrNotAJob)
	}
	return protected(func() error { return c.Command(ctx, message) })
}

// workTime is how long a Worker is at one job: much less than its invocation may last, which other jobs share.
const workTime = 10 * time.Second

// Later has the handler, a Worker, do some work in an invocation of its own: soon, and also when ctx has ended in the
// meantime. The work is JSON of less than a MiB, for it goes through a queue.
func (e *Engine) Later(ctx context.Context, work json.RawMessage) error {
	return e.LaterBy(ctx, work, 0)
}

// LaterBy is Later for work that is not to be done before a delay is over. A delay of more than 15 minutes is cut to
// that: work that comes too early has to be given to LaterBy again.
func (e *Engine) LaterBy(ctx context.Context, work json.RawMessage, after time.Duration) error {
	ctx, cancel := e.outlive(ctx)
	defer cancel()
	return e.schedule(ctx, job{Kind: jobWork, Work: work}, min(max(0, after), maxDelay))
}

func (e *Engine) work(ctx context.Context, j job) error {
	w, ok := e.handler.(Worker)
	if !ok {
		return fmt.Errorf("%w of this handler, which has none", ErrNotAJob)
	}
	ctx, cancel := e.within(ctx, workTime)
	defer cancel()
	return protected(func() error { return w.Work(ctx, j.Work) })
}

// Early returns a context that ends a little before ctx does: so that who stops with it has time to say so. Where ctx
// has no deadline, it is ctx. The caller has to call cancel.
func (e *Engine) Early(ctx context.Context) (early context.Context, cancel func()) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	left := deadline.Sub(e.opt.Clock.Now())
	return e.within(ctx, left-min(reserve, left/4))
}

// DropOlder is Drop for a session that began before a time, by clocks that may be a second apart. When the store cannot
// tell, it is dropped. It waits for the Handler, so that who drops many does not do that all at once.
func (e *Engine) DropOlder(ctx context.Context, a Address, than time.Time) {
	s, err := e.store.Get(ctx, a, false)
	if err == nil && (s.State == Absent || s.State == Closed || !s.Created.Before(than.Add(skew))) {
		return
	}
	e.drop(ctx, a, e.finish)
}
