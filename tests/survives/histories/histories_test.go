//go:build full

package histories

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/tests/kit/badtable"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

var (
	number = flag.Int("histories", 150, "how many histories are played")
	seed   = flag.Uint64("histories.seed", 1, "of the first history, and of the faults; the others follow")
	atOnce = flag.Int("histories.parallel", 24, "how many are played at a time")
)

const (
	pingInterval = 5 * time.Second
	pingTimeout  = 10 * time.Second
	copies       = 8 // of each function are there at the least
	maxKept      = 40
)

// table faults: one request in 25.
var rates = badtable.Rates{badtable.Throttled: 0.01, badtable.Failed: 0.01, badtable.Lost: 0.015, badtable.Slow: 0.005,
	badtable.Ignored: 0.0002, badtable.Unanswered: 0.0004, badtable.Late: 0.0004}

var faults = gateway.Faults{
	PostGone: 0.002, PostGoneDelivered: 0.002, PostThrottled: 0.02, PostFailed: 0.002, PostHangs: 0.0005, EarlyPostArrives: 0.01, Killed: 0.002,
	DisconnectLost: 0.2, DisconnectDoubled: 0.2, DisconnectLate: 0.2, DisconnectDelay: 2 * time.Second,
}

// run is a deployment on which histories are played.
type run struct {
	ctx        context.Context
	deployment *deployment
	raw        *rawclient.Client

	emits, upgrades, unacked atomic.Int64

	mu   sync.Mutex
	kept []*client // that go on to the end

	ended map[string]membership // all of clients that are done, by their rows; guarded by the players' mutex
}

// keep reports whether a client may go on to the end.
func (r *run) keep(c *client) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.line == nil && len(r.kept) >= maxKept/4 || len(r.kept) >= maxKept || !c.alive() {
		return false
	}
	r.kept = append(r.kept, c)
	return true
}

// living returns the clients that are kept and have not been disconnected.
func (r *run) living() (all []*client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.kept {
		if c.alive() {
			all = append(all, c)
		}
	}
	return all
}

// TestHistories plays histories, several at a time, on one deployment in which everything fails now and then: each is
// checked when its clients are done, and the table when the sweeps have had their time.
//
//	go test -tags full ./tests/survives/histories -histories 1 -histories.seed 7
//
// The script of a history comes from its seed, and the faults from that of the first; what meets what depends on the
// machine as well.
//
// In the second half processes are killed, too: then there may be rows that are left to their time to live, at most one
// for each kill. Beside these, histories are played on the direct way, which is one process: half of them with such a
// table, and all of them with its own memory.
func TestHistories(t *testing.T) {
	half := *number / 2
	t.Run("processes live", func(t *testing.T) { play(t, startProcesses, *number-half, *seed, false) })
	t.Run("processes are killed", func(t *testing.T) {
		t.Parallel() // both wait for sessions to end that nobody does
		play(t, startProcesses, half, *seed+uint64(*number-half), true)
	})
	t.Run("direct, on a table", func(t *testing.T) {
		t.Parallel()
		play(t, startDirectOnATable, max(1, half), *seed, false)
	})
	t.Run("direct", func(t *testing.T) {
		t.Parallel()
		play(t, startDirect, *number, *seed, false)
	})
}

