package admin_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/notes"
	"github.com/dozeio/doze/pkg/rooms"
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
	c.adds++
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

// pages is a store that returns members by so many, if size is not 0.
type pages struct {
	rooms.Store
	size int
	of   string       // the namespace whose pages are counted
	read atomic.Int64 // pages

	failing string // the namespace whose members cannot be read
}

func (p *pages) Members(ctx context.Context, namespace, room, cursor string) (page []rooms.Member, next string, err error) {
	if namespace == p.failing {
		return nil, "", errors.New("the table is ill")
	}
	all, next, err := p.Store.Members(ctx, namespace, room, "")
	if err != nil || p.size == 0 {
		return all, next, err
	}
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	if namespace == p.of {
		p.read.Add(1)
	}
	slices.SortFunc(all, func(a, b rooms.Member) int { return strings.Compare(a.Socket, b.Socket) })
	from, _ := slices.BinarySearchFunc(all, cursor, func(m rooms.Member, cursor string) int { return strings.Compare(m.Socket, cursor) })
	all = all[from:]
	if len(all) > p.size {
		all, next = all[:p.size], all[p.size].Socket
	}
	return all, next, nil
}
