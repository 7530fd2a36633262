package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/store/memory"
)

// lifeline is an invocation that dies at one of its calls: that call and all further ones have no effect, or, with
// after, the call still has its effect and nobody learns of it.
type lifeline struct {
	mu     sync.Mutex
	at     int
	after  bool
	calls  int
	dead   bool
	spared bool // of what is not the store: posts and jobs work on
	once   bool // only the one call fails, and the invocation lives on
}

var errDead = errors.New("the invocation is dead")

func (l *lifeline) call(do func() error) error {
	l.mu.Lock()
	if l.dead && !l.once {
		l.mu.Unlock()
		return errDead
	}
	l.calls++
	dead := l.calls == l.at
	l.dead = l.dead || dead
	l.mu.Unlock()
	if !dead {
		return do()
	}
	if l.after {
		_ = do()
	}
	return errDead
}

func (l *lifeline) died() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

type mortal struct {
	store
	life *lifeline
}

func (m mortal) Create(ctx context.Context, s engine.Session, h []byte, l *engine.Live) error {
	return m.life.call(func() error { return m.store.Create(ctx, s, h, l) })
}

func (m mortal) Get(ctx context.Context, a engine.Address, strong bool) (s engine.Session, err error) {
	err = m.life.call(func() (err error) { s, err = m.store.Get(ctx, a, strong); return err })
	return s, err
}

func (m mortal) Update(ctx context.Context, a engine.Address, t engine.Transition) (s engine.Session, ok bool, err error) {
	err = m.life.call(func() (err error) { s, ok, err = m.store.Update(ctx, a, t); return err })
	if err != nil {
		return engine.Session{}, false, err
	}
	return s, ok, nil
}

func (m mortal) PutLive(ctx context.Context, l engine.Live) error {
	return m.life.call(func() error { return m.store.PutLive(ctx, l) })
}

func (m mortal) Touch(ctx context.Context, a engine.Address, last time.Time, joined bool) error {
	return m.life.call(func() error { return m.store.Touch(ctx, a, last, joined) })
}

func (m mortal) Lives(ctx context.Context, shard int) (l []engine.Live, err error) {
	err = m.life.call(func() (err error) { l, err = m.store.Lives(ctx, shard); return err })
	return l, err
}

func (m mortal) Forget(ctx context.Context, a engine.Address, sid string) error {
	return m.life.call(func() error { return m.store.Forget(ctx, a, sid) })
}

func (m mortal) Timer(ctx context.Context, shard int, strong bool) (t engine.Timer, err error) {
	err = m.life.call(func() (err error) { t, err = m.store.Timer(ctx, shard, strong); return err })
	return t, err
}

func (m mortal) SetTimer(ctx context.Context, shard int, generation int64, t engine.Timer) (ok bool, err error) {
	err = m.life.call(func() (err error) { ok, err = m.store.SetTimer(ctx, shard, generation, t); return err })
	return ok, err
}

func (m mortal) Join(ctx context.Context, namespace string, member rooms.Member, names ...string) (n int, err error) {
	err = m.life.call(func() (err error) { n, err = m.store.Join(ctx, namespace, member, names...); return err })
	return n, err
}

func (m mortal) Leave(ctx context.Context, namespace, socket string, names ...string) error {
	return m.life.call(func() error { return m.store.Leave(ctx, namespace, socket, names...) })
}

func (m mortal) Move(ctx context.Context, namespace, socket, address string) error {
	return m.life.call(func() error { return m.store.Move(ctx, namespace, socket, address) })
}

// mortalGateway and mortalQueue are what a dying invocation has of them.
type mortalGateway struct {
	engine.Poster
	life *lifeline
}

func (m mortalGateway) Post(ctx context.Context, id string, f engine.Frame) error {
	return m.call(func() error { return m.Poster.Post(ctx, id, f) })
}

func (m mortalGateway) Exists(ctx context.Context, id string) error {
	return m.call(func() error { return m.Poster.Exists(ctx, id) })
}

func (m mortalGateway) Disconnect(ctx context.Context, id string) error {
	return m.call(func() error { return m.Poster.Disconnect(ctx, id) })
}

func (m mortalGateway) call(do func() error) error {
	if m.life.spared {
		return do()
	}
	return m.life.call(do)
}

type mortalQueue struct {
	engine.Timers
	life *lifeline
}

