package engine_test

import (
	"context"
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

func TestUpgrade(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.post(sid, "4join")
		answers := w.getting(sid)
		if status := w.connect("c", sid); status != 200 {
			t.Fatal(status)
		}
		w.want(w.frame("c", "2probe"), "3probe")
		w.want(<-answers, "200 6") // at once, for the client waits for it
		w.want(w.frame("c", "5"), "")
		w.want(w.get(sid), badRequest)
		w.want(w.post(sid, "4x"), badRequest)
		w.want(w.frame("c", "4say hello"), "4hello")
		page, _, _ := w.table.Members(t.Context(), namespace, "room", "")
		if len(page) != 1 || page[0].Address != string(connected("c")) {
			t.Errorf("members %+v", page)
		}
		if n := w.table.Rows(); n.Sessions != 1 || n.Tombstones != 1 || n.Lives != 1 || n.Handshakes != 1 {
			t.Errorf("rows %+v", n)
		}
		w.leave("c", 1005)
		w.reasonsAre(engine.TransportClose)
		w.pass(time.Minute)
		w.gone()
	})
}

func TestAGETDuringAnUpgradeIsHeldFor100ms(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.connect("c", sid)
		w.frame("c", "2probe")
		begin := time.Now()
		w.want(w.get(sid), "200 6")
		if took := time.Since(begin); took != 100*time.Millisecond {
			t.Errorf("held for %s", took)
		}
		answers := w.getting(sid) // it has overtaken the "5"
		w.frame("c", "5")
		w.want(<-answers, badRequest)
	})
}

func TestRace1AMessageOvertakesTheUpgradePacket(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.connect("c", sid)
		w.frame("c", "2probe")
		w.want(w.frame("c", "4say first"), "4first")
		w.want(w.frame("c", "5"), "")
		w.want(w.frame("c", "4say second"), "4second")
		w.want(w.get(sid), badRequest)
	})
}

func TestRace1TheUpgradePacketAndMessagesAtOnce(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.post(sid, "4join")
		for i := range 5 {
			w.post(sid, fmt.Sprint("4say ", i))
		}
		w.connect("c", sid)
		w.frame("c", "2probe")
		w.gateway.post = func(context.Context, string, engine.Frame) error { wait(10 * time.Millisecond); return nil }
		var frames sync.WaitGroup
		for _, data := range []string{"5", "4say a", "4say b", "4say c"} {
			frames.Go(func() { w.e.Frame(t.Context(), "c", frameOf(data)) })
		}
		frames.Wait()
		posted := w.gateway.received("c")
		slices.Sort(posted[min(5, len(posted)):])
		if !slices.Equal(posted, []string{"40", "41", "42", "43", "44", "4a", "4b", "4c"}) {
			t.Errorf("posted %q: the outbox comes first", posted)
		}
		if h := w.handler.notes(); h.moved != 1 {
			t.Errorf("re-addressed %d times", h.moved)
		}
	})
}

func TestASecondWebSocketIsClosedAndDisplacesNothing(t *testing.T) {
	for _, moved := range []bool{false, true} {
		inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
			sid := w.poll()
			w.connect("first", sid)
			w.frame("first", "2probe")
			if moved {
				w.frame("first", "5")
			}
			if status := w.connect("second", sid); status != 200 {
				t.Errorf("status %d, want 200", status)
			}
			w.pass(0)
			if w.gateway.open("second") {
				t.Error("the second connection is open")
			}
			w.e.Disconnect(t.Context(), "second", 1005)
			w.frame("first", "5")
			w.want(w.frame("first", "4say hello"), "4hello")
			w.reasonsAre()
			w.leave("first", 1005)
			w.pass(time.Minute)
			w.gone()
		})
	}
}

func TestFramesOfAConnectionThatWasNotAcceptedCloseIt(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		w.gateway.accept("c")
		w.want(w.frame("c", "4say hello"), "")
		if w.gateway.open("c") || len(w.handler.got()) > 0 {
			t.Error("it was handled")
		}
	})
}

func TestUpgradeTimeout(t *testing.T) {
	for name, act := range map[string]func(t *testing.T, w *world, sid string){
		"judged by a GET": func(_ *testing.T, w *world, sid string) {
			w.post(sid, "4say a")
			w.want(w.get(sid), "200 4a")
		},
		"judged by a frame": func(_ *testing.T, w *world, _ string) { w.want(w.frame("c", "5"), "") },
		"judged by a sweep": func(_ *testing.T, w *world, _ string) { w.pass(25 * time.Second) },
		"judged by another upgrade": func(_ *testing.T, w *world, sid string) {
			w.upgrade("d", sid)
			w.want(w.frame("d", "4say hello"), "4hello")
			w.leave("d", 1005)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
				sid := w.poll()
				w.connect("c", sid)
				w.frame("c", "2probe")
				wait(10 * time.Second)
				act(t, w, sid)
				if w.gateway.open("c") {
					t.Error("the connection is open")
				}
				if s := w.row(polling(sid)); s.State == engine.Probing {
					t.Errorf("the session still probes: %+v", s)
				}
				if s := w.row(polling(sid)); s.State == engine.Open {
					w.want(w.post(sid, "4say b"), "200 ok")
					if got := w.get(sid); !strings.HasPrefix(got, "200 4b") {
						t.Errorf("got %q", got)
					}
				}
				w.pass(3 * time.Minute)
				w.gone()
			})
		})
	}
}

func TestAProbeThatEndsLeavesTheSessionPolling(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.connect("c", sid)
		w.frame("c", "2probe")
		w.leave("c", 1006)
		w.post(sid, "4say a")
		w.want(w.get(sid), "200 4a")
		w.upgrade("d", sid)
		w.want(w.frame("d", "4say b"), "4b")
		w.reasonsAre()
	})
}

