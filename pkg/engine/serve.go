package engine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// sweepers is the number of rows that a sweep works on at a time.
const sweepers = 32

// place is where a row stands in the order of a sweep, the same in all of them. It is a hash because it is put into
// jobs, which sids must not be. It is never zero.
func place(a Address) uint64 {
	hash := sha256.Sum256([]byte(a))
	return max(1, binary.BigEndian.Uint64(hash[:]))
}

// row is a liveness row in the order of a sweep.
type row struct {
	Live
	place uint64
	again bool // it was begun before and not finished
}

// remaining returns what a sweep has to look at, in order: the rows of Again, of which there are no more than sweepers,
// then those behind After. For the first sweep of a generation that are all.
func remaining(lives []Live, j job) (rows []row) {
	for _, l := range lives {
		r := row{Live: l, place: place(l.Address)}
		r.again = r.place <= j.After
		if !r.again || slices.Contains(j.Again, r.place) {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.place, b.place) })
	return rows
}

// A sweep, or a part of it that one job is, begins nothing more after sweepFor: a job that dies then comes again while
// its clients still wait for their pings. It begins with pingBurst rows at once, and goes on at pingRate rows a second,
// or at what it takes to be through in half of PingTimeout: the pongs come back as writes to one partition key, of
// which DynamoDB takes 1,000 a second.
const (
	sweepFor  = 10 * time.Second
	pingBurst = 50
	pingRate  = 200
)

// pace returns the time between two rows of a shard that has so many.
func (e *Engine) pace(rows int) time.Duration {
	return min(time.Second/pingRate, e.opt.PingTimeout/2/time.Duration(max(1, rows)))
}

// progress is how far a sweep has come with its rows.
type progress struct {
	begun int            // so many, from the first
	all   sync.WaitGroup // of what was begun

	mu     sync.Mutex
	served map[uint64]bool // by place: what was not cut short
}

func (p *progress) unserved(place uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.served[place]
}

// each calls f with rows in their order, some at a time, with a pause between two. It returns when f has returned for
// all of them, or has for all that it began before sweepFor was over; or when ctx ends, while some calls may still run.
// The error is that of a ctx that has ended before anything was begun.
func (e *Engine) each(ctx context.Context, rows []row, pause time.Duration, f func(context.Context, Live)) (*progress, error) {
	p := &progress{served: map[uint64]bool{}}
	slots, start := make(chan struct{}, sweepers), e.now()
	enter := func() bool {
		select {
		case slots <- struct{}{}:
			return ctx.Err() == nil
		case <-ctx.Done():
			return false
		}
	}
	for p.begun < len(rows) {
		wait := start.Add(time.Duration(p.begun-pingBurst) * pause).Sub(e.now())
		if wait > 0 && e.sleep(ctx, wait) != nil || !e.now().Before(start.Add(sweepFor)) || !enter() {
			break
		}
		r := rows[p.begun]
		p.begun++
		p.all.Go(func() {
			defer func() { <-slots }()
			f(ctx, r.Live)
			if ctx.Err() == nil {
				p.mu.Lock()
				defer p.mu.Unlock()
				p.served[r.place] = true
			}
		})
	}
	for range sweepers { // until all are through
		if !enter() {
			break
		}
	}
	if p.begun == 0 && len(rows) > 0 {
		return p, ctx.Err()
	}
	return p, nil
}

// serve checks rows, which were read at a time. Where there is no time for all, another job of the same generation gets
// the rest, so that no row waits behind those that are served each time. What was cut short begins it, and has all its
// time; what is cut twice is left to the next generation, so that it holds up nobody. The error asks for another
// delivery of j.
func (e *Engine) serve(ctx context.Context, j job, lives []Live, at time.Time) error {
	var doubts atomic.Bool
	rows := remaining(lives, j)
	done, err := e.each(ctx, rows, e.pace(len(lives)), func(ctx context.Context, l Live) {
		if e.check(ctx, l, at) {
			doubts.Store(true)
		}
	})
	defer done.all.Wait()
	if err != nil {
		return err
	}
	rest := job{Kind: jobSweep, ID: j.ID, Shard: j.Shard, Generation: j.Generation, After: j.After}
	more := false
	for i, r := range rows {
		switch {
		case i < done.begun && !r.again:
			rest.After = r.place
			if done.unserved(r.place) {
				rest.Again = append(rest.Again, r.place)
			}
		case i >= done.begun && r.again:
			rest.Again = append(rest.Again, r.place)
		case i >= done.begun:
			more = true
		}
	}
	last, cancel := e.outlive(ctx)
	defer cancel()
	if doubts.Load() {
		silent := at.Add(-e.opt.PingInterval - e.opt.PingTimeout).UnixMilli()
		err = e.schedule(last, job{Kind: jobJudge, Shard: j.Shard, Since: silent}, e.opt.PingTimeout)
	}
	if more || len(rest.Again) > 0 {
		err = errors.Join(err, e.schedule(last, rest, 0))
	}
	return err
}
