package engine

import (
	"context"
	"math"
	"sync"
	"time"
)

// rateOver is the time that Options.ClientRate is an average of.
const rateOver = 10 * time.Second

// maxClientRate is the largest ClientRate whose messages of rateOver are a number.
const maxClientRate = math.MaxInt / int(rateOver/time.Second)

// rates count the messages of each connection that this process has handled and not yet added to the connection's row.
// A process adds every sample of them, a write in so many messages: by itself it sees few of a client that floods,
// because it handles one message at a time.
type rates struct {
	most   int // messages of one connection in rateOver; below zero: any number
	sample int

	mu    sync.Mutex
	count map[string]int
}

// Of rateOver's messages, one in so many makes a sample, of maxSample at most. A process remembers maxCounted
// connections.
const (
	sampleShare = 20
	maxSample   = 50
	maxCounted  = 10_000
)

func (r *rates) init(perSecond int) {
	r.most = perSecond * int(rateOver/time.Second)
	r.sample = min(maxSample, max(1, r.most/sampleShare))
}

// add counts a message, and returns how many are to be added to the row, mostly none.
func (r *rates) add(connection string) int {
	if r.most < 0 {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count == nil || len(r.count) >= maxCounted {
		r.count = map[string]int{}
	}
	n := r.count[connection] + 1
	if n < r.sample {
		r.count[connection] = n
		return 0
	}
	delete(r.count, connection)
	return n
}

// forget drops what was counted of a connection that has ended.
func (r *rates) forget(connection string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.count, connection)
}

// admits counts a message of a connection, and disconnects a client that sends too many. It reports whether the message
// is to be handled.
func (e *Engine) admits(ctx context.Context, connection string) bool {
	n := e.rates.add(connection)
	if n == 0 {
		return true
	}
	s, ok, err := e.store.Update(ctx, connectionAddress(connection), Count{Op: e.newOp(), Messages: n, Now: e.now(), Over: rateOver})
	if err != nil {
		e.opt.Logger.WarnContext(ctx, "messages could not be counted", "connection", connection, "error", err)
	}
	if err != nil || !ok || s.Counted <= e.rates.most {
		return true
	}
	e.opt.Logger.WarnContext(ctx, "a client that sends too many messages is disconnected: send fewer, or raise ClientRate",
		"connection", connection, "ClientRate", e.opt.ClientRate,
		"set by", "-client-rate of doze serve and doze dev, the parameter ClientRate of a deployment")
	e.closeBehind(ctx, connection, Close{Reason: ForcedClose}, true)
	return false
}
