package storetest

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/notes"
)

// Notes checks a notes.Store against every sentence of its contract. open returns a store whose rows expire by the time
// that now returns; it may hold the rows of other tests. Subtests run one after the other.
func Notes(t *testing.T, open func(t *testing.T, now func() time.Time) notes.Store) {
	tests := []struct {
		name string
		run  func(t *testing.T, s *noted)
	}{
		{"PutNote writes what Note returns", func(t *testing.T, s *noted) {
			key := s.id()
			s.has(key, "")
			s.put(key, "", "a", true)
			s.has(key, "a")
			s.put(key, "a", strings.Repeat("ü", 32<<10), true)
			s.has(key, strings.Repeat("ü", 32<<10))
			s.put(key, strings.Repeat("ü", 32<<10), "", true)
			s.has(key, "")
		}},
		{"PutNote changes only what it expects", func(t *testing.T, s *noted) {
			key := s.id()
			s.put(key, "a", "b", false)
			s.put(key, "a", "", true) // there is none, which is what it is to be
			s.put(key, "", "a", true)
			s.put(key, "", "b", false)
			s.put(key, "c", "b", false)
			s.put(key, "c", "", false)
			s.has(key, "a")
		}},
		{"PutNote recognises itself", func(t *testing.T, s *noted) {
			key := s.id()
			s.put(key, "", "a", true)
			s.put(key, "", "a", true)
			s.put(key, "a", "b", true)
			s.put(key, "a", "b", true)
			s.put(key, "b", "", true)
			s.put(key, "b", "", true)
		}},
		{"one of many who replace a note at once has replaced it", func(t *testing.T, s *noted) {
			key := s.id()
			s.put(key, "", "old", true)
			var won atomic.Int64
			together(goroutines, func(i int) {
				if s.replaced(key, "old", fmt.Sprint("new ", i)) {
					won.Add(1)
				}
			})
			if won.Load() != 1 {
				t.Errorf("%d have replaced it", won.Load())
			}
		}},
		{"counts are added up, and taken once", func(t *testing.T, s *noted) {
			key := s.id()
			s.takes(key, map[string]int{})
			s.add(key, map[string]int{"1700000000000;rawDisconnection;ping timeout": 1, "ü#%.+": 2})
			s.add(key, map[string]int{"ü#%.+": 3})
			s.has(key, "") // a note of the same key is another thing
			s.put(key, "", "note", true)
			s.takes(key, map[string]int{"1700000000000;rawDisconnection;ping timeout": 1, "ü#%.+": 5})
			s.takes(key, map[string]int{})
			s.has(key, "note")
		}},
		{"nothing is lost or taken twice between those who add and those who take", func(t *testing.T, s *noted) {
			key, sum := s.id(), 0
			var mu sync.Mutex
			together(goroutines, func(i int) {
				if i%4 > 0 {
					s.add(key, map[string]int{"n": 1})
					return
				}
				counts, err := s.store.TakeCounts(context.Background(), key)
				s.check(err)
				mu.Lock()
				defer mu.Unlock()
				sum += counts["n"]
			})
			counts, err := s.store.TakeCounts(context.Background(), key)
			s.check(err)
			if sum += counts["n"]; sum != goroutines*3/4 {
				t.Errorf("%d of %d were taken", sum, goroutines*3/4)
			}
		}},
		{"what has expired is absent, and is begun anew", func(t *testing.T, s *noted) {
			key := s.id()
			s.put(key, "", "a", true)
			s.add(key, map[string]int{"n": 1})
			s.clock.Advance(noteLife)
			s.has(key, "")
			s.put(key, "a", "b", false)
			s.put(key, "a", "", true)
			s.add(key, map[string]int{"n": 2})
			s.takes(key, map[string]int{"n": 2})
			s.add(key, map[string]int{"n": 3})
			s.clock.Advance(noteLife)
			s.takes(key, map[string]int{})
			s.put(key, "", "b", true)
			s.has(key, "b")
		}},
		{"nothing is lost between those who add to what has expired at once", func(t *testing.T, s *noted) {
			for range 5 {
				key := s.id()
				s.add(key, map[string]int{"old": 1})
				s.clock.Advance(noteLife)
				together(goroutines, func(int) { s.add(key, map[string]int{"n": 1}) })
				s.takes(key, map[string]int{"n": goroutines})
			}
		}},
		{"who adds later, counts go later", func(t *testing.T, s *noted) {
			key := s.id()
			s.add(key, map[string]int{"n": 1})
			s.clock.Advance(noteLife / 2)
			s.add(key, map[string]int{"n": 1})
			s.clock.Advance(noteLife / 2)
			s.takes(key, map[string]int{"n": 2})
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			clock := NewClock()
			test.run(t, &noted{t: t, store: open(t, clock.Now), clock: clock, id: ids("n#%ü")})
		})
	}
}

// noteLife is how long notes of the tests are there.
const noteLife = time.Hour

// noted is a notes.Store whose calls fail the test when they fail, and are retried where they may be.
type noted struct {
	t     *testing.T
	store notes.Store
	clock *Clock
	id    func() string
}

func (s *noted) check(err error) {
	if err != nil {
		s.t.Error(err) // not Fatal: other goroutines than the test's come here
	}
}

func (s *noted) has(key, want string) {
	s.t.Helper()
	var got string
	s.check(again(func() (err error) { got, err = s.store.Note(context.Background(), key, true); return err }))
	if got != want {
		s.t.Errorf("the note is %q, want %q", got, want)
	}
}

func (s *noted) replaced(key, old, next string) (ok bool) {
	s.check(again(func() (err error) {
		ok, err = s.store.PutNote(context.Background(), key, old, next, s.clock.Now().Add(noteLife))
		return err
	}))
	return ok
}

func (s *noted) put(key, old, next string, want bool) {
	s.t.Helper()
	if ok := s.replaced(key, old, next); ok != want {
		s.t.Errorf("PutNote(%q, %q): %v", old, next, ok)
	}
}

func (s *noted) add(key string, counts map[string]int) {
	s.check(s.store.AddCounts(context.Background(), key, counts, s.clock.Now().Add(noteLife)))
}

func (s *noted) takes(key string, want map[string]int) {
	s.t.Helper()
	counts, err := s.store.TakeCounts(context.Background(), key)
	s.check(err)
	if counts == nil || !maps.Equal(counts, want) {
		s.t.Errorf("the counts are %v, want %v", counts, want)
	}
}
