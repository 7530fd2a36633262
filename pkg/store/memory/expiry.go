package memory

import (
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// Purge deletes the rows that have expired. It looks at all rows when one of them has, and at none otherwise. Without it
// such rows, which no method shows, go once enough others have been written: whoever runs a server for long calls Purge
// now and then, because nothing is written when everybody has left.
func (s *Store) Purge() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.expired(s.soonest) {
		s.purge()
	}
}

// writing notes that a row is made which expires at a time, and now and then deletes those that have expired. s.mu is
// held.
func (s *Store) writing(expires time.Time) {
	if s.writes++; s.writes >= max(purgeEvery, len(s.sessions)) {
		s.purge()
	}
	s.expires(expires)
}

// expires notes that a row expires at a time, the zero time for never. s.mu is held.
func (s *Store) expires(at time.Time) {
	if !at.IsZero() && (s.soonest.IsZero() || at.Before(s.soonest)) {
		s.soonest = at
	}
}

// purge deletes what has expired. s.mu is held.
func (s *Store) purge() {
	s.writes, s.soonest = 0, time.Time{}
	now := s.now()
	s.sessions = purged(s, now, s.sessions, func(r engine.Session) time.Time { return r.Expires })
	for i := range s.lives {
		s.lives[i] = purged(s, now, s.lives[i], func(l engine.Live) time.Time { return l.Expires })
	}
	s.questions = purged(s, now, s.questions, func(q *question) time.Time { return q.Expires })
	s.notes = purged(s, now, s.notes, func(n note) time.Time { return n.expires })
	s.counts = purged(s, now, s.counts, func(n note) time.Time { return n.expires })
	for name, n := range s.namespaces {
		for room, members := range n.rooms {
			for socket, m := range members {
				if s.over(m.Expires, now) {
					n.remove(socket, room)
				}
			}
		}
		if len(n.rooms) == 0 {
			delete(s.namespaces, name)
		}
	}
}

// purged returns a map without the rows that have expired. A map keeps the room of all that was ever in it: where nothing
// is left, another one takes its place. s.mu is held.
func purged[K comparable, V any](s *Store, now time.Time, rows map[K]V, expires func(V) time.Time) map[K]V {
	for key, row := range rows {
		if s.over(expires(row), now) {
			delete(rows, key)
		}
	}
	if len(rows) == 0 {
		return map[K]V{}
	}
	return rows
}

// over reports whether a row that expires at a time has to go by now, and else notes when it has to. s.mu is held.
func (s *Store) over(expires, now time.Time) bool {
	if !expires.IsZero() && !now.Before(expires) {
		return true
	}
	s.expires(expires)
	return false
}

// expired reports whether a time that a row expires at has come. The zero time never does.
func (s *Store) expired(at time.Time) bool { return !at.IsZero() && !s.now().Before(at) }
