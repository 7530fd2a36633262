package engine_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/store/memory"
)

// store is both contracts on one table.
type store interface {
	engine.Store
	rooms.Store
}

// world is a deployment without a network: one table, one gateway, one queue, and any number of processes. It lives in
// a bubble of synctest, where waiting costs nothing.
type world struct {
	t       *testing.T
	table   *memory.Store
	gateway *gateway
	queue   *queue
	handler *handler
	options engine.Options
	e       *engine.Engine // of a healthy process
	dying   *lifeline      // of the process that is not

	mu   sync.Mutex
	log  bytes.Buffer
	sids []string // that no log may contain
}

// inWorld runs a test in a world. At its end nothing may run any more, and no log may contain a sid.
// A test that fails ends there; what says which of many it was is logged.
func inWorld(t *testing.T, o engine.Options, test func(t *testing.T, w *world), which ...any) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		defer func() {
			if t.Failed() {
				t.Log(which...)
			}
		}()
		w := newWorld(t, o)
		test(t, w)
		for _, sid := range w.sids {
			if strings.Contains(w.logged(), sid) {
				t.Errorf("a sid is in the log:\n%s", w.logged())
			}
		}
	})
}

func newWorld(t *testing.T, o engine.Options) *world {
	now := time.Now
	if o.Clock != nil {
		now = o.Clock.Now
	}
	w := &world{t: t, table: memory.New(now), gateway: &gateway{connections: map[string]*connection{}}, queue: &queue{}, options: o}
	w.options.Logger = slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.options.Rand = &random{source: rand.NewChaCha8([32]byte{})}
	w.handler = &handler{w: w, rooms: w.table}
	w.e = w.process(w.table, w.gateway, w.queue, w.handler)
	return w
}

// random makes ids that are the same in every run.
type random struct {
	mu     sync.Mutex
	source *rand.ChaCha8
}

func (r *random) Read(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.source.Read(b)
}

// process is another Lambda of the deployment.
func (w *world) process(s engine.Store, p engine.Poster, timers engine.Timers, h engine.Handler) *engine.Engine {
	w.t.Helper()
	e, err := engine.New(s, p, timers, h, w.options)
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

func (w *world) logged() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

func (w *world) secret(sid string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sids = append(w.sids, sid)
}

// wait lets d pass, with no job carried out.
func wait(d time.Duration) { <-time.After(d) }

// pass lets d pass and carries out the jobs that fall due.
func (w *world) pass(d time.Duration) {
	end := time.Now().Add(d)
	for {
		j, ok := w.queue.next(end)
		if !ok {
			break
		}
		wait(max(0, time.Until(j.due)))
		if err := w.e.Job(context.Background(), j.message); err != nil {
			if j.tries++; j.tries < 5 {
				j.due = time.Now().Add(time.Second)
				w.queue.add(j)
			}
		}
	}
	wait(max(0, time.Until(end)))
}

// queue is the timer queue.
type queue struct {
	mu       sync.Mutex
	jobs     []scheduled
	promptly func(job []byte, do func(context.Context) error) // not nil: takes what a client waits for
	fail     error                                            // not nil: of Schedule
}

type scheduled struct {
	message []byte
	due     time.Time
	tries   int
}

func (q *queue) Schedule(_ context.Context, job []byte, after time.Duration) error {
	if q.fail != nil {
		return q.fail
	}
	q.add(scheduled{message: job, due: time.Now().Add(after)})
	return nil
}

func (q *queue) SchedulePromptly(job []byte, do func(context.Context) error) bool {
	if q.promptly != nil {
		q.promptly(job, do)
	}
	return q.promptly != nil
}

func (q *queue) add(j scheduled) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = append(q.jobs, j)
}

