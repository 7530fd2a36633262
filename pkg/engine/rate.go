package engine

import (
	"context"
	"sync"
	"time"
)

// rateOver is the time that Options.ClientRate is an average of.
const rateOver = 10 * time.Second

// rates counts the messages of each connection, as this process sees them: a count that all processes share would cost a
// write for each message. Who floods is seen by many of them, each of which sees more than it should.
type rates struct {
	most int // messages of one connection in rateOver; below zero: any number

	mu    sync.Mutex
	until time.Time // when the counts begin anew
	count map[string]int
}

// admit counts a message. It reports false for one that is too many, and that it is the first such one.
func (r *rates) admit(connection string, now time.Time) (ok, first bool) {
	if r.most < 0 {
		return true, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !now.Before(r.until) {
		r.until, r.count = now.Add(rateOver), map[string]int{}
	}
	r.count[connection]++
	n := r.count[connection]
	return n <= r.most, n == r.most+1
}

// admits counts a message of a connection, and disconnects a client that sends too many. What else of it is on its way is
// dropped.
func (e *Engine) admits(ctx context.Context, connection string) bool {
	ok, first := e.rates.admit(connection, e.now())
	if first {
		e.opt.Logger.WarnContext(ctx, "a client that sends too many messages is disconnected: send fewer, or raise ClientRate",
			"connection", connection, "ClientRate", e.opt.ClientRate)
		e.closeConnection(ctx, connection, Close{Reason: ForcedClose}, true)
	}
	return ok
}
