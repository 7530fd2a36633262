package engine_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
)

// bill is what calls of a store cost on a table with one row each for session, handshake and liveness: RRU in halves,
// as an eventual read is one. A handshake counts as H, whatever its size.
type bill struct {
	halves, writes, handshakes int
	calls                      map[string]int
}

// metered counts what the store is asked for.
type metered struct {
	store
	mu sync.Mutex
	bill
}

func (m *metered) count(call string, halves, writes, handshakes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.calls == nil {
		m.calls = map[string]int{}
	}
	m.calls[call]++
	m.halves += halves
	m.writes += writes
	m.handshakes += handshakes
}

func (m *metered) take() bill {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.bill
	m.bill = bill{}
	return b
}

func (m *metered) Create(ctx context.Context, s engine.Session, h []byte, l *engine.Live) error {
	writes, handshakes := 1, 0
	if l != nil {
		writes++
	}
	if h != nil {
		handshakes++
	}
	m.count("Create", 0, writes, handshakes)
	return m.store.Create(ctx, s, h, l)
}

func (m *metered) Get(ctx context.Context, a engine.Address, strong bool) (engine.Session, error) {
	if strong {
		m.count("Get strong", 2, 0, 0)
	} else {
		m.count("Get", 1, 0, 0)
	}
	return m.store.Get(ctx, a, strong)
}

func (m *metered) Update(ctx context.Context, a engine.Address, t engine.Transition) (engine.Session, bool, error) {
	m.count(strings.TrimPrefix(fmt.Sprintf("%T", t), "engine."), 0, 1, 0)
	return m.store.Update(ctx, a, t)
}

func (m *metered) PutLive(ctx context.Context, l engine.Live) error {
	m.count("PutLive", 0, 1, 0)
	return m.store.PutLive(ctx, l)
}

func (m *metered) Touch(ctx context.Context, a engine.Address, last time.Time, joined bool) error {
	m.count("Touch", 0, 1, 0)
	return m.store.Touch(ctx, a, last, joined)
}

func (m *metered) Lives(ctx context.Context, shard int) ([]engine.Live, error) {
	m.count("Lives", 2, 0, 0) // for up to 40 rows
	return m.store.Lives(ctx, shard)
}

func (m *metered) Forget(ctx context.Context, a engine.Address, sid string) error {
	m.count("Forget", 0, 1, 0)
	return m.store.Forget(ctx, a, sid)
}

func (m *metered) Timer(ctx context.Context, shard int, strong bool) (engine.Timer, error) {
	if strong {
		m.count("Timer strong", 2, 0, 0)
	} else {
		m.count("Timer", 1, 0, 0)
	}
	return m.store.Timer(ctx, shard, strong)
}

func (m *metered) SetTimer(ctx context.Context, shard int, generation int64, t engine.Timer) (bool, error) {
	m.count("SetTimer", 0, 1, 0)
	return m.store.SetTimer(ctx, shard, generation, t)
}

func (m *metered) Join(ctx context.Context, namespace string, member rooms.Member, names ...string) (int, error) {
	return m.store.Join(ctx, namespace, member, names...) // the handler's own
}

// What the engine asks of the store per operation, next to the ceilings of the design. The handler's own calls, which
// the ceilings count per namespace and per room, are not among them.
func TestTheBill(t *testing.T) {
	inWorld(t, engine.Options{PingInterval: 5 * time.Minute}, func(t *testing.T, w *world) {
		m := &metered{store: w.table}
		w.everyShard() // the timers run
		w.pass(0)
		w.handler.rooms = w.table
		w.e = w.process(m, w.gateway, w.queue, w.handler)
		check := func(operation string, halves, writes, handshakes int) {
			t.Helper()
			b := m.take()
			t.Logf("%-28s %4.1f RRU  %d WRU + %d H   %v", operation, float64(b.halves)/2, b.writes, b.handshakes, b.calls)
			if b.halves > halves || b.writes > writes || b.handshakes > handshakes {
				t.Errorf("%s: the ceiling is %.1f RRU, %d WRU + %d H", operation, float64(halves)/2, writes, handshakes)
			}
		}
		exactly := func(operation string, calls string) {
			t.Helper()
			b := m.take()
			t.Logf("%-28s %4.1f RRU  %d WRU + %d H   %v", operation, float64(b.halves)/2, b.writes, b.handshakes, b.calls)
			if got := fmt.Sprint(b.calls); got != calls {
				t.Errorf("%s: %s, want %s", operation, got, calls)
			}
		}
		m.take()
		sid := w.poll()
		check("polling handshake", 2, 2, 1)
		w.post(sid, "4join")
		check("namespace CONNECT, polling", 2, 1, 0) // and one for the membership
		w.post(sid, "4say hello")
		exactly("event in, polling, answered", "map[Append:1 Get strong:1]")
		w.get(sid)
		exactly("poll with packets", "map[BeginPoll:1 EndPoll:1]")
		w.want(w.get(sid), "200 6")
		if b := m.take(); b.halves > 100 || b.writes > 2 {
			t.Errorf("waiting poll of 20 s: %+v", b)
		} else {
			t.Logf("%-28s %4.1f RRU  %d WRU        %v", "waiting poll of 20 s", float64(b.halves)/2, b.writes, b.calls)
		}
		if err := w.e.Deliver(t.Context(), polling(sid), w.parcel("x")); err != nil {
			t.Error(err)
		}
		exactly("emit to a polling member", "map[Append:1]")
		w.get(sid)
		m.take()
		w.connect("c", sid)
		w.frame("c", "2probe")
		w.frame("c", "5")
		check("upgrade, all steps", 2, 6, 0) // and one RRU for the rooms of each namespace
		w.frame("c", "4say hello")
		exactly("event in, with ack", "map[Get strong:1]")
		w.frame("c", "4nothing")
		exactly("event in, without ack", "map[Get strong:1]")
		w.frame("c", "3")
		exactly("pong", "map[Touch:1]")
		w.leave("c", 1005)
		check("disconnect", 0, 2, 0)

		var post func(context.Context) error // after the response, in the process that has accepted the connection
		w.queue.promptly = func(_ []byte, do func(context.Context) error) { post = do }
		w.connect("d", "")
		if err := post(t.Context()); err != nil {
			t.Error(err)
		}
		w.openOf(w.gateway.received("d")[0])
		check("WebSocket connect, with open", 2, 3, 1)
		w.frame("d", "4join")
		check("namespace CONNECT", 2, 2, 0)
		synctest.Wait()
		if _, ok, err := w.table.Update(t.Context(), connected("d"), engine.SetEntry{Key: "/x", New: []byte("y"), Ops: []string{"z"}}); !ok || err != nil {
			t.Error(ok, err)
		}
		w.handler.on = func(ctx context.Context, v *engine.Invocation, _ string) error {
			m.take()
			_, err := v.SetEntry(ctx, namespace, []byte("socket"), []byte("socket2"))
			return err
		}
		w.frame("d", "4x")
		exactly("change of per-socket data", "map[SetEntry:1]")
	})
}
