package memory

import (
	"context"
	"time"
)

// note is a text, or counts, until it expires.
type note struct {
	text    string
	counts  map[string]int
	expires time.Time
}

// Note implements notes.Store.
func (s *Store) Note(_ context.Context, key string, _ bool) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.note(s.notes, key).text, nil
}

// note returns what has not expired, the zero note when there is nothing. s.mu is held.
func (s *Store) note(of map[string]note, key string) note {
	if n, ok := of[key]; ok && !s.expired(n.expires) {
		return n
	}
	return note{}
}

// PutNote implements notes.Store.
func (s *Store) PutNote(_ context.Context, key, old, next string, expires time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	there := s.note(s.notes, key).text
	switch {
	case there != old:
		return there == next, nil
	case next == "":
		delete(s.notes, key)
	default:
		s.writing(expires)
		s.notes[key] = note{text: next, expires: expires}
	}
	return true, nil
}

// AddCounts implements notes.Store.
func (s *Store) AddCounts(_ context.Context, key string, counts map[string]int, expires time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing(expires)
	n := s.note(s.counts, key)
	if n.counts == nil {
		n.counts = map[string]int{}
	}
	for name, count := range counts {
		n.counts[name] += count
	}
	if expires.After(n.expires) {
		n.expires = expires
	}
	s.counts[key] = n
	return nil
}

// TakeCounts implements notes.Store.
func (s *Store) TakeCounts(_ context.Context, key string) (map[string]int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.note(s.counts, key)
	delete(s.counts, key)
	if n.counts == nil {
		n.counts = map[string]int{}
	}
	return n.counts, nil
}