func (m mortalQueue) Schedule(ctx context.Context, job []byte, after time.Duration) error {
	if m.life.spared {
		return m.Timers.Schedule(ctx, job, after)
	}
	return m.life.call(func() error { return m.Timers.Schedule(ctx, job, after) })
}

// victim is a process that dies.
func (w *world) victim(l *lifeline) *engine.Engine {
	w.dying = l
	m := mortal{w.table, l}
	return w.process(m, mortalGateway{w.gateway, l}, mortalQueue{w.queue, l}, &handler{w: w, rooms: m, on: w.handler.on, seen: w.handler.notes()})
}

// scene is something that an invocation does, after a preparation by healthy ones.
type scene struct {
	name    string
	prepare func(w *world) (sid string)
	act     func(ctx context.Context, w *world, e *engine.Engine, sid string)
}

func nothing(*world) string { return "" }

// job carries out the first job of the queue that is due. It comes again if its invocation dies.
func (w *world) job(ctx context.Context, e *engine.Engine) {
	j, ok := w.queue.next(time.Now())
	if !ok {
		return
	}
	if err := e.Job(ctx, j.message); err != nil || w.dying != nil && w.dying.died() && !w.dying.once {
		j.due = time.Now().Add(time.Second)
		w.queue.add(j)
	}
}

func frameOf(data string) engine.Frame { return engine.Frame{Data: []byte(data)} }

var scenes = []scene{
	{"handshake over polling", nothing, func(ctx context.Context, _ *world, e *engine.Engine, _ string) {
		e.HTTP(ctx, request("GET", "polling", "", ""))
	}},
	{"$connect", nothing, func(ctx context.Context, w *world, e *engine.Engine, _ string) {
		if e.Connect(ctx, "c", request("GET", "websocket", "", "")).Status == 200 {
			w.gateway.accept("c")
		}
	}},
	{"open packet", func(w *world) string { w.connect("c", ""); return "" }, func(ctx context.Context, w *world, e *engine.Engine, _ string) {
		w.job(ctx, e)
	}},
	{"namespace CONNECT over WebSocket", func(w *world) string { return w.websocket("c") }, func(ctx context.Context, _ *world, e *engine.Engine, _ string) {
		e.Frame(ctx, "c", frameOf("4join"))
	}},
	{"namespace CONNECT over polling", (*world).poll, func(ctx context.Context, _ *world, e *engine.Engine, sid string) {
		e.HTTP(ctx, request("POST", "polling", sid, "4join"))
	}},
	{"poll", func(w *world) string { sid := w.poll(); w.post(sid, "4join\x1e4say a"); return sid }, func(ctx context.Context, _ *world, e *engine.Engine, sid string) {
		e.HTTP(ctx, request("GET", "polling", sid, ""))
	}},
	{"probe", func(w *world) string { sid := w.poll(); w.post(sid, "4join"); return sid }, func(ctx context.Context, w *world, e *engine.Engine, sid string) {
		if e.Connect(ctx, "c", request("GET", "websocket", sid, "")).Status == 200 {
			w.gateway.accept("c")
		}
	}},
	{"second probe", func(w *world) string { sid := w.poll(); w.connect("c", sid); return sid }, func(ctx context.Context, w *world, e *engine.Engine, sid string) {
		if e.Connect(ctx, "d", request("GET", "websocket", sid, "")).Status == 200 {
			w.gateway.accept("d")
		}
	}},
	{"upgrade", probing, func(ctx context.Context, _ *world, e *engine.Engine, _ string) { e.Frame(ctx, "c", frameOf("5")) }},
	{"upgrade timeout", func(w *world) string { sid := probing(w); wait(11 * time.Second); return sid }, func(ctx context.Context, _ *world, e *engine.Engine, sid string) {
		e.HTTP(ctx, request("GET", "polling", sid, ""))
	}},
	{"disconnect while probing", probing, func(ctx context.Context, w *world, e *engine.Engine, _ string) {
		w.gateway.drop("c")
		e.Disconnect(ctx, "c", 1006)
	}},
	{"close over polling while probing", probing, func(ctx context.Context, _ *world, e *engine.Engine, sid string) {
		e.HTTP(ctx, request("POST", "polling", sid, "1"))
	}},
	{"disconnect", upgraded, func(ctx context.Context, w *world, e *engine.Engine, _ string) {
		w.gateway.drop("c")
		e.Disconnect(ctx, "c", 1006)
	}},
	{"parse error", upgraded, func(ctx context.Context, _ *world, e *engine.Engine, _ string) { e.Frame(ctx, "c", frameOf("x")) }},
	{"close by the server", func(w *world) string {
		sid := upgraded(w)
		w.handler.on = func(ctx context.Context, v *engine.Invocation, text string) error { return closing(ctx, v, w, text) }
		return sid
	}, func(ctx context.Context, _ *world, e *engine.Engine, _ string) { e.Frame(ctx, "c", frameOf("4close")) }},
	{"close over polling", func(w *world) string { sid := w.poll(); w.post(sid, "4join"); return sid }, func(ctx context.Context, _ *world, e *engine.Engine, sid string) {
		e.HTTP(ctx, request("POST", "polling", sid, "1"))
	}},
	{"ping timeout over polling", func(w *world) string { sid := w.poll(); w.post(sid, "4join"); wait(time.Minute); return sid },
		func(ctx context.Context, _ *world, e *engine.Engine, sid string) {
			e.HTTP(ctx, request("POST", "polling", sid, "4x"))
		}},
	{"sweep that pings", upgraded, func(ctx context.Context, w *world, e *engine.Engine, _ string) {
		wait(26 * time.Second)
		w.job(ctx, e)
	}},
	{"sweep that finds a dead connection", func(w *world) string { upgraded(w); wait(time.Minute); return "" }, func(ctx context.Context, w *world, e *engine.Engine, _ string) {
		w.job(ctx, e)
		w.job(ctx, e)
	}},
	{"sweep that finds a dead poll", func(w *world) string { sid := w.poll(); w.post(sid, "4join"); wait(time.Minute); return sid }, func(ctx context.Context, w *world, e *engine.Engine, _ string) {
		w.job(ctx, e)
	}},
	{"sweep that finds an unfinished close", func(w *world) string { die(w, upgraded(w), 3, "disconnect"); wait(2 * time.Minute); return "" }, func(ctx context.Context, w *world, e *engine.Engine, _ string) {
		w.job(ctx, e)
		w.job(ctx, e)
	}},
	{"sweep that finds an unfinished upgrade", func(w *world) string { die(w, probing(w), 5, "upgrade"); wait(26 * time.Second); return "" }, func(ctx context.Context, w *world, e *engine.Engine, _ string) {
		w.job(ctx, e)
	}},
	{"sweep of an empty shard", func(w *world) string { sid := w.poll(); w.post(sid, "1"); wait(26 * time.Second); return "" }, func(ctx context.Context, w *world, e *engine.Engine, _ string) {
		w.job(ctx, e)
	}},
	{"a confirmed 410", func(w *world) string {
		upgraded(w)
		w.gateway.drop("c")
		_ = w.e.Deliver(context.Background(), connected("c"), w.parcel("lost"))
		return ""
	}, func(ctx context.Context, w *world, e *engine.Engine, _ string) { w.job(ctx, e) }},
}

