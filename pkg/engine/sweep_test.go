package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/store/storetest"
)

// inShard returns the nth connection id of a shard.
func inShard(shard, n int) string {
	for i := 0; ; i++ {
		id := fmt.Sprint("c", i)
		if engine.Shard(connected(id)) == shard {
			if n == 0 {
				return id
			}
			n--
		}
	}
}

// chains returns how many messages wait in the queue that the timer of a shard would accept.
func (w *world) chains(shard int) (n int) {
	timer, err := w.table.Timer(context.Background(), shard, true)
	if err != nil {
		w.t.Error(err)
	}
	for _, message := range w.queue.messages() {
		var j struct {
			Kind              string
			Shard, Generation int
		}
		if err := json.Unmarshal([]byte(message), &j); err != nil {
			w.t.Error(err)
		}
		if j.Kind == "sweep" && j.Shard == shard && int64(j.Generation) == timer.Generation && timer.Generation > 0 {
			n++
		}
	}
	return n
}

// pings lets clients answer pings, and counts them.
func (w *world) pings() func(id string) int {
	var mu sync.Mutex
	count := map[string]int{}
	w.gateway.post = func(ctx context.Context, id string, f engine.Frame) error {
		if string(f.Data) == "2" && w.gateway.open(id) {
			mu.Lock()
			count[id]++
			mu.Unlock()
			w.e.Frame(ctx, id, frameOf("3"))
		}
		return nil
	}
	return func(id string) int {
		mu.Lock()
		defer mu.Unlock()
		n := count[id]
		delete(count, id)
		return n
	}
}

func TestRace9OneTimerPerShardHoweverManyConnections(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		for n := range 5 {
			w.websocket(inShard(0, n))
			w.frame(inShard(0, n), "4join")
			wait(time.Second)
		}
		pings := w.pings()
		if n := w.chains(0); n != 1 {
			t.Fatalf("%d timers", n)
		}
		w.pass(10 * 25 * time.Second)
		for n := range 5 {
			if got := pings(inShard(0, n)); got != 10 {
				t.Errorf("connection %d got %d pings in 10 intervals", n, got)
			}
		}
		for n := range 5 {
			w.leave(inShard(0, n), 1005)
		}
		w.pass(60 * time.Second)
		if n := w.chains(0) + len(w.queue.messages()); n != 0 {
			t.Errorf("%d timers of an empty shard", n)
		}
	})
}

func TestRace9ASweepThatIsDeliveredTwice(t *testing.T) {
	for name, again := range map[string]time.Duration{"at once": 0, "soon": time.Second, "late": 40 * time.Second, "much later": 10 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
				id := inShard(0, 0)
				w.websocket(id)
				w.frame(id, "4join")
				pings := w.pings()
				double, _ := w.queue.next(time.Now().Add(time.Minute))
				twin := double
				twin.due = twin.due.Add(again)
				w.queue.add(double)
				if again == 0 { // both at the same instant
					wait(time.Until(double.due))
					go func() {
						if err := w.e.Job(context.Background(), double.message); err != nil {
							t.Error(err)
						}
					}()
				} else {
					w.queue.add(twin)
				}
				w.pass(20 * 25 * time.Second)
				if n := w.chains(0); n != 1 {
					t.Errorf("%d timers", n)
				}
				pings(id)
				w.pass(10 * 25 * time.Second)
				if got := pings(id); got != 10 {
					t.Errorf("%d pings in 10 intervals", got)
				}
			})
		})
	}
}

// A shard that is too large for one invocation, whose posts are slow, with a connection that takes none.
func TestASweepThatHasNoTimeLeftGoesOnWhereItWas(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		const size = 200
		var ids []string
		for i := 0; len(ids) < size; i++ {
			if id := fmt.Sprint("c", i); engine.Shard(connected(id)) == 0 {
				ids = append(ids, id)
				w.websocket(id)
				w.frame(id, "4join")
			}
		}
		pings := w.pings()
		answered := w.gateway.post
		w.gateway.post = func(ctx context.Context, id string, f engine.Frame) error {
			if id == ids[0] {
				return hang(ctx)
			}
			select {
			case <-time.After(time.Second):
				return answered(ctx, id, f)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		deliveries := 0
		wait(25 * time.Second)
		var rest scheduled
		for j, ok := w.queue.next(time.Now()); ok; j, ok = w.queue.next(time.Now()) {
			ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
			if err := w.e.Job(ctx, j.message); err != nil {
				t.Errorf("delivery %d: %v", deliveries, err)
			}
			cancel()
			if deliveries++; deliveries == 2 {
				rest = j
			}
		}
		for _, id := range ids[1:] {
			if n := pings(id); n != 1 {
				t.Errorf("connection %s got %d pings", id, n)
			}
		}
		if n := w.chains(0); n != 1 || deliveries > 5 {
			t.Errorf("%d timers, %d deliveries", n, deliveries)
		}
		w.gateway.post = answered
		w.pass(100 * time.Second)
		for _, id := range ids {
			pings(id)
		}
		if err := w.e.Job(t.Context(), rest.message); err != nil { // late: its generation is over
			t.Error(err)
		}
		if n := pings(ids[1]); n != 0 || w.chains(0) != 1 {
			t.Errorf("%d pings of a sweep that is over, %d timers", n, w.chains(0))
		}
	})
}

