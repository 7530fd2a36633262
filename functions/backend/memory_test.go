package backend

import (
	"math"
	"runtime/debug"
	"testing"
)

// settings are those of Go's runtime, which reading them leaves as they are.
func settings() (percent int, limit int64) {
	percent = debug.SetGCPercent(100)
	debug.SetGCPercent(percent)
	return percent, debug.SetMemoryLimit(-1)
}

func TestARuntimeFitsItsFunction(t *testing.T) {
	percent, limit := settings()
	defer func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}()
	for _, c := range []struct {
		name, memory, set string
		percent           int
		limit             int64
	}{
		{"outside of Lambda", "", "", 100, math.MaxInt64},
		{"no number", "much", "", 100, math.MaxInt64},
		{"none", "0", "", 100, math.MaxInt64},
		{"a small function", "128", "", 400, 96 << 20},
		{"a larger one", "256", "", 400, 192 << 20},
		{"collections are set", "256", "GOGC", 100, 192 << 20},
		{"a limit is set", "256", "GOMEMLIMIT", 400, math.MaxInt64},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, v := range []string{"GOGC", "GOMEMLIMIT"} {
				t.Setenv(v, "")
			}
			if c.set != "" {
				t.Setenv(c.set, "1")
			}
			debug.SetGCPercent(100)
			debug.SetMemoryLimit(math.MaxInt64)
			fitMemory(c.memory)
			if p, l := settings(); p != c.percent || l != c.limit {
				t.Errorf("%d %% garbage, a limit of %d, want %d, %d", p, l, c.percent, c.limit)
			}
		})
	}
}
