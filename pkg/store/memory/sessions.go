package memory

import (
	"context"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// Create implements engine.Store. What a session needs to read its handshake is the handshake.
func (s *Store) Create(_ context.Context, row engine.Session, data []byte, live *engine.Live) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing(row.Expires)
	old, ok := s.row(row.Address)
	switch {
	case !ok:
		row = row.Clone()
		if data != nil {
			row.HandshakeKey = data
		}
		s.sessions[row.Address] = row
	case old.SID != row.SID || !old.Created.Equal(row.Created) || old.State == engine.Closed:
		return engine.ErrExists
	}
	if live != nil {
		s.expires(live.Expires)
		s.lives[engine.Shard(live.Address)][live.Address] = *live
	}
	return nil
}

// row returns a row that has not expired. s.mu is held.
func (s *Store) row(a engine.Address) (engine.Session, bool) {
	r, ok := s.sessions[a]
	if !ok || s.expired(r.Expires) {
		return engine.Session{Address: a}, false
	}
	return r, true
}

// Get implements engine.Store.
func (s *Store) Get(_ context.Context, a engine.Address, _ bool) (engine.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, _ := s.row(a)
	entries, changes := r.Entries, r.Changes // of a row that is replaced when they change: each message gets a row, and few change it
	r.Entries, r.Changes = nil, nil
	r = r.Clone()
	r.Entries, r.Changes = entries, changes
	return r, nil
}

// Update implements engine.Store.
func (s *Store) Update(_ context.Context, a engine.Address, t engine.Transition) (engine.Session, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, _ := s.row(a)
	r = r.Clone()
	outcome := t.Apply(&r)
	if outcome == engine.Applied {
		s.writing(r.Expires)
		s.sessions[a] = r
		r = r.Clone()
	}
	return r, outcome != engine.Refused, nil
}

// Handshake implements engine.Store.
func (s *Store) Handshake(_ context.Context, row engine.Session) ([]byte, error) {
	return row.HandshakeKey, nil
}

// PutLive implements engine.Store.
func (s *Store) PutLive(_ context.Context, l engine.Live) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expires(l.Expires)
	s.lives[engine.Shard(l.Address)][l.Address] = l
	return nil
}

// Touch implements engine.Store.
func (s *Store) Touch(_ context.Context, a engine.Address, last time.Time, joined bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	shard := s.lives[engine.Shard(a)]
	l, ok := shard[a]
	if !ok || s.expired(l.Expires) {
		return nil
	}
	if !last.IsZero() && !l.Last.Equal(engine.Dead) {
		l.Last = last
	}
	l.Joined = l.Joined || joined
	shard[a] = l
	return nil
}

// Lives implements engine.Store.
func (s *Store) Lives(_ context.Context, shard int) ([]engine.Live, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lives := make([]engine.Live, 0, len(s.lives[shard]))
	for _, l := range s.lives[shard] {
		if !s.expired(l.Expires) {
			lives = append(lives, l)
		}
	}
	return lives, nil
}

// Forget implements engine.Store.
func (s *Store) Forget(_ context.Context, a engine.Address, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.lives[engine.Shard(a)], a)
	return nil
}

// Timer implements engine.Store.
func (s *Store) Timer(_ context.Context, shard int, _ bool) (engine.Timer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.timers[shard], nil
}

// SetTimer implements engine.Store.
func (s *Store) SetTimer(_ context.Context, shard int, generation int64, t engine.Timer) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.timers[shard]
	switch {
	case t.By != "" && now.By == t.By:
		return true, nil
	case now.Generation != generation:
		return t == engine.Timer{} && now == engine.Timer{}, nil
	case t == engine.Timer{}:
		delete(s.timers, shard)
	default:
		s.timers[shard] = t
	}
	return true, nil
}
