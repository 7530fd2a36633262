// Package heapfloor lets garbage lie in a process whose heap is small: for commands that are a server, whose process is
// theirs alone.
package heapfloor

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// Go collects the heap when garbage has made it twice as large as what was in use, and at 4 MiB at the earliest. That is
// every thousand events of a server with few clients, and each time costs it the same, however little there is.
const (
	floor = 16 << 20 // bytes of heap, up to which it is not collected

	usual = 100 // Go's own percent of garbage
	most  = 400 // 4 MiB by so much is the floor
)

var once sync.Once

// Keep has the heap of this process grow to 16 MiB before it is collected. What has more than 8 MiB in use is collected
// as ever, so that many clients take no more memory. Whatever else is set, by GOGC, GOMEMLIMIT or the program, goes
// before, also later: Keep then does nothing, as when it is called again.
func Keep() {
	if os.Getenv("GOGC") != "" || setting("/gc/gogc:percent") != usual || setting("/gc/gomemlimit:bytes") != math.MaxInt64 {
		return
	}
	once.Do(func() {
		debug.SetGCPercent(most)
		followCollections(most)
	})
}

// followCollections sets the percent after each collection, of which the last has set this one.
func followCollections(percent int) {
	type unused [32]byte // whose own collection is the sign; smaller ones share their memory with others
	runtime.AddCleanup(new(unused), func(percent int) {
		if setting("/gc/gogc:percent") != uint64(percent) {
			return
		}
		if p := percentOf(setting("/gc/heap/live:bytes"), setting("/gc/scan/stack:bytes")+setting("/gc/scan/globals:bytes")); p != percent {
			debug.SetGCPercent(p)
			percent = p
		}
		followCollections(percent)
	}, percent)
}

// setting returns one of the runtime's numbers.
func setting(name string) uint64 {
	s := []metrics.Sample{{Name: name}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// percentOf returns how much garbage there may be, in percent of what the last collection has left in use and of what it
// has gone through besides, stacks and globals: https://go.dev/doc/gc-guide#GOGC.
func percentOf(live, roots uint64) int {
	if live >= floor {
		return usual
	}
	return int(min(most, max(usual, (floor-live)*100/max(1, live+roots))))
}
