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

// namespace returns the one of a name, making it if need be. s.mu is held.
func (s *Store) namespace(name string) *namespace {
	n := s.namespaces[name]
	if n == nil {
		n = &namespace{rooms: map[string]map[string]rooms.Member{}, joined: map[string]map[string]struct{}{}}
		s.namespaces[name] = n
	}
	return n
}

// Join implements rooms.Store.
func (s *Store) Join(_ context.Context, name string, m rooms.Member, names ...string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.namespace(name)
	for _, room := range names {
		members := n.rooms[room]
		if members == nil {
			members = map[string]rooms.Member{}
			n.rooms[room] = members
		}
		if _, ok := members[m.Socket]; ok {
			continue
		}
		members[m.Socket] = m
		if n.joined[m.Socket] == nil {
			n.joined[m.Socket] = map[string]struct{}{}
		}
		n.joined[m.Socket][room] = struct{}{}
	}
	count := len(n.joined[m.Socket])
	if _, ok := n.joined[m.Socket][""]; ok {
		count--
	}
	return count, nil
}

// Leave implements rooms.Store.
func (s *Store) Leave(_ context.Context, name, socket string, names ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.namespace(name)
	for _, room := range names {
		delete(n.rooms[room], socket)
		if len(n.rooms[room]) == 0 {
			delete(n.rooms, room)
		}
		delete(n.joined[socket], room)
	}
	if len(n.joined[socket]) == 0 {
		delete(n.joined, socket)
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
	for _, m := range n.rooms[room] {
		page = append(page, m)
	}
	if own, ok := n.rooms[""][room]; ok && room != "" { // a room named like a socket's id
		if _, also := n.rooms[room][room]; !also {
			page = append(page, own)
		}
	}
	return slices.DeleteFunc(page, s.expired), "", nil
}

func (s *Store) expired(m rooms.Member) bool {
	return !m.Expires.IsZero() && !s.now().Before(m.Expires)
}

// Rooms implements rooms.Store.
func (s *Store) Rooms(_ context.Context, name, socket string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for room := range s.namespace(name).joined[socket] {
		if room != "" && room != socket {
			names = append(names, room)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Counts implements rooms.Store.
func (s *Store) Counts(_ context.Context, name string) (map[string]int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := map[string]int{}
	for room, members := range s.namespace(name).rooms {
		n := 0
		for _, m := range members {
			if !s.expired(m) {
				n++
			}
		}
		if n > 0 && room != "" {
			counts[room] = n
		}
	}
	return counts, nil
}
