package socketio

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
)

// SocketsJoin adds the sockets that an Emit would reach at the moment to rooms, as Socket.Join would each of them.
// Sockets that leave meanwhile are left out. It blocks until all are in, 64 at a time; each room of each socket counts
// as a call of Options.MaxCalls.
//
// An error says how many are not in all of the rooms, or may not be, because the store failed, there was no time, or
// one is in Options.MaxRooms already. Those that are may be told to join once more: so it may be called again.
func (b Broadcast) SocketsJoin(ctx context.Context, names ...string) error {
	for _, name := range names {
		if err := checkRoom(name); err != nil {
			return err
		}
	}
	return b.each(ctx, "SocketsJoin", len(names), func(ctx context.Context, e *engine.Engine, m rooms.Member) error {
		if s := b.namespace.ownSocket(ctx, m.Socket); s != nil {
			return s.joinRooms(ctx, names, true)
		}
		return b.namespace.joinAs(ctx, e, m, names)
	})
}

// SocketsLeave removes the sockets that an Emit would reach at the moment from rooms. It is no error when they are not
// in them. As to the rest it is like SocketsJoin.
func (b Broadcast) SocketsLeave(ctx context.Context, names ...string) error {
	return b.each(ctx, "SocketsLeave", len(names), func(ctx context.Context, _ *engine.Engine, m rooms.Member) error {
		others := notOwn(names, m.Socket)
		if len(others) == 0 {
			return nil
		}
		return b.namespace.leave(ctx, m.Socket, others)
	})
}

// DisconnectSockets disconnects the sockets that an Emit would reach at the moment, as Socket.Disconnect would each of
// them, or Socket.DisconnectClient with closeConnection. Their OnDisconnecting and OnDisconnect run before it returns,
// for 64 sockets at a time. Each socket counts as a call of Options.MaxCalls.
//
// An error says how many are still connected, because the store failed or there was no time: it may be called again.
//
// An emitter's returns when a job is on the queue, by which one of the deployment's functions does all that.
func (b Broadcast) DisconnectSockets(ctx context.Context, closeConnection bool) error {
	if _, err := b.namespace.backend(); err != nil {
		return err
	}
	if b.namespace.server.hasHandlersElsewhere() && !b.reachesNobody() {
		return b.disconnectElsewhere(ctx, closeConnection)
	}
	b.because(ctx)
	ctx = Because(ctx, "") // one line is enough
	return b.each(ctx, "DisconnectSockets", 1, func(ctx context.Context, e *engine.Engine, m rooms.Member) error {
		s, err := b.namespace.open(ctx, e, m, false)
		if err != nil {
			return err
		}
		return s.disconnect(ctx, closeConnection)
	})
}

// each does something to the sockets that an Emit would reach, several at a time; to one that leaves meanwhile, do
// returns ErrGone. To each it counts as so many calls.
func (b Broadcast) each(ctx context.Context, name string, calls int, do func(context.Context, *engine.Engine, rooms.Member) error) error {
	e, err := b.namespace.backend()
	if err != nil {
		return err
	}
	if b.reachesNobody() || calls == 0 {
		return nil
	}
	t := turnOf(ctx)
	if err := t.spend(1); err != nil {
		return err
	}
	early, cancel := e.Early(ctx)
	defer cancel()
	early, stop := context.WithCancelCause(early)
	defer stop(nil)
	var mu sync.Mutex
	var done, failed int
	var failure error
	rest, err := b.members(early, func(_ context.Context, m rooms.Member) error {
		err := t.spend(calls)
		if err != nil {
			stop(err) // of all the others, too
		} else if err = do(ctx, e, m); errors.Is(err, ErrGone) {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			done++
			return nil
		}
		failed++
		if failure == nil || isLimited(failure) { // what may pass is said before what does not
			failure = err
		}
		return nil
	})
	if failure != nil {
		err = failure // of so many, one says enough
	}
	if err == nil {
		return nil
	}
	more := ""
	if len(rest.Parts) > 0 {
		more = ", and others were not come to"
	}
	return fmt.Errorf("socketio: %s was done to %d sockets and not to %d%s: it may be called again: %w", name, done, failed+rest.Known, more, err)
}
