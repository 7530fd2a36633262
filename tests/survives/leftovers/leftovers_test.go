// Package leftovers lets many clients vanish in every way there is, and looks at what stays of them.
package leftovers

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
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
	maxPayload = 50_000
	oversize   = maxPayload
	// jump is how far the clock jumps at a time: less than a timer may be overdue before its message counts as lost,
	// and less than half of what a waiting poll may take, so that polls end by themselves and not by the gateway's
	// limit.
	jump = 3 * time.Second
	// tombstone is how long the rows of a closed session stay: see engine.
	tombstone = 5*time.Minute + 3*25*time.Second
)

// faults are those of $disconnect: half of them never come.
var faults = gateway.Faults{DisconnectLost: 0.5, DisconnectLate: 0.3, DisconnectDoubled: 0.3, DisconnectDelay: 30 * time.Second}

func TestNothingIsLeftOf300Clients(t *testing.T) {
	t.Run("AWS", func(t *testing.T) { nothingIsLeft(t, 300, 2, false) })
	t.Run("direct", func(t *testing.T) { nothingIsLeft(t, 300, 1, true) })
}

// nothingIsLeft runs the lives of n clients, one in real of them on real sockets: the others invoke functions, of which
// the direct way has none.
func nothingIsLeft(t *testing.T, n, real int, direct bool) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	baseline := runtime.NumGoroutine()
	s := start(t, direct)
	began := s.clock.Now()
	bystanders := make([]*bystander, 12)
	for i := range bystanders {
		bystanders[i] = stand(ctx, t, s.sockets, i%2 == 0)
	}
	before := s.devserver.Store.Rows()

	t.Logf("%d clients, %d of them on sockets", n, n/real)
	rounds := 0
	serve := func() { served(t, bystanders, rounds); rounds++ }
	const parts = 10
	for part := range parts {
		s.live(ctx, t, n*part/parts, n*(part+1)/parts, real)
		serve()
	}
	t.Logf("all have lived after %v; rows: %+v", s.clock.Now().Sub(began).Round(time.Second), s.devserver.Store.Rows())

	// What has vanished is found, and those who have not are served meanwhile.
	s.jumpUntil(t, serve, began, func(r memory.Rows) bool {
		return r.Sessions == before.Sessions && r.Handshakes == before.Handshakes && r.Lives == before.Lives && r.Members == before.Members
	})
	for i, b := range bystanders {
		b.leave(i%4 < 2)
	}
	s.jumpUntil(t, func() {}, began, func(r memory.Rows) bool { return r == memory.Rows{Tombstones: r.Tombstones} })
	rows, passed := s.devserver.Store.Rows(), s.clock.Now().Sub(began)
	if passed >= tombstone {
		t.Errorf("%v have passed, so rows may have expired by themselves", passed)
	}
	t.Logf("after %v on the clock: %+v", passed.Round(time.Second), rows)
	if !s.direct && rows.Tombstones < n/2 { // there, what has been cleaned up goes sooner
		t.Errorf("%d tombstones of %d clients", rows.Tombstones, n)
	}
	s.clock.Jump(tombstone + time.Second)
	settle(t, "rows after the tombstones' time", func() bool { return s.devserver.Store.Rows() == memory.Rows{} }, func() any { return s.devserver.Store.Rows() })
	s.accounts(t)

	s.close(t)
	settle(t, "goroutines", func() bool { return runtime.NumGoroutine() <= baseline }, func() any {
		_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
		return fmt.Sprintf("%d, %d before", runtime.NumGoroutine(), baseline)
	})
}

// server is everything that clients meet, and the clients' own side.
type server struct {
	devserver *oneprocess.Server
	direct    bool
	clock     *shiftclock.Clock
	seen      *tally
	sockets   *sockets
	handlers  *handlers

	mu    sync.Mutex
	kept  []line
	lives map[string]string // what they are called, by session
}

func start(t *testing.T, direct bool) *server {
	t.Helper()
	clock := &shiftclock.Clock{}
	app, seen := newApp()
	ids := &connectionIDs{ids: map[string]string{}}
	h := &handlers{clock: clock, random: rand.New(rand.NewPCG(7, 7)), lines: map[string]*handlerLine{}}
	d, err := oneprocess.Start(oneprocess.Options{
		Engine:  engine.Options{Clock: clock, MaxPayload: maxPayload, Logger: slog.New(slog.DiscardHandler)},
		Gateway: gateway.Options{Clock: clock, Seed: 7, RepeatableIDs: true, Faults: faults, JobVisibility: time.Minute}, // the clock jumps while jobs run
		Direct:  direct,
		Wrap: func(b socketio.Backend) socketio.Backend {
			if direct { // whose posts never wait and whose polls are told of what comes, which the engine is to know
				return b
			}
			ids.Store, h.Poster = b.Sessions, b.Poster
			b.Sessions, b.Poster = ids, h
			return b
		},
	}, app.Bind)
	if err != nil {
		t.Fatal(err)
	}
	h.use(d.Engine)
	return &server{
		devserver: d, direct: direct, clock: clock, seen: seen, handlers: h, lives: map[string]string{},
		sockets: &sockets{rawclient.New(d.URL), d.Gateway, ids},
	}
}

