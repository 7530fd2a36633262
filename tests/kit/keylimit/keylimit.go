// Package keylimit plays the limits that a DynamoDB has per partition key: a bucket of units for each, which refills at
// a rate. It counts as well: what was refused, and how near to a limit the hottest keys have come.
package keylimit

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// What a partition takes, in units a second; a unit is a write of 1 KiB, or a strongly consistent read of 4. Reads and
// writes are throttled independently:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/throttling-key-range-limit-exceeded-mitigation.html
const (
	KeyWrites = 1000
	KeyReads  = 3000
)

// What a new table on demand takes, in units a second, before it has grown:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
const (
	TableWrites = 4000
	TableReads  = 12_000
)

// Limit is a limit of every key of a kind. Its fields are set before its first use. All methods may be called
// concurrently; the time that they get may be any clock's.
type Limit struct {
	Rate float64 // units a second; 0: nothing is refused, only counted
	// Burst is how many units a key has that was idle; default Rate, which is a second's. DynamoDB keeps what was not
	// used for up to 300 s, but that "can't alleviate partition-level throttling":
	// https://repost.aws/knowledge-center/dynamodb-spiky-workloads-short-intervals
	Burst float64

	mu   sync.Mutex
	keys map[string]*bucket
}

// slots are the parts of a second in which units are counted.
const slots = 10

type bucket struct {
	Key
	left float64 // units; less than none after a Charge
	at   time.Time

	recent [slots]float64 // units taken in the last slots
	slot   int64          // the newest of them
}

// Key is how one key has fared.
type Key struct {
	Key     string
	Units   float64 // taken
	Peak    float64 // the most of them within a second, to a tenth of it
	Refused int     // calls of Take
}

// Take takes units from a key's bucket, or reports false and takes none when it has not as many. What is more than a
// bucket holds takes a full one.
func (l *Limit) Take(key string, units float64, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(key, now)
	if l.Rate > 0 && b.left < min(units, l.burst()) {
		b.Refused++
		return false
	}
	b.take(units, now)
	return true
}

// Charge takes units that turned out to be needed after a Take, whether the bucket has them or not.
func (l *Limit) Charge(key string, units float64, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bucket(key, now).take(units, now)
}

// Hottest returns the keys with the highest peaks, n at most.
func (l *Limit) Hottest(n int) []Key {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]Key, 0, len(l.keys))
	for _, b := range l.keys {
		all = append(all, b.Key)
	}
	slices.SortFunc(all, func(a, b Key) int {
		return cmp.Or(cmp.Compare(b.Peak, a.Peak), cmp.Compare(b.Units, a.Units), cmp.Compare(a.Key, b.Key))
	})
	return all[:min(n, len(all))]
}

// Refused returns how many calls of Take were refused for any key.
func (l *Limit) Refused() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.keys {
		n += b.Refused
	}
	return n
}

// Reset forgets all keys, whose buckets are full then.
func (l *Limit) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys = nil
}

func (l *Limit) burst() float64 { return cmp.Or(l.Burst, l.Rate) }

// bucket returns the one of a key, refilled. l.mu is held.
func (l *Limit) bucket(key string, now time.Time) *bucket {
	b := l.keys[key]
	if b == nil {
		if l.keys == nil {
			l.keys = map[string]*bucket{}
		}
		b = &bucket{Key: Key{Key: key}, left: l.burst(), at: now}
		l.keys[key] = b
	}
	if since := now.Sub(b.at); since > 0 {
		b.left, b.at = min(l.burst(), b.left+since.Seconds()*l.Rate), now
	}
	return b
}

func (b *bucket) take(units float64, now time.Time) {
	b.left -= units
	b.Units += units
	slot := now.UnixNano() / int64(time.Second/slots)
	for ; b.slot < slot; b.slot++ {
		if slot-b.slot > slots {
			b.slot = slot - slots - 1
		}
		b.recent[(b.slot+1)%slots] = 0
	}
	b.recent[b.slot%slots] += units
	sum := 0.0
	for _, n := range b.recent {
		sum += n
	}
	b.Peak = max(b.Peak, sum)
}