// next takes the job that is due first, if that is until end.
func (q *queue) next(end time.Time) (scheduled, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	slices.SortStableFunc(q.jobs, func(a, b scheduled) int { return a.due.Compare(b.due) })
	if len(q.jobs) == 0 || q.jobs[0].due.After(end) {
		return scheduled{}, false
	}
	j := q.jobs[0]
	q.jobs = q.jobs[1:]
	return j, true
}

// lose drops messages.
func (q *queue) lose(which func(message string) bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = slices.DeleteFunc(q.jobs, func(j scheduled) bool { return which(string(j.message)) })
}

// sweepOf returns the shard of a sweep's message, -1 for any other.
func sweepOf(message string) int {
	j := struct {
		Kind  string
		Shard int
	}{}
	if json.Unmarshal([]byte(message), &j) != nil || j.Kind != "sweep" {
		return -1
	}
	return j.Shard
}

func (q *queue) messages() (all []string) {
	for _, j := range q.all() {
		all = append(all, string(j.message))
	}
	return all
}

func (q *queue) all() []scheduled {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.jobs)
}

// gateway is the @connections API. Its hooks may fail a call before it has any effect.
type gateway struct {
	mu          sync.Mutex
	connections map[string]*connection
	calls       []string

	post       func(ctx context.Context, id string, f engine.Frame) error
	exists     func(ctx context.Context, id string) error
	disconnect func(ctx context.Context, id string) error
}

type connection struct {
	frames []string // that the client got, binary ones with "binary:" before
	closed bool
}

func (g *gateway) Post(ctx context.Context, id string, f engine.Frame) error {
	g.called("post " + id)
	if g.post != nil {
		if err := g.post(ctx, id, f); err != nil {
			return err
		}
	}
	return g.deliver(id, f)
}

func (g *gateway) deliver(id string, f engine.Frame) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.connections[id]
	if c == nil || c.closed {
		return engine.ErrGone
	}
	text := string(f.Data)
	if f.Binary {
		text = "binary:" + text
	}
	c.frames = append(c.frames, text)
	return nil
}

func (g *gateway) Exists(ctx context.Context, id string) error {
	g.called("exists " + id)
	if g.exists != nil {
		if err := g.exists(ctx, id); err != nil {
			return err
		}
	}
	if !g.open(id) {
		return engine.ErrGone
	}
	return nil
}

func (g *gateway) Disconnect(ctx context.Context, id string) error {
	g.called("disconnect " + id)
	if g.disconnect != nil {
		if err := g.disconnect(ctx, id); err != nil {
			return err
		}
	}
	g.drop(id)
	return nil
}

func (g *gateway) called(call string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls = append(g.calls, call)
}

// count returns how many calls there were that begin with a text, and forgets them.
func (g *gateway) count(prefix string) (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls = slices.DeleteFunc(g.calls, func(call string) bool {
		if strings.HasPrefix(call, prefix) {
			n++
			return true
		}
		return false
	})
	return n
}

func (g *gateway) open(id string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.connections[id]
	return c != nil && !c.closed
}

func (g *gateway) accept(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.connections[id] = &connection{}
}

// drop closes a connection, of which nobody is told.
func (g *gateway) drop(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c := g.connections[id]; c != nil {
		c.closed = true
	}
}

// received returns what a client has got since it was asked last.
func (g *gateway) received(id string) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.connections[id]
	if c == nil {
		return nil
	}
	frames := c.frames
	c.frames = nil
	return frames
}

// last takes the last frame that a client has got since it was asked, empty when there is none.
func (g *gateway) last(id string) (frame string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c := g.connections[id]; c != nil && len(c.frames) > 0 {
		frame = c.frames[len(c.frames)-1]
		c.frames = c.frames[:len(c.frames)-1]
	}
	return frame
}

// handler is a small Socket.IO: "join" makes an entry and a membership, which closing removes and moving moves;
// "say x" answers with x; whatever else comes is noted.
type handler struct {
	w     *world
	rooms rooms.Store
	on    func(ctx context.Context, v *engine.Invocation, message string) error // instead, when not nil
	seen  *seen

	closing func() // called by Closed, when not nil
}

