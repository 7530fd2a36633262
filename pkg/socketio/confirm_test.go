package socketio_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/internal/testparts"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// spool keeps the jobs that it passes on.
type spool struct {
	engine.Timers

	mu   sync.Mutex
	jobs strings.Builder
}

func (q *spool) Schedule(ctx context.Context, job []byte, after time.Duration) error {
	q.mu.Lock()
	q.jobs.Write(append(job, '\n'))
	q.mu.Unlock()
	return q.Timers.Schedule(ctx, job, after)
}

// A join that nobody could confirm makes a job. It has no sid, which is a secret, and still finds the session: also one
// that has moved to a connection while it was joined.
func TestAJobThatConfirmsAJoinHasNoSecret(t *testing.T) {
	for _, moves := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			io, _, _ := farewell()
			var on, joined atomic.Bool
			var client *socketiotest.Client
			jobs := &spool{}
			broken := hook(func(op string, after bool) error {
				if !on.Load() || after {
					return nil
				}
				if op == "Join" && !joined.Load() {
					if moves {
						on.Store(false)
						client.Upgrade()
						on.Store(true)
					}
					joined.Store(true)
				}
				if op == "Get" && joined.Load() {
					return errLasting
				}
				return nil
			})
			s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
				b = broken(b)
				jobs.Timers, b.Timers = b.Timers, jobs
				return b
			}})
			client = s.Connect("/", polling)
			address := func(room string) string {
				page, _, err := testparts.Store(s).Members(t.Context(), "/", room, "")
				if err != nil || len(page) != 1 {
					t.Fatalf("in %q: %v, %v", room, page, err)
				}
				return page[0].Address
			}
			one, secret := fetch(t, io.Of("/"), client), address(client.ID())[1:]
			on.Store(true)
			if err := one.Join(t.Context(), "tea"); !errors.Is(err, errLasting) {
				t.Errorf("Join returned %v", err)
			}
			on.Store(false)
			if got := jobs.jobs.String(); strings.Contains(got, secret) || !strings.Contains(got, `"joined"`) {
				t.Errorf("jobs: %s", got)
			}
			for job := range strings.Lines(jobs.jobs.String()) {
				if strings.Contains(job, `"joined"`) && !strings.Contains(socketio.DescribeJob([]byte(job)), "whether the socket "+client.ID()+" in /") {
					t.Errorf("%s is described as: %s", job, socketio.DescribeJob([]byte(job)))
				}
			}
			s.Settle()
			if got := address("tea"); got != address(client.ID()) || strings.HasPrefix(got, "w") != moves {
				t.Errorf("moves %t: its address in the room is %q, in its own %q", moves, got, address(client.ID()))
			}
			client.Close()
			s.Settle()
		})
	}
}
