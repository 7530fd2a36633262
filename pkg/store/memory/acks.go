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
	done int // ends about which nothing more is to be done
}

// doneFor is how long a question stays when nothing more is to be done about it: for calls that are made again. Its
// Expires is much later, for queues that bring a job late.
const doneFor = time.Minute

// Ask implements acks.Store.
func (s *Store) Ask(_ context.Context, q acks.Question) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing(q.Expires)
	if s.question(q.ID) == nil {
		q.Sockets, q.State = slices.Clone(q.Sockets), bytes.Clone(q.State)
		s.questions[q.ID] = &question{Question: q, ends: map[string]acks.End{}}
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
		s.end(q, e)
	}
	asked := q.Question
	asked.Sockets = nil
	return asked, q.ends[e.Socket].Op == e.Op, nil
}

// end keeps the first end of a socket. s.mu is held.
func (s *Store) end(q *question, e acks.End) {
	if _, ok := q.ends[e.Socket]; ok {
		return
	}
	q.ends[e.Socket] = e
	if e.Done {
		s.done(q)
	}
}

// done counts an end about which nothing more is to be done. s.mu is held.
func (s *Store) done(q *question) {
	q.done++
	if soon := s.now().Add(doneFor); q.done == len(q.Sockets) && soon.Before(q.Expires) {
		q.Expires = soon
		s.expires(soon)
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
	s.end(q, e)
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
	q := s.question(id)
	if q == nil {
		return nil
	}
	e, ok := q.ends[socket]
	if !ok || e.Op != op {
		return nil
	}
	if !e.Done {
		s.done(q)
	}
	e.Done, e.Data, e.Buffers = true, nil, nil
	q.ends[socket] = e
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
