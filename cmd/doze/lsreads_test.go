package main

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/dozeio/doze/pkg/devserver"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/socketio"
)

// readCounts counts what is read of sessions and rooms.
type readCounts struct{ lives, sessions, rooms atomic.Int64 }

type countedSessions struct {
	engine.Store
	n *readCounts
}

func (c countedSessions) Lives(ctx context.Context, shard int) ([]engine.Live, error) {
	c.n.lives.Add(1)
	return c.Store.Lives(ctx, shard)
}

func (c countedSessions) Get(ctx context.Context, a engine.Address, strong bool) (engine.Session, error) {
	c.n.sessions.Add(1)
	return c.Store.Get(ctx, a, strong)
}

type countedRooms struct {
	rooms.Store
	n *readCounts
}

func (c countedRooms) Rooms(ctx context.Context, namespace, socket string) ([]string, error) {
	c.n.rooms.Add(1)
	return c.Store.Rooms(ctx, namespace, socket)
}

// TestWhatLookingReads holds docs/operate.md to what it says.
func TestWhatLookingReads(t *testing.T) {
	var n readCounts
	app, _ := visited()
	s := serving(t, devserver.Options{Wrap: func(b socketio.Backend) socketio.Backend {
		b.Sessions, b.Rooms = countedSessions{b.Sessions, &n}, countedRooms{b.Rooms, &n}
		return b
	}}, app)
	const clients = 5
	for range clients {
		polling(t, s.URL, `{"name":"ada"}`)
	}
	for _, c := range []struct {
		flag  string
		rooms int64
	}{{"-no-rooms=false", clients}, {"-no-rooms", 0}} {
		n.lives.Store(0)
		n.sessions.Store(0)
		n.rooms.Store(0)
		says(t, "ls", "-dev", s.URL, c.flag)
		if n.lives.Load() != engine.Shards || n.sessions.Load() != clients || n.rooms.Load() != c.rooms {
			t.Errorf("ls %s of %d clients reads %d shards, %d sessions and the rooms of %d sockets", c.flag, clients, n.lives.Load(), n.sessions.Load(), n.rooms.Load())
		}
		t.Logf("ls %s of %d clients: %d queries for shards, %d reads of sessions, %d queries for rooms", c.flag, clients, n.lives.Load(), n.sessions.Load(), n.rooms.Load())
	}
}
