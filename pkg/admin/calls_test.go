package admin_test

import (
	"bytes"
	"context"
	"time"

	"github.com/dozeio/doze/pkg/notes"
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
