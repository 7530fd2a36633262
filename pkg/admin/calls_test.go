package admin_test

import (
	"bytes"
	"context"
	"sync/atomic"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/notes"
	"github.com/dozeio/doze/tests/kit/fakeclock"
)

type notesStore = notes.Store

func (c *calls) Note(ctx context.Context, key string, strong bool) (string, error) {
	c.notes++
	return c.Store.Note(ctx, key, strong)
}

func (c *calls) PutNote(ctx context.Context, key, old, next string, expires time.Time) (bool, error) {
	c.notes++
	c.longest = max(c.longest, len(next))
	return c.Store.PutNote(ctx, key, old, next, expires)
}

func (c *calls) AddCounts(ctx context.Context, key string, counts map[string]int, expires time.Time) error {
	c.notes++
	return c.Store.AddCounts(ctx, key, counts, expires)
}

func (c *calls) TakeCounts(ctx context.Context, key string) (map[string]int, error) {
	c.notes++
	return c.Store.TakeCounts(ctx, key)
}

func (c *calls) Schedule(ctx context.Context, job []byte, after time.Duration) error {
	if bytes.Contains(job, []byte(`"watched"`)) {
		c.works++
		if c.lose {
			return nil
		}
		if early := c.early; early != nil {
			c.early = nil // what it schedules comes as it should
			err := early(ctx, job)
			c.early = early
			return err
		}
	}
	return c.Timers.Schedule(ctx, job, after)
}

// slow is a store whose reads of sessions take time.
type slow struct {
	engine.Store
	clock *fakeclock.Clock
	read  time.Duration
	weak  atomic.Int64 // reads that need not be consistent
}

func (s *slow) Get(ctx context.Context, a engine.Address, strong bool) (engine.Session, error) {
	if !strong {
		s.weak.Add(1)
		if s.read > 0 {
			s.clock.Advance(s.read)
		}
		if err := ctx.Err(); err != nil {
			return engine.Session{}, err
		}
	}
	return s.Store.Get(ctx, a, strong)
}
