package socketio

import (
	"context"
	"errors"
	"sync"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
)

// errFetched is what a fetched socket returns that is asked for more than it can do.
var errFetched = errors.New("socketio: a fetched socket has its id, namespace, data and rooms, and takes emits: it can be changed by its own handlers only")

// FetchSockets returns the sockets that an Emit would reach at the moment, in no order. Each has its data as it was
// when it was read, which may be some time ago, and can be asked for its rooms and be sent to; whatever else would
// change it is an error. Besides what Sockets reads, it reads a row for each of them, 64 at a time, and each counts as
// a call of Options.MaxCalls: ask Sockets first where a room may be large.
func (b Broadcast) FetchSockets(ctx context.Context) ([]*Socket, error) {
	e, err := b.namespace.backend()
	if err != nil {
		return nil, err
	}
	sockets := []*Socket{}
	if b.reachesNobody() {
		return sockets, nil
	}
	t := turnOf(ctx)
	if err := t.spend(1); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var mu sync.Mutex
	_, err = b.namespace.server.adapter.Broadcast(ctx, b.target(ctx), func(ctx context.Context, m rooms.Member) error {
		err := t.spend(1)
		var found entry
		if err == nil {
			found, err = b.namespace.entryOf(ctx, e, m)
		}
		if err != nil {
			stop(err) // of all the others, too
			return nil
		}
		if !found.connected() {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		sockets = append(sockets, &Socket{namespace: b.namespace, id: m.Socket, data: found.data(), fetched: true})
		return nil
	})
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	if err != nil {
		return nil, err
	}
	return sockets, nil
}

// entryOf reads the entry of a member, nil when the socket is gone. A cheap read may be too old to know the socket.
func (n *Namespace) entryOf(ctx context.Context, e *engine.Engine, m rooms.Member) (entry, error) {
	for _, strong := range []bool{false, true} {
		b, err := e.Entry(ctx, engine.Address(m.Address), n.name, strong)
		if err != nil {
			return nil, err
		}
		if found := entry(b); found.id() == m.Socket {
			return found, nil
		}
	}
	return nil, nil
}
