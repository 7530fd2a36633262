package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// elsewhere is a process that only sends, and its handler, which is not the application's.
func (w *world) elsewhere() (*engine.Engine, *handler) {
	here, stranger := w.options, &handler{w: w, rooms: w.table}
	w.options.HandlersElsewhere, w.options.PingInterval = true, 480*time.Second // the longest, see internal/elsewhere
	e := w.process(w.table, w.gateway, w.queue, stranger)
	w.options = here
	return e, stranger
}

// TestAProcessThatOnlySendsLeavesCleaningUpToTheApplication closes a session, whose job arrives, or does not.
func TestAProcessThatOnlySendsLeavesCleaningUpToTheApplication(t *testing.T) {
	for _, lost := range []bool{false, true} {
		inWorld(t, sixty, func(t *testing.T, w *world) {
			sid := w.poll()
			w.post(sid, "4join")
			w.get(sid) // nothing may wait for the client
			e, stranger := w.elsewhere()
			e.Drop(t.Context(), engine.Address("p"+sid))
			if got := w.handler.reasons(); len(got) != 0 {
				t.Errorf("the application is told %v before any job", got)
			}
			if answer := w.get(sid); !strings.Contains(answer, "400") {
				t.Errorf("the client is not told at once that its session is closed: %s", answer)
			}
			if lost {
				w.queue.lose(func(message string) bool { return strings.Contains(message, `"finish"`) })
				w.pass(3 * time.Minute)
			} else {
				w.pass(time.Second)
			}
			if got := w.handler.reasons(); len(got) != 1 || got[0] != engine.TransportError {
				t.Errorf("the application is told %v", got)
			}
			if got := stranger.reasons(); len(got) != 0 {
				t.Errorf("a handler that is not the application's is told %v", got)
			}
			if rows := w.table.Rows(); rows.Members != 0 || rows.Lives != 0 {
				t.Errorf("left behind: %+v", rows)
			}
		}, "lost:", lost)
	}
}

// joined opens a session over a transport, which joins, and returns its address.
func (w *world) joined(transport string) engine.Address {
	if transport == "websocket" {
		w.websocket("c")
		w.frame("c", "4join")
		return "wc"
	}
	sid := w.poll()
	w.post(sid, "4join")
	w.get(sid)
	return engine.Address("p" + sid)
}

// closeBy has a process close the session at an address.
func (w *world) closeBy(e *engine.Engine, a engine.Address) {
	v, err := e.Open(context.Background(), a, true)
	if err != nil {
		w.t.Fatal(err)
	}
	v.Close(context.Background(), engine.ForcedClose)
}

// takeFinish takes the job that finishes a session from the queue.
func (w *world) takeFinish() (job string) {
	w.queue.lose(func(message string) bool {
		is := strings.Contains(message, `"finish"`)
		if is {
			job = message
		}
		return is
	})
	return job
}

// mortal is a process that dies while it tells the application that a session is closed.
func (w *world) mortal() *engine.Engine {
	life := &lifeline{}
	h := &handler{w: w, rooms: mortal{w.table, life}, seen: w.handler.notes()}
	h.closing = func() {
		life.mu.Lock()
		defer life.mu.Unlock()
		life.dead = true
	}
	return w.process(mortal{w.table, life}, mortalGateway{w.gateway, life}, mortalQueue{w.queue, life}, h)
}

// TestWhoHasBegunToCleanUpIsLeftAlone has the job of a session that a process which only sends has closed come more than
// once: only who dies in the middle is followed by another.
func TestWhoHasBegunToCleanUpIsLeftAlone(t *testing.T) {
	for name, test := range map[string]struct {
		deliver func(w *world, deliver func(*engine.Engine))
		want    int
	}{
		"twice, one after the other": {func(w *world, deliver func(*engine.Engine)) {
			deliver(w.e)
			deliver(w.e)
		}, 1},
		"twice, the second long after": {func(w *world, deliver func(*engine.Engine)) {
			deliver(w.e)
			w.pass(4 * time.Minute)
			deliver(w.e)
		}, 1},
		"twice, the second when the tombstone has expired": {func(w *world, deliver func(*engine.Engine)) {
			deliver(w.e)
			w.pass(time.Hour)
			deliver(w.e)
		}, 1},
		"twice at the same time": {func(w *world, deliver func(*engine.Engine)) {
			w.handler.closing = func() {
				w.handler.closing = nil
				deliver(w.e)
			}
			deliver(w.e)
		}, 1},
		"once a sweep has done the work": {func(w *world, deliver func(*engine.Engine)) {
			w.pass(3 * time.Minute)
			deliver(w.e)
		}, 1},
		"again after a crash, which a sweep finishes": {func(w *world, deliver func(*engine.Engine)) {
			deliver(w.mortal())
			deliver(w.e)
			if got := w.handler.reasons(); len(got) != 1 {
				w.t.Errorf("the application is told %v before the one who died has had its time", got)
			}
			w.pass(3 * time.Minute)
			deliver(w.e)
		}, 2},
	} {
		for _, transport := range []string{"polling", "websocket"} {
			inWorld(t, sixty, func(t *testing.T, w *world) {
				address := w.joined(transport)
				e, _ := w.elsewhere()
				w.closeBy(e, address)
				job := w.takeFinish()
				test.deliver(w, func(e *engine.Engine) {
					if err := e.Job(t.Context(), []byte(job)); err != nil && !errors.Is(err, errDead) { // the dead tell nobody
						t.Error(err)
					}
				})
				w.pass(3 * time.Minute)
				if got := w.handler.reasons(); len(got) != test.want {
					t.Errorf("the application is told %v, want it %d times", got, test.want)
				}
				if rows := w.table.Rows(); rows.Members != 0 || rows.Lives != 0 {
					t.Errorf("left behind: %+v", rows)
				}
			}, name, transport)
		}
	}
}

