package heapfloor

import (
	"math"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"
)

func TestPercentReachesTheFloorAndNoFurther(t *testing.T) {
	for live, want := range map[uint64]int{0: 400, 1 << 20: 400, 4 << 20: 300, 5 << 20: 220, 8 << 20: 100, 12 << 20: 100, 16 << 20: 100, 1 << 40: 100} {
		if got := percentOf(live, 0); got != want {
			t.Errorf("%d bytes in use: %d %%, want %d", live, got, want)
		}
	}
	if got := percentOf(4<<20, 2<<20); got != 200 { // 4 MiB and twice 6
		t.Errorf("with 2 MiB of stacks: %d %%", got)
	}
	if got := percentOf(4<<20, 20<<20); got != usual {
		t.Errorf("with 20 MiB of stacks: %d %%", got)
	}
}

// percent returns what the runtime goes by.
func percent() int { return int(setting("/gc/gogc:percent")) }

// await collects until the runtime goes by the percent that is wanted.
func await(t *testing.T, what string, wanted func(int) bool) {
	t.Helper()
	for over := time.Now().Add(20 * time.Second); !wanted(percent()); runtime.Gosched() {
		if time.Now().After(over) {
			t.Fatalf("%s: %d %%", what, percent())
		}
		runtime.GC()
	}
}

func TestKeepFollowsTheHeap(t *testing.T) {
	once = sync.Once{}
	defer debug.SetGCPercent(debug.SetGCPercent(usual))
	t.Setenv("GOGC", "")
	Keep()
	if got := percent(); got != most {
		t.Errorf("at first: %d %%, want %d", got, most)
	}
	large := make([]byte, 32<<20)
	await(t, "a large heap", func(p int) bool { return p == usual })
	runtime.KeepAlive(large)
	await(t, "a small one again", func(p int) bool { return p > usual })
	debug.SetGCPercent(50)
	large = make([]byte, 32<<20)
	for range 3 { // what follows collections has run by then
		collected := make(chan struct{})
		runtime.AddCleanup(new([32]byte), func(c chan struct{}) { close(c) }, collected)
		runtime.GC()
		<-collected
	}
	runtime.KeepAlive(large)
	if got := percent(); got != 50 {
		t.Errorf("set by the program: %d %%, want 50", got)
	}
}

func TestKeepLeavesWhatIsSet(t *testing.T) {
	for name, set := range map[string]func(*testing.T){
		"GOGC":      func(t *testing.T) { t.Setenv("GOGC", "100") },
		"a percent": func(*testing.T) { debug.SetGCPercent(150) },
		"a limit":   func(*testing.T) { debug.SetMemoryLimit(1 << 30) },
	} {
		t.Run(name, func(t *testing.T) {
			once = sync.Once{}
			defer debug.SetGCPercent(debug.SetGCPercent(usual))
			defer debug.SetMemoryLimit(math.MaxInt64)
			t.Setenv("GOGC", "")
			set(t)
			before := percent()
			Keep()
			if got := percent(); got != before {
				t.Errorf("%d %%, want %d", got, before)
			}
		})
	}
}
