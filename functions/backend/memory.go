package backend

import (
	"os"
	"runtime/debug"
	"strconv"
)

// heapPercent is how much garbage there may be beside what is in use, 100 by default. The heap of a function is a few
// MB, and would be collected every few dozen events.
const heapPercent = 400

// fitMemory has Go's runtime use the memory that a function pays for. The memory is in MB, as Lambda says it in
// AWS_LAMBDA_FUNCTION_MEMORY_SIZE; anything else changes nothing. GOGC and GOMEMLIMIT go before, where they are set.
//
// That a function has less than a processor the template tells Go, with GOMAXPROCS: to change it in a process that runs
// stops everything, which takes some tenths of a millisecond of a cold start.
func fitMemory(memory string) {
	mb, err := strconv.Atoi(memory)
	if err != nil || mb <= 0 {
		return
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(mb) << 20 / 4 * 3) // the rest is the program itself, and what else runs beside it
	}
}