func TestASessionThatIsClosedTakesItsProbeAlong(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.connect("c", sid)
		w.frame("c", "2probe")
		w.post(sid, "1")
		if w.gateway.open("c") {
			t.Error("the connection is open")
		}
		w.pass(time.Minute)
		w.gone()
	})
}

func TestRace2AnEmitBetweenReadingAndMoving(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.upgrade("c", sid)
		// The emitter has read the membership before the upgrade: it still has the address that polls.
		if err := w.e.Deliver(t.Context(), polling(sid), w.parcel("late")); err != nil {
			t.Error(err)
		}
		if got := w.gateway.received("c"); !slices.Equal(got, []string{"4late"}) {
			t.Errorf("got %q", got)
		}
	})
}

func TestRace2AnAppendWhoseResponseWasLostBeforeTheMove(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		lost := &after{Store: w.table, do: func() error {
			w.connect("c", sid)
			w.frame("c", "2probe")
			w.e.Frame(t.Context(), "c", frameOf("5"))
			return storetest.ErrLost
		}}
		emitter := w.process(lost, w.gateway, w.queue, w.handler)
		if err := emitter.Deliver(t.Context(), polling(sid), w.parcel("once")); err != nil {
			t.Error(err)
		}
		if got := w.gateway.received("c"); !slices.Equal(got, []string{"4once"}) {
			t.Errorf("got %q", got)
		}
	})
}

// after is a store that does something once, after the first Update, and returns its error.
type after struct {
	engine.Store
	once sync.Once
	do   func() error
}

func (s *after) Update(ctx context.Context, a engine.Address, t engine.Transition) (row engine.Session, ok bool, err error) {
	row, ok, err = s.Store.Update(ctx, a, t)
	s.once.Do(func() { err = errors.Join(err, s.do()) })
	return row, ok, err
}

func TestADrainerThatIsDeadIsNotWaitedForInVain(t *testing.T) {
	for name, act := range map[string]func(w *world, sid string){
		"by a frame": func(w *world, _ string) { w.frame("c", "4say hello") },
		"by a sweep": func(w *world, _ string) { w.pass(time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
				sid := w.poll()
				w.post(sid, "4join")
				w.post(sid, "4say it waits")
				w.connect("c", sid)
				drain := engine.Drain{Connection: "c", Step: "dead", Now: time.Now()}
				if _, ok, err := w.table.Update(t.Context(), polling(sid), drain); !ok || err != nil {
					t.Fatal(ok, err)
				}
				begin := time.Now()
				act(w, sid)
				if took := time.Since(begin); took > time.Minute {
					t.Errorf("took %s", took)
				}
				w.reasonsAre(engine.TransportError)
				if w.gateway.open("c") {
					t.Error("the connection is open: the client does not know")
				}
				w.pass(3 * time.Minute)
				w.gone()
			})
		})
	}
}

// Many processes emit to a client that polls and then upgrades, on a store that pauses, loses responses and throttles.
func TestRace2EveryPacketOnceAndInOrderAcrossAnUpgrade(t *testing.T) {
	for seed := range uint64(300) {
		inWorld(t, engine.Options{}, func(t *testing.T, w *world) { upgradeUnderFire(t, w, seed) }, "seed", seed)
	}
}

func upgradeUnderFire(t *testing.T, w *world, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	var mu sync.Mutex
	upTo := func(n int) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return time.Duration(random.IntN(n)) * time.Microsecond
	}
	faulty := storetest.NewFaulty(w.table, w.table, seed)
	faulty.Pause = wait
	w.gateway.post = func(context.Context, string, engine.Frame) error { wait(upTo(2000)); return nil }
	process := func() *engine.Engine { return w.process(faulty, w.gateway, w.queue, w.handler) }

	const emitters, each = 3, 15
	sid := w.poll()
	w.e = process()
	var wg sync.WaitGroup
	for i := range emitters {
		e := process()
		begin := upTo(150_000)
		wg.Go(func() {
			wait(begin)
			for n := range each {
				if err := e.Deliver(context.Background(), polling(sid), w.parcel(fmt.Sprintf("%d-%d", i, n))); err != nil {
					t.Errorf("%d-%d: %v", i, n, err)
				}
			}
		})
	}

	var got []string
	receive := func(answer string) {
		body, ok := strings.CutPrefix(answer, "200 ")
		if !ok {
			t.Errorf("a GET was answered with %q", answer)
		}
		got = append(got, strings.Split(body, "\x1e")...)
	}
	probing := upTo(200_000)
	for begin := time.Now(); time.Since(begin) < probing; {
		receive(w.get(sid))
	}
	waiting := w.getting(sid)
	if status := w.connect("c", sid); status != 200 {
		t.Errorf("status %d", status)
	}
	w.frame("c", "2probe")
	receive(<-waiting)
	for range 2 { // "5" and what follows it, at once
		e := process()
		wg.Go(func() { e.Frame(context.Background(), "c", engine.Frame{Data: []byte("5")}) })
	}
	wg.Wait()
	got = append(got, w.gateway.received("c")...)
	var next [emitters]int
	for _, packet := range got {
		var i, n int
		if _, err := fmt.Sscanf(packet, "4%d-%d", &i, &n); err != nil {
			continue
		}
		if n != next[i] {
			t.Errorf("got %s where %d-%d was due: %q", packet, i, next[i], got)
			return
		}
		next[i]++
	}
	if next != [emitters]int{each, each, each} {
		t.Errorf("got %v of %d each: %q\n%s", next, each, got, w.logged())
	}
}
