package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Gateway is one origin with a WebSocket API, an HTTP API, the @connections management API and a delay queue behind it.
// It is an http.Handler; ServeHTTP and all methods may be called concurrently.
type Gateway struct {
	opt    Options
	random random
	faults faults
	stats  counters
	tasks  tasks
	bodies bodies

	throttles throttles
	functions functions

	base    context.Context // of every invocation
	cancel  context.CancelCauseFunc
	closing context.Context // ends when Close begins
	refuse  context.CancelFunc

	mu    sync.RWMutex
	conns map[string]*conn // from the handshake's first moment until the connection's end

	writeTime, bodyTime time.Duration // fields for tests' sake
}

var errClosed = errors.New("gateway: closed")

// New returns a gateway that is ready to serve, or says which option is wrong. Close it when done.
func New(o Options) (*Gateway, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	g := &Gateway{opt: o, conns: make(map[string]*conn), writeTime: writeTime, bodyTime: bodyTime}
	g.base, g.cancel = context.WithCancelCause(context.Background())
	g.closing, g.refuse = context.WithCancel(g.base)
	g.random.seed(o.Seed, o.RepeatableIDs)
	g.faults.init(o.Seed, o.Faults)
	g.tasks.init(o.Clock)
	g.bodies.left = o.MaxBodies
	g.throttles.init(o)
	if err := g.functions.init(o); err != nil {
		return nil, err
	}
	return g, nil
}

// ServeHTTP is the one origin. A request goes to
//   - the management API when its path is /{stage}/@connections/{id};
//   - the WebSocket API when its path is /{stage} (anything else below it is 403, as on AWS), or when it asks for an
//     upgrade under Path with transport=websocket in its query;
//   - the HTTP API when its path is Path or below it, or with HTTPEverywhere when it is nobody else's;
//   - the delay queue when it is a POST to /_queue?delayMs=N with the job as its body: this one is not AWS's, but a
//     door for functions in other processes, closed to browsers;
//   - Site otherwise.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	serve := g.route(r)
	if serve == nil {
		if g.opt.Site == nil {
			http.NotFound(w, r)
			return
		}
		g.opt.Site.ServeHTTP(w, r)
		return
	}
	admit := g.tasks.enter
	if strings.HasPrefix(r.URL.Path, "/"+g.opt.Stage+"/@connections/") { // also for the functions that still run
		admit = g.tasks.join
	}
	if !admit() {
		writeMessage(w, http.StatusServiceUnavailable, "Service Unavailable")
		return
	}
	defer g.tasks.leave()
	serve(w, r)
}

// route returns nil for what is Site's.
func (g *Gateway) route(r *http.Request) http.HandlerFunc {
	path := r.URL.Path
	if rest, ok := below(path, "/"+g.opt.Stage+"/"); ok {
		if id, ok := strings.CutPrefix(rest, "@connections/"); ok {
			return func(w http.ResponseWriter, r *http.Request) { g.manage(w, r, id) }
		}
		if rest != "" {
			return forbidden
		}
		return g.serveWebSocket
	}
	if _, ok := below(path, g.opt.Path); ok {
		if wantsWebSocket(r) {
			return g.serveWebSocket
		}
		return g.serveHTTPAPI
	}
	if path == "/_queue" && g.opt.Jobs != nil {
		return g.serveQueue
	}
	if g.opt.HTTPEverywhere {
		return g.serveHTTPAPI
	}
	return nil
}

// below cuts the prefix, which ends in a slash that the path may lack.
func below(path, prefix string) (rest string, ok bool) {
	if path == prefix[:len(prefix)-1] {
		return "", true
	}
	return strings.CutPrefix(path, prefix)
}

func isUpgrade(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

func forbidden(w http.ResponseWriter, r *http.Request) {
	writeMessage(w, http.StatusForbidden, "Forbidden")
}

// writeMessage answers as API Gateway itself does.
func writeMessage(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"message":%q}`, message)
}

// Close closes every connection with 1001, invokes $disconnect for each, and returns when all invocations have ended:
// then no goroutine of the gateway is left. With Direct, a connection whose messages are being handled is closed when
// these have returned; what waits behind them is dropped. Jobs that wait for their time are dropped. When ctx ends
// first, the contexts of what still runs are cancelled; the error says how much of it did not end within another
// second.
func (g *Gateway) Close(ctx context.Context) error {
	g.tasks.refuse()
	g.refuse()
	g.mu.RLock()
	var conns []*conn
	for _, c := range g.conns {
		conns = append(conns, c)
	}
	g.mu.RUnlock()
	for _, c := range conns {
		switch {
		case !c.isOpen():
		case g.opt.Direct != nil:
			c.leave()
		default:
			c.end(statusGoingAway, reasonGoingAway, true)
		}
	}
	g.tasks.flush()
	defer g.cancel(nil)
	idle := g.tasks.idle()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	g.cancel(context.Cause(ctx)) // so that a handler's error says why
	for _, c := range conns {
		c.drop()
	}
	grace := time.NewTimer(time.Second)
	defer grace.Stop()
	select {
	case <-idle:
		return nil
	case <-grace.C:
		return fmt.Errorf("gateway: %d requests, connections or invocations still run: %w", g.tasks.count(), ctx.Err())
	}
}
