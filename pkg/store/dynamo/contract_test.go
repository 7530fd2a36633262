//go:build full

package dynamo_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/acks"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/notes"
	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/pkg/store/storetest"
)

func (s *server) openSessions(_ *testing.T, now func() time.Time) engine.Store {
	return dynamo.New(s.client, s.table, now)
}

func (s *server) openRooms(_ *testing.T, now func() time.Time) rooms.Store {
	return dynamo.New(s.client, s.table, now)
}

func (s *server) openAcks(_ *testing.T, now func() time.Time) acks.Store {
	return dynamo.New(s.client, s.table, now)
}

func TestSessions(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) { storetest.Sessions(t, s.openSessions) })
}

func TestRooms(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) { storetest.Rooms(t, s.openRooms) })
}

// The ids of Socket.IO's sockets have 20 characters, and rooms of such names are found in another way.
func TestRoomsOfLongIDs(t *testing.T) {
	onFirst(t, func(t *testing.T, s *server) {
		storetest.Rooms(t, func(t *testing.T, now func() time.Time) rooms.Store { return padded{s.openRooms(t, now)} })
	})
}

func TestSessionsOfAFaultyStore(t *testing.T) {
	onFirst(t, func(t *testing.T, s *server) {
		for seed := range uint64(1) {
			t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
				storetest.Sessions(t, func(t *testing.T, now func() time.Time) engine.Store {
					return storetest.NewFaulty(s.openSessions(t, now), nil, seed)
				})
			})
		}
	})
}

func TestRoomsOfAFaultyStore(t *testing.T) {
	onFirst(t, func(t *testing.T, s *server) {
		for seed := range uint64(1) {
			t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
				storetest.Rooms(t, func(t *testing.T, now func() time.Time) rooms.Store {
					return storetest.NewFaulty(nil, s.openRooms(t, now), seed)
				})
			})
		}
	})
}

func TestAcks(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) { storetest.Acks(t, s.openAcks) })
}

func TestAcksOfAFaultyStore(t *testing.T) {
	onFirst(t, func(t *testing.T, s *server) {
		storetest.Acks(t, func(t *testing.T, now func() time.Time) acks.Store {
			f := storetest.NewFaulty(nil, nil, 0)
			f.Acks = s.openAcks(t, now)
			return f
		})
	})
}

func TestNotes(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		storetest.Notes(t, func(t *testing.T, now func() time.Time) notes.Store { return s.openSessions(t, now).(*dynamo.Store) })
	})
}

// padded gives every socket and room a name of 20 bytes at least.
type padded struct{ store rooms.Store }

func pad(name string) string {
	if name == "" {
		return ""
	}
	return name + strings.Repeat("_", max(0, 20-len(name)))
}

func padAll(names []string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = pad(name)
	}
	return all
}

func unpad(name string) string { return strings.TrimRight(name, "_") }

func (p padded) Join(ctx context.Context, namespace string, m rooms.Member, names ...string) (int, error) {
	m.Socket = pad(m.Socket)
	return p.store.Join(ctx, namespace, m, padAll(names)...)
}

func (p padded) Leave(ctx context.Context, namespace, socket string, names ...string) error {
	return p.store.Leave(ctx, namespace, pad(socket), padAll(names)...)
}

func (p padded) Move(ctx context.Context, namespace, socket, address string) error {
	return p.store.Move(ctx, namespace, pad(socket), address)
}

func (p padded) Members(ctx context.Context, namespace, room, cursor string) ([]rooms.Member, string, error) {
	page, next, err := p.store.Members(ctx, namespace, pad(room), cursor)
	for i := range page {
		page[i].Socket = unpad(page[i].Socket)
	}
	return page, next, err
}

func (p padded) Rooms(ctx context.Context, namespace, socket string) ([]string, error) {
	names, err := p.store.Rooms(ctx, namespace, pad(socket))
	for i := range names {
		names[i] = unpad(names[i])
	}
	return names, err
}

func (p padded) Counts(ctx context.Context, namespace string) (map[string]int, error) {
	counts, err := p.store.Counts(ctx, namespace)
	short := map[string]int{}
	for name, n := range counts {
		short[unpad(name)] = n
	}
	return short, err
}
