// Package memory keeps sessions and rooms in one process's memory: for doze dev, for tests, and for a server that is
// one process. It needs nothing and stores nothing; what is in it is gone with the process.
package memory

import (
	"sync"
	"time"

	"github.com/dozeio/doze/pkg/acks"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/notes"
	"github.com/dozeio/doze/pkg/rooms"
)

var (
	_ engine.Store = (*Store)(nil)
	_ rooms.Store  = (*Store)(nil)
	_ acks.Store   = (*Store)(nil)
	_ notes.Store  = (*Store)(nil)
)

// Store implements engine.Store, rooms.Store, acks.Store and notes.Store. Make one with New. Nothing blocks, and nothing fails.
type Store struct {
	now func() time.Time

	mu         sync.Mutex // guards everything below
	sessions   map[engine.Address]engine.Session
	lives      [engine.Shards]map[engine.Address]engine.Live
	timers     map[int]engine.Timer
	namespaces map[string]*namespace
	questions  map[int64]*question
	notes      map[string]note
	counts     map[string]note
	writes     int       // since rows were purged
	soonest    time.Time // when a row expires that is there, or was; zero: none does
}

// New returns an empty Store. Rows expire by the time that now returns; nil means time.Now.
func New(now func() time.Time) *Store {
	if now == nil {
		now = time.Now
	}
	s := &Store{
		now:        now,
		sessions:   map[engine.Address]engine.Session{},
		timers:     map[int]engine.Timer{},
		namespaces: map[string]*namespace{},
		questions:  map[int64]*question{},
		notes:      map[string]note{},
		counts:     map[string]note{},
	}
	for i := range s.lives {
		s.lives[i] = map[engine.Address]engine.Live{}
	}
	return s
}

// Rows is how many rows of each kind a Store holds.
type Rows struct {
	Sessions   int // that are neither closed nor moved
	Tombstones int // closed and moved sessions, until they expire
	Handshakes int // that can be read
	Lives      int
	Timers     int
	Questions  int // to clients, until they expire
	Notes      int // and counts, until they expire
	Members    int // of all rooms, each namespace as a whole counting as one
	Sockets    int // of all namespaces
	Rooms      int // that have members, of all namespaces; those of sockets' own only when others have joined them
}

// Rows counts what is there; what has expired is not.
func (s *Store) Rows() (n Rows) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.purge()
	handshakes := map[string]bool{}
	for _, r := range s.sessions {
		if r.HandshakeKey != nil {
			handshakes[r.SID] = true
		}
		if r.State == engine.Closed || r.State == engine.Moved {
			n.Tombstones++
		} else {
			n.Sessions++
		}
	}
	n.Handshakes, n.Timers, n.Questions, n.Notes = len(handshakes), len(s.timers), len(s.questions), len(s.notes)+len(s.counts)
	for _, l := range s.lives {
		n.Lives += len(l)
	}
	for _, ns := range s.namespaces {
		for name, members := range ns.rooms {
			n.Members += len(members)
			if name == rooms.Everybody {
				n.Sockets += len(members)
			} else {
				n.Rooms++
			}
		}
	}
	return n
}

// purgeEvery is how many rows are written before a purge, at least: more when there are more rows, so that looking at
// all of them costs each write little.
const purgeEvery = 1024