func play(t *testing.T, start func(t *testing.T, seed uint64) *deployment, number int, seed uint64, kills bool) {
	if number == 0 {
		return
	}
	d := start(t, seed)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r := &run{ctx: ctx, deployment: d, raw: rawclient.New(d.url), ended: map[string]membership{}}
	defer r.raw.Close()
	d.suffers(t, true)
	killing, peace := context.WithCancel(ctx)
	var killer sync.WaitGroup
	if kills {
		killer.Go(func() { r.kill(killing, seed) })
	}
	began := time.Now()
	promised := r.playAll(t, number, seed, kills)
	peace()
	killer.Wait()
	d.suffers(t, false)
	played := time.Since(began)

	var differs, crashed []string
	settle := time.NewTicker(2 * time.Second)
	defer settle.Stop()
	for end := time.Now().Add(4 * time.Minute); ; <-settle.C {
		var err error
		if differs, crashed, err = d.differs(ctx, r); err != nil {
			t.Fatal(err)
		}
		if len(differs) == 0 || time.Now().After(end) {
			break
		}
	}
	if len(differs) > 0 {
		t.Errorf("seed %d: the table differs from the sockets that live:\n%s", seed, strings.Join(differs, "\n"))
	}
	if killed := r.kills(); uint64(len(crashed)) > killed { // none without kills
		t.Errorf("%d kills have left %d rows to expire:\n%s", killed, len(crashed), strings.Join(crashed, "\n"))
	}
	t.Logf("%d histories in %v, settled after %v more: %d emits, %d events promised, %d upgrades, %d events not acked, %d rows are left to expire",
		number, played.Round(time.Second), (time.Since(began) - played).Round(time.Second), r.emits.Load(), promised, r.upgrades.Load(), r.unacked.Load(), len(crashed))
	t.Logf("%d clients live; the gateway: %+v", len(r.living()), d.gateway.Stats())
	if d.bad != nil {
		t.Logf("the table: %v; %v", d.bad.Counts(), d.bad.Usage(3))
	}
	if d.network != nil {
		t.Logf("the network: %d connections were broken", d.network.breakages())
	}
	for _, f := range d.functions {
		t.Logf("a function: %+v", f.Stats())
	}
	r.accounts(t, number, promised, kills)
	for _, c := range r.living() {
		c.leave(0)
	}
	cancel()
	closing, over := context.WithTimeout(context.Background(), 30*time.Second)
	defer over()
	if err := d.close(closing); err != nil {
		t.Error(err)
	}
}

// playAll plays all histories and reports what is wrong with each. It returns how many events were promised.
func (r *run) playAll(t *testing.T, number int, seed uint64, kills bool) (promised int) {
	seeds := make(chan uint64)
	var players sync.WaitGroup
	var mu sync.Mutex
	failed := 0
	for range *atOnce {
		players.Go(func() {
			for s := range seeds {
				h := r.play(s)
				n := h.check()
				mu.Lock()
				h.memberships(r.ended)
				promised += n
				if len(h.violations) > 0 {
					if failed++; failed <= 10 {
						t.Errorf("seed %d: play it again with %s\n%s", s, again(s, kills), strings.Join(h.violations, "\n"))
					}
				}
				mu.Unlock()
			}
		})
	}
	for i := range number {
		seeds <- seed + uint64(i)
	}
	close(seeds)
	players.Wait()
	if failed > 0 {
		t.Errorf("%d of %d histories went wrong", failed, number)
	}
	return promised
}

// again says how one history is played again.
func again(seed uint64, kills bool) string {
	if kills {
		return fmt.Sprintf("-run /killed -histories 2 -histories.seed %d", seed-1)
	}
	return fmt.Sprintf("-histories 1 -histories.seed %d", seed)
}

// kill kills a copy of some function now and then.
func (r *run) kill(ctx context.Context, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	functions := r.deployment.functions
	for {
		pause := time.NewTimer(time.Duration(200+random.IntN(600)) * time.Millisecond)
		select {
		case <-pause.C:
			functions[random.IntN(len(functions))].Kill(random.IntN)
		case <-ctx.Done():
			pause.Stop()
			return
		}
	}
}

// kills returns how many processes have been killed.
func (r *run) kills() (n uint64) {
	for _, f := range r.deployment.functions {
		n += f.Stats().Kills
	}
	return n
}

// accounts expects that something was tested.
func (r *run) accounts(t *testing.T, number, promised int, kills bool) {
	t.Helper()
	if number < 100 {
		return
	}
	if bad := r.deployment.bad; bad != nil {
		counts := bad.Counts()
		for _, kind := range badtable.Kinds {
			if counts[kind] == 0 {
				t.Errorf("no request was %s: nothing was tested of that", kind)
			}
		}
	}
	for _, f := range r.deployment.functions {
		if f.Stats().Starts < copies {
			t.Errorf("a function ran in %d processes only", f.Stats().Starts)
		}
	}
	if n := r.unacked.Load(); !kills && n > 0 {
		t.Errorf("%d events of sessions that live were not acked, and no process was killed", n)
	}
	if n := r.deployment.network; n != nil && n.breakages() == 0 {
		t.Error("no connection was broken while something was sent: nothing was tested of that")
	}
	stats := r.deployment.gateway.Stats()
	if kills != (r.kills() > 0) || r.upgrades.Load() == 0 || promised < number || stats.Faults == 0 || len(r.deployment.functions) > 0 && stats.Swapped == 0 {
		t.Errorf("%d kills, %d upgrades, %d events promised, %d gateway faults, %d frames swapped: that tests little",
			r.kills(), r.upgrades.Load(), promised, stats.Faults, stats.Swapped)
	}
}
