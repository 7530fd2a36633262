package memory

import (
	"maps"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// written notes that a row was made, and now and then deletes those that have expired. s.mu is held.
func (s *Store) written() {
	if s.writes++; s.writes >= max(purgeEvery, len(s.sessions)) {
		s.purge()
	}
}

// purge deletes what has expired. s.mu is held.
func (s *Store) purge() {
	s.writes = 0
	maps.DeleteFunc(s.sessions, func(_ engine.Address, r engine.Session) bool { return s.expired(r.Expires) })
	for _, shard := range s.lives {
		maps.DeleteFunc(shard, func(_ engine.Address, l engine.Live) bool { return s.expired(l.Expires) })
	}
	maps.DeleteFunc(s.questions, func(_ int64, q *question) bool { return s.expired(q.Expires) })
	for _, of := range []map[string]note{s.notes, s.counts} {
		maps.DeleteFunc(of, func(_ string, n note) bool { return s.expired(n.expires) })
	}
	for _, n := range s.namespaces {
		for room, members := range n.rooms {
			for socket, m := range members {
				if s.expired(m.Expires) {
					n.remove(socket, room)
				}
			}
		}
	}
}

// expired reports whether a time that a row expires at has come. The zero time never does.
func (s *Store) expired(at time.Time) bool { return !at.IsZero() && !s.now().Before(at) }
