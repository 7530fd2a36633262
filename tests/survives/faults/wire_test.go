//go:build full

package faults

import (
	"flag"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	wireSessions = flag.Int("wire.sessions", 1000, "how many sessions of mutated traffic there are on each way")
	wireSeed     = flag.Uint64("wire.seed", 1, "of the first session; the others follow")
	wireAtOnce   = flag.Int("wire.parallel", 8, "how many sessions there are at a time")
)

// wireGrowth is by how much the heap may have grown when all sessions have gone: what pools and maps keep for the next.
const wireGrowth = 32 << 20

// TestMutatedTraffic lets sessions send what nobody should, several at a time, each by a script drawn from its seed.
// All the while a client that behaves is served: after each session it asks for an ack. Both ways have the same scripts.
//
//	go test -race -tags full ./tests/survives/faults -run MutatedTraffic -wire.sessions 1 -wire.seed 7
//
// plays the session of seed 7 again. What it sends comes from the seed; what meets what depends on the machine as well.
func TestMutatedTraffic(t *testing.T) { onBothWays(t, mutatedTraffic) }

func mutatedTraffic(t *testing.T, way string) {
	noGoroutines(t)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	t.Cleanup(func() {
		if after := heap(); after > before+wireGrowth {
			t.Errorf("the heap has grown from %d to %d bytes", before, after)
		}
	})
	lines := &wireLog{words: map[string]string{}, counts: map[string]int{}}
	sids := &secrets{}
	t.Cleanup(func() { lines.check(t, sids) }) // runs after the world's, which ends the sessions
	logger := slog.New(slog.NewTextHandler(lines, nil))
	w := newWorldOf(t, way, newWireApp(logger), logger, 20*time.Minute)
	t.Logf("%d sessions from -wire.seed %d", *wireSessions, *wireSeed)

	seeds := make(chan uint64)
	var workers sync.WaitGroup
	var bystander sync.Mutex
	for range *wireAtOnce {
		workers.Go(func() {
			for seed := range seeds {
				s := &wireSession{w: w, seed: seed, sids: sids}
				if err := s.play(wireScript(seed)); err != nil {
					t.Errorf("-wire.sessions 1 -wire.seed %d: %v", seed, err)
				}
				bystander.Lock()
				if err := w.asks(); err != nil {
					t.Errorf("the bystander is not served after the session of -wire.seed %d: %v", seed, err)
				}
				bystander.Unlock()
			}
		})
	}
	for i := range *wireSessions {
		if t.Failed() {
			break
		}
		seeds <- *wireSeed + uint64(i)
	}
	close(seeds)
	workers.Wait()
	t.Logf("%d sessions were opened; %d bytes were logged: %v", len(sids.all), lines.bytes, lines.counts)
}

// asks has the bystander ask, and waits for the answer as long as the world has: the machine may be busy. Then the
// clock moves on a little, so that heartbeats and timeouts come in between.
func (w *world) asks() error {
	w.asked++
	w.bystander.send(fmt.Sprintf(`42%d["echo"]`, w.asked))
	for f := range w.bystander.frames {
		if strings.HasPrefix(f, fmt.Sprintf("43%d[]", w.asked)) {
			w.clock.Jump(200 * time.Millisecond)
			return nil
		}
	}
	return fmt.Errorf("it is disconnected: %w", w.bystander.ended)
}

// secrets are the ids of all sessions.
type secrets struct {
	mu  sync.Mutex
	all []string
}

func (s *secrets) add(sid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, sid)
}
