package storetest

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/dozeio/doze/pkg/acks"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
)

// Faulty stands in front of a store and behaves like a database on a bad day: it pauses before and after each call,
// answers eventual reads from the past, fails without having written (throttling), and writes without saying so (a
// lost response). What it does is drawn from a seed. It is safe for concurrent use.
type Faulty struct {
	// Pause is called before and after each call with up to a millisecond; by default it gives way to other
	// goroutines a few times, by the length of the pause.
	Pause func(time.Duration)

	// Acks is a store of questions that it stands in front of, too; nil: none.
	Acks acks.Store

	// One call in so many is throttled, and loses its response; zero: none.
	Throttle, Lose int

	sessions engine.Store
	rooms    rooms.Store

	mu     sync.Mutex // guards what follows
	random *rand.Rand
	states map[engine.Address][]engine.Session // as they were, newest last
	timers map[int][]engine.Timer
	counts map[string][]map[string]int
	ends   map[[2]int64][][]acks.End // by question and part
}

var (
	_ engine.Store = (*Faulty)(nil)
	_ rooms.Store  = (*Faulty)(nil)
	_ acks.Store   = (*Faulty)(nil)
)

// NewFaulty returns a Faulty in front of stores, either of which may be nil. One call in ten fails.
func NewFaulty(sessions engine.Store, rooms rooms.Store, seed uint64) *Faulty {
	return &Faulty{
		sessions: sessions, rooms: rooms, Pause: yield, Throttle: 20, Lose: 20,
		random: rand.New(rand.NewPCG(seed, 0)),
		states: map[engine.Address][]engine.Session{},
		timers: map[int][]engine.Timer{},
		counts: map[string][]map[string]int{},
		ends:   map[[2]int64][][]acks.End{},
	}
}

func yield(d time.Duration) {
	for range d / (100 * time.Microsecond) {
		runtime.Gosched()
	}
}

// past is how many states of a row an eventual read may come from.
const past = 4

// Temporary errors of a Faulty.
var (
	ErrThrottled error = temporary("storetest: throttled, nothing was written")
	ErrLost      error = temporary("storetest: written, but the response was lost")
)

type temporary string

func (e temporary) Error() string { return string(e) }
func (temporary) Temporary() bool { return true }

func (f *Faulty) draw(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.random.IntN(n)
}

func (f *Faulty) one(in int) bool { return in > 0 && f.draw(in) == 0 }

func (f *Faulty) pause() { f.Pause(time.Duration(f.draw(1000)) * time.Microsecond) }

// call makes one call with everything that can go wrong.
func (f *Faulty) call(do func() error) error {
	f.pause()
	if f.one(f.Throttle) {
		return ErrThrottled
	}
	err := do()
	f.pause()
	if err == nil && f.one(f.Lose) {
		return ErrLost
	}
	return err
}

// remember keeps a row as it was read or written, for eventual reads.
func (f *Faulty) remember(s engine.Session) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rows := append(f.states[s.Address], s)
	f.states[s.Address] = rows[max(0, len(rows)-past):]
}

// Create implements engine.Store.
func (f *Faulty) Create(ctx context.Context, s engine.Session, handshake []byte, live *engine.Live) error {
	err := f.call(func() error { return f.sessions.Create(ctx, s, handshake, live) })
	if err == nil || errors.Is(err, ErrLost) {
		f.remember(s.Clone())
	}
	return err
}

