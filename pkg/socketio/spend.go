package socketio

import (
	"context"
	"fmt"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// packetsOver is the time whose packets one request may bring: as much as engine.Options.ClientRate is an average of.
const packetsOver = 10 * time.Second

// tooMany reports whether the invocation has had more packets than one request may bring.
func (t *turn) tooMany() bool {
	rate := t.server.engine.Options().ClientRate
	return rate >= 0 && t.count > rate*int(packetsOver/time.Second)
}

// turnKey is the key of the context that handlers of a client's packets get; the value is their *turn.
type turnKey struct{}

// turnOf returns the turn that a context is of: nil for what is not called by a handler, and for what one calls whose
// socket leaves, which has to be told to others whatever its client did before.
func turnOf(ctx context.Context) *turn {
	if ctx.Value(leavingKey{}) != nil {
		return nil
	}
	t, _ := ctx.Value(turnKey{}).(*turn)
	return t
}

// spend counts calls of the handlers of one request, each of which costs a few reads or writes of the store: so that
// what a request can cost is bounded whatever the application does with each of its packets.
func (t *turn) spend(n int) error {
	if t == nil || t.server.opt.MaxCalls < 0 || t.calls.Add(int64(n)) <= int64(t.server.opt.MaxCalls) {
		return nil
	}
	return limited{fmt.Sprintf("socketio: the handlers of one request have called for more than %d joins, leaves, emits and the like: "+
		"let the client send less at a time, or raise Options.MaxCalls", t.server.opt.MaxCalls)}
}

// spend counts calls for a socket: those of a handler's own for the handler, those of others for whoever makes them.
func (s *Socket) spend(ctx context.Context, n int) error {
	if s.turn.opened {
		return turnOf(ctx).spend(n)
	}
	return s.turn.spend(n)
}

// entriesCost is what a write of a socket's data counts: one for each KiB of all that the session keeps in the same
// row.
func entriesCost(entries map[string][]byte) int { return 1 + engine.EntriesSize(entries)>>10 }
