// Package direct connects an engine with a gateway of its own process without events, HTTP and JSON in between. It is
// what pkg/apigw is on AWS, and the other half of gateway.Direct.
package direct

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/observe"
)

var (
	_ gateway.Direct      = (*Way)(nil)
	_ engine.Poster       = (*Way)(nil)
	_ engine.Unblocking   = (*Way)(nil)
	_ engine.PromptTimers = (*Way)(nil)
)

// Way is the way between a gateway and an engine, in both directions. Each is made with it: use Join when both are
// there. It is safe for concurrent use.
type Way struct {
	gateway atomic.Pointer[gateway.Gateway]
	engine  *engine.Engine
	log     *slog.Logger
	tracer  observe.Tracer
	prefix  string // of ids of what came
	came    atomic.Uint64

	engine.Timers      // what is not prompt
	Proxied       bool // a proxy may be before the gateway, whose X-Forwarded-Proto is believed

	mu      sync.Mutex
	opening map[string]func(context.Context) error // by connection: what is to be done when it is open
}

// New returns a Way. Other jobs than a connection's first go to timers.
func New(timers engine.Timers) *Way {
	return &Way{Timers: timers, opening: map[string]func(context.Context) error{}, prefix: rand.Text()[:8]}
}

// Join says between whom the way is, before anything comes.
func (w *Way) Join(g *gateway.Gateway, e *engine.Engine) {
	o := e.Options()
	w.gateway.Store(g)
	w.engine, w.log, w.tracer = e, o.Logger, o.Tracer
}

// newID makes up the id of what came by a connection.
func (w *Way) newID() string { return w.prefix + "." + strconv.FormatUint(w.came.Add(1), 36) }

// began returns a context for what came, with its id for the log, and what to call at its end.
func (w *Way) began(ctx context.Context, id, name string) (_ context.Context, end func(error)) {
	ctx = observe.WithID(ctx, id)
	if w.tracer == observe.Untraced {
		return ctx, func(error) {}
	}
	return w.tracer.Start(ctx, observe.Invocation, name, slog.String(observe.Trace, id))
}

// request makes the engine's request of one of HTTP.
func (w *Way) request(r *http.Request, body []byte) engine.Request {
	header := r.Header.Clone()
	header.Set("Host", r.Host)
	return engine.Request{
		Method: r.Method, Query: gateway.Query(r), Header: header, Body: body, Remote: gateway.SourceIP(r),
		Secure: r.TLS != nil || w.Proxied && header.Get("X-Forwarded-Proto") == "https",
		URL:    r.URL.RequestURI(),
	}
}

// Connect implements gateway.Direct. A panic refuses the connection, or the gateway would know it for good.
func (w *Way) Connect(ctx context.Context, id, connection string, r *http.Request) (status int, _ http.Header, _ []byte) {
	ctx, end := w.began(ctx, id, "connect")
	defer end(nil)
	status = http.StatusInternalServerError
	defer w.protect(ctx, connection)
	q := w.request(r, nil)
	q.URL = "/?" + r.URL.RawQuery
	a := w.engine.Connect(ctx, connection, q)
	return a.Status, a.Header, a.Body
}

