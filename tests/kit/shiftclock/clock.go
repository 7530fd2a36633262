// Package shiftclock is a clock for tests with real sockets: it runs like the system's, and it can jump ahead.
//
// A clock that stands still (fakeclock) does not do there: contexts have their deadlines in real time, and who waits in
// a loop of short pauses, as a poll does, would need somebody to turn the clock for it all the time.
package shiftclock

import (
	"slices"
	"sync"
	"time"
)

// Clock shows the system's time plus what it has jumped ahead so far. The zero Clock has not jumped. All methods may be
// called concurrently.
type Clock struct {
	mu     sync.Mutex
	ahead  time.Duration
	timers map[*timer]struct{}
}

type timer struct {
	due  time.Time
	real *time.Timer
	f    func()
}

// Now returns the time the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

// AfterFunc calls f in a goroutine of its own once the clock has moved on by d. stop reports whether it kept f from
// being called.
func (c *Clock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timers == nil {
		c.timers = map[*timer]struct{}{}
	}
	t := &timer{due: time.Now().Add(c.ahead + d), f: f}
	t.real = time.AfterFunc(d, func() {
		if c.take(t) {
			f()
		}
	})
	c.timers[t] = struct{}{}
	return func() bool { return c.take(t) }
}

// take reports whether a timer was still waiting. It is not afterwards.
func (c *Clock) take(t *timer) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, waiting := c.timers[t]
	delete(c.timers, t)
	t.real.Stop()
	return waiting
}

// Jump moves the clock ahead by d and starts the functions that fall due thereby, in the order of their times. It does
// not wait for them. A function that one of them adds is not yet due, however far the jump: time that has been jumped
// over is time in which nothing ran.
func (c *Clock) Jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
	now := time.Now().Add(c.ahead)
	var due []*timer
	for t := range c.timers {
		if left := t.due.Sub(now); left > 0 {
			t.real.Reset(left)
		} else {
			due = append(due, t)
		}
	}
	slices.SortFunc(due, func(a, b *timer) int { return a.due.Compare(b.due) })
	for _, t := range due {
		delete(c.timers, t)
		t.real.Stop()
		go t.f()
	}
}

// Waiting returns how many functions wait for their time.
func (c *Clock) Waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.timers)
}