type seen struct {
	mu       sync.Mutex
	messages []string
	closed   []engine.Reason
	moved    int
}

func (h *handler) notes() *seen {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	if h.seen == nil {
		h.seen = &seen{}
	}
	return h.seen
}

func (h *handler) got() []string {
	s := h.notes()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

func (h *handler) reasons() []engine.Reason {
	s := h.notes()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.closed)
}

func (h *handler) Message(ctx context.Context, v *engine.Invocation, messages []protocol.EnginePacket) error {
	for _, m := range messages {
		text := string(m.Data)
		s := h.notes()
		s.mu.Lock()
		s.messages = append(s.messages, text)
		s.mu.Unlock()
		if err := h.message(ctx, v, text); err != nil {
			return err
		}
	}
	return nil
}

const namespace = "/"

func (h *handler) message(ctx context.Context, v *engine.Invocation, text string) error {
	say, ok := strings.CutPrefix(text, "say ")
	switch {
	case h.on != nil:
		return h.on(ctx, v, text)
	case text == "join":
		m := rooms.Member{Socket: "socket", Address: string(v.Address()), Expires: v.Expires()}
		if _, err := h.rooms.Join(ctx, namespace, m, "", "room"); err != nil {
			return err
		}
		ok, err := v.SetEntry(ctx, namespace, nil, []byte("socket"))
		if err != nil || !ok {
			return cmp.Or(h.rooms.Leave(ctx, namespace, "socket", "", "room"), err)
		}
	case ok:
		return v.Send(ctx, h.w.parcel(say))
	}
	return nil
}

func (h *handler) Closed(ctx context.Context, s engine.Session) error {
	notes := h.notes()
	notes.mu.Lock()
	notes.closed = append(notes.closed, s.Reason)
	notes.mu.Unlock()
	if h.closing != nil {
		h.closing()
	}
	for _, socket := range s.Entries {
		if err := h.rooms.Leave(ctx, namespace, string(socket), "", "room"); err != nil {
			return err
		}
	}
	return nil
}

func (h *handler) Moved(ctx context.Context, s engine.Session, to engine.Address) error {
	notes := h.notes()
	notes.mu.Lock()
	notes.moved++
	notes.mu.Unlock()
	for _, socket := range s.Entries {
		if err := h.rooms.Move(ctx, namespace, string(socket), string(to)); err != nil {
			return err
		}
	}
	return nil
}

// parcel is one text message.
func (w *world) parcel(text string) engine.Parcel {
	p, err := w.e.Parcel(protocol.EnginePacket{Type: protocol.EngineMessage, Data: []byte(text)})
	if err != nil {
		w.t.Error(err)
	}
	return p
}

func request(method, transport, sid, body string) engine.Request {
	q := url.Values{"EIO": {"4"}, "transport": {transport}}
	if sid != "" {
		q.Set("sid", sid)
	}
	return engine.Request{Method: method, Query: q, Header: http.Header{"Host": {"doze.example"}}, Body: []byte(body), URL: "/socket.io/?" + q.Encode()}
}

// answer is a response as text: status and body.
func answer(r engine.Response) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", r.Status, r.Body))
}

// openOf decodes an open packet.
func (w *world) openOf(packet string) string {
	w.t.Helper()
	_, sid, ok := strings.Cut(packet, `"sid":"`)
	if !strings.HasPrefix(packet, "0{") || !ok {
		w.t.Fatalf("%q is no open packet", packet)
	}
	sid, _, _ = strings.Cut(sid, `"`)
	w.secret(sid)
	return sid
}

// poll opens a session that polls.
func (w *world) poll() (sid string) {
	w.t.Helper()
	r := w.e.HTTP(context.Background(), request("GET", "polling", "", ""))
	if r.Status != 200 {
		w.t.Fatalf("the handshake was answered with %s", answer(r))
	}
	return w.openOf(string(r.Body))
}