// Get implements engine.Store. The past goes back to where the row was not there yet.
func (f *Faulty) Get(ctx context.Context, a engine.Address, strong bool) (s engine.Session, err error) {
	err = f.call(func() (err error) { s, err = f.sessions.Get(ctx, a, strong); return err })
	if err != nil || strong {
		return s, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	rows := append([]engine.Session{{Address: a}}, f.states[a]...)
	rows = append(rows[max(0, len(rows)-past):], s)
	return rows[f.random.IntN(len(rows))].Clone(), nil
}

// Update implements engine.Store.
func (f *Faulty) Update(ctx context.Context, a engine.Address, t engine.Transition) (s engine.Session, ok bool, err error) {
	err = f.call(func() (err error) {
		s, ok, err = f.sessions.Update(ctx, a, t)
		if err == nil {
			f.remember(s.Clone())
		}
		return err
	})
	if err != nil {
		return engine.Session{}, false, err
	}
	return s, ok, nil
}

// Handshake implements engine.Store.
func (f *Faulty) Handshake(ctx context.Context, s engine.Session) (h []byte, err error) {
	err = f.call(func() (err error) { h, err = f.sessions.Handshake(ctx, s); return err })
	return h, err
}

// PutLive implements engine.Store.
func (f *Faulty) PutLive(ctx context.Context, l engine.Live) error {
	return f.call(func() error { return f.sessions.PutLive(ctx, l) })
}

// Touch implements engine.Store.
func (f *Faulty) Touch(ctx context.Context, a engine.Address, last time.Time, joined bool) error {
	return f.call(func() error { return f.sessions.Touch(ctx, a, last, joined) })
}

// Lives implements engine.Store.
func (f *Faulty) Lives(ctx context.Context, shard int) (l []engine.Live, err error) {
	err = f.call(func() (err error) { l, err = f.sessions.Lives(ctx, shard); return err })
	return l, err
}

// Forget implements engine.Store.
func (f *Faulty) Forget(ctx context.Context, a engine.Address, sid string) error {
	return f.call(func() error { return f.sessions.Forget(ctx, a, sid) })
}

// Timer implements engine.Store. The past goes back to where the row was not there yet.
func (f *Faulty) Timer(ctx context.Context, shard int, strong bool) (t engine.Timer, err error) {
	err = f.call(func() (err error) { t, err = f.sessions.Timer(ctx, shard, strong); return err })
	if err != nil || strong {
		return t, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	all := append([]engine.Timer{{}}, f.timers[shard]...)
	all = append(all[max(0, len(all)-past):], t)
	return all[f.random.IntN(len(all))], nil
}

// SetTimer implements engine.Store.
func (f *Faulty) SetTimer(ctx context.Context, shard int, generation int64, t engine.Timer) (ok bool, err error) {
	err = f.call(func() (err error) {
		ok, err = f.sessions.SetTimer(ctx, shard, generation, t)
		if ok {
			f.mu.Lock()
			defer f.mu.Unlock()
			all := append(f.timers[shard], t)
			f.timers[shard] = all[max(0, len(all)-past):]
		}
		return err
	})
	return ok, err
}

// Join implements rooms.Store.
func (f *Faulty) Join(ctx context.Context, namespace string, m rooms.Member, names ...string) (n int, err error) {
	err = f.call(func() (err error) { n, err = f.rooms.Join(ctx, namespace, m, names...); return err })
	return n, err
}

// Leave implements rooms.Store.
func (f *Faulty) Leave(ctx context.Context, namespace, socket string, names ...string) error {
	return f.call(func() error { return f.rooms.Leave(ctx, namespace, socket, names...) })
}

// Move implements rooms.Store.
func (f *Faulty) Move(ctx context.Context, namespace, socket, address string) error {
	return f.call(func() error { return f.rooms.Move(ctx, namespace, socket, address) })
}

// Members implements rooms.Store.
func (f *Faulty) Members(ctx context.Context, namespace, room, cursor string) (page []rooms.Member, next string, err error) {
	err = f.call(func() (err error) { page, next, err = f.rooms.Members(ctx, namespace, room, cursor); return err })
	return page, next, err
}

// Split implements rooms.Splitter: in one part if the store in front of which it stands has none.
func (f *Faulty) Split(room, cursor string) []string {
	if s, ok := f.rooms.(rooms.Splitter); ok {
		return s.Split(room, cursor)
	}
	return []string{cursor}
}

// Rooms implements rooms.Store.
func (f *Faulty) Rooms(ctx context.Context, namespace, socket string) (names []string, err error) {
	err = f.call(func() (err error) { names, err = f.rooms.Rooms(ctx, namespace, socket); return err })
	return names, err
}

// Counts implements rooms.Store.
func (f *Faulty) Counts(ctx context.Context, namespace string) (counts map[string]int, err error) {
	err = f.call(func() (err error) { counts, err = f.rooms.Counts(ctx, namespace); return err })
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	all := append(f.counts[namespace], counts)
	f.counts[namespace] = all[max(0, len(all)-past):]
	return maps.Clone(all[f.random.IntN(len(all))]), nil
}
