// Package faults lets everything go wrong that a gateway and a client can bring about, one thing at a time: the client
// sees a delivery, a close or an HTTP error, never silence; nothing is left; and others are served.
package faults

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/store/memory"
	"github.com/dozeio/doze/tests/kit/rawclient"
	"github.com/dozeio/doze/tests/kit/shiftclock"
)

const (
	pingInterval = 25 * time.Second
	pingTimeout  = 20 * time.Second
	maxPayload   = 100_000
)

// world is a deployment with an application, a clock that can jump, and somebody whom all this does not concern.
type world struct {
	*testing.T
	*rawclient.Client
	ctx       context.Context
	clock     *shiftclock.Clock
	server    *oneprocess.Server
	app       *app
	posts     watched
	bystander *peer
	asked     int // acks by the bystander
}

// The ways through a world: events, as on AWS, or none.
const (
	asAWS  = "AWS"
	direct = "direct"
)

// onBothWays runs a test on each way.
func onBothWays(t *testing.T, test func(t *testing.T, way string)) {
	for _, way := range []string{asAWS, direct} {
		t.Run(way, func(t *testing.T) { test(t, way) })
	}
}

// newWorld starts a world that ends with the test: then everybody breaks off, and nothing may be left.
func newWorld(t *testing.T, way string) *world {
	t.Helper()
	return newWorldOf(t, way, newApp(), slog.New(slog.DiscardHandler), 3*time.Minute)
}

// newWorldOf is newWorld with an application, a logger of all that Doze logs, and the time in which all has to end.
func newWorldOf(t *testing.T, way string, a *app, logger *slog.Logger, hangs time.Duration) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hangs) // it outlives t's
	w := &world{T: t, ctx: ctx, clock: &shiftclock.Clock{}, app: a}
	o := oneprocess.Options{
		Direct: way == direct,
		Engine: engine.Options{
			Clock: w.clock, PingInterval: pingInterval, PingTimeout: pingTimeout, MaxPayload: maxPayload,
		},
		Gateway: gateway.Options{Clock: w.clock, Seed: 1, RepeatableIDs: true},
		Wrap: func(b socketio.Backend) socketio.Backend {
			if way == direct { // whose posts never wait, which the engine is to know
				return b
			}
			w.posts.Poster = b.Poster
			b.Poster = &w.posts
			return b
		},
	}
	o.Engine.Logger, o.Gateway.Logger = logger, logger
	var err error
	if w.server, err = oneprocess.Start(o, a.io.Bind); err != nil {
		t.Fatal(err)
	}
	w.Client = rawclient.New(w.server.URL)
	w.bystander = w.join()
	t.Cleanup(func() {
		w.nothingIsLeft()
		cancel()
	})
	return w
}

// faults are injected from now on.
func (w *world) faults(f gateway.Faults) {
	w.Helper()
	if err := w.server.Gateway.SetFaults(f); err != nil {
		w.Fatal(err)
	}
}

// served expects that the bystander gets an answer, so the process lives.
func (w *world) served() {
	w.Helper()
	w.asked++
	w.bystander.send(fmt.Sprintf(`42%d["echo"]`, w.asked))
	if o, seen := w.watch(w.bystander, fmt.Sprintf("43%d[]", w.asked)); o != delivered {
		w.Fatalf("the bystander is not served: %s after %q", o, seen)
	}
}

func (w *world) nothingIsLeft() {
	w.Helper()
	w.faults(gateway.Faults{})
	w.served()
	w.bystander.Reset()
	began := w.clock.Now()
	rows := w.server.Store.Rows
	w.Settle("rows", func() bool {
		if r := rows(); r == (memory.Rows{Tombstones: r.Tombstones}) {
			return true
		}
		if w.clock.Now().Sub(began) < 4*(pingInterval+pingTimeout) && w.posts.quiet() {
			w.clock.Jump(4 * time.Second)
		}
		return false
	}, func() any { return rows() })
	w.clock.Jump(10 * time.Minute)
	w.Settle("tombstones", func() bool { return rows() == memory.Rows{} }, func() any { return rows() })
	w.Client.Close() // first: net/http waits seconds for connections that nothing was sent on yet
	if err := w.server.Close(w.ctx); err != nil {
		w.Error(err)
	}
}