func (w *world) get(sid string) string {
	return answer(w.e.HTTP(context.Background(), request("GET", "polling", sid, "")))
}

func (w *world) post(sid, body string) string {
	return answer(w.e.HTTP(context.Background(), request("POST", "polling", sid, body)))
}

// getting polls in another goroutine.
func (w *world) getting(sid string) <-chan string {
	answers := make(chan string, 1)
	go func() { answers <- w.get(sid) }()
	synctest.Wait()
	return answers
}

// connect makes a WebSocket connection, to take over a session unless sid is empty.
func (w *world) connect(id, sid string) int {
	r := w.e.Connect(context.Background(), id, request("GET", "websocket", sid, ""))
	if r.Status == 200 {
		w.gateway.accept(id)
	}
	return r.Status
}

// websocket opens a session over WebSocket.
func (w *world) websocket(id string) (sid string) {
	w.t.Helper()
	if status := w.connect(id, ""); status != 200 {
		w.t.Fatalf("the connection was refused with %d", status)
	}
	w.pass(0)
	frames := w.gateway.received(id)
	if len(frames) != 1 {
		w.t.Fatalf("got %q, want an open packet", frames)
	}
	return w.openOf(frames[0])
}

// frame sends a frame and returns the last one that the client has got by the time that it is handled, empty when there
// is none since it was asked last.
func (w *world) frame(id, data string) string {
	w.e.Frame(context.Background(), id, engine.Frame{Data: []byte(data)})
	return w.gateway.last(id)
}

// upgrade takes a session over to a connection, as a client does that has nothing under way.
func (w *world) upgrade(id, sid string) {
	w.t.Helper()
	if status := w.connect(id, sid); status != 200 {
		w.t.Fatalf("the upgrade was refused with %d", status)
	}
	if got := w.frame(id, "2probe"); got != "3probe" {
		w.t.Fatalf("the probe was answered with %q", got)
	}
	w.frame(id, "5")
}

// nextPing returns the time until the heartbeat of a new connection pings it for the first time: on the first beat of
// its shard after the time in which a new connection is not pinged.
func nextPing(w *world, id string) time.Duration {
	interval := w.e.Options().PingInterval
	phase := interval * time.Duration(engine.Shard(connected(id))) / engine.Shards
	until := interval - (time.Duration(time.Now().UnixNano())-phase)%interval
	for until < min(w.e.Options().PingTimeout*3/4, time.Second) {
		until += interval
	}
	return until
}

// leave closes a connection from the client's side.
func (w *world) leave(id string, code int) {
	w.gateway.drop(id)
	w.e.Disconnect(context.Background(), id, code)
}

// gone checks that nothing but tombstones is left, and nothing at all once these have expired.
func (w *world) gone() {
	w.t.Helper()
	n := w.table.Rows()
	if n.Sessions+n.Handshakes+n.Lives+n.Members > 0 {
		w.t.Errorf("left behind: %+v", n)
	}
	w.pass(10 * time.Minute)
	if n := w.table.Rows(); n != (memory.Rows{}) {
		w.t.Errorf("left behind for good: %+v", n)
	}
}

func (w *world) want(got, want string) {
	w.t.Helper()
	if got != want {
		w.t.Errorf("got %q, want %q", got, want)
	}
}

func polling(sid string) engine.Address  { return engine.Address("p" + sid) }
func connected(id string) engine.Address { return engine.Address("w" + id) }
func (w *world) row(a engine.Address) engine.Session {
	s, _ := w.table.Get(context.Background(), a, true)
	return s
}

// reasonsAre checks what sessions were closed for, in order.
func (w *world) reasonsAre(want ...engine.Reason) {
	w.t.Helper()
	if got := w.handler.reasons(); !slices.Equal(got, want) {
		w.t.Errorf("closed for %q, want %q", got, want)
	}
}
