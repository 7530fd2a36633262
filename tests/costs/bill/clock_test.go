//go:build full

package bill

import (
	"sync/atomic"
	"time"

	"github.com/dozeio/doze/tests/kit/fakeclock"
)

// clock stands still until it is told to move. What an operation waits for in short pauses, it moves past by itself
// while that is wanted.
type clock struct {
	*fakeclock.Clock
	pauses atomic.Int32
}

// What becomes of a pause.
const (
	lasting = iota // until somebody moves the clock
	skipped        // it is over at once
	real           // it takes as long as it says: for what runs meanwhile
)

// pause is the longest time that is one. Timeouts are longer.
const pause = time.Second

// newClock returns a clock that is ahead of the system's, by which contexts have their deadlines. It begins with an
// interval of the heartbeat, so that no shard has its beat for a sixteenth of one.
func newClock() *clock {
	return &clock{Clock: fakeclock.New(time.Now().Add(24 * time.Hour).Truncate(pingInterval))}
}

func (c *clock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	due := c.Now().Add(d)
	end := c.Clock.AfterFunc(d, f)
	var stopped atomic.Bool // a timeout that was not reached moves nothing
	stop = func() bool {
		stopped.Store(true)
		return end()
	}
	if d <= pause {
		reach := func() {
			if !stopped.Load() {
				c.Advance(max(0, due.Sub(c.Now()))) // and no further, when another pause has moved it meanwhile
			}
		}
		switch c.pauses.Load() {
		case skipped:
			go reach()
		case real:
			time.AfterFunc(d, reach)
		}
	}
	return stop
}

// during has pauses treated in a way while f runs.
func (c *clock) during(way int32, f func()) {
	c.pauses.Store(way)
	defer c.pauses.Store(lasting)
	f()
}
