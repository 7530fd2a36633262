package memory_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/acks"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/notes"
	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/store/memory"
	"github.com/dozeio/doze/pkg/store/storetest"
)

func TestSessions(t *testing.T) {
	storetest.Sessions(t, func(_ *testing.T, now func() time.Time) engine.Store { return memory.New(now) })
}

func TestRooms(t *testing.T) {
	storetest.Rooms(t, func(_ *testing.T, now func() time.Time) rooms.Store { return memory.New(now) })
}

// The suites have to hold on a bad day too: that is what the retries around a store are for.
func TestSessionsOfAFaultyStore(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			storetest.Sessions(t, func(_ *testing.T, now func() time.Time) engine.Store {
				return storetest.NewFaulty(memory.New(now), nil, seed)
			})
		})
	}
}

func TestRoomsOfAFaultyStore(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			storetest.Rooms(t, func(_ *testing.T, now func() time.Time) rooms.Store {
				return storetest.NewFaulty(nil, memory.New(now), seed)
			})
		})
	}
}

func TestAcks(t *testing.T) {
	storetest.Acks(t, func(_ *testing.T, now func() time.Time) acks.Store { return memory.New(now) })
}

func TestAcksOfAFaultyStore(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			storetest.Acks(t, func(_ *testing.T, now func() time.Time) acks.Store {
				f := storetest.NewFaulty(nil, nil, seed)
				f.Acks = memory.New(now)
				return f
			})
		})
	}
}

func TestNotes(t *testing.T) {
	storetest.Notes(t, func(_ *testing.T, now func() time.Time) notes.Store { return memory.New(now) })
}