// SchedulePromptly implements engine.PromptTimers: the job of a new connection waits for it to be open, and another is
// done beside what goes on, which the gateway's end waits for.
func (w *Way) SchedulePromptly(job []byte, do func(context.Context) error) bool {
	var of struct{ Connection string }
	if json.Unmarshal(job, &of) != nil {
		return false
	}
	if of.Connection == "" {
		return w.gateway.Load().Go(func(ctx context.Context) { w.job(ctx, job, do) })
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opening[of.Connection] = do
	return true
}

// again is when a job that has failed comes again, by the queue.
const again = time.Second

func (w *Way) job(ctx context.Context, job []byte, do func(context.Context) error) {
	ctx, end := w.began(ctx, w.newID(), "job")
	err := errors.New("panic")
	defer func() { end(err) }()
	defer w.protect(ctx, "")
	if err = do(ctx); err == nil {
		return
	}
	if failed := w.Schedule(ctx, job, again); failed != nil {
		w.log.ErrorContext(ctx, "a job is given up", "error", errors.Join(err, failed))
	}
}

// Opened implements gateway.Direct.
func (w *Way) Opened(ctx context.Context, connection string) {
	w.mu.Lock()
	do := w.opening[connection]
	delete(w.opening, connection)
	w.mu.Unlock()
	if do == nil {
		return
	}
	defer w.protect(ctx, connection)
	if err := do(ctx); err != nil {
		w.log.ErrorContext(ctx, "an open packet could not be sent", "connection", connection, "error", err)
	}
}

// Prompt implements gateway.Direct: a pong does not wait for a handler, or a slow one would end its client.
func (w *Way) Prompt(ctx context.Context, connection string, data []byte) bool {
	if string(data) != "3" {
		return false
	}
	w.Message(ctx, connection, false, data, nil)
	return true
}

// Message implements gateway.Direct.
func (w *Way) Message(ctx context.Context, connection string, binary bool, data []byte, yield func()) {
	if yield != nil {
		ctx = engine.WithYield(ctx, yield)
	}
	ctx, end := w.began(ctx, w.newID(), "message")
	defer end(nil)
	defer w.protect(ctx, connection)
	w.engine.Frame(ctx, connection, engine.Frame{Binary: binary, Data: data})
}

// Closed implements gateway.Direct.
func (w *Way) Closed(ctx context.Context, connection string, code int) {
	ctx, end := w.began(ctx, w.newID(), "disconnect")
	defer end(nil)
	defer w.protect(ctx, "")
	w.mu.Lock()
	delete(w.opening, connection)
	w.mu.Unlock()
	w.engine.Disconnect(ctx, connection, code)
}

// HTTP implements gateway.Direct.
func (w *Way) HTTP(id string, out http.ResponseWriter, r *http.Request, body []byte) (status int) {
	ctx, end := w.began(r.Context(), id, "request")
	defer end(nil)
	status = http.StatusInternalServerError
	defer func() {
		if p := recover(); p != nil {
			w.panicked(ctx, "", p)
			http.Error(out, "Internal Server Error", status)
		}
	}()
	a := w.engine.HTTP(ctx, w.request(r, body))
	for name, values := range a.Header {
		out.Header()[name] = values
	}
	out.WriteHeader(a.Status)
	_, _ = out.Write(a.Body) // of a client that does not take it, the connection breaks
	return a.Status
}

// protect keeps a panic from ending the process. It is deferred.
func (w *Way) protect(ctx context.Context, connection string) {
	if p := recover(); p != nil {
		w.panicked(ctx, connection, p)
	}
}

func (w *Way) panicked(ctx context.Context, connection string, p any) {
	w.log.ErrorContext(ctx, "panic", "connection", connection, "value", p, "stack", string(debug.Stack()))
	if connection != "" {
		w.engine.DropConnection(ctx, connection)
	}
}

// Unblocking implements engine.Unblocking.
func (w *Way) Unblocking() {}

// Post implements engine.Poster.
func (w *Way) Post(_ context.Context, connection string, f engine.Frame) error {
	if w.gateway.Load().Post(connection, f.Binary, f.Data) != nil {
		return engine.ErrGone
	}
	return nil
}

// Exists implements engine.Poster.
func (w *Way) Exists(_ context.Context, connection string) error {
	if !w.gateway.Load().Reachable(connection) {
		return engine.ErrGone
	}
	return nil
}

// Disconnect implements engine.Poster.
func (w *Way) Disconnect(_ context.Context, connection string) error {
	if !w.gateway.Load().Disconnect(connection) {
		return engine.ErrGone
	}
	return nil
}
