package backend

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
)

// wholeProcessor is the memory, in MB, from which on a function has a processor to itself:
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html.
const wholeProcessor = 1769

// heapPercent is how much garbage there may be beside what is in use, 100 by default. The heap of a function is a few
// MB, and would be collected every few dozen events.
const heapPercent = 400

// fitProcessor has Go's runtime take a function for what it is: it sees two processors and gets a share of one, in
// which a second thread only costs the hand-over, and it has memory that nobody else will use. The memory is in MB, as
// Lambda says it in AWS_LAMBDA_FUNCTION_MEMORY_SIZE; anything else changes nothing. GOMAXPROCS, GOGC and GOMEMLIMIT go
// before, where they are set.
func fitProcessor(memory string) {
	mb, err := strconv.Atoi(memory)
	if err != nil || mb <= 0 {
		return
	}
	if os.Getenv("GOMAXPROCS") == "" && mb < wholeProcessor {
		runtime.GOMAXPROCS(1)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(mb) << 20 / 4 * 3) // the rest is the program itself, and what else runs beside it
	}
}
