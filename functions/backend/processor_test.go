package backend

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
)

// settings are those of Go's runtime, which reading them leaves as they are.
func settings() (processors, percent int, limit int64) {
	percent = debug.SetGCPercent(100)
	debug.SetGCPercent(percent)
	return runtime.GOMAXPROCS(0), percent, debug.SetMemoryLimit(-1)
}

func TestARuntimeFitsItsFunction(t *testing.T) {
	processors, percent, limit := settings()
	restore := func() {
		runtime.GOMAXPROCS(processors)
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}
	defer restore()
	for _, c := range []struct {
		name, memory, set string
		processors        int
		percent           int
		limit             int64
	}{
		{"outside of Lambda", "", "", 4, 100, math.MaxInt64},
		{"no number", "much", "", 4, 100, math.MaxInt64},
		{"a share of a processor", "256", "", 1, 400, 192 << 20},
		{"nearly one", "1768", "", 1, 400, 1326 << 20},
		{"a whole one", "1769", "", 4, 400, 1769 << 20 / 4 * 3},
		{"processors are set", "256", "GOMAXPROCS", 4, 400, 192 << 20},
		{"collections are set", "256", "GOGC", 1, 100, 192 << 20},
		{"a limit is set", "256", "GOMEMLIMIT", 1, 400, math.MaxInt64},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, v := range []string{"GOMAXPROCS", "GOGC", "GOMEMLIMIT"} {
				t.Setenv(v, "")
			}
			if c.set != "" {
				t.Setenv(c.set, "1")
			}
			runtime.GOMAXPROCS(4)
			debug.SetGCPercent(100)
			debug.SetMemoryLimit(math.MaxInt64)
			fitProcessor(c.memory)
			if p, g, l := settings(); p != c.processors || g != c.percent || l != c.limit {
				t.Errorf("%d processors, %d %% garbage, a limit of %d, want %d, %d, %d", p, g, l, c.processors, c.percent, c.limit)
			}
		})
	}
}
