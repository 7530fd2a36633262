package runtimeapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Options describe a function. Only Binary is required.
type Options struct {
	// Binary is the path of the program, which is started without arguments in its own folder.
	Binary string

	// Name is the function's; default: that of the folder which Binary is in.
	Name string

	// Handler is what the program reads from _HANDLER; default: bootstrap
	Handler string

	// Env is the function's environment, as KEY=value: added to what Lambda itself sets, and nothing else is there.
	Env []string

	// Region is where the function believes to be; default: us-east-1
	Region string

	// Copies is how many processes there are at most; default 10.
	Copies int

	// Throttle makes an invocation fail with ErrThrottled when all copies are busy, as Lambda does when a function's
	// concurrency is used up. By default it waits for a free copy, while its context lasts: a machine with a few cores
	// has fewer of them than Lambda.
	Throttle bool

	// ReuseLatest gives an invocation to the idle copy that worked last, which keeps few copies warm. By default it is
	// the one that has been idle for longest, so that one client's requests meet different processes.
	ReuseLatest bool

	// Timeout is the function's time limit, extensions included; default 30 s. A caller that has less time gives less.
	Timeout time.Duration

	// InitTimeout is the time from a process's start until it asks for its first invocation; default 10 s, as on
	// Lambda.
	InitTimeout time.Duration

	// Now is the clock that the deadlines of Invoke's contexts are on; default time.Now. Processes live in real time:
	// what is left of a deadline by this clock is what they are given.
	Now func() time.Time

	// Logs gets what the processes print, a whole line with each Write, one Write at a time. Default: nobody does.
	Logs io.Writer
}

// Function is a Lambda function on this machine. Its methods may be called concurrently.
type Function struct {
	opt   Options
	lines *lines

	mu      sync.Mutex // of everything below, and of the sandboxes
	closed  bool
	copies  []*sandbox // alive, in the order of their start
	idle    []*sandbox // those without work, longest first
	waiting []*waiter  // for any copy
	busy    int        // invocations that have a copy
	changed chan struct{}
	stats   Stats
}

// New returns a function without a copy: the first invocation starts one. The error says which option is wrong.
func New(o Options) (*Function, error) {
	path, err := filepath.Abs(o.Binary)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("runtimeapi: %w", err)
	} else if info.IsDir() {
		return nil, fmt.Errorf("runtimeapi: Binary %s is a folder", path)
	}
	if o.Copies < 0 || o.Timeout < 0 || o.InitTimeout < 0 {
		return nil, errors.New("runtimeapi: Copies, Timeout and InitTimeout must not be negative")
	}
	o.Binary = path
	o.Name = cmp.Or(o.Name, filepath.Base(filepath.Dir(path)))
	o.Handler = cmp.Or(o.Handler, "bootstrap")
	o.Region = cmp.Or(o.Region, "us-east-1")
	o.Copies = cmp.Or(o.Copies, 10)
	o.Timeout = cmp.Or(o.Timeout, 30*time.Second)
	o.InitTimeout = cmp.Or(o.InitTimeout, 10*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logs == nil {
		o.Logs = io.Discard
	}
	return &Function{opt: o, lines: &lines{to: o.Logs}, changed: make(chan struct{})}, nil
}

// Invoke gives the event to a copy and returns its answer as soon as it has posted it. Errors are an *Error for what
// Lambda calls a function error, ErrThrottled, ErrClosed, or the context's own.
//
// The invocation's trace id, Lambda-Runtime-Trace-Id, is that which the context has under aws-lambda-go's key,
// "x-amzn-trace-id", as those of the gateway's queue have: so a function that sends jobs to itself is recognized.
// Without one it begins a trace of its own. Its request id is the context's lambdacontext.LambdaContext.AwsRequestID,
// which a gateway's has and logs, else one that is made up.
//
// The copy has as much time as the context when Invoke is called, but no more than Timeout, and is killed after that.
// What its caller waited for it is not taken from that time: then the caller's is over first, and the invocation goes
// on, as it does when the context is cancelled.
func (f *Function) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	if len(event) > maxPayload {
		return nil, fmt.Errorf("runtimeapi: an event of %d bytes: Lambda takes %d", len(event), maxPayload)
	}
	limit := f.opt.Timeout
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, deadline.Sub(f.opt.Now()))
	}
	s, waited, err := f.acquire(ctx)
	if err != nil {
		return nil, err
	}
	trace, _ := ctx.Value("x-amzn-trace-id").(string)
	given := ""
	if c, ok := lambdacontext.FromContext(ctx); ok {
		given = c.AwsRequestID
	}
	inv := newInvocation(event, limit, trace, given)
	f.begin(s, inv)
	select {
	case r := <-inv.result:
		return r.answer, r.err
	case <-ctx.Done():
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && !waited {
		f.timeout(s, inv)
		r := <-inv.result
		return r.answer, r.err
	}
	return nil, ctx.Err()
}

// Close waits for the invocations that run, while ctx lasts, and then ends all processes: none is left when it returns.
// The error says how many invocations were cut off.
func (f *Function) Close(ctx context.Context) (err error) {
	f.mu.Lock()
	f.closed = true
	for _, w := range f.waiting {
		w.grant <- grant{err: ErrClosed}
	}
	f.waiting = nil
	for _, s := range f.copies {
		if s.waiter != nil {
			s.waiter.grant <- grant{err: ErrClosed}
			s.waiter = nil
		}
	}
	for f.busy > 0 && err == nil {
		changed := f.changed
		f.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			err = ctx.Err()
		}
		f.mu.Lock()
	}
	if err != nil && f.busy > 0 {
		err = fmt.Errorf("runtimeapi: %d invocations of %s were cut off: %w", f.busy, f.opt.Name, err)
	} else {
		err = nil
	}
	copies := append([]*sandbox(nil), f.copies...)
	for _, s := range copies {
		s.shutdown()
	}
	f.mu.Unlock()
	for _, s := range copies {
		<-s.ended
	}
	return err
}
