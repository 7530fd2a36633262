package socketio

import (
	"context"
	"errors"
	"sync"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
)

// FetchSockets returns the sockets that an Emit would reach at the moment, in no order, with their data as it is when
// they are read. So who joins a room and then fetches who is there misses nothing of those who change their data and
// then tell the room: either is before the other. They are Sockets like a handler's own: the client whose handler calls it is
// there as that very one. What is done with one whose client has left meanwhile returns ErrGone. Besides what SocketIDs
// reads, it reads a row for each of them, 64 at a time, and each counts as a call of Options.MaxCalls: ask SocketIDs
// first where a room may be large.
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
	_, err = b.members(ctx, func(ctx context.Context, m rooms.Member) error {
		err := t.spend(1)
		var s *Socket
		if err == nil {
			s, err = b.namespace.open(ctx, e, m, true)
		}
		switch {
		case errors.Is(err, ErrGone):
		case err != nil:
			stop(err) // of all the others, too
		default:
			mu.Lock()
			defer mu.Unlock()
			sockets = append(sockets, s)
		}
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

// FetchSocket returns the socket with an id, which costs one read of who that is and one of the session's row, with its
// data as it is then. ErrGone: there is none. Somebody who is to get an event needs no more than To with the id.
func (n *Namespace) FetchSocket(ctx context.Context, id string) (*Socket, error) {
	e, err := n.backend()
	if err != nil {
		return nil, err
	}
	if err := turnOf(ctx).spend(1); err != nil {
		return nil, err
	}
	m, err := n.memberOf(ctx, id)
	if err != nil {
		return nil, err
	}
	return n.open(ctx, e, m, true)
}

// memberOf returns the socket with an id as a member of its own room, which it is in for as long as it is connected.
// ErrGone: there is none.
func (n *Namespace) memberOf(ctx context.Context, id string) (rooms.Member, error) {
	for cursor := ""; isID(id); {
		page, next, err := n.server.store.Members(ctx, n.name, id, cursor)
		if err != nil {
			return rooms.Member{}, err
		}
		for _, m := range page {
			if m.Socket == id { // others may look on
				return m, nil
			}
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	return rooms.Member{}, ErrGone
}

// open returns the socket of a member; ErrGone when it has left. The socket of the invocation that ctx is of is that
// itself. Of others a cheap read, without strong, tells enough where nobody looks at their data, because whatever
// changes them is conditional, unless it is too old to know the socket.
func (n *Namespace) open(ctx context.Context, e *engine.Engine, m rooms.Member, strong bool) (*Socket, error) {
	if s := n.ownSocket(ctx, m.Socket); s != nil {
		return s, nil
	}
	for {
		v, err := e.Open(ctx, engine.Address(m.Address), strong)
		if err == nil {
			t := &turn{server: n.server, v: v, opened: true}
			if s := t.find(n); s != nil && s.id == m.Socket && s.entry.connected() {
				return s, nil
			}
			err = ErrGone
		}
		if strong || !errors.Is(err, ErrGone) {
			return nil, err
		}
		strong = true
	}
}

// ownSocket returns the socket with an id if it is one of the session whose handler ctx is of, and is connected, else
// nil.
func (n *Namespace) ownSocket(ctx context.Context, id string) *Socket {
	t, _ := ctx.Value(turnKey{}).(*turn)
	if t == nil || t.server != n.server || t.isClosed() {
		return nil
	}
	s := t.find(n)
	if s == nil || s.id != id {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || !s.entry.connected() {
		return nil
	}
	return s
}
