package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// beating joins a connection of shard 3 and lets it answer pings until its second has come.
func beating(w *world) (id string, pings func(string) int) {
	id = inShard(3, 0)
	w.websocket(id)
	w.frame(id, "4join")
	pings = w.pings()
	w.pass(2 * w.e.Options().PingInterval)
	pings(id)
	return id, pings
}

// pausedTimers is a store in which something happens right before the first SetTimer, which may fail then.
type pausedTimers struct {
	store
	before func()
	err    error
}

func (p *pausedTimers) SetTimer(ctx context.Context, shard int, generation int64, t engine.Timer) (bool, error) {
	if before := p.before; before != nil {
		p.before = nil
		before()
		if p.err != nil {
			return false, p.err
		}
	}
	return p.store.SetTimer(ctx, shard, generation, t)
}

// A connect finds a timer overdue and has sent the message of the next generation, when the late one comes after all:
// the two must not make the shard miss a beat.
func TestRace9AnOverdueTimerIsArmedWhileItsMessageComes(t *testing.T) {
	inWorld(t, sixty, func(t *testing.T, w *world) {
		id, pings := beating(w)
		late, _ := w.queue.next(time.Now().Add(time.Hour))
		wait(time.Until(late.due) + 10*time.Second)
		w.e = w.process(&pausedTimers{store: w.table, before: func() {
			if err := w.e.Job(t.Context(), late.message); err != nil {
				t.Error(err)
			}
		}}, w.gateway, w.queue, w.handler)
		w.connect(inShard(3, 1), "")
		for range 3 {
			w.pass(sixty.PingInterval)
			if n := pings(id); n == 0 {
				t.Error("no ping in an interval")
			}
		}
		if n := w.chains(3); n != 1 {
			t.Errorf("%d timers", n)
		}
	})
}

// slowTimers is a store whose answer to the first Timer is a second old when it comes.
type slowTimers struct {
	store
	late sync.Once
}

func (s *slowTimers) Timer(ctx context.Context, shard int, strong bool) (engine.Timer, error) {
	t, err := s.store.Timer(ctx, shard, strong)
	s.late.Do(func() { wait(time.Second) })
	return t, err
}

// overtake delivers the message that is due before the timer that it is for is written. It returns as soon as the
// message's invocation has read the timer of before.
func (w *world) overtake() {
	j, ok := w.queue.next(time.Now())
	if !ok {
		w.t.Error("no message is due")
	}
	e := w.process(&slowTimers{store: w.table}, w.gateway, w.queue, w.handler)
	go func() {
		if err := e.Job(context.Background(), j.message); err != nil {
			w.t.Error(err)
		}
	}()
	wait(time.Millisecond)
}

// A connect arms an overdue timer, and the message that it sends comes before the timer is written: the shard must not
// miss the beat because of that, nor when the process has died in between.
func TestRace9AMessageThatComesBeforeItsTimer(t *testing.T) {
	for name, dies := range map[string]bool{"written later": false, "never written": true} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, sixty, func(t *testing.T, w *world) {
				id, pings := beating(w)
				lost, _ := w.queue.next(time.Now().Add(time.Hour))
				wait(time.Until(lost.due) + 10*time.Second)
				healthy := w.e
				store := &pausedTimers{store: w.table, before: func() {
					w.e = healthy
					w.overtake()
				}}
				if dies {
					store.err = errors.New("its process has died")
				}
				w.e = w.process(store, w.gateway, w.queue, w.handler)
				w.connect(inShard(3, 1), "")
				wait(2 * time.Second) // for what has overtaken
				for _, within := range []time.Duration{sixty.PingTimeout / 2, sixty.PingInterval, sixty.PingInterval} {
					w.pass(within)
					if n := pings(id); n == 0 {
						t.Fatalf("no ping in %v", within)
					}
				}
				if n := w.chains(3); n != 1 {
					t.Errorf("%d timers", n)
				}
			})
		})
	}
}

