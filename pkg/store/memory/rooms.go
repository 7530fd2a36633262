package memory

import (
	"context"
	"slices"

	"github.com/dozeio/doze/pkg/rooms"
)

// namespace holds the members of the rooms of one namespace; the room "" holds all of its sockets.
type namespace struct {
	rooms  map[string]map[string]rooms.Member // by room and socket
	joined map[string]map[string]struct{}     // rooms by socket
}

func newNamespace() *namespace {
	return &namespace{rooms: map[string]map[string]rooms.Member{}, joined: map[string]map[string]struct{}{}}
}

// namespace returns the one of a name to read: one that is empty when nobody is in it. s.mu is held.
func (s *Store) namespace(name string) *namespace {
	if n := s.namespaces[name]; n != nil {
		return n
	}
	return &namespace{}
}

// member returns a socket as a member of a room, if it is one. s.mu is held.
func (s *Store) member(n *namespace, room, socket string) (rooms.Member, bool) {
	m, ok := n.rooms[room][socket]
	return m, ok && !s.expired(m.Expires)
}

// add makes a socket a member of a room.
func (n *namespace) add(m rooms.Member, room string) {
	if n.rooms[room] == nil {
		n.rooms[room] = map[string]rooms.Member{}
	}
	n.rooms[room][m.Socket] = m
	if n.joined[m.Socket] == nil {
		n.joined[m.Socket] = map[string]struct{}{}
	}
	n.joined[m.Socket][room] = struct{}{}
}

// remove ends a membership.
func (n *namespace) remove(socket, room string) {
	delete(n.rooms[room], socket)
	if len(n.rooms[room]) == 0 {
		delete(n.rooms, room)
	}
	delete(n.joined[socket], room)
	if len(n.joined[socket]) == 0 {
		delete(n.joined, socket)
	}
}

// Join implements rooms.Store.
func (s *Store) Join(_ context.Context, name string, m rooms.Member, names ...string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing(m.Expires)
	n := s.namespaces[name]
	if n == nil {
		n = newNamespace()
		s.namespaces[name] = n
	}
	for _, room := range names {
		if _, ok := s.member(n, room, m.Socket); !ok {
			n.add(m, room)
		}
	}
	return len(s.joined(n, m.Socket)), nil
}

// joined returns the rooms that a socket is in, "" left out. s.mu is held.
func (s *Store) joined(n *namespace, socket string) (names []string) {
	for room := range n.joined[socket] {
		if _, ok := s.member(n, room, socket); ok && room != "" {
			names = append(names, room)
		}
	}
	return names
}

// Leave implements rooms.Store.
func (s *Store) Leave(_ context.Context, name, socket string, names ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.namespace(name)
	if len(names) == 0 {
		names = s.joined(n, socket)
	}
	for _, room := range names {
		n.remove(socket, room)
	}
	if len(n.rooms) == 0 { // clients choose the names of those of OfFunc
		delete(s.namespaces, name)
	}
	return nil
}

// Move implements rooms.Store.
func (s *Store) Move(_ context.Context, name, socket, address string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.namespace(name)
	for room := range n.joined[socket] {
		m := n.rooms[room][socket]
		m.Address = address
		n.rooms[room][socket] = m
	}
	return nil
}

// Members implements rooms.Store: in one page.
func (s *Store) Members(_ context.Context, name, room, _ string) ([]rooms.Member, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.namespace(name)
	page := make([]rooms.Member, 0, len(n.rooms[room])+1)
	for socket := range n.rooms[room] {
		if m, ok := s.member(n, room, socket); ok {
			page = append(page, m)
		}
	}
	if own, ok := s.member(n, "", room); ok && room != "" { // a room named like a socket's id
		if _, also := s.member(n, room, room); !also {
			page = append(page, own)
		}
	}
	return page, "", nil
}

// Rooms implements rooms.Store.
func (s *Store) Rooms(_ context.Context, name, socket string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := s.joined(s.namespace(name), socket)
	names = slices.DeleteFunc(names, func(room string) bool { return room == socket })
	slices.Sort(names)
	return names, nil
}

// Counts implements rooms.Store.
func (s *Store) Counts(_ context.Context, name string) (map[string]int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.namespace(name)
	counts := map[string]int{}
	for room, members := range n.rooms {
		for socket := range members {
			if _, ok := s.member(n, room, socket); ok && room != "" && room != socket {
				counts[room]++
			}
		}
	}
	return counts, nil
}
