package socketio_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// counted are the calls of a backend.
type counted struct {
	engine.Poster
	engine.Timers
	down                       bool // the uplink of all clients
	mu                         sync.Mutex
	posts, asked, jobs, writes int
}

func (n *counted) Post(c ctx, connection string, f engine.Frame) error {
	if n.count(&n.posts); n.down {
		return engine.ErrGone
	}
	return n.Poster.Post(c, connection, f)
}

func (n *counted) Exists(c ctx, connection string) error {
	if n.count(&n.asked); n.down {
		return engine.ErrGone
	}
	return n.Poster.Exists(c, connection)
}

func (n *counted) Schedule(c ctx, job []byte, after time.Duration) error {
	n.count(&n.jobs)
	return n.Timers.Schedule(c, job, after)
}

func (n *counted) count(what *int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	*what++
}

// together has so many members of a room drop at the same moment, each of whom the application says farewell for, and
// returns what that costs.
func together(t *testing.T, members int) *counted {
	io, _ := newServer()
	io.Of("/").On("join", func(c ctx, s sock) error { return s.Join(c, "room") })
	io.Of("/").OnDisconnecting(func(c ctx, s sock, _ socketio.Reason) error { return s.To("room").Emit(c, "left", s.ID()) })
	io.Of("/").OnDisconnect(func(c ctx, s sock, _ socketio.Reason) error { return io.To("room").Emit(c, "count", 1) })
	n := &counted{}
	s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
		n.Poster, n.Timers = b.Poster, b.Timers
		b.Poster, b.Timers = n, n
		return hook(func(op string, after bool) error {
			read := strings.HasPrefix(op, "Get") || op == "Members" || op == "Timer" || op == "Rooms" || op == "Handshake"
			if !after && !read {
				n.count(&n.writes)
			}
			return nil
		})(b)
	}})
	clients := make([]*socketiotest.Client, members)
	for i := range clients {
		clients[i] = s.Connect("/")
		clients[i].Emit("join")
	}
	n.down, n.posts, n.asked, n.jobs, n.writes = true, 0, 0, 0, 0
	for _, c := range clients {
		c.Vanish()
	}
	s.Settle()
	noRows(t, s)
	return n
}

// In a bubble, where no time passes while something is done: a process remembers for ten seconds whom it has found
// gone, and how much a machine gets done in these is not what is counted here.
func TestMembersWhoDropTogetherCostWhatTheyAre(t *testing.T) {
	for _, members := range []int{10, 100, 1000} {
		synctest.Test(t, func(t *testing.T) {
			n := together(t, members)
			t.Logf("%d members: %d posts, asked for %d, %d jobs, %d writes", members, n.posts, n.asked, n.jobs, n.writes)
			if n.posts > 2*members || n.asked > 2*members || n.jobs > engine.Shards || n.writes > 5*members {
				t.Error("that is more than a few for each")
			}
		})
	}
}
