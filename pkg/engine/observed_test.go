package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/observe/emf"
	"github.com/dozeio/doze/tests/kit/figures"
)

// status is an error with a status, as those of pkg/apigw/outgoing are for answers that have no meaning for the engine.
type status int

func (s status) Error() string       { return fmt.Sprint("status ", int(s)) }
func (s status) HTTPStatusCode() int { return int(s) }

func TestSessionsAreCountedWhereTheyBeginAndMove(t *testing.T) {
	m := &figures.Meter{}
	inWorld(t, engine.Options{Meter: m}, func(t *testing.T, w *world) {
		w.gateway.exists = func(context.Context, string) error { wait(30 * time.Millisecond); return nil }
		w.websocket("a")
		w.gateway.exists = nil
		if got := m.Values(observe.OpenTime); !slices.Equal(got, []float64{30}) {
			t.Errorf("open packets after %v ms, want 30", got)
		}
		sid := w.poll()
		w.connect("b", sid)
		w.frame("b", "2probe")
		wait(70 * time.Millisecond)
		w.frame("b", "5")
		if got := m.Values(observe.UpgradeTime); !slices.Equal(got, []float64{70}) {
			t.Errorf("upgrades took %v ms, want 70", got)
		}
		w.connect("c", "unknown") // and is no handshake
		w.want(m.Counts(observe.Handshakes), "Handshakes/polling 1, Handshakes/websocket 1")
	})
}

// TestAnOpenPacketOfTheSameProcessIsTimedToo posts it without reading the session.
func TestAnOpenPacketOfTheSameProcessIsTimedToo(t *testing.T) {
	m := &figures.Meter{}
	inWorld(t, engine.Options{Meter: m}, func(t *testing.T, w *world) {
		var do func(context.Context) error
		w.queue.promptly = func(_ []byte, f func(context.Context) error) { do = f }
		w.connect("a", "")
		wait(12 * time.Millisecond)
		if err := do(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := m.Values(observe.OpenTime); !slices.Equal(got, []float64{12}) {
			t.Errorf("open packets after %v ms, want 12", got)
		}
	})
}

func TestPostsAreCountedByTheirOutcome(t *testing.T) {
	for err, want := range map[error]string{
		nil: "Posts/ok 1", engine.ErrGone: "Posts/410 1", engine.ErrTooLarge: "Posts/413 1",
		engine.ErrBusy: "Posts/429 7", // it is tried again
		status(500):    "Posts/5xx 1", fmt.Errorf("wrapped: %w", status(503)): "Posts/5xx 1", status(403): "Posts/4xx 1",
		status(200): "Posts/no answer 1", status(0): "Posts/no answer 1", errors.New("reset"): "Posts/no answer 1", context.DeadlineExceeded: "Posts/no answer 1",
	} {
		m := &figures.Meter{}
		inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
			w.websocket("a")
			w.options.Meter = m
			w.e = w.process(w.table, w.gateway, w.queue, w.handler)
			w.gateway.post = func(context.Context, string, engine.Frame) error { wait(3 * time.Millisecond); return err }
			_ = w.e.Deliver(t.Context(), connected("a"), w.parcel("x"))
			w.want(m.Counts(observe.Posts), want)
			for _, took := range m.Values(observe.PostTime) {
				if took != 3 {
					t.Errorf("a post took %v ms, want 3", took)
				}
			}
		})
	}
}

// TestSweepsCountWhatIsThere sums sweeps of one interval up, without a read for it.
func TestSweepsCountWhatIsThere(t *testing.T) {
	m := &figures.Meter{}
	inWorld(t, engine.Options{PingInterval: emf.SumOver, PingTimeout: 5 * time.Minute, ConnectTimeout: -1}, func(t *testing.T, w *world) {
		for i := range 20 {
			w.websocket(fmt.Sprint("c", i))
		}
		for range 5 {
			w.poll()
		}
		w.options.Meter = m
		w.e = w.process(w.table, w.gateway, w.queue, w.handler)
		w.pass(emf.SumOver)
		w.want(m.Counts(observe.Sessions), "Sessions/polling 5, Sessions/websocket 20")
	})
}

// TestJobsAreAsOldAsTheyAreOverdue delivers one late that had a delay.
func TestJobsAreAsOldAsTheyAreOverdue(t *testing.T) {
	m := &figures.Meter{}
	inWorld(t, engine.Options{Meter: m}, func(t *testing.T, w *world) {
		if err := w.e.LaterBy(t.Context(), []byte(`{}`), time.Minute); err != nil {
			t.Fatal(err)
		}
		j, _ := w.queue.next(time.Now().Add(time.Hour))
		wait(time.Minute + 1500*time.Millisecond)
		_ = w.e.Job(t.Context(), j.message)
		if err := w.e.LaterBy(t.Context(), []byte(`{}`), time.Minute); err != nil {
			t.Fatal(err)
		}
		j, _ = w.queue.next(time.Now().Add(time.Hour))
		_ = w.e.Job(t.Context(), j.message)             // too early, by the clock of another
		_ = w.e.Job(t.Context(), []byte(`{"kind":""}`)) // of a version that says nothing
		if got := m.Values(observe.QueueAge); !slices.Equal(got, []float64{1500, 0}) {
			t.Errorf("ages of %v ms, want 1500 and 0", got)
		}
	})
}
