package protocol

import (
	"hash/maphash"
	"sync/atomic"
)

// interned are names of events that came lately, each in the place that its hash says. A client whose names are new each
// time costs others theirs, and no more: 256 of at most 32 bytes are kept.
var (
	interned [256]atomic.Pointer[string]
	seed     = maphash.MakeSeed()
)

// intern returns text as a string, which is one that is there already if the same text came a short time ago: an
// application has few events.
func intern(text []byte) string {
	const longest = 32
	if len(text) < 2 || len(text) > longest { // Go has the strings of one byte
		return string(text)
	}
	place := &interned[maphash.Bytes(seed, text)%uint64(len(interned))]
	if s := place.Load(); s != nil && *s == string(text) {
		return *s
	}
	s := string(text)
	place.Store(&s)
	return s
}
