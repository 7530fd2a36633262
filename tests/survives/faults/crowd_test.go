//go:build full

package faults

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/store/memory"
	"github.com/dozeio/doze/tests/kit/clientapp"
	"github.com/dozeio/doze/tests/kit/shiftclock"
)

// TestCrowd lets stock clients chat where AWS has too little for all of them: each question is answered, or its client
// is disconnected, comes back and asks again; and in the end nothing is left.
func TestCrowd(t *testing.T) {
	const people, answers = 12, 20
	for name, g := range map[string]gateway.Options{
		"a stage with a low limit":             {WebSocketStage: gateway.Throttle{Rate: 30, Burst: 30}},
		"a new account":                        {Concurrency: 10, ColdStart: 300 * time.Millisecond},
		"a new account, under jitter, limited": {Concurrency: 10, ColdStart: 300 * time.Millisecond, Jitter: 50 * time.Millisecond, WebSocketStage: gateway.Throttle{Rate: 30, Burst: 10}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const seed = 1
			clock := &shiftclock.Clock{}
			g.Clock, g.Seed = clock, seed
			g.JobVisibility, g.JobTimeout, g.JobAttempts = 2*time.Second, 2*time.Second, 200 // the template's, for shorter pings
			s, err := oneprocess.Start(oneprocess.Options{
				Engine:  engine.Options{Clock: clock, PingInterval: 2 * time.Second, PingTimeout: 5 * time.Second, Logger: slog.New(slog.DiscardHandler)},
				Gateway: g,
			}, clientapp.New().Bind)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, "node", "crowd.mjs")
			cmd.Env = append(os.Environ(), "DOZE_URL="+s.URL, fmt.Sprintf("PEOPLE=%d", people), fmt.Sprintf("ANSWERS=%d", answers), fmt.Sprintf("SEED=%d", seed))
			out, err := cmd.CombinedOutput()
			stats := s.Gateway.Stats()
			t.Logf("%s%+v", out, stats)
			if err != nil {
				t.Error(err)
			}
			if refused := stats.Throttled + stats.Throttles; refused < people {
				t.Errorf("only %d requests and invocations were refused", refused)
			}
			w := &world{T: t}
			began, jumped := clock.Now(), time.Now()
			rows := s.Store.Rows
			w.Settle("rows", func() bool {
				if r := rows(); r == (memory.Rows{Tombstones: r.Tombstones}) {
					return true
				}
				// Before tombstones expire, and all else that closing leaves; and slowly enough for the sweeps to keep
				// up: a session that nobody has joined expires by itself, and the probe that was to take it over later.
				if clock.Now().Sub(began) < 3*time.Minute && time.Since(jumped) >= 20*time.Millisecond {
					clock.Jump(time.Second)
					jumped = time.Now()
				}
				return false
			}, func() any { return rows() })
			if err := s.Close(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}
