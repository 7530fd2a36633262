// Package storetest holds the contracts of engine.Store, rooms.Store, acks.Store and notes.Store as tests, which every
// implementation passes:
//
//	func TestSessions(t *testing.T) { storetest.Sessions(t, open) }
//
// and [Faulty], a store in front of another that behaves like a database on a bad day.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// Clock is the time by which the store of a test expires its rows. It stands still until it is moved on.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a Clock that shows the present time, in whole milliseconds as stores keep it.
func NewClock() *Clock { return &Clock{now: time.Now().UTC().Truncate(time.Millisecond)} }

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// goroutines is how many of them the concurrent tests use.
const goroutines = 64

// together runs f in n goroutines that begin at the same time, and returns when all have ended.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-begin
			f(i)
		})
	}
	close(begin)
	wg.Wait()
}

// again calls f until its error is not a temporary one, as engine.New and socketio do around a store.
func again(f func() error) (err error) {
	for range 100 {
		if err = f(); !isTemporary(err) {
			break
		}
	}
	return err
}

// window lets a write be overtaken, from its first attempt to its last, by fewer others than a row remembers: that is
// as far as the contract goes. Half of those may begin meanwhile; the other half may have begun before.
type window struct {
	mu     sync.Mutex
	left   sync.Cond // on mu
	begun  int
	active map[int]bool
}

func newWindow() *window {
	w := &window{active: map[int]bool{}}
	w.left.L = &w.mu
	return w
}

// run calls f as soon as no write would be overtaken too often by it.
func (w *window) run(f func()) {
	w.mu.Lock()
	for oldest := w.oldest(); w.begun-oldest >= engine.MaxRecent/2; oldest = w.oldest() {
		w.left.Wait()
	}
	mine := w.begun
	w.begun++
	w.active[mine] = true
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		delete(w.active, mine)
		w.mu.Unlock()
		w.left.Broadcast()
	}()
	f()
}

func (w *window) oldest() int {
	oldest := w.begun
	for n := range w.active {
		oldest = min(oldest, n)
	}
	return oldest
}

func isTemporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// ids returns a function that makes ids which are unique within the test binary, so that many tests can share a table.
func ids(prefix string) func() string {
	mu.Lock()
	run++
	n := run
	mu.Unlock()
	var mine sync.Mutex
	i := 0
	return func() string {
		mine.Lock()
		defer mine.Unlock()
		i++
		return fmt.Sprintf("%s%d-%d", prefix, n, i)
	}
}

var (
	mu  sync.Mutex
	run int
)

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sessions is an engine.Store whose calls are retried and end the test when they fail.
type sessions struct {
	window *window
	t      *testing.T
	store  engine.Store
	clock  *Clock
	id     func() string
}

func (s *sessions) check(err error) {
	if err != nil {
		s.t.Error(err) // not Fatal: other goroutines than the test's come here
	}
}

func (s *sessions) create(row engine.Session, handshake []byte, live *engine.Live) error {
	return again(func() error { return s.store.Create(context.Background(), row, handshake, live) })
}

func (s *sessions) get(a engine.Address) (row engine.Session) {
	s.check(again(func() (err error) { row, err = s.store.Get(context.Background(), a, true); return err }))
	return row
}

func (s *sessions) update(a engine.Address, t engine.Transition) (row engine.Session, ok bool) {
	s.check(again(func() (err error) { row, ok, err = s.store.Update(context.Background(), a, t); return err }))
	return row, ok
}

// handshake reads what the row at an address, as it is now, lets one read.
func (s *sessions) handshake(a engine.Address) []byte { return s.handshakeOf(s.get(a)) }

func (s *sessions) handshakeOf(row engine.Session) (h []byte) {
	s.check(again(func() (err error) { h, err = s.store.Handshake(context.Background(), row); return err }))
	return h
}

func (s *sessions) putLive(l engine.Live) {
	s.check(again(func() error { return s.store.PutLive(context.Background(), l) }))
}

func (s *sessions) touch(a engine.Address, last time.Time, joined bool) {
	s.check(again(func() error { return s.store.Touch(context.Background(), a, last, joined) }))
}

// remembered is update for writes of which a row remembers only so many.
func (s *sessions) remembered(a engine.Address, t engine.Transition) (row engine.Session, ok bool) {
	s.window.run(func() { row, ok = s.update(a, t) })
	return row, ok
}

// live returns the liveness row of an address, looking through all rows of its shard.
func (s *sessions) live(a engine.Address) (l engine.Live, ok bool) {
	var all []engine.Live
	s.check(again(func() (err error) { all, err = s.store.Lives(context.Background(), engine.Shard(a)); return err }))
	for _, one := range all {
		if one.Address == a {
			if ok {
				s.t.Errorf("two liveness rows of %s", a)
			}
			l, ok = one, true
		}
	}
	return l, ok
}

func (s *sessions) forget(a engine.Address) {
	s.check(again(func() error { return s.store.Forget(context.Background(), a, "") }))
}

func (s *sessions) timer(shard int) (timer engine.Timer) {
	s.check(again(func() (err error) { timer, err = s.store.Timer(context.Background(), shard, true); return err }))
	return timer
}

func (s *sessions) setTimer(shard int, generation int64, timer engine.Timer) (ok bool) {
	s.check(again(func() (err error) {
		ok, err = s.store.SetTimer(context.Background(), shard, generation, timer)
		return err
	}))
	return ok
}

// polling makes a session that polls.
func (s *sessions) polling() engine.Session {
	sid := s.id()
	return s.row("p"+engine.Address(sid), sid)
}

// connection makes a session of a WebSocket connection.
func (s *sessions) connection() engine.Session {
	id := s.id()
	return s.row("w"+engine.Address(id), "sid-"+id)
}

func (s *sessions) row(a engine.Address, sid string) engine.Session {
	now := s.clock.Now()
	return engine.Session{Address: a, SID: sid, State: engine.Open, Created: now, Ponged: now, Expires: now.Add(time.Hour)}
}

// made returns a session that is in the store.
func (s *sessions) made(row engine.Session) engine.Session {
	s.check(s.create(row, nil, nil))
	return row
}

func (s *sessions) liveOf(row engine.Session) engine.Live {
	return engine.Live{Address: row.Address, Created: row.Created, Last: row.Created, Expires: row.Expires}
}
