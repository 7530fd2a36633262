package acks_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"math/bits"
	"testing"

	"github.com/dozeio/doze/pkg/acks"
)

func TestAnIDHasAsManyPartsAsItsSocketsNeed(t *testing.T) {
	for sockets, parts := range map[int]int{0: 1, 1: 1, 64: 1, 65: 2, 128: 2, 129: 4, 1000: 16, 30000: 512, 2 << 20: 1 << 15, 1 << 30: 1 << 15} {
		id, err := acks.NewID(rand.Reader, sockets)
		if err != nil || acks.Parts(id) != parts {
			t.Errorf("%d sockets: %d parts, want %d (%v)", sockets, acks.Parts(id), parts, err)
		}
		if id < 0 || id > acks.MaxID {
			t.Errorf("the id %d is not from 0 to 2^53-1", id)
		}
	}
}

// An id is what a client cannot guess that was not asked.
func TestIDsUseAllTheirRandomBits(t *testing.T) {
	id, err := acks.NewID(bytes.NewReader(bytes.Repeat([]byte{0xff}, 8)), 1)
	if err != nil || bits.OnesCount64(uint64(id)) != 49 || bits.Len64(uint64(id)) != 53 {
		t.Errorf("%b %v, want 49 ones of 53 bits", id, err)
	}
	if _, err := acks.NewID(bytes.NewReader(nil), 1); err == nil {
		t.Error("an id without a random source")
	}
}

func TestEverySocketIsInOnePartAndNoneIsLarge(t *testing.T) {
	q := acks.Question{}
	for i := range 1000 {
		q.Sockets = append(q.Sockets, fmt.Sprintf("%020d", i))
	}
	q.ID, _ = acks.NewID(rand.Reader, len(q.Sockets))
	seen, largest := map[string]int{}, 0
	for i, part := range q.Split() {
		largest = max(largest, len(part))
		for _, socket := range part {
			seen[socket]++
			if acks.Part(q.ID, socket) != i {
				t.Errorf("%s is in part %d, not in %d", socket, i, acks.Part(q.ID, socket))
			}
		}
	}
	if len(seen) != 1000 || largest > 2*acks.PartSockets {
		t.Errorf("%d sockets are in parts, and %d in one", len(seen), largest)
	}
}
