package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// working is a handler with jobs.
type working struct {
	*handler
	do func(ctx context.Context, work json.RawMessage) error
}

func (w working) Work(ctx context.Context, work json.RawMessage) error { return w.do(ctx, work) }

func TestAHandlersWorkIsDoneByAJob(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		var got string
		var result error
		e := w.process(w.table, w.gateway, w.queue, working{w.handler, func(_ context.Context, work json.RawMessage) error {
			got = string(work)
			if result == nil {
				panic("a mistake")
			}
			return result
		}})
		over, cancel := context.WithDeadline(t.Context(), time.Now())
		defer cancel()
		if err := e.Later(over, json.RawMessage(`{"some":"work"}`)); err != nil { // there is a reserve for it
			t.Fatal(err)
		}
		j, ok := w.queue.next(time.Now())
		if !ok {
			t.Fatal("no job was sent")
		}
		if err := e.Job(t.Context(), j.message); err == nil || errors.Is(err, engine.ErrNotAJob) {
			t.Errorf("a job that panicked returned %v", err)
		}
		result = errors.New("a fault")
		if err := e.Job(t.Context(), j.message); !errors.Is(err, result) || got != `{"some":"work"}` {
			t.Errorf("did %s and returned %v", got, err)
		}
		if err := w.e.Job(t.Context(), j.message); !errors.Is(err, engine.ErrNotAJob) { // its handler has none
			t.Errorf("returned %v", err)
		}
	})
}

func TestWorkIsDoneOnceItsDelayIsOver(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		for delay, want := range map[time.Duration]time.Duration{-time.Second: 0, 5 * time.Second: 5 * time.Second, time.Hour: 15 * time.Minute} {
			if err := w.e.LaterBy(t.Context(), json.RawMessage(`{}`), delay); err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			if _, early := w.queue.next(now.Add(want - time.Millisecond)); early {
				t.Errorf("work that is to be done in %s came before %s", delay, want)
			}
			if _, ok := w.queue.next(now.Add(want)); !ok {
				t.Errorf("work that is to be done in %s did not come in %s", delay, want)
			}
		}
	})
}

func TestWorkEndsAfterTenSeconds(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		e := w.process(w.table, w.gateway, w.queue, working{w.handler, func(ctx context.Context, _ json.RawMessage) error {
			<-ctx.Done()
			return context.Cause(ctx)
		}})
		began := time.Now()
		err := e.Job(t.Context(), []byte(`{"kind":"work","id":"1"}`))
		if took := time.Since(began); took != 10*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("returned %v after %v", err, took)
		}
	})
}
