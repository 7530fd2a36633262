package memory

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/dozeio/doze/pkg/acks"
)

// question is a question and its ends by socket.
type question struct {
	acks.Question
	ends map[string]acks.End
}

// Ask implements acks.Store.
func (s *Store) Ask(_ context.Context, q acks.Question) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written()
	if s.question(q.ID) == nil {
		q.Sockets, q.State = slices.Clone(q.Sockets), bytes.Clone(q.State)
		s.questions[q.ID] = &question{q, map[string]acks.End{}}
	}
	return nil
}

// question returns a question that has not expired, nil when there is none.
func (s *Store) question(id int64) *question {
	if q := s.questions[id]; q != nil && !s.expired(q.Expires) {
		return q
	}
	return nil
}

// Answer implements acks.Store.
func (s *Store) Answer(_ context.Context, id int64, e acks.End) (acks.Question, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.question(id)
	if q == nil || !slices.Contains(q.Sockets, e.Socket) {
		return acks.Question{}, false, nil
	}
	if e.Expires = q.Expires; s.now().Before(q.Until) {
		q.end(e)
	}
	asked := q.Question
	asked.Sockets = nil
	return asked, q.ends[e.Socket].Op == e.Op, nil
}

// end keeps the first end of a socket.
func (q *question) end(e acks.End) {
	if _, ok := q.ends[e.Socket]; !ok {
		q.ends[e.Socket] = e
	}
}

// End implements acks.Store.
func (s *Store) End(_ context.Context, id int64, e acks.End) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.question(id)
	if q == nil {
		return false, nil
	}
	q.end(e)
	return q.ends[e.Socket].Op == e.Op, nil
}

// Retake implements acks.Store.
func (s *Store) Retake(_ context.Context, id int64, socket, before, op string, at time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.question(id)
	if q == nil {
		return false, nil
	}
	e, ok := q.ends[socket]
	if ok && e.Op == before && !e.Done {
		e.Op, e.At = op, at
		q.ends[socket] = e
	}
	return e.Op == op, nil
}

// Done implements acks.Store.
func (s *Store) Done(_ context.Context, id int64, socket, op string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.question(id); q != nil && q.ends[socket].Op == op {
		e := q.ends[socket]
		e.Done, e.Data, e.Buffers = true, nil, nil
		q.ends[socket] = e
	}
	return nil
}

// Read implements acks.Store.
func (s *Store) Read(_ context.Context, id int64, part int, _ bool) (acks.Question, []acks.End, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.question(id)
	if q == nil {
		return acks.Question{}, nil, nil
	}
	asked := q.Question
	asked.Sockets = q.Split()[part]
	var ends []acks.End
	for socket, e := range q.ends {
		if acks.Part(id, socket) == part {
			ends = append(ends, e)
		}
	}
	return asked, ends, nil
}
