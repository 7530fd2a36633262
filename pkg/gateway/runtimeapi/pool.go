package runtimeapi

import (
	"cmp"
	"context"
	"slices"
)

// Stats counts what happened since New.
type Stats struct {
	Copies      int    // processes alive now
	Busy        int    // of these, with an invocation
	Starts      uint64 // of processes: cold starts
	Invocations uint64 // that were given to a copy
	Errors      uint64 // function errors
	Timeouts    uint64 // of these, for time
	Kills       uint64 // copies that Kill and KillAll ended
	Throttled   uint64 // refused with ErrThrottled
	Freezes     uint64
}

// Stats returns the counts of this moment.
func (f *Function) Stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.stats
	s.Copies, s.Busy = len(f.copies), f.busy
	return s
}

// Kill ends a copy with SIGKILL, whatever it is doing, be it starting or frozen: pick gets their number n and returns
// one of [0, n), as rand.IntN does. It returns false when there is none.
func (f *Function) Kill(pick func(n int) int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.copies) == 0 {
		return false
	}
	f.kill(f.copies[pick(len(f.copies))])
	return true
}

// KillAll ends all copies with SIGKILL, and returns how many.
func (f *Function) KillAll() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := slices.Clone(f.copies)
	for _, s := range all {
		f.kill(s)
	}
	return len(all)
}

func (f *Function) kill(s *sandbox) {
	f.stats.Kills++
	s.kill()
}

// Warm starts copies until there are n of them, or as many as may be, as provisioned concurrency does, and returns when
// they have asked for their first invocation; or the first error of those that could not be started.
func (f *Function) Warm(ctx context.Context, n int) (err error) {
	f.mu.Lock()
	var started []*waiter
	for !f.closed && len(f.copies) < min(n, f.opt.Copies) {
		w := &waiter{grant: make(chan grant, 1)}
		f.start(w)
		started = append(started, w)
	}
	f.mu.Unlock()
	for _, w := range started {
		s, e := f.granted(ctx, w)
		if e != nil {
			err = cmp.Or(err, e)
			continue
		}
		f.mu.Lock()
		f.unburden()
		f.offer(s)
		f.mu.Unlock()
	}
	return err
}

// waiter is an invocation without a copy.
type waiter struct {
	grant chan grant // with room for one
}

type grant struct {
	s   *sandbox
	err error
}

// acquire returns a copy that belongs to the caller, who gives it work with begin, and whether there was none at first.
func (f *Function) acquire(ctx context.Context) (s *sandbox, waited bool, err error) {
	f.mu.Lock()
	switch {
	case f.closed:
		f.mu.Unlock()
		return nil, false, ErrClosed
	case ctx.Err() != nil:
		f.mu.Unlock()
		return nil, false, ctx.Err()
	case len(f.idle) > 0:
		i := 0
		if f.opt.ReuseLatest {
			i = len(f.idle) - 1
		}
		s := f.idle[i]
		f.idle = slices.Delete(f.idle, i, i+1)
		f.busy++
		f.mu.Unlock()
		return s, false, nil
	}
	w := &waiter{grant: make(chan grant, 1)}
	switch {
	case len(f.copies) < f.opt.Copies:
		f.start(w)
	case f.opt.Throttle:
		f.stats.Throttled++
		f.mu.Unlock()
		return nil, false, ErrThrottled
	default:
		f.waiting = append(f.waiting, w)
	}
	f.mu.Unlock()
	s, err = f.granted(ctx, w)
	return s, true, err
}

// granted returns the copy that a waiter gets.
func (f *Function) granted(ctx context.Context, w *waiter) (*sandbox, error) {
	select {
	case g := <-w.grant:
		return g.s, g.err
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.Index(f.waiting, w); i >= 0 {
		f.waiting = slices.Delete(f.waiting, i, i+1)
	}
	for _, s := range f.copies {
		if s.waiter == w {
			s.waiter = nil
		}
	}
	select {
	case g := <-w.grant: // it came just now
		if g.s != nil {
			f.unburden()
			f.offer(g.s)
		}
	default:
	}
	return nil, ctx.Err()
}

// start adds a copy for a waiter. The mutex is held.
func (f *Function) start(w *waiter) {
	f.stats.Starts++
	s := newSandbox(f, w)
	f.copies = append(f.copies, s)
	go s.run()
}

// offer takes a copy that is ready and has no work: for the waiter it was started for, the first that waits for any, or
// for later. The mutex is held.
func (f *Function) offer(s *sandbox) {
	if s.gone || f.closed {
		return
	}
	w := s.waiter
	s.waiter = nil
	if w == nil && len(f.waiting) > 0 {
		w = f.waiting[0]
		f.waiting = f.waiting[1:]
	}
	if w != nil {
		f.busy++
		w.grant <- grant{s: s}
		return
	}
	s.freeze()
	f.idle = append(f.idle, s)
}

// unburden notes that an invocation has left its copy. The mutex is held.
func (f *Function) unburden() {
	f.busy--
	close(f.changed)
	f.changed = make(chan struct{})
}

// forget takes out a copy that has no process any more, and starts another one for who waits. The mutex is held.
func (f *Function) forget(s *sandbox) {
	gone := func(other *sandbox) bool { return other == s }
	f.copies = slices.DeleteFunc(f.copies, gone)
	f.idle = slices.DeleteFunc(f.idle, gone)
	if len(f.waiting) > 0 && !f.closed {
		w := f.waiting[0]
		f.waiting = f.waiting[1:]
		f.start(w)
	}
}
