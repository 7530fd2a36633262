package engine

import "fmt"

// What one row may hold is bounded, so that no client and no application can bring it to the 400 KB that databases
// take, and leave it where not even closing can be written: MaxOutbox, MaxEntries and MaxPending together are 352 KiB
// for a session that polls. Each is checked with the write itself, and nothing is written beyond it.
const (
	// MaxOutbox is the number of bytes that may be in a session's outbox and on their way from it together, by
	// Parcel.Size; an Append beyond it is refused.
	MaxOutbox = 256 << 10

	// MaxEntries is the number of bytes of all entries of a session and their keys, with entryMore for each; a SetEntry
	// that would make them more is refused. Growing by little is possible for a little longer: a socket can always be
	// marked as one that leaves.
	MaxEntries = 64 << 10
	entryMore  = 512 // a database's own, and the operations in Session.Changes
	littleMore = 16
	muchLonger = 4 << 10

	// MaxPending is the number of bytes of an unfinished binary packet that a session that polls keeps from one request
	// to the next; a connection, which has no outbox, keeps MaxOutbox. A Keep of more is refused.
	MaxPending = 32 << 10

	// MaxRecent is how many operations Session.Changes holds for a key, and Session.Recent after the outbox was taken.
	// As many writes by others would have to come between a write whose answer was lost and its retry for the retry not
	// to recognise itself.
	MaxRecent = 32

	// parcelMore is a database's own, and the parcel's operation, twice. A packet counts for more than a row needs for
	// it, so that an upgrade has 1,638 packets to post at most: about 20 s, and an invocation has no more.
	parcelMore, packetMore, messageMore = 128, 160, 3
)

// Size is what a parcel counts in an outbox: its packets, and what a row needs besides to hold them.
func (p Parcel) Size() int {
	n := parcelMore
	for _, packet := range p.Packets {
		n += len(packet) + packetMore
	}
	return n
}

func size(parcels []Parcel) (n int) {
	for _, p := range parcels {
		n += p.Size()
	}
	return n
}

// entrySize is what an entry counts for MaxEntries; nil, which is none, counts nothing.
func entrySize(key string, entry []byte) int {
	if entry == nil {
		return 0
	}
	return len(key) + len(entry) + entryMore
}

// EntriesSize is what entries count for MaxEntries.
func EntriesSize(entries map[string][]byte) (n int) {
	for key, entry := range entries {
		n += entrySize(key, entry)
	}
	return n
}

// Room returns by how much the entries grow, and how large they may be before: they may always shrink.
func (t SetEntry) Room() (grows, most int) {
	grows = entrySize(t.Key, t.New) - entrySize(t.Key, t.Old)
	switch {
	case grows <= 0:
		return grows, MaxEntries + muchLonger
	case grows <= littleMore:
		return grows, MaxEntries + muchLonger - grows
	}
	return grows, MaxEntries - grows
}

// full reports whether a SetEntry finds no room in a row.
func (t SetEntry) full(s *Session) bool {
	grows, most := t.Room()
	return grows > 0 && EntriesSize(s.Entries) > most
}

// Fits reports whether the row at an address may hold what is to be kept.
func (t Keep) Fits(a Address) bool {
	n, most := 0, MaxPending
	for _, message := range t.Pending {
		n += len(message) + messageMore
	}
	if _, ok := a.connection(); ok {
		most = MaxOutbox
	}
	return n <= most
}

// errEntries is the error of a SetEntry for which there is no room; nothing was written.
var errEntries = fmt.Errorf("engine: what a session keeps for all its namespaces would be over %d KiB: keep it in a database and its key here", MaxEntries>>10)
