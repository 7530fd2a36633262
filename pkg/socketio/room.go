package socketio

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dozeio/doze/internal/instrument"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
)

// To returns a broadcast to the members of rooms, this socket left out; without rooms, to nobody.
func (s *Socket) To(rooms ...string) Broadcast { return s.Broadcast().To(rooms...) }

// In is To.
func (s *Socket) In(rooms ...string) Broadcast { return s.To(rooms...) }

// Except returns a broadcast to all of the namespace but this socket and the members of rooms; without rooms, to all
// but this socket.
func (s *Socket) Except(rooms ...string) Broadcast { return s.Broadcast().Except(rooms...) }

// Broadcast returns a broadcast to all of the namespace but this socket.
func (s *Socket) Broadcast() Broadcast { return Broadcast{namespace: s.namespace, skip: s.id} }

// maxRoomName is the size in bytes of a room's name. A longer one names a room that is empty.
const maxRoomName = 256

// Join adds the socket to rooms. It is in them when Join returns, unless it was disconnected meanwhile; in a
// middleware, it will be once it is connected. More rooms than Options.MaxRooms are an error, and the socket is then in
// none of those that it wanted to join, also where it was before; a store in which counting costs counts now and then,
// so that a few more may pass before. After another error it may be in some of them, and is still where it was before.
//
// A name that has the form of another socket's id, 20 characters of A-Z, a-z, 0-9, - and _, is an error, and the socket
// is then in none of the rooms: that room is the other's own, and who is in it gets what is meant for the other. Put
// something before the names that clients choose, such as #.
func (s *Socket) Join(ctx context.Context, names ...string) error {
	for _, name := range names {
		if err := checkRoom(name); err != nil && name != s.id {
			return err
		}
	}
	return s.join(ctx, names)
}

// checkRoom returns an error for a name that no room to join has.
func checkRoom(name string) error {
	switch {
	case name == "" || len(name) > maxRoomName:
		return limited{fmt.Sprintf("socketio: a room's name has 1 to %d bytes, this one %d", maxRoomName, len(name))}
	case isID(name):
		return limited{fmt.Sprintf("socketio: the room %q: the name could be another socket's id, and the room its own: "+
			"put something before the names that clients choose, such as #, or call JoinSocketRoom", name)}
	}
	return nil
}

// JoinSocketRoom is Join for the room that another socket has of its own: this one gets all that is sent to that one by
// its id, as someone who looks on would want. Never call it with an id that a client chooses.
func (s *Socket) JoinSocketRoom(ctx context.Context, id string) error {
	if !isID(id) {
		return limited{fmt.Sprintf("socketio: JoinSocketRoom of %d bytes that are no socket's id", len(id))}
	}
	return s.join(ctx, []string{id})
}

func (s *Socket) join(ctx context.Context, names []string) error {
	return s.joinRooms(ctx, names, false)
}

// joinRooms adds the socket to rooms; counted says that the calls have been counted.
func (s *Socket) joinRooms(ctx context.Context, names []string, counted bool) error {
	names = notOwn(names, s.id)
	server := s.namespace.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil || len(names) == 0 {
		return err
	}
	if !counted {
		if err := s.spend(ctx, len(names)); err != nil {
			return err
		}
	}
	tooMany := server.tooManyRooms()
	if s.joining {
		all := slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(s.rooms), names...))))
		if len(all) > server.opt.MaxRooms {
			return tooMany
		}
		s.rooms = all
		return nil
	}
	m := s.member()
	if s.turn.opened {
		return s.namespace.joinAs(ctx, server.engine, m, names)
	}
	if len(s.rooms) == 0 {
		s.from = m.Address
	}
	s.rooms = append(s.rooms, names...) // confirmed at the end of the invocation, also when the write fails half-way
	joined := s.namespace.moving(ctx, instrument.Joined, s.id, names)
	n, err := server.store.Join(ctx, s.namespace.name, m, names...)
	if err == nil && n > server.opt.MaxRooms {
		_ = s.turn.spend(len(names)) // has to be done
		err = errors.Join(tooMany, server.store.Leave(ctx, s.namespace.name, s.id, names...))
	}
	if err == nil {
		joined()
	}
	return err
}

// joinAs adds a member whose session is somebody else's to rooms, then confirms that. ErrGone: the session is not there,
// or the socket has left, and is in none of them. After another error it may be in some: it may have been before, so
// that nothing is undone. When nobody knows whether its session is there, a job looks again.
func (n *Namespace) joinAs(ctx context.Context, e *engine.Engine, m rooms.Member, names []string) error {
	joined := n.moving(ctx, instrument.Joined, m.Socket, names)
	count, failed := n.server.store.Join(ctx, n.name, m, names...)
	ctx, cancel := e.Outlive(ctx)
	defer cancel()
	if failed == nil && count > n.server.opt.MaxRooms {
		return errors.Join(n.server.tooManyRooms(), n.server.store.Leave(ctx, n.name, m.Socket, names...))
	}
	gone, err := n.confirm(ctx, e, m, hasPolled(m), names)
	switch {
	case err != nil:
		return errors.Join(failed, err, n.confirmLater(ctx, m, names))
	case gone:
		return errors.Join(failed, ErrGone)
	case failed == nil:
		joined()
	}
	return failed
}

// tooManyRooms is the error of a socket that is in as many rooms as it may be.
func (s *Server) tooManyRooms() error {
	return limited{fmt.Sprintf("socketio: a socket may be in %d rooms: leave some, or raise Options.MaxRooms", s.opt.MaxRooms)}
}

// notOwn returns names without those that are no room to join or leave: "", and the socket's own.
func notOwn(names []string, id string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == id || name == "" })
}

// member returns the socket as a member of its rooms.
func (s *Socket) member() rooms.Member {
	return rooms.Member{Socket: s.id, Address: string(s.turn.v.Address()), Expires: s.turn.v.Expires()}
}

// Leave removes the socket from rooms. It is no error when the socket is not in them.
func (s *Socket) Leave(ctx context.Context, names ...string) error {
	names = notOwn(names, s.id)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.over:
		return errOver
	case s.joining:
		s.rooms = slices.DeleteFunc(s.rooms, func(name string) bool { return slices.Contains(names, name) })
		return nil
	case len(names) == 0:
		return nil
	}
	if err := turnOf(ctx).spend(len(names)); err != nil {
		return err
	}
	return s.namespace.leave(ctx, s.id, names)
}

// leave removes a socket from rooms, of which there is at least one.
func (n *Namespace) leave(ctx context.Context, socket string, names []string) error {
	left := n.moving(ctx, instrument.Left, socket, names)
	err := n.server.store.Leave(ctx, n.name, socket, names...)
	if err == nil {
		left()
	}
	return err
}

// Rooms returns the rooms that the socket is in, sorted, without its own. It is one read of the store.
func (s *Socket) Rooms(ctx context.Context) ([]string, error) {
	s.mu.Lock()
	joining, joined := s.joining, slices.Clone(s.rooms)
	s.mu.Unlock()
	if joining {
		return joined, nil
	}
	if err := turnOf(ctx).spend(1); err != nil {
		return nil, err
	}
	return s.namespace.server.store.Rooms(ctx, s.namespace.name, s.id)
}
