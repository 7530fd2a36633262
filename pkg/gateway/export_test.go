package gateway

import (
	"cmp"
	"time"
)

// SetTimes shortens how long a client may take nothing, and how long it may take for the body of a request. It comes
// before all requests. 0 leaves a time as it is.
func (g *Gateway) SetTimes(write, body time.Duration) {
	g.writeTime, g.bodyTime = cmp.Or(write, g.writeTime), cmp.Or(body, g.bodyTime)
}

// Running returns how many invocations have not ended, of the functions without a reservation. One ends a moment after
// its answer is there, as on Lambda.
func (g *Gateway) Running() int {
	g.functions.mu.Lock()
	defer g.functions.mu.Unlock()
	return g.functions.busy
}

// Leaves reports whether Close waits for the handlers of a connection, or has ended it.
func (g *Gateway) Leaves(connection string) bool {
	c := g.find(connection)
	if c == nil {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cut
}