// The first client of an empty shard connects right before the shard's beat: the message is due at once, and comes
// before the timer is written.
func TestRace9AFirstMessageThatComesBeforeItsTimer(t *testing.T) {
	inWorld(t, sixty, func(t *testing.T, w *world) {
		w.websocket(inShard(3, 0))
		first, _ := w.queue.next(time.Now().Add(time.Hour))
		w.leave(inShard(3, 0), 1005)
		wait(time.Until(first.due))
		if err := w.e.Job(t.Context(), first.message); err != nil {
			t.Fatal(err)
		}
		wait(sixty.PingInterval - time.Millisecond)
		healthy := w.e
		w.e = w.process(&pausedTimers{store: w.table, before: func() {
			w.e = healthy
			wait(time.Millisecond)
			w.overtake()
		}}, w.gateway, w.queue, w.handler)
		id := inShard(3, 1)
		w.websocket(id)
		w.frame(id, "4join")
		pings := w.pings()
		wait(2 * time.Second) // for what has overtaken
		for range 3 {
			w.pass(sixty.PingInterval + sixty.PingInterval/10)
			if n := pings(id); n == 0 {
				t.Error("no ping in an interval")
			}
		}
		if n := w.chains(3); n != 1 {
			t.Errorf("%d timers", n)
		}
	})
}

// Two clients have connected to an empty shard at once, so that there are two messages. The shard is empty again when
// the first comes, and has been armed anew when the second does.
func TestRace9ADoubleOfATimerThatWasDisarmed(t *testing.T) {
	inWorld(t, sixty, func(t *testing.T, w *world) {
		w.websocket(inShard(3, 0))
		first, _ := w.queue.next(time.Now().Add(time.Hour))
		w.leave(inShard(3, 0), 1005)
		wait(time.Until(first.due))
		if err := w.e.Job(t.Context(), first.message); err != nil {
			t.Fatal(err)
		}
		wait(100 * time.Millisecond)
		id := inShard(3, 1)
		w.websocket(id)
		w.frame(id, "4join")
		pings := w.pings()
		other := strings.Replace(string(first.message), `"id":"`, `"id":"x`, 1) // of the same moment
		if err := w.e.Job(t.Context(), []byte(other)); err != nil {
			t.Error(err)
		}
		w.pass(sixty.PingInterval + sixty.PingTimeout - time.Second)
		if n := pings(id); n == 0 {
			t.Error("it was never pinged")
		}
	})
}

// delayed is a queue that takes delays as SQS does.
type delayed struct{ *queue }

func (q delayed) Schedule(ctx context.Context, job []byte, after time.Duration) error {
	if after < 0 || after > 15*time.Minute {
		return fmt.Errorf("a delay of %v: SQS takes 0 to 15m", after)
	}
	return q.queue.Schedule(ctx, job, after)
}

func TestASweepThatComesAgainAsksForNoDelayThatSQSRefuses(t *testing.T) {
	inWorld(t, engine.Options{PingInterval: 480 * time.Second, PingTimeout: time.Minute}, func(t *testing.T, w *world) {
		w.e = w.process(w.table, w.gateway, delayed{w.queue}, w.handler)
		w.websocket(inShard(3, 0))
		w.frame(inShard(3, 0), "4join")
		sweep, _ := w.queue.next(time.Now().Add(time.Hour))
		wait(time.Until(sweep.due))
		for range 2 {
			if err := w.e.Job(t.Context(), sweep.message); err != nil {
				t.Error(err)
			}
			wait(20 * time.Second)
		}
		if n := w.chains(3); n != 1 {
			t.Errorf("%d timers", n)
		}
	})
}

