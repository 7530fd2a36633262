package socketio

import (
	"context"
	"slices"
	"time"
)

// countsFor is how long the counts of a namespace's rooms are good for the handlers of one process.
const countsFor = 2 * time.Second

// counts keeps the rooms that were counted last.
type counts struct {
	reading chan struct{} // has room for whoever reads them; guards the rest
	rooms   []Room
	until   time.Time // zero: they were never read
}

// get returns a copy of the counts, read anew when they are too old. Who comes while they are read waits for them.
func (c *counts) get(ctx context.Context, now func() time.Time, read func(context.Context) ([]Room, error)) ([]Room, error) {
	select {
	case c.reading <- struct{}{}:
		defer func() { <-c.reading }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if at := now(); !at.Before(c.until) || c.until.Sub(at) > countsFor { // the clock may have been set back
		all, err := read(ctx)
		if err != nil {
			return nil, err
		}
		c.rooms, c.until = all, now().Add(countsFor)
	}
	return slices.Clone(c.rooms), nil
}