// TestAFarewellThatFailsComesAgainWithItsJob has the application fail at a session that a process which only sends has
// closed: the queue delivers the job again, and only until it has succeeded.
func TestAFarewellThatFailsComesAgainWithItsJob(t *testing.T) {
	for _, transport := range []string{"polling", "websocket"} {
		inWorld(t, sixty, func(t *testing.T, w *world) {
			address := w.joined(transport)
			e, _ := w.elsewhere()
			w.closeBy(e, address)
			job := w.takeFinish()
			failing := true
			w.handler.closing = func() {
				if failing {
					panic("no")
				}
			}
			for range 2 {
				if err := w.e.Job(t.Context(), []byte(job)); err == nil {
					t.Error("a job that failed is done")
				}
				wait(time.Second)
			}
			failing = false
			for range 2 {
				if err := w.e.Job(t.Context(), []byte(job)); err != nil {
					t.Error(err)
				}
			}
			if got := w.handler.reasons(); len(got) != 3 {
				t.Errorf("the application is told %v, want it 3 times", got)
			}
			if rows := w.table.Rows(); rows.Members != 0 || rows.Lives != 0 {
				t.Errorf("left behind: %+v", rows)
			}
		}, transport)
	}
}

// TestASweepTakesOverFromAJobThatFails has a job fail each time, and be given up.
func TestASweepTakesOverFromAJobThatFails(t *testing.T) {
	inWorld(t, sixty, func(t *testing.T, w *world) {
		address := w.joined("polling")
		e, _ := w.elsewhere()
		w.closeBy(e, address)
		w.handler.closing = func() {
			w.handler.closing = nil
			panic("no")
		}
		if err := w.e.Job(t.Context(), []byte(w.takeFinish())); err == nil {
			t.Error("a job that failed is done")
		}
		w.pass(3 * time.Minute)
		if got := w.handler.reasons(); len(got) != 2 {
			t.Errorf("the application is told %v, want it twice", got)
		}
		if rows := w.table.Rows(); rows.Members != 0 || rows.Lives != 0 {
			t.Errorf("left behind: %+v", rows)
		}
	})
}

// TestASweepThatComesTwiceFinishesASessionOnce has a sweep find what one who has died has left, and come once more while
// it is at it.
func TestASweepThatComesTwiceFinishesASessionOnce(t *testing.T) {
	for _, transport := range []string{"polling", "websocket"} {
		inWorld(t, sixty, func(t *testing.T, w *world) {
			address := w.joined(transport)
			w.closeBy(w.mortal(), address)
			if got := w.handler.reasons(); len(got) != 1 {
				t.Fatalf("the application is told %v by who has died", got)
			}
			twice := 0
			for {
				j, ok := w.queue.next(time.Now().Add(time.Hour))
				if !ok {
					break
				}
				wait(max(0, time.Until(j.due)))
				deliver := func() {
					if err := w.e.Job(t.Context(), j.message); err != nil {
						t.Error(err)
					}
				}
				w.handler.closing = func() {
					twice++
					w.handler.closing = nil
					deliver()
				}
				deliver()
			}
			if got := w.handler.reasons(); len(got) != 2 || twice != 1 {
				t.Errorf("the application is told %v, and %d sweeps came twice", got, twice)
			}
			if rows := w.table.Rows(); rows.Members != 0 || rows.Lives != 0 {
				t.Errorf("left behind: %+v", rows)
			}
		}, transport)
	}
}

// TestAJobForASessionThatIsNotClosedDoesNothing sends what cannot come of closing.
func TestAJobForASessionThatIsNotClosedDoesNothing(t *testing.T) {
	inWorld(t, sixty, func(t *testing.T, w *world) {
		sid := w.poll()
		w.post(sid, "4join")
		for _, address := range []string{"p" + sid, "pnobody", ""} {
			if err := w.e.Job(t.Context(), []byte(`{"kind":"finish","address":"`+address+`"}`)); err != nil {
				t.Errorf("%q: %v", address, err)
			}
		}
		if got := w.handler.reasons(); len(got) != 0 {
			t.Errorf("the application is told %v", got)
		}
	})
}

// TestEndingSaysWhatHasFailed ends clients that the gateway, or the queue, does not let go.
func TestEndingSaysWhatHasFailed(t *testing.T) {
	inWorld(t, sixty, func(t *testing.T, w *world) {
		connected := w.joined("websocket")
		e, _ := w.elsewhere()
		for _, refusal := range []error{errors.New("no right"), engine.ErrGone} {
			w.gateway.disconnect = func(context.Context, string) error { return refusal }
			if err := e.End(t.Context(), connected); !errors.Is(err, refusal) {
				t.Errorf("%v, want %v", err, refusal)
			}
			lives, err := w.table.Lives(t.Context(), engine.Shard(connected))
			if err != nil || len(lives) != 1 || lives[0].Last.Equal(engine.Dead) {
				t.Errorf("a client that is there is marked as dead: %+v %v", lives, err)
			}
		}
		w.gateway.disconnect = nil
		if err := e.End(t.Context(), connected); err != nil || w.gateway.open("c") {
			t.Errorf("%v, and the connection is open: %v", err, w.gateway.open("c"))
		}
		polls := w.joined("polling")
		w.queue.fail = errors.New("no queue")
		if err := e.End(t.Context(), polls); !errors.Is(err, w.queue.fail) {
			t.Errorf("%v", err)
		}
		w.queue.fail = nil
		if err := e.End(t.Context(), polls); err != nil { // it is closed
			t.Error(err)
		}
	})
}
