package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// sixty are the heartbeat's times on AWS, for which a lost pong is a matter of minutes.
var sixty = engine.Options{PingInterval: 300 * time.Second, PingTimeout: 60 * time.Second}

// doubted lets a joined connection miss a pong, and returns when a sweep has pinged it a second time.
func doubted(t *testing.T, w *world) {
	t.Helper()
	w.websocket("c")
	w.frame("c", "4join")
	w.pass(nextPing(w, "c"))
	w.want(w.gateway.last("c"), "2") // whose pong is lost
	w.pass(sixty.PingInterval)
	w.want(w.gateway.last("c"), "2")
}

func TestOneMissingPongIsNoDeath(t *testing.T) {
	for name, test := range map[string]struct {
		sign   func(w *world)
		closed bool
	}{
		"the second ping is answered": {func(w *world) { w.frame("c", "3") }, false},
		"an event comes":              {func(w *world) { w.frame("c", "4hello") }, false},
		"nothing comes":               {func(*world) {}, true},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, sixty, func(t *testing.T, w *world) {
				doubted(t, w)
				w.pass(sixty.PingTimeout - time.Second)
				w.reasonsAre()
				test.sign(w)
				w.pass(time.Second)
				if w.gateway.open("c") == test.closed {
					t.Errorf("the connection is open: %t", !test.closed)
				}
				if test.closed {
					w.reasonsAre(engine.PingTimeout)
					return
				}
				w.frame("c", "4another") // takes back the doubt, which a pong does not read
				if !w.row(connected("c")).Doubted.IsZero() {
					t.Error("the doubt is still there")
				}
			})
		})
	}
}

// Sweeps come more often than a doubt is old enough to judge by it. The template takes a PingInterval of 25 s and a
// PingTimeout of 300 s.
func TestWhoIsSilentIsClosedHoweverShortThePingIntervalIs(t *testing.T) {
	for _, o := range []engine.Options{
		{PingInterval: 25 * time.Second, PingTimeout: 20 * time.Second}, {PingInterval: 25 * time.Second, PingTimeout: 25 * time.Second},
		{PingInterval: 25 * time.Second, PingTimeout: 40 * time.Second}, {PingInterval: 25 * time.Second, PingTimeout: 300 * time.Second},
		{PingInterval: time.Second, PingTimeout: 10 * time.Second},
	} {
		inWorld(t, o, func(t *testing.T, w *world) {
			for _, id := range []string{"silent", "late"} {
				w.websocket(id)
				w.frame(id, "4join")
			}
			w.pass(2*o.PingInterval + o.PingTimeout)
			w.frame("late", "3")
			if !w.gateway.open("silent") {
				t.Errorf("%v and %v: it is closed, and was not pinged once more", o.PingInterval, o.PingTimeout)
			}
			w.pass(o.PingTimeout + o.PingInterval)
			if w.gateway.open("silent") || !w.gateway.open("late") {
				t.Errorf("%v and %v: the silent one is open: %t, the other: %t", o.PingInterval, o.PingTimeout, w.gateway.open("silent"), w.gateway.open("late"))
			}
		})
	}
}

// throttledTouch is a table whose liveness rows take nothing until a time.
type throttledTouch struct {
	store
	until time.Time
}

func (s throttledTouch) Touch(ctx context.Context, a engine.Address, last time.Time, joined bool) error {
	if time.Now().Before(s.until) {
		return temporary{errors.New("throttled")}
	}
	return s.store.Touch(ctx, a, last, joined)
}

func TestAPongIsTriedForAsLongAsItsInvocationLasts(t *testing.T) {
	inWorld(t, sixty, func(t *testing.T, w *world) {
		w.websocket("c")
		w.frame("c", "4join")
		e := w.process(throttledTouch{w.table, time.Now().Add(20 * time.Second)}, w.gateway, w.queue, w.handler)
		ctx, cancel := context.WithTimeout(t.Context(), 26*time.Second)
		defer cancel()
		e.Frame(ctx, "c", frameOf("3"))
		lives, err := w.table.Lives(t.Context(), engine.Shard(connected("c")))
		if err != nil || len(lives) != 1 || time.Since(lives[0].Last) > 5*time.Second {
			t.Errorf("%+v, %v: the pong was not noted", lives, err)
		}
	})
}

func TestOnePongOfABodyIsNoted(t *testing.T) {
	inWorld(t, sixty, func(t *testing.T, w *world) {
		sid := w.poll()
		w.post(sid, "4join")
		m := &metered{store: w.table}
		w.e = w.process(m, w.gateway, w.queue, w.handler)
		body := []byte("3")
		for range 60_000 {
			body = append(body, "\x1e3"...)
		}
		for _, writes := range []int{0, 1} { // without a ping that it has fetched, a client's pong is worth none
			m.take()
			w.want(w.post(sid, string(body)), "200 ok")
			if b := m.take(); b.writes != writes {
				t.Errorf("%d writes, want %d: %v", b.writes, writes, b.calls)
			}
			for w.get(sid) != "200 2" {
			}
		}
	})
}

