package app

import (
	"sync"
	"time"
)

// stamp says where an event belongs among others, whatever order they arrive in: by time, then by number.
type stamp struct {
	Time int64 `json:"time"` // milliseconds since 1970
	Seq  int64 `json:"seq"`  // counts the stamps of one process, from a number that is no other process's
}

// maxSkew is how far the clocks of two processes, or of one process before and after it was set, may be apart for
// their stamps to be brought in line: in milliseconds.
const maxSkew = 1000

// clock makes stamps. It may be used concurrently.
type clock struct {
	now func() time.Time

	mu   sync.Mutex
	last stamp
}

// stamp returns one that is later than those before it, and than what a client had seen when it asked: so that a reply
// is later than what it replies to, and a client's second message than its first, though other processes with other
// clocks have handled those. seen is a time in milliseconds, and a client's word: one far ahead counts for nothing.
func (c *clock) stamp(seen int64) stamp {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now().UnixMilli()
	at := now
	for _, least := range []int64{c.last.Time, seen + 1} {
		if least > at && least <= now+maxSkew {
			at = least
		}
	}
	c.last = stamp{at, c.last.Seq + 1}
	return c.last
}
