package verify

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// times are durations of the same thing.
type times []time.Duration

// quantile returns the smallest duration that a share of all does not exceed, in milliseconds; 0 of none.
func (t times) quantile(share float64) float64 {
	if len(t) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(t))
	i := max(0, int(math.Ceil(share*float64(len(sorted))))-1)
	return float64(sorted[i].Microseconds()) / 1000
}

// figures are the usual ones, with something before their names.
func (t times) figures(prefix string) map[string]float64 {
	return map[string]float64{prefix + "n": float64(len(t)), prefix + "p50_ms": t.quantile(0.5), prefix + "p99_ms": t.quantile(0.99)}
}

func (t times) String() string {
	return fmt.Sprintf("p50 %.1f ms, p99 %.1f ms of %d", t.quantile(0.5), t.quantile(0.99), len(t))
}
