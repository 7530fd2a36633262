package engine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sync"
	"time"
)

// sweepers is the number of rows that a sweep works on at a time.
const sweepers = 32

// place is where a row stands in the order of a sweep, the same in all of them. It is a hash because it is put into jobs,
// which sids must not be. It is never zero.
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

// serve checks rows, which were read at a time. When ctx ends first, another job of the same generation gets the rest, so
// that no row waits behind those that are served each time. What was under way by then begins it, and has all its time;
// what is cut twice is left to the next generation, so that it holds up nobody. The error asks for another delivery of j.
func (e *Engine) serve(ctx context.Context, j job, rows []row, at time.Time) error {
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		served = map[uint64]bool{}
		slots  = make(chan struct{}, sweepers)
		begun  int
	)
	enter := func() bool {
		select {
		case slots <- struct{}{}:
			return ctx.Err() == nil
		case <-ctx.Done():
			return false
		}
	}
	for begun < len(rows) && enter() {
		r := rows[begun]
		begun++
		wg.Go(func() {
			defer func() { <-slots }()
			e.check(ctx, r.Live, at)
			if ctx.Err() == nil {
				mu.Lock()
				defer mu.Unlock()
				served[r.place] = true
			}
		})
	}
	defer wg.Wait()
	for range sweepers { // until all are through
		if !enter() {
			break
		}
	}
	if ctx.Err() == nil {
		return nil
	}
	if begun == 0 && len(rows) > 0 {
		return ctx.Err()
	}
	rest := job{Kind: jobSweep, ID: j.ID, Shard: j.Shard, Generation: j.Generation, After: j.After}
	more := false
	mu.Lock()
	for i, r := range rows {
		switch {
		case i < begun && !r.again:
			rest.After = r.place
			if !served[r.place] {
				rest.Again = append(rest.Again, r.place)
			}
		case i >= begun && r.again:
			rest.Again = append(rest.Again, r.place)
		case i >= begun:
			more = true
		}
	}
	mu.Unlock()
	if !more && len(rest.Again) == 0 {
		return nil
	}
	last, cancel := e.outlive(ctx)
	defer cancel()
	return e.schedule(last, rest, 0)
}