// All pongs of a beat are lost, and the next sweep is cut off. The rest of it comes more than PingTimeout later: who is
// in it has not been pinged a second time when the first part judges.
func TestNobodyIsJudgedWhoWasNotPingedAgain(t *testing.T) {
	inWorld(t, sixty, func(t *testing.T, w *world) {
		for i := range 100 {
			w.websocket(inShard(5, i))
			w.frame(inShard(5, i), "4join")
		}
		w.pass(nextPing(w, inShard(5, 0)))
		sweep, _ := w.queue.next(time.Now().Add(time.Hour))
		wait(time.Until(sweep.due))
		w.gateway.post = func(_ context.Context, id string, _ engine.Frame) error {
			go func() { // everybody answers this one
				wait(50 * time.Millisecond)
				w.e.Frame(context.Background(), id, frameOf("3"))
			}()
			wait(15 * time.Millisecond)
			return nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := w.e.Job(ctx, sweep.message); err != nil {
			t.Fatal(err)
		}
		w.queue.mu.Lock()
		i := slices.IndexFunc(w.queue.jobs, func(j scheduled) bool { return strings.Contains(string(j.message), `"after"`) })
		if i < 0 {
			t.Fatal("the sweep was not cut off")
		}
		w.queue.jobs[i].due = time.Now().Add(70 * time.Second)
		w.queue.mu.Unlock()
		w.pass(3 * sixty.PingTimeout)
		if n := len(w.handler.reasons()); n > 0 {
			t.Errorf("%d clients that answer were closed", n)
		}
	})
}

// Two shards have clients, and the others no timers that somebody could look after theirs with.
func TestALostTimerOfASparseDeploymentIsArmedAgain(t *testing.T) {
	for _, other := range []int{9, 4, 2} {
		inWorld(t, sixty, func(t *testing.T, w *world) {
			w.websocket(inShard(other, 0))
			w.frame(inShard(other, 0), "4join")
			beating(w)
			w.queue.lose(func(message string) bool { return sweepOf(message) == 3 })
			w.pass(2 * sixty.PingInterval)
			if n := w.chains(3); n != 1 {
				t.Errorf("%d timers", n)
			}
		}, "the other shard", other)
	}
}

func TestAConnectLooksAtTheTimersOfAllShards(t *testing.T) {
	inWorld(t, sixty, func(t *testing.T, w *world) {
		seen := map[int]bool{}
		e := w.process(&watchedTimers{store: w.table, seen: seen}, w.gateway, w.queue, w.handler)
		for n := range 300 {
			e.Connect(t.Context(), inShard(3, n), request("GET", "websocket", "", ""))
		}
		if len(seen) != engine.Shards {
			t.Errorf("300 connects to one shard have looked at %v", seen)
		}
	})
}

// watchedTimers notes whose timers are read.
type watchedTimers struct {
	store
	mu   sync.Mutex
	seen map[int]bool
}

func (s *watchedTimers) Timer(ctx context.Context, shard int, strong bool) (engine.Timer, error) {
	s.mu.Lock()
	s.seen[shard] = true
	s.mu.Unlock()
	return s.store.Timer(ctx, shard, strong)
}

// A client was doubted once, and answered. When it is silent again, and the second ping cannot be posted to it, the
// doubt of old is no reason to close it, though others of its shard are judged. That holds too when the clock of the
// process that noted the answer is behind, and the answer seems older than the doubt.
func TestNobodyIsJudgedByADoubtOfOld(t *testing.T) {
	for _, clock := range []time.Duration{0, -900 * time.Millisecond} {
		nobodyIsJudgedByADoubtOfOld(t, clock)
	}
}

func nobodyIsJudgedByADoubtOfOld(t *testing.T, clock time.Duration) {
	inWorld(t, sixty, func(t *testing.T, w *world) {
		answered := w.ahead(clock)
		old, other := inShard(5, 0), inShard(5, 1)
		for _, id := range []string{old, other} {
			w.websocket(id)
			w.frame(id, "4join")
		}
		w.pass(nextPing(w, old))
		w.frame(other, "3") // the pong of old is lost
		w.pass(sixty.PingInterval)
		for _, id := range []string{old, other} {
			answered.Frame(t.Context(), id, frameOf("3"))
		}
		doubted := w.row(connected(old)).Doubted
		if doubted.IsZero() || clock < 0 && !w.live(old).Last.Before(doubted) {
			t.Fatalf("doubted at %v, last alive at %v", doubted, w.live(old).Last)
		}
		w.pass(sixty.PingInterval) // and both pongs are lost
		w.gateway.post = func(_ context.Context, id string, _ engine.Frame) error {
			if id == old {
				return engine.ErrBusy
			}
			return nil
		}
		w.pass(sixty.PingInterval)
		w.gateway.post = nil
		if w.row(connected(other)).Doubted.IsZero() {
			t.Fatal("the other was not doubted")
		}
		w.frame(other, "3")
		w.pass(sixty.PingTimeout + time.Second)
		w.reasonsAre()
	}, "a clock ahead by", clock)
}
