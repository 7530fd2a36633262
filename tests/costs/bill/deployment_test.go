//go:build full

package bill

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/tests/kit/dynalite"
	"github.com/dozeio/doze/tests/kit/meter"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

// deployment is a whole one, of which everything that costs is counted.
type deployment struct {
	t      *testing.T
	ctx    context.Context
	clock  *clock
	meter  *meter.Meter
	server *oneprocess.Server
	store  *dynamo.Store // on the same table, and not counted
	counts *dynamo.Store // the server's, which is counted
	client *rawclient.Client
	header []string // of a handshake
	posts  atomic.Int64
	// absentees is the last frame that was for a connection that is absent.
	absentees atomic.Value
	queued    atomic.Int64
	armed     atomic.Int64 // of queued, those for later: sweeps
	sweeps    bool         // they are carried out when they are due; else never
	atOnce    sync.WaitGroup

	mu    sync.Mutex
	ended int // invocations
	more  sync.Cond
}

// handshakeSize is what a browser sends: headers and query.
const handshakeSize = 2 << 10

const pingInterval = 300 * time.Second

// start runs an application on a table of its own until the test ends.
func start(t *testing.T, io *socketio.Server) *deployment {
	t.Helper()
	over := new(atomic.Bool)
	d := startLogged(t, io, slog.New(complaints{t, over}))
	t.Cleanup(func() { over.Store(true) }) // what runs then may find the queue closed
	return d
}

// startLogged is start with a logger of the engine.
func startLogged(t *testing.T, io *socketio.Server, logger *slog.Logger) *deployment {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	d := &deployment{t: t, ctx: ctx, clock: newClock(), meter: &meter.Meter{}}
	d.more.L = &d.mu
	context.AfterFunc(ctx, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.more.Broadcast()
	})
	url, stop, err := dynalite.Start()
	d.must(err)
	t.Cleanup(stop)
	table := "doze-" + rand.Text()
	plain := dynalite.Client(url)
	d.meter.Rows = plain
	d.must(dynamo.CreateTable(ctx, plain, table))
	d.store = dynamo.New(plain, table, d.clock.Now)
	counted := dynamo.New(dynalite.Client(url, d.meter.Options), table, d.clock.Now)
	d.counts = counted
	d.server, err = oneprocess.Start(oneprocess.Options{
		Engine: engine.Options{PingInterval: pingInterval, Clock: d.clock, Logger: logger},
		// Without the gap after a handshake, in which a post is only tried in vain.
		Gateway: gateway.Options{Clock: d.clock, Seed: 1, RepeatableIDs: true, ConnectGap: -1, Logger: slog.New(&invocations{complaints{t, new(atomic.Bool)}, d})},
		Wrap: func(b socketio.Backend) socketio.Backend {
			b.Sessions, b.Rooms, b.Acks, b.Notes = counted, counted, counted, counted
			b.Poster, b.Timers = poster{b.Poster, d}, timers{b.Timers, d}
			return b
		},
	}, io.Bind)
	d.must(err)
	t.Cleanup(func() {
		d.clock.pauses.Store(skipped)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := d.server.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	d.client = rawclient.New(d.server.URL)
	t.Cleanup(d.client.Close)
	d.header = meter.Browser(d.server.URL, handshakeSize-len(rawclient.WebSocket))
	return d
}

func (d *deployment) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// absent connections are there for the poster only.
const absent = "absent"

// poster counts posts. What is for a connection that is absent goes no further.
type poster struct {
	engine.Poster
	d *deployment
}

func (p poster) Post(ctx context.Context, connection string, f engine.Frame) error {
	p.d.posts.Add(1)
	if strings.HasPrefix(connection, absent) {
		p.d.absentees.Store(string(f.Data))
		return nil
	}
	return p.Poster.Post(ctx, connection, f)
}

// timers counts requests to the queue.
type timers struct {
	engine.Timers
	d *deployment
}

// SchedulePromptly does what a client waits for at once, as an extension does in the process of the function.
func (t timers) SchedulePromptly(_ []byte, do func(context.Context) error) bool {
	t.d.atOnce.Go(func() { t.d.must(do(t.d.ctx)) })
	return true
}

func (t timers) Schedule(ctx context.Context, job []byte, after time.Duration) error {
	t.d.queued.Add(1)
	if after > 0 {
		t.d.armed.Add(1)
		if !t.d.sweeps {
			return nil
		}
	}
	return t.Timers.Schedule(ctx, job, after)
}

// invocations hears of every invocation that has ended: the gateway logs them.
type invocations struct {
	complaints
	d *deployment
}

func (i *invocations) Enabled(context.Context, slog.Level) bool { return true }

func (i *invocations) Handle(ctx context.Context, r slog.Record) error {
	switch {
	case r.Message == "invocation":
		i.d.mu.Lock()
		i.d.ended++
		i.d.mu.Unlock()
		i.d.more.Broadcast()
	case r.Level >= slog.LevelWarn:
		return i.complaints.Handle(ctx, r)
	}
	return nil
}

// complaints fail the test: nothing goes wrong here until it is over.
type complaints struct {
	t    *testing.T
	over *atomic.Bool
}

func (c complaints) Enabled(_ context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && !c.over.Load()
}
func (c complaints) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	r.Attrs(func(a slog.Attr) bool { b.WriteString(" " + a.String()); return true })
	c.t.Errorf("logged: %s%s", r.Message, b.String())
	return nil
}
func (c complaints) WithAttrs([]slog.Attr) slog.Handler { return c }
func (c complaints) WithGroup(string) slog.Handler      { return c }

// usage is what something costs.
type usage struct {
	invocations, reads, writes, posts float64
	calls, queued                     int
}

func (u usage) minus(v usage) usage {
	return usage{u.invocations - v.invocations, u.reads - v.reads, u.writes - v.writes, u.posts - v.posts, u.calls - v.calls, u.queued - v.queued}
}

// begun returns how many invocations have begun.
func (d *deployment) begun() int {
	s := d.server.Gateway.Stats()
	return int(s.Connects + s.Messages + s.Disconnects + s.Requests + s.Jobs)
}

// of returns what f costs, which leads to a number of invocations: it ends with the last of them.
func (d *deployment) of(invocations int, f func()) usage {
	d.t.Helper()
	d.mu.Lock()
	before := d.ended
	d.mu.Unlock()
	if begun := d.begun(); begun != before {
		d.t.Fatalf("%d invocations more than were waited for", begun-before)
	}
	d.meter.Take()
	posts, queued := d.posts.Load(), d.queued.Load()
	f()
	d.mu.Lock()
	for d.ended < before+invocations && d.ctx.Err() == nil {
		d.more.Wait()
	}
	ended := d.ended
	d.mu.Unlock()
	d.atOnce.Wait()
	if d.ctx.Err() != nil {
		d.t.Fatalf("%d invocations of %d have come to an end", ended-before, invocations)
	}
	calls := d.meter.Take()
	u := usage{float64(ended - before), 0, 0, float64(d.posts.Load() - posts), len(calls), int(d.queued.Load() - queued)}
	u.reads, u.writes = calls.Sum()
	return u
}
