package engine

import (
	"context"
	"errors"
	"time"
)

// Store keeps what an Engine knows: of sessions, and of the heartbeat by which it finds those that are dead. It is
// written for a database with conditional writes of single items and queries of one partition, and without
// transactions. Every method may be called by any number of processes at once, and again after an error: a call that
// had in fact been written recognises its own success.
//
// An error with a method Temporary() bool that returns true is worth a retry. Every call ends within a few seconds,
// with such an error if need be: a store gives each of its requests a deadline. A row whose Expires has passed is
// absent to every method, whether or not the store has deleted it.
//
// What waits for a client may be large, and most who read a row only ask whether anything does. So the parcels in
// Outbox and Taken of a row that is returned may be blank: as many as there are, with as many packets in all, which are
// as long in all, but without their operations and their bytes. Whole are those in Taken when Update returns true for
// the transition that took them, be it for a second time.
type Store interface {
	SessionStore
	HeartbeatStore
}

// Watched is a Store of a server that is one process, where a GET that waits need not read again and again, and where
// little has to stay of sessions that were closed. Its Update calls Apply, also of transitions that other Stores are
// never given.
type Watched interface {
	Store
	// Changed returns a channel that is closed with the session's next Update.
	Changed(a Address) <-chan struct{}
}

// SessionStore keeps session rows and handshakes, as Store says.
type SessionStore interface {
	// Create writes a session that is not there yet, its handshake when it is not nil, and its liveness row when live
	// is not nil. With a handshake it gives the row a HandshakeKey; else the row has the one that s has. What it stores
	// for the handshake expires with live, or with s when there is none. It returns ErrExists when there is a row, be
	// it a tombstone, that is not this very session (by SID and Created), or that is closed, and has then left nothing
	// behind.
	Create(ctx context.Context, s Session, handshake []byte, live *Live) error

	// Get returns the row at an address, a row with State Absent when there is none. With strong false it may be
	// some time old, at half the price. Its Entries and Changes are to be read only.
	Get(ctx context.Context, a Address, strong bool) (Session, error)

	// Update applies one transition in one atomic conditional write, exactly as its Apply describes. It returns the
	// row as it stands afterwards, and whether the transition holds (now or by an earlier attempt of the same
	// operation); when it does not, the row shows why.
	Update(ctx context.Context, a Address, t Transition) (Session, bool, error)

	// Handshake returns what Create stored for a session, by the SID and the HandshakeKey of one of its rows; nil when
	// the row has none. Nothing else can read it: once no row has the key, what was stored is of no use to anybody,
	// and goes when the session would have expired.
	Handshake(ctx context.Context, s Session) ([]byte, error)
}

// HeartbeatStore keeps liveness rows and timers, as Store says: by these a sweep finds the sessions of its shard, and
// the next sweep comes.
type HeartbeatStore interface {
	// PutLive writes a liveness row, whatever was there.
	PutLive(ctx context.Context, l Live) error

	// Touch sets Last on a liveness row when last is not zero and Last is not Dead, and Joined when joined is true. A
	// row that is not there stays so.
	Touch(ctx context.Context, a Address, last time.Time, joined bool) error

	// Lives returns the liveness rows of a shard, strongly consistent, in any order.
	Lives(ctx context.Context, shard int) ([]Live, error)

	// Forget deletes the liveness row of an address, and, when sid is not empty, first what Create stored as the
	// handshake of that session. It is the last step of closing: while a liveness row is there, a sweep finishes what a
	// crash left. Absent rows are fine.
	Forget(ctx context.Context, a Address, sid string) error

	// Timer returns the timer row of a shard, the zero Timer when there is none. With strong false it may be some time
	// old, at half the price.
	Timer(ctx context.Context, shard int, strong bool) (Timer, error)

	// SetTimer replaces the timer row of a shard if its generation is still the given one, or if By is already
	// t.By, and reports whether it did. With t zero it deletes the row.
	SetTimer(ctx context.Context, shard int, generation int64, t Timer) (bool, error)
}

// ErrExists is returned by Store.Create for a session whose row is already there.
var ErrExists = errors.New("engine: the session has a row already")

// Shards is the number of parts that liveness rows are spread over. Each part that is not empty has one timer, with a
// phase of its own. More of them spread the pings better and cost more: docs/costs.md has what one does.
const Shards = 16

// Shard returns the part that an address belongs to, from 0 to Shards-1.
func Shard(a Address) int {
	h := uint32(2166136261) // FNV-1a
	for i := range len(a) {
		h = (h ^ uint32(a[i])) * 16777619
	}
	return int(h % Shards)
}
