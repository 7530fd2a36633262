package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// recorded is a queue that keeps what it was sent, and when that is due.
type recorded struct {
	mu      sync.Mutex
	began   time.Time
	reports []report
	due     []time.Duration
	fails   bool
}

func (q *recorded) Schedule(ctx context.Context, body []byte, after time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.fails {
		return errors.New("the queue is away")
	}
	var m message
	if err := json.Unmarshal(body, &m); err != nil || m.Emit != "progress" || !reflect.DeepEqual(m.To, []string{"#job-tea"}) {
		return errors.Join(err, errors.New("not a report to #job-tea: "+string(body)))
	}
	q.reports = append(q.reports, m.Args...)
	q.due = append(q.due, time.Since(q.began)+after)
	return ctx.Err()
}

// slow is a body that takes a second for each of its parts.
type slow struct {
	parts []string
	end   error
}

func (s *slow) Read(b []byte) (int, error) {
	time.Sleep(time.Second)
	if len(s.parts) == 0 {
		return 0, s.end
	}
	n := copy(b, s.parts[0])
	s.parts = s.parts[1:]
	return n, nil
}

func opens(parts []string, end error) opener {
	return func(context.Context, string) (io.ReadCloser, int64, error) {
		return io.NopCloser(&slow{parts, end}), 5, nil
	}
}

// states returns what was reported, without the times.
func (q *recorded) states() (all []report) {
	for _, r := range q.reports {
		r.At = 0
		all = append(all, r)
	}
	return all
}

func TestAJobReportsWhatIsNewAndItsEndThreeTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &recorded{began: time.Now()}
		got, err := run(t.Context(), q, task{"tea", "x"}, opens([]string{"he", "llo"}, io.EOF))
		if err != nil {
			t.Fatal(err)
		}
		const sum = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // sha256sum of hello
		end := report{Job: "tea", State: done, Done: 5, Total: 5, Result: sum}
		want := []report{{Job: "tea", State: running}, {Job: "tea", State: running, Done: 2, Total: 5}, {Job: "tea", State: running, Done: 5, Total: 5}, end, end, end}
		if got != sum {
			t.Errorf("it returns %q", got)
		}
		states := q.states()
		states[0].Total = 0 // it may know by then
		if !reflect.DeepEqual(states, want) {
			t.Errorf("reported %+v", states)
		}
		if at := q.due[3:]; at[1]-at[0] != 5*time.Second || at[2]-at[0] != 30*time.Second {
			t.Errorf("the end comes at %v", at)
		}
		for i := 1; i < 4; i++ {
			if q.reports[i].At <= q.reports[i-1].At {
				t.Errorf("report %d is of %d, the one before of %d", i, q.reports[i].At, q.reports[i-1].At)
			}
		}
	})
}

func TestAJobReportsHowItFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &recorded{}
		broken := errors.New("broken pipe to 10.0.0.7")
		if _, err := run(t.Context(), q, task{"tea", "x"}, opens([]string{"he"}, broken)); !errors.Is(err, broken) {
			t.Errorf("the error is %v", err)
		}
		if last := q.states()[len(q.reports)-1]; last != (report{Job: "tea", State: failed, Done: 2, Total: 5, Error: "the file could not be read"}) {
			t.Errorf("the last report is %+v", last)
		}
	})
}

// TestAJobThatIsEndedEarlySaysSo: by Ctrl-C, or because a function's time is over.
func TestAJobThatIsEndedEarlySaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &recorded{}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		if _, err := run(ctx, q, task{"tea", "x"}, opens([]string{"he", "llo"}, io.EOF)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
		if last := q.states()[len(q.reports)-1]; last.State != failed || last.Error != "the job was ended early" || last.Result != "" {
			t.Errorf("the last report is %+v", last)
		}
	})
}

// TestAFunctionIsTriedAgainOnlyForWhatNobodyWasTold has Lambda repeat what a second try can mend.
func TestAFunctionIsTriedAgainOnlyForWhatNobodyWasTold(t *testing.T) {
	log.SetOutput(io.Discard)
	defer log.SetOutput(log.Default().Writer())
	for _, fails := range []bool{false, true} {
		err := invoked(t.Context(), &recorded{fails: fails}, task{"tea", "://"})
		if errors.As(err, new(*unreported)) != fails || (err != nil) != fails {
			t.Errorf("with a queue that fails (%v): %v", fails, err)
		}
	}
}
