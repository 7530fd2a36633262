package keylimit

import (
	"context"

	"github.com/dozeio/doze/pkg/rooms"
)

// membership takes a write from each partition that has a row of a socket in some rooms.
func (s *Store) membership(namespace, socket string, names []string) error {
	for _, name := range names {
		keys := []string{list(namespace, socket), room(namespace, name)}
		switch name {
		case "":
			keys = []string{everyone(namespace)}
		case socket:
			continue
		}
		if err := s.take(s.Writes, 1, keys...); err != nil {
			return err
		}
	}
	return nil
}

// Join implements rooms.Store. Counting, which one call in 16 of many does, takes nothing.
func (s *Store) Join(ctx context.Context, namespace string, m rooms.Member, names ...string) (int, error) {
	if err := s.membership(namespace, m.Socket, names); err != nil {
		return 0, err
	}
	return s.Memberships.Join(ctx, namespace, m, names...)
}

// Leave implements rooms.Store.
func (s *Store) Leave(ctx context.Context, namespace, socket string, names ...string) (err error) {
	leaving := names
	if len(names) == 0 {
		if leaving, err = s.joined(ctx, namespace, socket); err != nil {
			return err
		}
	}
	if err := s.membership(namespace, socket, leaving); err != nil {
		return err
	}
	return s.Memberships.Leave(ctx, namespace, socket, names...)
}

func (s *Store) joined(ctx context.Context, namespace, socket string) (names []string, err error) {
	err = s.read(list(namespace, socket), func() (int, error) {
		names, err = s.Memberships.Rooms(ctx, namespace, socket)
		return len(names), err
	})
	return names, err
}

// Move implements rooms.Store.
func (s *Store) Move(ctx context.Context, namespace, socket, address string) error {
	names, err := s.joined(ctx, namespace, socket)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := s.take(s.Writes, 1, room(namespace, name)); err != nil {
			return err
		}
	}
	if err := s.take(s.Writes, 1, everyone(namespace)); err != nil {
		return err
	}
	return s.Memberships.Move(ctx, namespace, socket, address)
}

// Members implements rooms.Store.
func (s *Store) Members(ctx context.Context, namespace, name, cursor string) (page []rooms.Member, next string, err error) {
	key := everyone(namespace)
	if name != "" {
		key = room(namespace, name)
	}
	err = s.read(key, func() (int, error) {
		page, next, err = s.Memberships.Members(ctx, namespace, name, cursor)
		return len(page), err
	})
	return page, next, err
}

// Rooms implements rooms.Store.
func (s *Store) Rooms(ctx context.Context, namespace, socket string) ([]string, error) {
	return s.joined(ctx, namespace, socket)
}

// Counts implements rooms.Store.
func (s *Store) Counts(ctx context.Context, namespace string) (map[string]int, error) {
	for i := range partitions {
		if err := s.take(s.Reads, cost(false), shard("R", i)+namespace); err != nil {
			return nil, err
		}
	}
	return s.Memberships.Counts(ctx, namespace)
}
