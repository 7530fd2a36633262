package dynamo

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Every id lies in exactly one part of a room, whatever the ids look like and wherever the first page ended.
func TestSplitLeavesNobodyOut(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 0))
	ids := map[string]func(i int) string{
		"random":    func(int) string { return numeral(random.Uint32(), 5) + numeral(random.Uint32(), 5) },
		"numbers":   func(i int) string { return fmt.Sprintf("%020d", i) },
		"one place": func(i int) string { return "zzzz" + numeral(uint32(i), 6) },
		"short":     func(i int) string { return fmt.Sprintf("%x", i) },
		"any bytes": func(i int) string { return text(string([]byte{byte(i), byte(random.Uint32()), '#', byte(i >> 8)})) },
	}
	for name, id := range ids {
		for _, room := range []string{"", "a room"} {
			for _, n := range []int{1001, 1500, 3000, 20_000, 60_000} {
				prefix := ""
				if room != "" {
					prefix = roomPrefix(room)
				}
				var keys []string
				for i := range n {
					keys = append(keys, prefix+id(i))
				}
				slices.Sort(keys)
				keys = slices.Compact(keys)
				if len(keys) <= pageRows {
					continue
				}
				parts := (&Store{}).Split(room, keys[pageRows-1])
				counts := make([]int, len(parts))
				for _, k := range keys[pageRows:] {
					in := 0
					for i, part := range parts {
						from, to, bounded := strings.Cut(part, boundary)
						if k > from && (!bounded || k <= to) {
							counts[i]++
							in++
						}
					}
					if in != 1 {
						t.Fatalf("%s, %d in %q: %q is in %d of the parts %q", name, n, room, k, in, parts)
					}
				}
				if name != "random" {
					continue
				}
				t.Logf("%d in %q: %v", n, room, counts)
				if want := min(maxParts, (n-1)/pageRows); len(parts) < want-want/4 || len(parts) > want+want/4+1 || slices.Max(counts) > max(2*pageRows, 2*n/maxParts) {
					t.Errorf("%d members are in parts of %v", n, counts)
				}
			}
		}
	}
}
