package apigw

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/observe"
)

var _ interface {
	engine.Timers
	engine.PromptTimers
} = (*AfterResponse)(nil)

// AfterResponse carries out the jobs that a client waits for in the process that schedules them, once it has given its
// response: on Lambda, by an internal extension (https://docs.aws.amazon.com/lambda/latest/dg/lambda-extensions.html),
// whose work the caller does not wait for, and without which a process is frozen with its response. It is how a new
// connection gets its open packet: the connection exists only after the response, and no queue is faster.
//
// Other jobs go to a queue, and so do all where there are no extensions, and those that fail: a connection that is not
// made within a quarter of a second, perhaps because its client has left, holds up the process no longer. A process
// that dies loses the jobs of its last invocation. It is safe for concurrent use.
type AfterResponse struct {
	queue  engine.Timers
	tracer observe.Tracer
	conn   net.Conn // to the API, which one goroutine at a time speaks to; nil before the first call and after an error
	in     *bufio.Reader
	api    string // of extensions
	id     string // of this one; empty: there is none
	log    func(ctx context.Context, msg string, args ...any)
	meter  observe.Meter

	mu       sync.Mutex
	pending  []prompt
	finished chan []prompt // of one invocation, which has returned
}

// prompt is a job that this process does itself, unless that fails.
type prompt struct {
	job []byte
	do  func(context.Context) error
}

// NewAfterResponse returns the Timers for an engine, on a queue. api is the value of AWS_LAMBDA_RUNTIME_API, empty
// outside of Lambda. Nothing is sent before Wrap.
func NewAfterResponse(api string, queue engine.Timers) *AfterResponse {
	a := &AfterResponse{queue: queue, finished: make(chan []prompt, 1)}
	if api != "" {
		a.api = api
	}
	return a
}

// Wrap returns the function h of the engine e. What clients wait for is then done after each response of it. Wrap has
// to be called once, before lambda.Start: extensions are registered while a process starts. Without extensions it
// returns h.
func (a *AfterResponse) Wrap(h Handler, e *engine.Engine) Handler {
	if a.api == "" {
		return h
	}
	o := e.Options()
	a.log, a.meter, a.tracer = o.Logger.ErrorContext, o.Meter, o.Tracer
	if err := a.register(); err != nil {
		e.Options().Logger.Warn("there are no extensions here, so that open packets go through the queue", "error", err)
		return h
	}
	go a.serve()
	return afterwards{h, a}
}

// Schedule implements engine.Timers.
func (a *AfterResponse) Schedule(ctx context.Context, job []byte, after time.Duration) error {
	return a.queue.Schedule(ctx, job, after)
}

// SchedulePromptly implements engine.PromptTimers.
func (a *AfterResponse) SchedulePromptly(job []byte, do func(context.Context) error) bool {
	if a.id == "" {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending = append(a.pending, prompt{bytes.Clone(job), do})
	return true
}

// afterwards is a function that says when it has returned.
type afterwards struct {
	h Handler
	a *AfterResponse
}

// Invoke returns what the function does. Its jobs are the extension's from then on.
func (f afterwards) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	defer func() {
		f.a.mu.Lock()
		jobs := f.a.pending
		f.a.pending = nil
		f.a.mu.Unlock()
		f.a.finished <- jobs // there is room: the next invocation begins when the extension has asked for it
	}()
	return f.h.Invoke(ctx, event)
}

// serve is the extension: for each invocation it waits for the function, does its jobs, and then says that the process
// may be frozen.
func (a *AfterResponse) serve() {
	for {
		deadline, err := a.next()
		if err != nil { // the process is about to end, or else its invocations would
			a.log(context.Background(), "the extension cannot ask for the next invocation", "error", err)
			pause := time.NewTimer(100 * time.Millisecond)
			<-pause.C
			continue
		}
		a.do(<-a.finished, deadline)
	}
}

func (a *AfterResponse) do(jobs []prompt, deadline time.Time) {
	if len(jobs) == 0 {
		return
	}
	ctx, cancel := context.WithDeadline(context.Background(), deadline.Add(-reserve))
	defer cancel()
	ctx, end := a.tracer.Start(ctx, observe.Invocation, "after response")
	var all sync.WaitGroup
	for _, p := range jobs {
		all.Go(func() {
			err := p.do(ctx)
			if err == nil {
				return
			}
			last, end := context.WithTimeout(context.WithoutCancel(ctx), reserve/2)
			defer end()
			if again := a.queue.Schedule(last, p.job, 0); again != nil {
				a.log(ctx, "a job failed and is lost", "body", engine.Redacted(string(p.job)), "error", err, "queue", again)
			}
		})
	}
	all.Wait()
	end(nil)
	a.meter.Flush()
}

// extensionName is told to Lambda, which shows it in its logs.
const extensionName = "doze-after-response"

func (a *AfterResponse) register() error {
	answer, err := a.call(http.MethodPost, "register", "Lambda-Extension-Name", extensionName, `{"events":["INVOKE"]}`, nil)
	if err != nil {
		return err
	}
	if a.id = answer.Get("Lambda-Extension-Identifier"); a.id == "" {
		return fmt.Errorf("apigw: the Extensions API gave no identifier")
	}
	return nil
}

// next blocks until the next invocation has begun.
func (a *AfterResponse) next() (deadline time.Time, err error) {
	var event struct {
		DeadlineMs int64 `json:"deadlineMs"`
	}
	_, err = a.call(http.MethodGet, "event/next", "Lambda-Extension-Identifier", a.id, "", &event)
	return time.UnixMilli(event.DeadlineMs), err
}

func (a *AfterResponse) call(method, path, header, value, body string, into any) (http.Header, error) {
	r, err := http.NewRequest(method, "http://"+a.api+"/2020-01-01/extension/"+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set(header, value)
	answer, b, err := a.exchange(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("apigw: the Extensions API answered %s: %s", answer.Status, b)
	}
	if into != nil {
		err = json.Unmarshal(b, into)
	}
	return answer.Header, err
}

// exchange sends a request and reads its answer. It is what an http.Client does, but for its goroutines and pools,
// which would cost a cold start a tenth of its time more.
func (a *AfterResponse) exchange(r *http.Request) (answer *http.Response, body []byte, err error) {
	if a.conn == nil {
		if a.conn, err = net.Dial("tcp", a.api); err != nil {
			a.conn = nil
			return nil, nil, err
		}
		a.in = bufio.NewReader(a.conn)
	}
	defer func() {
		if err != nil || answer.Close {
			a.conn.Close()
			a.conn = nil
		}
	}()
	if err = r.Write(a.conn); err != nil {
		return nil, nil, err
	}
	if answer, err = http.ReadResponse(a.in, r); err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(answer.Body)
	return answer, body, err
}