func probing(w *world) string {
	sid := w.poll()
	w.post(sid, "4join\x1e4say a\x1e4say b")
	w.connect("c", sid)
	w.frame("c", "2probe")
	return sid
}

func upgraded(w *world) string {
	sid := probing(w)
	w.frame("c", "5")
	return sid
}

// die lets the invocation of another scene die at one of its calls.
func die(w *world, sid string, at int, name string) {
	for _, s := range all() {
		if s.name == name {
			s.act(context.Background(), w, w.victim(&lifeline{at: at, after: true}), sid)
		}
	}
}

var all func() []scene // because a scene may refer to another

func init() { all = func() []scene { return scenes } }

// Whatever call an invocation dies at, sweeps repair what it has left, whether $disconnect comes or not.
func TestRace8AnInvocationDiesAtEachOfItsCalls(t *testing.T) {
	for _, scene := range scenes {
		t.Run(scene.name, func(t *testing.T) {
			everyDeath(t, func(t *testing.T, w *world, l *lifeline) {
				for _, told := range []bool{false, true} {
					sid := scene.prepare(w)
					l.reset()
					scene.act(context.Background(), w, w.victim(l), sid)
					for _, id := range []string{"c", "d"} {
						w.gateway.drop(id)
						if told {
							w.e.Disconnect(context.Background(), id, 1006)
						}
					}
					w.everyShard()
					w.pass(4 * time.Minute)
					w.repaired(strings.HasPrefix(scene.name, "namespace CONNECT"))
				}
			})
		})
	}
}

