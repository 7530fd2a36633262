package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/tests/kit/dynalite"
	"github.com/dozeio/doze/tests/kit/meter"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

const (
	tableLatency = 4 * time.Millisecond  // what a call of DynamoDB takes
	slowLatency  = 60 * time.Millisecond // so long that calls which do not wait for each other overlap
	slowRounds   = 3
)

// bench is a deployment on a table whose calls take their time.
type bench struct {
	ctx     context.Context
	meter   *meter.Meter
	metered *dynamo.Store // the server's
	store   *dynamo.Store // on the same table, as fast as it can be
	client  *rawclient.Client
	header  []string
	mu      sync.Mutex // guards conns while they are opened at once
	conns   []*rawclient.Conn
	armed   atomic.Int64  // sweeps of heartbeat shards
	told    chan struct{} // one for each ack that was handled
}

// figures are those of one operation.
type figures struct {
	name         string
	rounds       int
	ms           []float64
	trips, calls int
}

// onTable measures operations on a table with tableLatency per call, and prints a table of them.
func onTable(ctx context.Context, only string) error {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	b, stop, err := newBench(ctx)
	if err != nil {
		return err
	}
	defer stop()
	operations, err := b.operations()
	if err != nil {
		return err
	}
	var names []string
	for _, o := range operations {
		names = append(names, o.name)
	}
	if err := matches(wanted, names); err != nil {
		return err
	}
	fmt.Println("| | table calls | one after the other | p50, ms | p99, ms |\n|---|---|---|---|---|")
	for _, o := range operations {
		if !wanted.MatchString(o.name) {
			continue
		}
		if o.before != nil {
			if err := o.before(); err != nil {
				return fmt.Errorf("%s: %w", o.name, err)
			}
		}
		f := figures{name: o.name, rounds: o.rounds}
		if err := b.measure(&f, o.do); err != nil {
			return fmt.Errorf("%s: %w", o.name, err)
		}
		fmt.Printf("| %s | %d | %d | %.1f | %.1f |\n", f.name, f.calls, f.trips, f.ms[len(f.ms)/2], f.ms[len(f.ms)*99/100])
	}
	return nil
}

// unlimited is a gateway without the quotas of an account, which are not what is measured.
var unlimited = gateway.Options{
	Account: none, NewConnections: none, WebSocketStage: none, HTTPStage: none, Concurrency: -1,
}

var none = gateway.Throttle{Rate: -1}

func newBench(ctx context.Context) (b *bench, stop func(), err error) {
	url, stopTable, err := dynalite.Start()
	if err != nil {
		return nil, nil, err
	}
	b = &bench{ctx: ctx, meter: &meter.Meter{}, told: make(chan struct{}, 1000)}
	table := "doze-" + rand.Text()
	plain := dynalite.Client(url)
	if err := dynamo.CreateTable(ctx, plain, table); err != nil {
		stopTable()
		return nil, nil, err
	}
	b.store = dynamo.New(plain, table, nil)
	b.metered = dynamo.New(dynalite.Client(url, b.meter.Options), table, nil)
	server, err := oneprocess.Start(oneprocess.Options{
		Gateway: unlimited, // a thousand answers at once are more than a new account's functions take
		Engine:  engine.Options{PingInterval: 5 * time.Minute, ClientRate: -1, Logger: slog.New(slog.DiscardHandler)},
		Wrap: func(backend socketio.Backend) socketio.Backend {
			backend.Sessions, backend.Rooms, backend.Acks = b.metered, b.metered, b.metered
			backend.Poster = absentPoster{backend.Poster}
			backend.Timers = armedTimers{backend.Timers, b}
			return backend
		},
	}, b.app().Bind)
	if err != nil {
		stopTable()
		return nil, nil, err
	}
	b.client = rawclient.New(server.URL)
	b.header = meter.Browser(server.URL, 2<<10)
	return b, func() {
		ended, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		closeAll(b.conns)
		b.client.Close()
		_ = server.Close(ended)
		stopTable()
	}, nil
}

// absent begins the ids of connections that have rows and nothing else.
const absent = "absent"

// absentPoster sends to those that are there.
type absentPoster struct{ engine.Poster }

func (p absentPoster) Post(ctx context.Context, connection string, f engine.Frame) error {
	if strings.HasPrefix(connection, absent) {
		return nil
	}
	return p.Poster.Post(ctx, connection, f)
}

// armedTimers counts the jobs for later.
type armedTimers struct {
	engine.Timers
	b *bench
}

func (t armedTimers) Schedule(ctx context.Context, job []byte, after time.Duration) error {
	if strings.Contains(string(job), `"ack"`) { // when the time of a question is over: it would be measured with what runs then
		return nil
	}
	if after > 0 {
		t.b.armed.Add(1)
	}
	return t.Timers.Schedule(ctx, job, after)
}

func (b *bench) app() *socketio.Server {
	io := socketio.New(socketio.Options{})
	n := io.Of("/")
	n.On("echo", func(_ context.Context, _ *socketio.Socket, text string) (string, error) { return text, nil })
	n.On("join", func(ctx context.Context, s *socketio.Socket, room string) error { return s.Join(ctx, room) })
	n.On("say", func(ctx context.Context, s *socketio.Socket, room string) error {
		return s.To(room).Emit(ctx, "said", "hello, all of you")
	})
	b.asking(n)
	return io
}

// measure runs an operation, which returns when it began, for its latency, and some times on a slow table for the calls
// that follow one another. The fewest are taken: two that overlap once need not wait for each other.
func (b *bench) measure(f *figures, do func() (began time.Time, err error)) error {
	run := func(latency time.Duration) (time.Duration, meter.Calls, error) {
		b.meter.Slow(latency)
		b.meter.Take()
		began, err := do()
		took := time.Since(began)
		calls := slices.DeleteFunc(b.meter.Take(), func(c meter.Call) bool { return c.Begin.Before(began) })
		for running := 1; err == nil && running > 0; { // what the operation left under way
			select {
			case <-time.After(20 * time.Millisecond):
			case <-b.ctx.Done():
				err = b.ctx.Err()
			}
			begun, ended := b.meter.Begun()
			running = begun - len(ended)
		}
		return took, calls, err
	}
	for range f.rounds {
		took, _, err := run(tableLatency)
		if err != nil {
			return err
		}
		f.ms = append(f.ms, float64(took.Microseconds())/1000)
	}
	slices.Sort(f.ms)
	for i := range slowRounds {
		_, calls, err := run(slowLatency)
		if err != nil {
			return err
		}
		if trips := calls.RoundTrips(); i == 0 || trips < f.trips {
			f.trips, f.calls = trips, len(calls)
		}
	}
	return nil
}

// crowd makes members of a room that have rows and nothing else.
func (b *bench) crowd(room string, n int) error {
	log.Printf("bench: %d members", n)
	expires := time.Now().Add(12 * time.Hour)
	return each(n, func(i int) error {
		m := rooms.Member{Socket: fmt.Sprintf("%s%014d", absent, i), Address: fmt.Sprintf("w%s-%09d=", absent, i), Expires: expires}
		for try := 1; ; try++ {
			_, err := b.store.Join(b.ctx, "/", m, room)
			if err == nil || try == 5 { // a busy machine may be too slow for the store
				return err
			}
		}
	})
}
