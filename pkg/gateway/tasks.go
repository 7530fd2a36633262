package gateway

import (
	"sync"
	"sync/atomic"
	"time"
)

// tasks knows everything of the gateway that runs or is about to, so that Close can wait for it.
type tasks struct {
	clock Clock

	mu       sync.Mutex
	running  int
	refusing bool // nothing new from outside
	shut     bool // nothing new at all, but from what still runs
	done     chan struct{}
	delayed  map[*delayed]struct{}

	parked atomic.Int32
	work   chan func() // to a parked goroutine
}

// maxParked goroutines stay for the next task. A fresh one would spend more time on growing its stack to what a
// function needs than the gateway spends on the whole message.
const maxParked = 16

type delayed struct {
	stop func() bool
	f    func()
	keep bool
}

func (t *tasks) init(clock Clock) {
	t.clock = clock
	t.done = make(chan struct{})
	t.delayed = make(map[*delayed]struct{})
	t.work = make(chan func())
}

// enter admits a request from outside.
func (t *tasks) enter() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refusing {
		return false
	}
	t.running++
	return true
}

// join admits a request that may come from a task, until the last one has ended.
func (t *tasks) join() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refusing && t.running == 0 {
		return false
	}
	t.running++
	return true
}

func (t *tasks) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running--
	if t.shut && t.running == 0 {
		close(t.done)
	}
}

// run starts f on a goroutine of its own, or reports that it is too late.
func (t *tasks) run(f func()) bool {
	t.mu.Lock()
	if t.shut && t.running == 0 {
		t.mu.Unlock()
		return false
	}
	t.running++
	t.mu.Unlock()
	select {
	case t.work <- f:
	default:
		go t.worker(f)
	}
	return true
}

func (t *tasks) worker(f func()) {
	for {
		t.one(f)
		if t.parked.Add(1) > maxParked {
			t.parked.Add(-1)
			return
		}
		select {
		case f = <-t.work:
			t.parked.Add(-1)
		case <-t.done:
			return
		}
	}
}

func (t *tasks) one(f func()) {
	defer t.leave()
	f()
}

// after runs f as a task, d from now. When the gateway closes first, f runs at once if keep is set and never otherwise.
func (t *tasks) after(d time.Duration, keep bool, f func()) bool {
	if d <= 0 {
		return t.run(f)
	}
	t.mu.Lock()
	if t.refusing {
		t.mu.Unlock()
		return keep && t.run(f)
	}
	e := &delayed{f: f, keep: keep}
	t.delayed[e] = struct{}{}
	// The lock is held until stop is known; a clock that is already there waits for it in fire.
	e.stop = t.clock.AfterFunc(d, func() { t.fire(e) })
	t.mu.Unlock()
	return true
}

func (t *tasks) fire(e *delayed) {
	t.mu.Lock()
	_, mine := t.delayed[e]
	delete(t.delayed, e)
	t.mu.Unlock()
	if mine {
		t.run(e.f)
	}
}

func (t *tasks) refuse() {
	t.mu.Lock()
	t.refusing = true
	t.mu.Unlock()
}

func (t *tasks) isRefusing() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refusing
}

// flush empties the list of what waits for its time.
func (t *tasks) flush() {
	t.mu.Lock()
	waiting := t.delayed
	t.delayed = make(map[*delayed]struct{})
	t.mu.Unlock()
	for e := range waiting {
		e.stop()
		if e.keep {
			t.run(e.f)
		}
	}
}

// idle returns a channel that is closed when nothing runs any more.
func (t *tasks) idle() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.shut {
		t.shut = true
		if t.running == 0 {
			close(t.done)
		}
	}
	return t.done
}

func (t *tasks) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.running
}