// repaired is gone, with two exceptions that live a little longer than tombstones: the row of a connection that was to
// take over, which has a short time to live from the start, with the handshake's key, and the membership that a handler
// makes before its entry, for which only the end of the session's age is left.
func (w *world) repaired(joining bool) {
	w.t.Helper()
	n := w.table.Rows()
	for _, id := range []string{"c", "d"} {
		if row := w.row(connected(id)); row.State == engine.Probing {
			n.Sessions--
			if row.HandshakeKey != nil {
				n.Handshakes--
			}
		}
	}
	if joining {
		n.Members = 0
	}
	if n.Sessions+n.Handshakes+n.Lives+n.Members > 0 {
		w.t.Errorf("left behind: %+v", n)
	}
	w.pass(10 * time.Minute)
	if joining {
		w.pass(13 * time.Hour)
	}
	if n := w.table.Rows(); n != (memory.Rows{}) {
		w.t.Errorf("left behind for good: %+v", n)
	}
}

// everyDeath runs a test with an invocation that dies at its first call, at its second, and so on, until it survives.
func everyDeath(t *testing.T, test func(t *testing.T, w *world, l *lifeline)) {
	everyDeathWith(t, engine.Options{}, test)
}

func everyDeathWith(t *testing.T, o engine.Options, test func(t *testing.T, w *world, l *lifeline)) {
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			l := &lifeline{at: at, after: after}
			inWorld(t, o, func(t *testing.T, w *world) { test(t, w, l) }, "it died at call", at, "and the call had an effect:", after)
			if !l.died() {
				break
			}
		}
	}
}

// reset brings the invocation back to life.
func (l *lifeline) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead, l.calls = false, 0
}

// everyShard opens sessions until every shard has one, and so a timer.
func (w *world) everyShard() {
	for seen := map[int]bool{}; len(seen) < engine.Shards; {
		seen[engine.Shard(polling(w.poll()))] = true
	}
}

// A client that neither sends nor leaves, and answers pings, must not be kept by a gateway while its session is closed.
func TestRace8AnInvocationDiesWhileItClosesAConnectionThatStays(t *testing.T) {
	for _, scene := range scenes {
		if scene.name != "parse error" && scene.name != "close by the server" {
			continue
		}
		t.Run(scene.name, func(t *testing.T) {
			everyDeath(t, func(t *testing.T, w *world, l *lifeline) {
				sid := scene.prepare(w)
				w.pings()
				l.reset()
				scene.act(context.Background(), w, w.victim(l), sid)
				w.everyShard()
				w.pass(4 * time.Minute)
				if state := w.row(connected("c")).State; w.gateway.open("c") != (state == engine.Open) {
					t.Errorf("the connection is open: %t, its session is %q", w.gateway.open("c"), state)
				}
			})
		})
	}
}

// A store that fails for good from some call on makes the engine answer 503 or close, and never wait for long.
func TestRace7AStoreThatFailsFromSomeCallOn(t *testing.T) {
	for _, scene := range scenes {
		t.Run(scene.name, func(t *testing.T) {
			everyDeath(t, func(t *testing.T, w *world, l *lifeline) {
				l.spared = true
				sid := scene.prepare(w)
				l.reset()
				begin := time.Now()
				scene.act(t.Context(), w, w.victim(l), sid)
				if took := time.Since(begin); took > time.Minute {
					t.Errorf("took %s", took)
				}
				for _, id := range []string{"c", "d"} {
					w.gateway.drop(id)
				}
				w.everyShard()
				w.pass(4 * time.Minute)
				w.repaired(strings.HasPrefix(scene.name, "namespace CONNECT"))
			})
		})
	}
}

func TestRace7AStoreThatIsDown(t *testing.T) {
	for name, temporary := range map[string]bool{"throttled": true, "failing": false} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
				sid := w.poll()
				w.websocket("c")
				life := &lifeline{at: 1, spared: true}
				var s store = mortal{w.table, life}
				if temporary {
					s = throttled{s}
				}
				e := w.process(s, w.gateway, w.queue, w.handler)
				const down = `503 {"message":"Service Unavailable"}`
				begin := time.Now()
				for _, r := range []engine.Request{
					request("GET", "polling", "", ""), request("GET", "polling", sid, ""), request("POST", "polling", sid, "4x"),
				} {
					w.want(answer(e.HTTP(t.Context(), r)), down)
				}
				w.want(answer(e.Connect(t.Context(), "d", request("GET", "websocket", "", ""))), down)
				w.want(answer(e.Connect(t.Context(), "d", request("GET", "websocket", sid, ""))), down)
				if e.Frame(t.Context(), "c", frameOf("4say hello")); w.gateway.open("c") {
					t.Error("the client has to know that its frame is lost")
				}
				e.Frame(t.Context(), "c", frameOf("3"))
				e.Disconnect(t.Context(), "c", 1006)
				if err := e.Deliver(t.Context(), polling(sid), w.parcel("x")); err == nil {
					t.Error("Deliver has not failed")
				}
				for _, j := range w.queue.messages() {
					if err := e.Job(t.Context(), []byte(j)); err == nil {
						t.Errorf("%s has not failed: it has to come again", j)
					}
				}
				if took := time.Since(begin); took > time.Minute {
					t.Errorf("took %s", took)
				}
				if len(w.handler.got()) > 0 {
					t.Errorf("handled %q", w.handler.got())
				}
			})
		})
	}
}