// noGoroutines expects at the end of a test that there are no more goroutines than now.
func noGoroutines(t *testing.T) {
	baseline := runtime.NumGoroutine()
	t.Cleanup(func() {
		(&world{T: t}).Settle("goroutines", func() bool { return runtime.NumGoroutine() <= baseline }, func() any {
			stacks := make([]byte, 1<<20)
			return fmt.Sprintf("%d, %d before\n%s", runtime.NumGoroutine(), baseline, stacks[:runtime.Stack(stacks, true)])
		})
	})
}

// Settle waits for a condition.
func (w *world) Settle(what string, ok func() bool, now func() any) {
	w.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(time.Minute)
	defer end.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end.C:
			w.Fatalf("%s are left: %v", what, now())
		}
	}
}

// watched counts the calls of a Poster that are under way.
type watched struct {
	engine.Poster
	running atomic.Int64
}

func (p *watched) quiet() bool { return p.running.Load() == 0 }

func (p *watched) Post(ctx context.Context, connection string, f engine.Frame) error {
	p.running.Add(1)
	defer p.running.Add(-1)
	return p.Poster.Post(ctx, connection, f)
}

// A peer is a client on a WebSocket, whose frames are read as they come, and whose pings are answered.
type peer struct {
	*rawclient.Conn
	w      *world
	frames chan string
	ended  error // once frames is closed
}

func (w *world) peer(c *rawclient.Conn, err error) *peer {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
	p := &peer{Conn: c, w: w, frames: make(chan string, 1000)}
	go func() {
		for {
			f, err := c.Next(w.ctx)
			if err != nil {
				p.ended = err
				close(p.frames)
				return
			}
			if f == "2" {
				p.send("3")
			}
			p.frames <- f
		}
	}()
	w.Cleanup(p.Reset) // runs before the world's
	return p
}

func (p *peer) send(frames ...string) { _ = p.Send(p.w.ctx, frames...) } // how it ended is for watch to say

// join connects a peer over WebSocket to the main namespace.
func (w *world) join() *peer {
	w.Helper()
	p := w.peer(w.Dial(w.ctx, rawclient.WebSocket))
	w.wants(p, "0{")
	p.send("40")
	w.wants(p, "40{")
	return p
}

func (w *world) wants(p *peer, packet string) {
	w.Helper()
	if o, seen := w.watch(p, packet); o != delivered {
		w.Fatalf("%s instead of %s, after %q", o, packet, seen)
	}
}

// outcome is what a client sees.
type outcome string

const (
	delivered outcome = "delivered"
	closed    outcome = "closed"
	timedOut  outcome = "ping timeout" // which the client notices by itself
	silence   outcome = "silence"
)

// watch reads what comes to a peer until a packet that begins like this, and returns everything it has seen. While
// nothing comes the clock moves on: so silence is a connection that is kept alive, and nothing else, for twice as long
// as a client that is gone would be.
func (w *world) watch(p *peer, packet string) (outcome, []string) {
	w.Helper()
	var seen []string
	began := w.clock.Now()
	heard := began
	// Of real time, before the clock is moved on: the machine may be busy with something else.
	const first, then = 400 * time.Millisecond, 50 * time.Millisecond
	patience := first
	quiet := time.NewTimer(patience)
	defer quiet.Stop()
	for {
		quiet.Reset(patience)
		select {
		case f, ok := <-p.frames:
			if !ok {
				return closed, seen
			}
			heard, patience = w.clock.Now(), first
			if seen = append(seen, f); strings.HasPrefix(f, packet) {
				return delivered, seen
			}
		case <-quiet.C:
			switch now := w.clock.Now(); {
			case now.Sub(heard) > pingInterval+pingTimeout:
				p.Reset()
				return timedOut, seen
			case now.Sub(began) > 2*(pingInterval+pingTimeout):
				return silence, seen
			}
			w.clock.Jump(2 * time.Second)
			patience = then
		}
	}
}