// live runs lives first to last, some at a time. Which they are depends on nothing but their numbers.
func (s *server) live(ctx context.Context, t *testing.T, first, last, real int) {
	t.Helper()
	var wg sync.WaitGroup
	slots := make(chan struct{}, 32)
	for i := first; i < last; i++ {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			random := rand.New(rand.NewPCG(1, uint64(i)))
			c := &customer{ctx: ctx, number: i, network: s.handlers, random: random.IntN, keep: s.keep}
			if i%real == 0 {
				c.network = s.sockets
			}
			name := ""
			err := c.try(func() {
				for choice := range c.life() {
					name = strings.TrimPrefix(name+" - "+choice.name, " - ")
					choice.run(c)
				}
			})
			if c.line != nil {
				s.keep(c.line)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.lives[c.sid] = name
			if err != nil {
				t.Errorf("client %d, %s: %v", i, name, err)
			}
		})
	}
	wg.Wait()
}

// life chooses what a customer does, as it goes: what may follow depends on what came of the steps before.
func (c *customer) life() iter.Seq[step] {
	return func(yield func(step) bool) {
		if c.random(6) == 0 {
			yield(strangers[c.random(len(strangers))])
			return
		}
		if !yield(arrivals[c.random(len(arrivals))]) || !yield(activities[c.random(len(activities))]) {
			return
		}
		for {
			d := departures[c.random(len(departures))]
			if d.when == nil || d.when(c) {
				yield(d)
				return
			}
		}
	}
}

func (s *server) keep(l line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, l)
}

// jumpUntil moves the clock on, step by step, until the rows are as they should be, or until rows might have expired.
func (s *server) jumpUntil(t *testing.T, between func(), began time.Time, enough func(memory.Rows) bool) {
	t.Helper()
	for !enough(s.devserver.Store.Rows()) {
		if s.clock.Now().Sub(began) >= tombstone-jump {
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, row := range s.sockets.ids.left(t.Context()) {
				if life, ok := s.lives[row.SID]; ok { // not a bystander's
					t.Logf("left: the %s row %.1s... of the life %s", row.State, row.Address, life)
				}
			}
			t.Fatalf("rows are left: %+v", s.devserver.Store.Rows())
		}
		s.clock.Jump(jump)
		s.quiet(t)
		between()
	}
}

// quiet waits until nothing has happened for a moment: so long as there is work, the rows or the counts change.
func (s *server) quiet(t *testing.T) {
	t.Helper()
	type state struct {
		rows  memory.Rows
		stats gateway.Stats
	}
	var last state
	same := 0
	settle(t, "quiet", func() bool {
		now := state{s.devserver.Store.Rows(), s.devserver.Gateway.Stats()}
		now.stats.Requests, now.stats.Messages, now.stats.Posts = 0, 0, 0 // bystanders poll on
		if same++; now != last {
			last, same = now, 0
		}
		return same >= 10
	}, func() any { return last })
}

// settle waits for a condition.
func settle(t *testing.T, what string, ok func() bool, now func() any) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(time.Minute)
	defer end.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatalf("%s: %v", what, now())
		}
	}
}

// accounts compares who came and who went.
func (s *server) accounts(t *testing.T) {
	t.Helper()
	s.seen.mu.Lock()
	defer s.seen.mu.Unlock()
	for id, n := range s.seen.connected {
		if n != 1 || s.seen.disconnected[id] != 1 {
			t.Errorf("a socket connected %d times and disconnected %d times", n, s.seen.disconnected[id])
		}
	}
	unseen := 0 // whose client was lost before OnConnection: see Namespace.OnConnection
	for id := range s.seen.disconnected {
		if s.seen.connected[id] == 0 {
			unseen++
		}
	}
	if unseen > len(s.seen.connected)/20 {
		t.Errorf("%d sockets disconnected that had never connected, beside %d that had", unseen, len(s.seen.connected))
	}
	t.Logf("%d sockets, disconnected for %v; %d emits failed in part", len(s.seen.connected), s.seen.reasons, len(s.seen.failedEmits))
	for _, err := range s.seen.failedEmits {
		t.Logf("emit: %v", err)
	}
	stats := s.devserver.Gateway.Stats()
	t.Logf("%+v", stats)
	if stats.JobsDropped > 0 || (stats.Faults == 0) != s.direct { // directly the news of an end is neither lost nor late
		t.Errorf("%d jobs were dropped, %d faults injected", stats.JobsDropped, stats.Faults)
	}
	if len(s.seen.connected) == 0 {
		t.Error("nobody has connected")
	}
}

func (s *server) close(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	kept := s.kept
	s.mu.Unlock()
	for _, l := range kept {
		l.forget()
	}
	settle(t, "connections", func() bool { return s.devserver.Gateway.Stats().Connections == 0 }, func() any { return s.devserver.Gateway.Stats() })
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := s.devserver.Close(ctx); err != nil {
		t.Error(err)
	}
	s.sockets.client.Close()
}