// throttled makes all errors temporary.
type throttled struct{ store }

type temporary struct{ error }

func (temporary) Temporary() bool { return true }

func (s throttled) Create(ctx context.Context, row engine.Session, h []byte, l *engine.Live) error {
	return asTemporary(s.store.Create(ctx, row, h, l))
}

func (s throttled) Get(ctx context.Context, a engine.Address, strong bool) (engine.Session, error) {
	row, err := s.store.Get(ctx, a, strong)
	return row, asTemporary(err)
}

func (s throttled) Update(ctx context.Context, a engine.Address, t engine.Transition) (engine.Session, bool, error) {
	row, ok, err := s.store.Update(ctx, a, t)
	return row, ok, asTemporary(err)
}

func (s throttled) Timer(ctx context.Context, shard int, strong bool) (engine.Timer, error) {
	timer, err := s.store.Timer(ctx, shard, strong)
	return timer, asTemporary(err)
}

func asTemporary(err error) error {
	if err == nil {
		return nil
	}
	return temporary{err}
}

// The invocation's time ends in the middle of closing: what it could not do is left to a sweep.
func TestRace8TheContextEndsInTheMiddleOfClosing(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		upgraded(w)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		h := &strict{handler: w.handler}
		e := w.process(w.table, w.gateway, w.queue, h)
		w.gateway.drop("c")
		e.Disconnect(ctx, "c", 1006)
		w.reasonsAre(engine.TransportClose)
		w.pass(3 * time.Minute)
		w.gone()
		if h.ended {
			t.Error("the handler was given a context that had ended")
		}
	})
}

type strict struct {
	*handler
	ended bool
}

func (h *strict) Closed(ctx context.Context, s engine.Session) error {
	h.ended = h.ended || ctx.Err() != nil
	return h.handler.Closed(ctx, s)
}

func TestRace8AHandlerThatFailsOrPanicsWhileClosingIsCalledAgain(t *testing.T) {
	for _, panics := range []bool{false, true} {
		inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
			w.websocket("c")
			w.frame("c", "4join")
			h := &failing{handler: w.handler, panics: panics, times: 1}
			e := w.process(w.table, w.gateway, w.queue, h)
			w.gateway.drop("c")
			e.Disconnect(t.Context(), "c", 1006)
			if n := w.table.Rows(); n.Members == 0 || n.Lives == 0 {
				t.Errorf("rows %+v", n)
			}
			w.pass(3 * time.Minute)
			w.reasonsAre(engine.TransportClose)
			w.gone()
		})
	}
}

type failing struct {
	*handler
	panics bool
	times  int
}

func (h *failing) Closed(ctx context.Context, s engine.Session) error {
	if h.times--; h.times < 0 {
		return h.handler.Closed(ctx, s)
	}
	if h.panics {
		panic("oh no")
	}
	return fmt.Errorf("not now")
}

func TestRace3AJoinDuringTheCleanUpLeavesNoEntry(t *testing.T) {
	// The handler's own rows are its own business; the entry that tells of them is the engine's.
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		w.websocket("c")
		var result error
		w.handler.on = func(ctx context.Context, v *engine.Invocation, _ string) error {
			w.leave("c", 1006)
			_, result = v.SetEntry(ctx, namespace, nil, []byte("too late"))
			return result
		}
		w.frame("c", "4x")
		if !errors.Is(result, engine.ErrGone) {
			t.Errorf("SetEntry: %v", result)
		}
		if s := w.row(connected("c")); len(s.Entries) > 0 {
			t.Errorf("%+v", s)
		}
		synctest.Wait()
		if strings.Contains(w.logged(), "panic") {
			t.Error(w.logged())
		}
	})
}