func TestASweepThatCannotBePassedOnIsDeliveredAgain(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		w.websocket(inShard(0, 0))
		w.frame(inShard(0, 0), "4join")
		w.gateway.post = func(ctx context.Context, _ string, _ engine.Frame) error { return hang(ctx) }
		wait(25 * time.Second)
		sweep, _ := w.queue.next(time.Now())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		e := w.process(w.table, w.gateway, refusing{w.queue}, w.handler)
		if err := e.Job(ctx, sweep.message); !errors.Is(err, errServer) {
			t.Errorf("got %v", err)
		}
	})
}

// refusing is a queue that takes nothing that is due at once.
type refusing struct{ *queue }

func (q refusing) Schedule(ctx context.Context, job []byte, after time.Duration) error {
	if after == 0 {
		return errServer
	}
	return q.queue.Schedule(ctx, job, after)
}

func TestRace9ASweepThatDiesIsDeliveredAgain(t *testing.T) {
	everyDeath(t, func(t *testing.T, w *world, l *lifeline) {
		id := inShard(0, 0)
		w.websocket(id)
		w.frame(id, "4join")
		pings := w.pings()
		wait(25 * time.Second)
		l.reset()
		w.job(context.Background(), w.victim(l))
		w.pass(5 * 25 * time.Second)
		if n := w.chains(0); n != 1 || !w.gateway.open(id) {
			t.Errorf("%d timers, the connection is open: %t", n, w.gateway.open(id))
		}
		pings(id)
		w.pass(10 * 25 * time.Second)
		if got := pings(id); got != 10 {
			t.Errorf("%d pings in 10 intervals", got)
		}
	})
}

// late is a store in which something happens right after the first Lives.
type late struct {
	store
	once sync.Once
	then func()
}

func (l *late) Lives(ctx context.Context, shard int) ([]engine.Live, error) {
	lives, err := l.store.Lives(ctx, shard)
	l.once.Do(l.then)
	return lives, err
}

func TestRace9ASweepDiesWhenItHasDisarmedAndARowHasComeMeanwhile(t *testing.T) {
	everyDeath(t, func(t *testing.T, w *world, l *lifeline) {
		first, id := inShard(0, 0), inShard(0, 1)
		w.websocket(first)
		w.leave(first, 1005)
		wait(25 * time.Second)
		l.reset()
		w.dying = l
		// The connect sees a timer that is armed, which the sweep, that has seen no row, then takes away.
		m := mortal{&late{store: w.table, then: func() { w.connect(id, "") }}, l}
		w.job(t.Context(), w.process(m, w.gateway, mortalQueue{w.queue, l}, w.handler))
		if !w.gateway.open(id) {
			w.connect(id, "") // it died before
		}
		w.pass(5 * time.Second)
		w.frame(id, "4join")
		pings := w.pings()
		w.pass(100 * time.Second)
		if n := w.chains(0); n != 1 || pings(id) < 3 {
			t.Errorf("%d timers", n)
		}
	})
}

// timersOfOld is a store whose eventual reads of a timer show what it was at some time.
type timersOfOld struct {
	store
	was engine.Timer
}

func (s timersOfOld) Timer(ctx context.Context, shard int, strong bool) (engine.Timer, error) {
	if !strong {
		return s.was, nil
	}
	return s.store.Timer(ctx, shard, strong)
}

func TestRace9ATimerThatIsReadLateIsGoodUntilItIsDue(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		w.websocket(inShard(0, 0))
		was, _ := w.table.Timer(t.Context(), 0, true)
		w.leave(inShard(0, 0), 1005)
		double, _ := w.queue.next(time.Now().Add(time.Minute))
		if err := w.e.Job(t.Context(), double.message); err != nil { // before it is due it disarms nothing
			t.Error(err)
		}
		if n := w.chains(0); n != 1 {
			t.Errorf("%d timers after an early message", n)
		}
		w.pass(30 * time.Second)
		if now, _ := w.table.Timer(t.Context(), 0, true); !now.Due.IsZero() {
			t.Errorf("the timer of an empty shard is armed: %+v", now)
		}
		w.e = w.process(timersOfOld{w.table, was}, w.gateway, w.queue, w.handler)
		w.websocket(inShard(0, 1))
		if n := w.chains(0); n != 1 {
			t.Errorf("%d timers after a connect that has read an old one", n)
		}
	})
}