// A client that sends pongs and never fetches what waits for it keeps nothing open.
func TestASessionThatIsNeverFetchedFromEnds(t *testing.T) {
	inWorld(t, sixty, func(t *testing.T, w *world) {
		sid := w.poll()
		w.post(sid, "4join")
		for range 11 {
			w.pass(sixty.PingInterval / 10)
			w.want(w.post(sid, "3"), "200 ok")
		}
		w.pass(sixty.PingInterval)
		w.reasonsAre(engine.PingTimeout)
	})
}

// A message of the queue is lost, and nobody connects: the sweeps of the other shards see to it, for each shard.
func TestALostTimerIsArmedByTheSweepOfAnotherShard(t *testing.T) {
	for _, o := range []engine.Options{sixty, {PingInterval: 25 * time.Second, PingTimeout: 40 * time.Second}, {PingInterval: time.Second, PingTimeout: 2 * time.Second}} {
		for shard := range engine.Shards {
			inWorld(t, o, func(t *testing.T, w *world) {
				for other := range engine.Shards {
					w.websocket(inShard(other, 0))
					w.frame(inShard(other, 0), "4join")
				}
				pings, id := w.pings(), inShard(shard, 0)
				w.pass(2 * o.PingInterval)
				pings(id)
				w.queue.lose(func(message string) bool { return sweepOf(message) == shard })
				w.pass(o.PingInterval + o.PingTimeout*3/4)
				if n := pings(id); n == 0 || w.chains(shard) != 1 {
					t.Errorf("%d pings, %d timers", n, w.chains(shard))
				}
			}, "shard", shard, "ping interval", o.PingInterval)
		}
	}
}

func TestWhatComesEarlyWaitsForTheOpenPacket(t *testing.T) {
	for name, slow := range map[string]time.Duration{"at once": 0, "a slow post": 3 * time.Second} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, sixty, func(t *testing.T, w *world) {
				w.connect("c", "")
				w.gateway.post = func(ctx context.Context, _ string, f engine.Frame) error {
					if f.Data[0] == '0' {
						wait(slow)
					}
					return nil
				}
				done := make(chan struct{})
				go func() {
					w.e.Frame(context.Background(), "c", frameOf("4say hello"))
					close(done)
				}()
				wait(100 * time.Millisecond)
				w.pass(0)
				<-done
				got := w.gateway.received("c")
				if len(got) != 2 || got[0][0] != '0' || got[1] != "4hello" {
					t.Fatalf("got %q", got)
				}
				w.openOf(got[0])
			})
		})
	}
}

func TestAFrameDoesNotWaitForEverForTheOpenPacket(t *testing.T) {
	inWorld(t, sixty, func(t *testing.T, w *world) {
		w.connect("c", "") // and its job is lost
		w.frame("c", "4hello")
		if w.gateway.open("c") || len(w.handler.got()) > 0 {
			t.Errorf("open: %t, handled %q", w.gateway.open("c"), w.handler.got())
		}
	})
}

func TestRowsOfASessionThatNeverJoinedExpireInMinutes(t *testing.T) {
	inWorld(t, sixty, func(t *testing.T, w *world) {
		w.poll()
		w.connect("c", "")
		wait(10 * time.Minute) // and no job runs
		if n := w.table.Rows(); n.Sessions+n.Handshakes > 0 {
			t.Errorf("%+v", n)
		}
	})
}

func TestRowsOfASessionThatHasJoinedStay(t *testing.T) {
	inWorld(t, sixty, func(t *testing.T, w *world) {
		sid := w.poll()
		w.post(sid, "4join")
		w.websocket("c")
		w.frame("c", "4join")
		wait(3 * time.Hour)
		if n := w.table.Rows(); n.Sessions != 2 || n.Lives != 2 {
			t.Errorf("%+v", n)
		}
	})
}

func TestAGETOfASessionWithoutANamespaceWaitsShortly(t *testing.T) {
	inWorld(t, sixty, func(t *testing.T, w *world) {
		sid := w.poll()
		begin := time.Now()
		w.want(w.get(sid), "200 6")
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("took %v", took)
		}
		answers := w.getting(sid)
		w.post(sid, "4join")
		begin = time.Now()
		w.want(<-answers, "200 6")
		if took := time.Since(begin); took != 20*time.Second {
			t.Errorf("once it has joined it took %v", took)
		}
	})
}

func TestUnderPressureAGETIsAnsweredSooner(t *testing.T) {
	o := sixty
	o.Polls = 64
	for _, test := range []struct {
		polling int // as the sweep of the client's shard has counted
		takes   time.Duration
	}{{3, 20 * time.Second}, {6, 10 * time.Second}, {1000, time.Second}} {
		inWorld(t, o, func(t *testing.T, w *world) {
			sid := w.poll()
			w.post(sid, "4join")
			shard := engine.Shard(polling(sid))
			timer, _ := w.table.Timer(t.Context(), shard, true)
			next := timer
			next.By, next.Polling = "sweep", test.polling
			if ok, err := w.table.SetTimer(t.Context(), shard, timer.Generation, next); !ok || err != nil {
				t.Fatal(ok, err)
			}
			begin := time.Now()
			w.want(w.get(sid), "200 6")
			if took := time.Since(begin); took != test.takes {
				t.Errorf("with %d others it took %v, want %v", test.polling, took, test.takes)
			}
		})
	}
}

