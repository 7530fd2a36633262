package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// elsewhere is a process that only sends, and its handler, which is not the application's.
func (w *world) elsewhere() (*engine.Engine, *handler) {
	here, stranger := w.options, &handler{w: w, rooms: w.table}
	w.options.HandlersElsewhere = true
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