func TestRace9AnOverdueTimerIsArmedByTheNextConnect(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		w.websocket(inShard(0, 0))
		lost, _ := w.queue.next(time.Now().Add(time.Minute)) // by the queue
		overdue := lost.due.Add(20 * time.Second / 6)        // a sixth of PingTimeout
		wait(time.Until(overdue) - time.Millisecond)
		w.connect(inShard(0, 1), "")
		if n := w.chains(0); n != 0 {
			t.Error("a timer was armed that is not overdue")
		}
		wait(time.Until(overdue) + time.Millisecond)
		w.connect(inShard(0, 2), "")
		if n := w.chains(0); n != 1 {
			t.Errorf("%d timers after an overdue one", n)
		}
		if j, ok := w.queue.next(time.Now()); !ok { // what was missed is not put off to the next beat
			t.Error("no sweep is due")
		} else {
			w.queue.add(j)
		}
		if err := w.e.Job(t.Context(), lost.message); err != nil { // it was only late
			t.Error(err)
		}
		if n := w.chains(0); n != 1 {
			t.Errorf("%d timers after the late message", n)
		}
	})
}

func TestRace9ASweepAndAPongAtOnce(t *testing.T) {
	for seed := range uint64(50) {
		inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
			faulty := storetest.NewFaulty(w.table, w.table, seed)
			faulty.Pause = wait
			w.websocket("c")
			w.frame("c", "4join")
			w.gateway.received("c")
			wait(45 * time.Second)
			sweep, _ := w.queue.next(time.Now())
			w.e = w.process(faulty, w.gateway, w.queue, w.handler)
			var wg sync.WaitGroup
			wg.Go(func() { w.frame("c", "3") })
			if err := w.e.Job(t.Context(), sweep.message); err != nil {
				t.Error(err)
			}
			wg.Wait()
			closed := w.row(connected("c")).State == engine.Closed
			if n := len(w.handler.reasons()); closed == w.gateway.open("c") || closed != (n == 1) {
				t.Errorf("seed %d: closed %t, open %t, handlers ran %d times", seed, closed, w.gateway.open("c"), n)
			}
		})
	}
}

// Connects come and go while sweeps of the same shard arm and disarm it, on a store that pauses and fails.
func TestRace9ArmingIsNeverLostAndNeverDoubled(t *testing.T) {
	for seed := range uint64(100) {
		inWorld(t, engine.Options{}, func(t *testing.T, w *world) { arming(t, w, seed) }, "seed", seed)
	}
}

func arming(t *testing.T, w *world, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 2))
	faulty := storetest.NewFaulty(w.table, w.table, seed)
	faulty.Pause = wait
	w.e = w.process(faulty, w.gateway, w.queue, w.handler)
	first := inShard(0, 0)
	w.websocket(first)
	w.leave(first, 1005)
	wait(25*time.Second - 20*time.Millisecond)
	var wg sync.WaitGroup
	for n := range 3 {
		begin := time.Duration(random.IntN(40_000)) * time.Microsecond
		id := inShard(0, n+1)
		wg.Go(func() {
			wait(begin)
			if status := w.connect(id, ""); status != 200 {
				t.Errorf("status %d", status)
			}
		})
	}
	wait(20 * time.Millisecond)
	sweep, ok := w.queue.next(time.Now())
	for ok && !strings.Contains(string(sweep.message), "sweep") { // others wait for pass
		w.queue.add(scheduled{message: sweep.message, due: time.Now().Add(time.Second)})
		sweep, ok = w.queue.next(time.Now())
	}
	for range 2 { // and it comes twice
		wg.Go(func() {
			if err := w.e.Job(context.Background(), sweep.message); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := w.chains(0); n < 1 {
		t.Fatalf("no timer, and three connections: %q", w.queue.messages())
	}
	pings := w.pings()
	w.pass(2 * time.Second)
	for n := range 3 {
		w.frame(inShard(0, n+1), "4join")
	}
	w.pass(100 * time.Second)
	if n := w.chains(0); n != 1 {
		t.Errorf("%d timers", n)
	}
	for n := range 3 {
		pings(inShard(0, n+1))
	}
	w.pass(250 * time.Second)
	for n := range 3 {
		if got := pings(inShard(0, n+1)); got < 9 || got > 11 {
			t.Errorf("%d pings in 10 intervals", got)
		}
	}
}

func TestUnknownJobsAreRefused(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		for _, job := range []string{"", "{}", `{"kind":"later"}`} {
			if err := w.e.Job(t.Context(), []byte(job)); !errors.Is(err, engine.ErrNotAJob) || !strings.HasPrefix(err.Error(), "engine: ") {
				t.Errorf("%q: %v", job, err)
			}
		}
	})
}

func TestARejectedConnectionThatIsNotMadeYetIsWaitedFor(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.upgrade("first", sid)
		w.e.Connect(t.Context(), "second", request("GET", "websocket", sid, ""))
		go func() {
			wait(100 * time.Millisecond)
			w.gateway.accept("second")
		}()
		w.pass(time.Second)
		if w.gateway.open("second") {
			t.Error("it is open")
		}
		if !slices.Contains(w.gateway.calls, "disconnect second") {
			t.Error("it was not closed")
		}
	})
}