func TestASweepCountsWhoPolls(t *testing.T) {
	inWorld(t, sixty, func(t *testing.T, w *world) {
		sid := w.poll()
		w.post(sid, "4join")
		w.pass(sixty.PingInterval)
		if timer, _ := w.table.Timer(t.Context(), engine.Shard(polling(sid)), true); timer.Polling != 1 {
			t.Errorf("%+v", timer)
		}
	})
}

// One client sends 2,000 messages a second, and each takes its process 20 ms, which does one at a time: no process sees
// more than 50 a second.
func TestAClientThatFloodsManyProcessesIsDisconnected(t *testing.T) {
	inWorld(t, sixty, func(t *testing.T, w *world) {
		for _, id := range []string{"c", "d"} {
			w.websocket(id)
			w.frame(id, "4join")
		}
		w.handler.on = func(context.Context, *engine.Invocation, string) error { wait(20 * time.Millisecond); return nil }
		processes := make([]*engine.Engine, 40)
		for i := range processes {
			processes[i] = w.process(w.table, w.gateway, w.queue, w.handler)
		}
		var all sync.WaitGroup
		for i := 0; i < 10_000 && w.gateway.open("c"); i++ {
			e := processes[i%len(processes)]
			all.Go(func() { e.Frame(context.Background(), "c", frameOf("4x")) })
			if i%40 == 0 { // fifty a second
				all.Go(func() { e.Frame(context.Background(), "d", frameOf("4x")) })
			}
			wait(500 * time.Microsecond)
		}
		all.Wait()
		w.reasonsAre(engine.ForcedClose)
		if w.gateway.open("c") || !w.gateway.open("d") {
			t.Errorf("open: %t %t", w.gateway.open("c"), w.gateway.open("d"))
		}
	})
}

func TestWhoSendsAsManyMessagesAsMayBeStays(t *testing.T) {
	inWorld(t, engine.Options{ClientRate: 10}, func(t *testing.T, w *world) {
		w.websocket("c")
		w.frame("c", "4join")
		for range 99 * 5 { // ten a second for 50 s
			w.frame("c", "4x")
			wait(101 * time.Millisecond)
		}
		w.reasonsAre()
		for range 120 {
			w.frame("c", "4x")
		}
		w.reasonsAre(engine.ForcedClose)
		const sets = `"set by"="-client-rate of doze serve and doze dev, the parameter ClientRate of a deployment"`
		if log := w.logged(); !strings.Contains(log, sets) {
			t.Errorf("the log does not say what sets the rate:\n%s", log)
		}
	})
}

// 1,000 packets wait for a client that upgrades, and each post takes 12 ms: more than UpgradeTimeout in all.
func TestALongOutboxIsDrained(t *testing.T) {
	inWorld(t, sixty, func(t *testing.T, w *world) {
		sid := w.poll()
		w.post(sid, "4join")
		sent := 0
		for ; sent < 1000; sent++ {
			if err := w.e.Deliver(t.Context(), polling(sid), w.parcel("x")); err != nil {
				break
			}
		}
		w.connect("c", sid)
		w.frame("c", "2probe")
		w.gateway.post = func(context.Context, string, engine.Frame) error { wait(12 * time.Millisecond); return nil }
		begin := time.Now()
		w.e.Frame(t.Context(), "c", frameOf("5"))
		w.reasonsAre()
		if got := w.gateway.received("c"); len(got) != sent || sent < 800 {
			t.Errorf("%d of %d packets were posted in %v", len(got), sent, time.Since(begin))
		}
	})
}

// The beat of a shard may come right after a connection, whose client waits for its first answers; and it has to be
// pinged before it gives up, also when its first sweep passes it over.
func TestAConnectionThatHasJustJoinedIsNotPinged(t *testing.T) {
	for _, o := range []engine.Options{sixty, {PingInterval: 300 * time.Millisecond, PingTimeout: 200 * time.Millisecond}} {
		inWorld(t, o, func(t *testing.T, w *world) {
			quiet := min(o.PingTimeout*3/4, time.Second)
			w.websocket("first") // so that there is a beat
			w.frame("first", "4join")
			w.pass(nextPing(w, "first"))
			w.frame("first", "3")
			id := inShard(engine.Shard(connected("first")), 0)
			w.pass(o.PingInterval - quiet + time.Millisecond)
			w.websocket(id)
			w.frame(id, "4join")
			before := len(w.gateway.received(id))
			w.pass(quiet - time.Millisecond)
			if got := w.gateway.received(id)[before:]; len(got) != 0 {
				t.Errorf("it got %q at once", got)
			}
			w.want(w.gateway.last("first"), "2")
			w.pass(o.PingInterval)
			w.want(w.gateway.last(id), "2")
		}, "ping interval", o.PingInterval)
	}
}
