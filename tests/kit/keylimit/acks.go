package keylimit

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/dozeio/doze/pkg/acks"
)

func question(id int64, part int) string { return fmt.Sprintf("E%d.%d", id, part) }

func questionOf(id int64, socket string) string { return question(id, acks.Part(id, socket)) }

// Ask implements acks.Store: a row of up to 2 KiB for each part.
func (s *Store) Ask(ctx context.Context, q acks.Question) error {
	for part := range acks.Parts(q.ID) {
		if err := s.take(s.Writes, 2, question(q.ID, part)); err != nil {
			return err
		}
	}
	return s.Questions.Ask(ctx, q)
}

// Answer implements acks.Store: a read and a write.
func (s *Store) Answer(ctx context.Context, id int64, e acks.End) (acks.Question, bool, error) {
	if err := s.take(s.Reads, 1, questionOf(id, e.Socket)); err != nil {
		return acks.Question{}, false, err
	}
	if err := s.take(s.Writes, 1, questionOf(id, e.Socket)); err != nil {
		return acks.Question{}, false, err
	}
	return s.Questions.Answer(ctx, id, e)
}

// End implements acks.Store.
func (s *Store) End(ctx context.Context, id int64, e acks.End) (bool, error) {
	if err := s.take(s.Writes, 1, questionOf(id, e.Socket)); err != nil {
		return false, err
	}
	return s.Questions.End(ctx, id, e)
}

// Retake implements acks.Store.
func (s *Store) Retake(ctx context.Context, id int64, socket, before, op string, at time.Time) (bool, error) {
	if err := s.take(s.Writes, 1, questionOf(id, socket)); err != nil {
		return false, err
	}
	return s.Questions.Retake(ctx, id, socket, before, op, at)
}

// Done implements acks.Store.
func (s *Store) Done(ctx context.Context, id int64, socket, op string) error {
	if err := s.take(s.Writes, 1, questionOf(id, socket)); err != nil {
		return err
	}
	return s.Questions.Done(ctx, id, socket, op)
}

// Read implements acks.Store.
func (s *Store) Read(ctx context.Context, id int64, part int, strong bool) (q acks.Question, ends []acks.End, err error) {
	half := 1.0
	if !strong {
		half = 0.5
	}
	if err := s.take(s.Reads, half, question(id, part)); err != nil {
		return q, nil, err
	}
	q, ends, err = s.Questions.Read(ctx, id, part, strong)
	s.Reads.Charge(question(id, part), half*max(0, math.Ceil(float64(len(ends))/small)-1), s.Now())
	return q, ends, err
}
