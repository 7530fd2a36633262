//go:build full

package apigw_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// patience is how long a test waits for what should come at once.
const patience = 30 * time.Second

// The contract of engine.Timers, as the engine and the heartbeat function see it, on every queue, in real time.
func TestQueues(t *testing.T) {
	for name, open := range opens {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for name, run := range map[string]func(*testing.T, opener){
				"never early":          testNeverEarly,
				"concurrent":           testConcurrent,
				"failed jobs":          testFailedJobs,
				"poison":               testPoison,
				"limits":               testLimits,
				"urgent":               testUrgent,
				"from other processes": testOtherProcesses,
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					run(t, open)
				})
			}
		})
	}
}

type opener = func(t *testing.T, do func(context.Context, []byte) error) openQueue

// arrivals are the times at which jobs were delivered.
type arrivals struct {
	mu      sync.Mutex
	at      map[string][]time.Time
	changed chan struct{}
}

func newArrivals() *arrivals {
	return &arrivals{at: map[string][]time.Time{}, changed: make(chan struct{})}
}

// note counts the deliveries of a job.
func (a *arrivals) note(job []byte) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at[string(job)] = append(a.at[string(job)], time.Now())
	close(a.changed)
	a.changed = make(chan struct{})
	return len(a.at[string(job)])
}

func (a *arrivals) do(_ context.Context, job []byte) error {
	a.note(job)
	return nil
}

// wait waits until every job has come a number of times, and returns when all came.
func (a *arrivals) wait(t *testing.T, times int, jobs ...string) map[string][]time.Time {
	t.Helper()
	tired := time.After(patience)
	for {
		a.mu.Lock()
		all, missing, changed := map[string][]time.Time{}, 0, a.changed
		for job, at := range a.at {
			all[job] = append([]time.Time{}, at...)
		}
		a.mu.Unlock()
		for _, job := range jobs {
			if len(all[job]) < times {
				missing++
			}
		}
		if missing == 0 {
			return all
		}
		select {
		case <-changed:
		case <-tired:
			t.Fatalf("%d of %d jobs have not come %d times", missing, len(jobs), times)
		}
	}
}

// patiently does something again after a temporary error, as the engine's callers do: the machine may be busy. It
// returns how often.
func patiently(do func() error) (times int, err error) {
	for tired := time.Now().Add(patience); ; {
		err = do()
		times++
		var f interface{ Temporary() bool }
		if err == nil || !errors.As(err, &f) || !f.Temporary() || time.Now().After(tired) {
			return times, err
		}
	}
}

// give schedules a job and returns how often: a send that was not answered may have been heard.
func give(t *testing.T, q openQueue, job string, after time.Duration) int {
	t.Helper()
	times, err := patiently(func() error { return q.timers.Schedule(t.Context(), []byte(job), after) })
	if err != nil {
		t.Error(err)
	}
	return times
}

func testNeverEarly(t *testing.T, open opener) {
	a := newArrivals()
	q := open(t, a.do)
	due := map[string]time.Time{}
	var jobs []string
	for _, delay := range []time.Duration{2 * time.Second, 1001 * time.Millisecond, time.Second, 300*time.Millisecond + 1, 0} {
		job := delay.String()
		jobs = append(jobs, job)
		due[job] = time.Now().Add(delay)
		give(t, q, job, delay)
	}
	for job, at := range a.wait(t, 1, jobs...) {
		if at[0].Before(due[job]) {
			t.Errorf("a job came %v after %v", at[0].Sub(due[job]), job)
		}
	}
}

func testConcurrent(t *testing.T, open opener) {
	a := newArrivals()
	q := open(t, a.do)
	var jobs []string
	var wg sync.WaitGroup
	for i := range 8 {
		for n := range 10 {
			jobs = append(jobs, fmt.Sprint(i, n))
		}
		wg.Go(func() {
			for n := range 10 {
				give(t, q, fmt.Sprint(i, n), 0)
			}
		})
	}
	wg.Wait()
	a.wait(t, 1, jobs...)
}

