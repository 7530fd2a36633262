package keylimit

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/dozeio/doze/pkg/acks"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
)

// Store is a store with the limits of a table: each call takes units from the keys of the partitions where
// pkg/store/dynamo has its rows, as many as they are without the contents of rows, which are taken to be of a KiB at
// most and those of members and of liveness of 100 bytes. A call that is refused has done nothing and is worth a retry.
type Store struct {
	Sessions      engine.Store
	Memberships   rooms.Store
	Questions     acks.Store // nil: none
	Reads, Writes *Limit
	Now           func() time.Time
}

var (
	_ engine.Store = (*Store)(nil)
	_ rooms.Store  = (*Store)(nil)
	_ acks.Store   = (*Store)(nil)
)

// NewStore returns a Store with the limits of DynamoDB.
func NewStore(sessions engine.Store, r rooms.Store, now func() time.Time) *Store {
	return &Store{Sessions: sessions, Memberships: r, Reads: &Limit{Rate: KeyReads}, Writes: &Limit{Rate: KeyWrites}, Now: now}
}

// Throttled is the error of a key that has no units left.
type Throttled struct{ Key string }

// Error names the key.
func (t *Throttled) Error() string {
	return fmt.Sprintf("keylimit: the partition %q is too hot", t.Key)
}

// Temporary says that it is worth a retry.
func (t *Throttled) Temporary() bool { return true }

// small is how many rows of members or liveness a read unit has, by docs/data-model.md.
const small = 40

func (s *Store) take(l *Limit, units float64, keys ...string) error {
	for _, key := range keys {
		if !l.Take(key, units, s.Now()) {
			return &Throttled{key}
		}
	}
	return nil
}

// read takes a read unit, and what n rows need more, when it is known how many there are.
func (s *Store) read(key string, query func() (n int, err error)) error {
	if err := s.take(s.Reads, 1, key); err != nil {
		return err
	}
	n, err := query()
	s.Reads.Charge(key, max(0, math.Ceil(float64(n)/small)-1), s.Now())
	return err
}

func session(a engine.Address) string { return "S" + string(a) }
func live(a engine.Address) string    { return shard("L", engine.Shard(a)) }

func shard(kind string, n int) string { return fmt.Sprint(kind, n) }

func everyone(namespace string) string   { return "A" + namespace }
func list(namespace, id string) string   { return "K" + id + "#" + namespace }
func room(namespace, name string) string { return shard("R", partition(name)) + namespace }

const partitions = 16 // of rooms

// partition is that of a room: FNV-1a.
func partition(name string) int {
	h := uint32(2166136261)
	for i := range len(name) {
		h = (h ^ uint32(name[i])) * 16777619
	}
	return int(h % partitions)
}

// Create implements engine.Store.
func (s *Store) Create(ctx context.Context, row engine.Session, handshake []byte, l *engine.Live) error {
	keys := []string{session(row.Address)}
	if handshake != nil {
		keys = append(keys, "H"+row.SID)
	}
	if l != nil {
		keys = append(keys, live(l.Address))
	}
	if err := s.take(s.Writes, 1, keys...); err != nil {
		return err
	}
	return s.Sessions.Create(ctx, row, handshake, l)
}

// Get implements engine.Store.
func (s *Store) Get(ctx context.Context, a engine.Address, strong bool) (engine.Session, error) {
	if err := s.take(s.Reads, cost(strong), session(a)); err != nil {
		return engine.Session{}, err
	}
	return s.Sessions.Get(ctx, a, strong)
}

func cost(strong bool) float64 {
	if strong {
		return 1
	}
	return 0.5
}

// Update implements engine.Store.
func (s *Store) Update(ctx context.Context, a engine.Address, t engine.Transition) (engine.Session, bool, error) {
	if err := s.take(s.Writes, 1, session(a)); err != nil {
		return engine.Session{}, false, err
	}
	return s.Sessions.Update(ctx, a, t)
}

// Handshake implements engine.Store.
func (s *Store) Handshake(ctx context.Context, row engine.Session) ([]byte, error) {
	if err := s.take(s.Reads, 1, "H"+row.SID); err != nil {
		return nil, err
	}
	return s.Sessions.Handshake(ctx, row)
}

// PutLive implements engine.Store.
func (s *Store) PutLive(ctx context.Context, l engine.Live) error {
	if err := s.take(s.Writes, 1, live(l.Address)); err != nil {
		return err
	}
	return s.Sessions.PutLive(ctx, l)
}

// Touch implements engine.Store.
func (s *Store) Touch(ctx context.Context, a engine.Address, last time.Time, joined bool) error {
	if err := s.take(s.Writes, 1, live(a)); err != nil {
		return err
	}
	return s.Sessions.Touch(ctx, a, last, joined)
}

// Lives implements engine.Store.
func (s *Store) Lives(ctx context.Context, n int) (lives []engine.Live, err error) {
	err = s.read(shard("L", n), func() (int, error) {
		lives, err = s.Sessions.Lives(ctx, n)
		return len(lives), err
	})
	return lives, err
}

// Forget implements engine.Store.
func (s *Store) Forget(ctx context.Context, a engine.Address, sid string) error {
	keys := []string{live(a)}
	if sid != "" {
		keys = append(keys, "H"+sid)
	}
	if err := s.take(s.Writes, 1, keys...); err != nil {
		return err
	}
	return s.Sessions.Forget(ctx, a, sid)
}

// Timer implements engine.Store.
func (s *Store) Timer(ctx context.Context, n int, strong bool) (engine.Timer, error) {
	if err := s.take(s.Reads, cost(strong), shard("T", n)); err != nil {
		return engine.Timer{}, err
	}
	return s.Sessions.Timer(ctx, n, strong)
}

// SetTimer implements engine.Store.
func (s *Store) SetTimer(ctx context.Context, n int, generation int64, t engine.Timer) (bool, error) {
	if err := s.take(s.Writes, 1, shard("T", n)); err != nil {
		return false, err
	}
	return s.Sessions.SetTimer(ctx, n, generation, t)
}
