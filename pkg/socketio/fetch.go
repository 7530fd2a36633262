package socketio

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
)

// RemoteSocket is what FetchSockets has read of a socket. It does not change any more.
type RemoteSocket struct {
	id   string
	data []byte // JSON
}

// ID returns the socket's public id.
func (s RemoteSocket) ID() string { return s.id }

// Data decodes the socket's data, as it was when it was read, from JSON. Without data it does nothing.
func (s RemoteSocket) Data(into any) error {
	if len(s.data) == 0 {
		return nil
	}
	return json.Unmarshal(s.data, into)
}

// FetchSockets returns the sockets that an Emit would reach at the moment, in no order, with their data, which may be
// some time old. Besides what Sockets reads, it reads a row for each of them, 64 at a time, and each counts as a call
// of Options.MaxCalls: ask Sockets first where a room may be large.
func (b Broadcast) FetchSockets(ctx context.Context) ([]RemoteSocket, error) {
	e, err := b.namespace.server.backend()
	if err != nil {
		return nil, err
	}
	sockets := []RemoteSocket{}
	if b.rooms && len(b.to) == 0 {
		return sockets, nil
	}
	t := turnOf(ctx)
	if err := t.spend(1); err != nil {
		return nil, err
	}
	var mu sync.Mutex
	_, err = b.namespace.server.adapter.Broadcast(ctx, b.target(ctx), func(ctx context.Context, m rooms.Member) error {
		if err := t.spend(1); err != nil {
			return err
		}
		found, err := b.namespace.entryOf(ctx, e, m)
		if err != nil || !found.connected() {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		sockets = append(sockets, RemoteSocket{id: m.Socket, data: found.data()})
		return nil
	})
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