// A job that fails comes again, and those that were with it do not.
func testFailedJobs(t *testing.T, open opener) {
	a := newArrivals()
	q := open(t, func(_ context.Context, job []byte) error {
		if n := a.note(job); string(job) == "bad" && n < 3 {
			return errors.New("not yet")
		}
		return nil
	})
	jobs := []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "bad"}
	given := map[string]int{}
	for _, job := range jobs {
		given[job] = give(t, q, job, time.Second) // so that they are a batch
	}
	a.wait(t, 1, jobs...)
	at := a.wait(t, 3, "bad")
	for _, job := range jobs[:9] {
		if len(at[job]) > given[job] {
			t.Errorf("job %s came %d times", job, len(at[job]))
		}
	}
	for i, wait := range []time.Duration{time.Second, 2 * time.Second} {
		if d := at["bad"][i+1].Sub(at["bad"][i]); d < wait-50*time.Millisecond {
			t.Errorf("delivery %d came %v after the one before", i+2, d)
		}
	}
}

// A job that can never succeed is given up with the reason, and holds up no other.
func testPoison(t *testing.T, open opener) {
	a := newArrivals()
	q := open(t, func(_ context.Context, job []byte) error {
		a.note(job)
		if string(job) == "poison" {
			return fmt.Errorf("%w: it is poison", engine.ErrNotAJob)
		}
		return nil
	})
	given := 0
	for _, job := range []string{"poison", "good"} {
		given = give(t, q, job, time.Second)
	}
	if reason := q.ended(t, "poison"); !strings.Contains(reason, "engine: not a job: it is poison") {
		t.Errorf("given up because of %q", reason)
	}
	if n := len(a.wait(t, 1, "good")["good"]); n > given {
		t.Errorf("the other came %d times", n)
	}
	if n := len(a.wait(t, 1, "poison")["poison"]); n > given {
		t.Errorf("what can never succeed came %d times", n)
	}
}

func testLimits(t *testing.T, open opener) {
	a := newArrivals()
	q := open(t, a.do)
	largest := strings.Repeat("é", 1<<19)
	for _, c := range []struct {
		name, job string
		after     time.Duration
		says      string
	}{
		{"empty", "", 0, "0 bytes"},
		{"over 1 MiB", largest + "x", 0, ""},
		{"not UTF-8", "\xff", 0, "UTF-8"},
		{"over 15 minutes", "x", 15*time.Minute + time.Millisecond, "SQS takes 0 to 15m0s"},
		{"a negative delay", "x", -time.Second, "SQS takes 0 to 15m0s"},
	} {
		if err := q.timers.Schedule(t.Context(), []byte(c.job), c.after); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	give(t, q, "in 15 minutes", 15*time.Minute)
	give(t, q, largest, 0)
	if at := a.wait(t, 1, largest); len(at) != 1 {
		t.Errorf("%d jobs came", len(at))
	}
}

// An open packet does not wait for the jobs before it: those of a batch run side by side, and so do batches.
func testUrgent(t *testing.T, open opener) {
	const job = `{"kind":"open","id":"1","connection":"c"}`
	opened, isOpen := context.WithCancel(context.Background())
	defer isOpen()
	a := newArrivals()
	q := open(t, func(ctx context.Context, j []byte) error {
		if a.note(j); string(j) == job {
			isOpen()
			return nil
		}
		select {
		case <-opened.Done():
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	var jobs []string
	for i := range 4 { // a batch each, if it comes to the worst
		jobs = append(jobs, fmt.Sprintf(`{"kind":"sweep","id":"s%d"}`, i))
		give(t, q, jobs[i], 0)
	}
	give(t, q, job, 0)
	a.wait(t, 1, job)
	a.wait(t, 1, jobs...)
}

func testOtherProcesses(t *testing.T, open opener) {
	a := newArrivals()
	q := open(t, a.do)
	if q.where == "" {
		return // it is in this one
	}
	var jobs []string
	var wg sync.WaitGroup
	for p := range 2 {
		var lines strings.Builder
		for n := range 10 {
			job := fmt.Sprint("job ", n, " of process ", p)
			jobs = append(jobs, job)
			fmt.Fprintln(&lines, job)
		}
		wg.Go(func() {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), scheduleVariable+"="+q.where)
			cmd.Stdin = strings.NewReader(lines.String())
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	wg.Wait()
	a.wait(t, 1, jobs...)
}
