//go:build full

// Package heartbeat lets the engine keep many connections alive on a virtual clock, against the limits of AWS.
package heartbeat

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/store/memory"
	"github.com/dozeio/doze/tests/kit/keylimit"
)

const (
	connections = 100_000
	interval    = 300 * time.Second
	timeout     = 60 * time.Second

	postTime  = 15 * time.Millisecond // of one post
	tableTime = 5 * time.Millisecond  // of one write of a pong
	sweepTime = 14 * time.Second      // of an invocation for a job, its reserve for the answer taken off

	messagesASecond = 2000 // that the stage takes
	atOnce          = 1000 // invocations of the account
)

// deployment is what AWS does around the engine: a gateway whose clients answer every ping, a queue, and invocations.
type deployment struct {
	t     *testing.T
	e     *engine.Engine
	table *keylimit.Store

	messages keylimit.Limit // of the stage, in and out
	running  atomic.Int64
	most     atomic.Int64 // invocations at once, since it was asked last
	pings    atomic.Int64
	pinged   sync.Map // connection: when it was pinged last
	closed   atomic.Int64
	jobs     sync.WaitGroup
	ended    atomic.Bool
}

// invoke counts an invocation.
func (d *deployment) invoke(f func()) {
	n := d.running.Add(1)
	defer d.running.Add(-1)
	for most := d.most.Load(); n > most && !d.most.CompareAndSwap(most, n); most = d.most.Load() {
	}
	f()
}

// Post implements engine.Poster. A client answers a ping at once, over a network of up to 100 ms.
func (d *deployment) Post(ctx context.Context, connection string, f engine.Frame) error {
	d.messages.Take("stage", 1, time.Now())
	wait(postTime)
	if string(f.Data) == "2" {
		d.pings.Add(1)
		d.pinged.Store(connection, time.Now())
		go func() {
			wait(rand.N(100 * time.Millisecond))
			d.messages.Take("stage", 1, time.Now())
			d.invoke(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 26*time.Second)
				defer cancel()
				wait(tableTime)
				d.e.Frame(ctx, connection, engine.Frame{Data: []byte("3")})
			})
		}()
	}
	return nil
}

// Exists implements engine.Poster.
func (d *deployment) Exists(context.Context, string) error { return nil }

// Disconnect implements engine.Poster.
func (d *deployment) Disconnect(context.Context, string) error { return nil }

// SchedulePromptly implements engine.PromptTimers.
func (d *deployment) SchedulePromptly(_ []byte, do func(context.Context) error) bool {
	go func() { d.do(do) }()
	return true
}

// Schedule implements engine.Timers: delays are whole seconds, as SQS has them.
func (d *deployment) Schedule(_ context.Context, job []byte, after time.Duration) error {
	d.jobs.Go(func() {
		wait((after + time.Second - 1).Truncate(time.Second))
		for d.do(func(ctx context.Context) error { return d.e.Job(ctx, job) }) != nil {
			wait(20 * time.Second)
		}
	})
	return nil
}

func (d *deployment) do(f func(context.Context) error) (err error) {
	d.invoke(func() {
		if d.ended.Load() {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), sweepTime)
		defer cancel()
		err = f(ctx)
	})
	return err
}

// Message implements engine.Handler: any message joins.
func (d *deployment) Message(ctx context.Context, v *engine.Invocation, _ []protocol.EnginePacket) error {
	_, err := v.SetEntry(ctx, "/", nil, []byte("socket"))
	return err
}

// Closed implements engine.Handler.
func (d *deployment) Closed(context.Context, engine.Session) error { d.closed.Add(1); return nil }

// Moved implements engine.Handler.
func (d *deployment) Moved(context.Context, engine.Session, engine.Address) error { return nil }

// unanswered counts the connections whose last pong is not that of their last ping, but for those whose pong is on its
// way.
func (d *deployment) unanswered() (n int) {
	for shard := range engine.Shards {
		lives, err := d.table.Sessions.Lives(context.Background(), shard)
		if err != nil {
			d.t.Fatal(err)
		}
		for _, l := range lives {
			connection := strings.TrimPrefix(string(l.Address), "w")
			if at, ok := d.pinged.Load(connection); ok && l.Last.Before(at.(time.Time).Truncate(time.Second)) && time.Since(at.(time.Time)) > time.Second {
				n++
			}
		}
	}
	return n
}

func (d *deployment) connect(i int) {
	id := fmt.Sprintf("L0SM%dc8FMCJA=", i)
	q := url.Values{"EIO": {"4"}, "transport": {"websocket"}}
	d.invoke(func() {
		if status := d.e.Connect(context.Background(), id, engine.Request{Method: http.MethodGet, Query: q}).Status; status != http.StatusOK {
			d.t.Errorf("connection %d was refused with %d", i, status)
		}
	})
	wait(100 * time.Millisecond)
	d.invoke(func() { d.e.Frame(context.Background(), id, engine.Frame{Data: []byte("40")}) })
}

func wait(t time.Duration) { <-time.After(t) }

// complaints are the lines of a log at warn and above.
type complaints struct{ t *testing.T }

func (c complaints) Write(line []byte) (int, error) {
	if s := string(line); !strings.Contains(s, "level=DEBUG") {
		c.t.Log(s)
	}
	return len(line), nil
}

// A hundred thousand clients that have connected within a minute, and answer their pings: the pongs are writes to the
// keys of the shards, messages of the stage, and invocations. None may be lost, and no limit be used up by more than
// half.
func TestAHundredThousandConnectionsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		d := &deployment{t: t, table: keylimit.NewStore(store, store, time.Now)}
		var err error
		d.e, err = engine.New(d.table, d, d, d, engine.Options{PingInterval: interval, PingTimeout: timeout,
			Logger: slog.New(slog.NewTextHandler(complaints{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))})
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for i := range connections {
			wait(time.Minute / connections)
			all.Go(func() { d.connect(i) })
		}
		all.Wait()
		t.Logf("connecting: %d invocations at once", d.most.Load())
		for round := range 3 {
			d.most.Store(d.running.Load())
			for _, l := range []*keylimit.Limit{d.table.Writes, d.table.Reads, &d.messages} {
				l.Reset() // calls are under way
			}
			before := d.pings.Load()
			wait(interval)
			writes, reads, stage := d.table.Writes.Hottest(1)[0], d.table.Reads.Hottest(1)[0], d.messages.Hottest(1)[0]
			most, pings := d.most.Load(), d.pings.Load()-before
			t.Logf("interval %d: %d pings; at the peak %.0f writes/s and %.0f reads/s of a key, %.0f messages/s, %d invocations; %d throttled",
				round, pings, writes.Peak, reads.Peak, stage.Peak, most, d.table.Writes.Refused()+d.table.Reads.Refused())
			if writes.Peak > keylimit.KeyWrites/2 || reads.Peak > keylimit.KeyReads/2 || stage.Peak > messagesASecond/2 || most > atOnce/2 {
				t.Error("a limit is used up by more than half")
			}
			if n := d.table.Writes.Refused() + d.table.Reads.Refused(); n > 0 {
				t.Errorf("%d calls of the table were throttled", n)
			}
			if n := d.unanswered(); n > 0 {
				t.Errorf("the pongs of %d pings were lost", n)
			}
			if pings < connections*97/100 || pings > connections*101/100 { // who has come in the last 10 s has a beat to wait
				t.Errorf("%d pings in an interval", pings)
			}
		}
		if n := d.closed.Load(); n > 0 {
			t.Errorf("%d healthy connections were closed", n)
		}
		d.ended.Store(true)
		wait(2 * interval)
	})
}
