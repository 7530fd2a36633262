package socketio_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/testparts"
	"github.com/dozeio/doze/pkg/acks"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

var polling, websocket = socketiotest.Polling(), socketiotest.Header("X-Transport", "websocket")

// overBoth runs a test for clients of either transport.
func overBoth(t *testing.T, test func(t *testing.T, transport socketiotest.Option)) {
	t.Run("polling", func(t *testing.T) { test(t, polling) })
	t.Run("websocket", func(t *testing.T) { test(t, websocket) })
}

// logbook keeps what a server logs, as JSON.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// lines returns the lines that have a message.
func (l *logbook) lines(t *testing.T, message string) []map[string]any {
	t.Helper()
	return l.where(t, func(line map[string]any) bool { return line["msg"] == message })
}

// where returns the lines that a condition holds for.
func (l *logbook) where(t *testing.T, is func(map[string]any) bool) (found []map[string]any) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("the log has %q: %v", line, err)
		}
		if is(v) {
			found = append(found, v)
		}
	}
	return found
}

// size returns how many bytes of warnings and errors there are.
func (l *logbook) size() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if !strings.Contains(line, `"level":"DEBUG"`) {
			n += len(line)
		}
	}
	return n
}

// refusedEvent is the message of what a client did wrong.
const refusedEvent = "a client's event was refused"

// want checks that exactly one line has a message, an error text, an event and a socket.
func (l *logbook) want(t *testing.T, message, err, event, socket string) {
	t.Helper()
	lines := l.lines(t, message)
	if len(lines) != 1 {
		t.Fatalf("the log has %d lines %q, want 1:\n%s", len(lines), message, l.text.String())
	}
	got, _ := lines[0]["error"].(string)
	level := "ERROR"
	if message == refusedEvent {
		level = "WARN"
	}
	if !strings.Contains(got, err) || lines[0]["event"] != event || lines[0]["socket"] != socket || lines[0]["level"] != level {
		t.Errorf("logged %v, want error %q, event %q, socket %q", lines[0], err, event, socket)
	}
}

// nothing checks that there is no warning and no error.
func (l *logbook) nothing(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, `"level":"ERROR"`) || strings.Contains(line, `"level":"WARN"`) {
			t.Errorf("logged %s", line)
		}
	}
}

// newServer returns a Server and its log.
func newServer() (*socketio.Server, *logbook) {
	l := &logbook{}
	return socketio.New(socketio.Options{Logger: l.logger()}), l
}

var ordered = socketiotest.Options{Engine: engine.Options{OrderedFrames: true, BinaryFrames: true}}

// diary is what has happened, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) add(v ...any) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprint(v...))
	return nil
}

// String returns the lines, separated by commas.
func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.lines, ", ")
}

// text is an Engine.IO message with a Socket.IO packet.
func text(packet string) protocol.EnginePacket {
	return protocol.EnginePacket{Type: protocol.EngineMessage, Data: []byte(packet)}
}

func binary(b ...byte) protocol.EnginePacket {
	return protocol.EnginePacket{Type: protocol.EngineMessage, Binary: true, Data: b}
}

// noRows checks that nothing but tombstones is left.
func noRows(t *testing.T, s *socketiotest.Server) {
	t.Helper()
	if r := testparts.Store(s).Rows(); r.Sessions+r.Handshakes+r.Lives+r.Members > 0 {
		t.Errorf("left behind: %+v", r)
	}
}

// hooked is a store of all kinds that calls hook around each call: before it, where an error keeps it from
// happening, and after it, where an error is a lost response. A transition goes by its own name.
type hooked struct {
	sessions engine.Store
	rooms    rooms.Store
	acks     acks.Store
	hook     func(op string, after bool) error
}

var (
	_ engine.Store = (*hooked)(nil)
	_ rooms.Store  = (*hooked)(nil)
	_ acks.Store   = (*hooked)(nil)
)

// hook returns the option that puts a hook around the store.
func hook(f func(op string, after bool) error) func(socketio.Backend) socketio.Backend {
	return func(b socketio.Backend) socketio.Backend {
		h := &hooked{b.Sessions, b.Rooms, b.Acks, f}
		b.Sessions, b.Rooms, b.Acks = h, h, h
		return b
	}
}

func (h *hooked) call(op string, f func() error) error {
	if err := h.hook(op, false); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	return h.hook(op, true)
}

func (h *hooked) Create(ctx context.Context, s engine.Session, handshake []byte, live *engine.Live) error {
	return h.call("Create", func() error { return h.sessions.Create(ctx, s, handshake, live) })
}

func (h *hooked) Get(ctx context.Context, a engine.Address, strong bool) (s engine.Session, err error) {
	err = h.call("Get", func() (err error) { s, err = h.sessions.Get(ctx, a, strong); return err })
	return s, err
}

func (h *hooked) Update(ctx context.Context, a engine.Address, t engine.Transition) (s engine.Session, ok bool, err error) {
	op := strings.TrimPrefix(fmt.Sprintf("%T", t), "engine.")
	err = h.call(op, func() (err error) { s, ok, err = h.sessions.Update(ctx, a, t); return err })
	return s, ok, err
}

func (h *hooked) Handshake(ctx context.Context, s engine.Session) (b []byte, err error) {
	err = h.call("Handshake", func() (err error) { b, err = h.sessions.Handshake(ctx, s); return err })
	return b, err
}

func (h *hooked) PutLive(ctx context.Context, l engine.Live) error {
	return h.call("PutLive", func() error { return h.sessions.PutLive(ctx, l) })
}

func (h *hooked) Touch(ctx context.Context, a engine.Address, last time.Time, joined bool) error {
	return h.call("Touch", func() error { return h.sessions.Touch(ctx, a, last, joined) })
}

func (h *hooked) Lives(ctx context.Context, shard int) (l []engine.Live, err error) {
	err = h.call("Lives", func() (err error) { l, err = h.sessions.Lives(ctx, shard); return err })
	return l, err
}

func (h *hooked) Forget(ctx context.Context, a engine.Address, sid string) error {
	return h.call("Forget", func() error { return h.sessions.Forget(ctx, a, sid) })
}

func (h *hooked) Timer(ctx context.Context, shard int, strong bool) (t engine.Timer, err error) {
	err = h.call("Timer", func() (err error) { t, err = h.sessions.Timer(ctx, shard, strong); return err })
	return t, err
}

func (h *hooked) SetTimer(ctx context.Context, shard int, generation int64, t engine.Timer) (ok bool, err error) {
	err = h.call("SetTimer", func() (err error) { ok, err = h.sessions.SetTimer(ctx, shard, generation, t); return err })
	return ok, err
}

func (h *hooked) Join(ctx context.Context, namespace string, m rooms.Member, names ...string) (n int, err error) {
	err = h.call("Join", func() (err error) { n, err = h.rooms.Join(ctx, namespace, m, names...); return err })
	return n, err
}

func (h *hooked) Leave(ctx context.Context, namespace, socket string, names ...string) error {
	return h.call("Leave", func() error { return h.rooms.Leave(ctx, namespace, socket, names...) })
}

func (h *hooked) Move(ctx context.Context, namespace, socket, address string) error {
	return h.call("Move", func() error { return h.rooms.Move(ctx, namespace, socket, address) })
}

func (h *hooked) Members(ctx context.Context, namespace, room, cursor string) (page []rooms.Member, next string, err error) {
	err = h.call("Members", func() (err error) { page, next, err = h.rooms.Members(ctx, namespace, room, cursor); return err })
	return page, next, err
}

func (h *hooked) Rooms(ctx context.Context, namespace, socket string) (names []string, err error) {
	err = h.call("Rooms", func() (err error) { names, err = h.rooms.Rooms(ctx, namespace, socket); return err })
	return names, err
}

func (h *hooked) Counts(ctx context.Context, namespace string) (counts map[string]int, err error) {
	err = h.call("Counts", func() (err error) { counts, err = h.rooms.Counts(ctx, namespace); return err })
	return counts, err
}

func (h *hooked) Ask(ctx context.Context, q acks.Question) error {
	return h.call("Ask", func() error { return h.acks.Ask(ctx, q) })
}

func (h *hooked) Answer(ctx context.Context, id int64, e acks.End) (q acks.Question, ok bool, err error) {
	err = h.call("Answer", func() (err error) { q, ok, err = h.acks.Answer(ctx, id, e); return err })
	return q, ok, err
}

func (h *hooked) End(ctx context.Context, id int64, e acks.End) (ok bool, err error) {
	err = h.call("End", func() (err error) { ok, err = h.acks.End(ctx, id, e); return err })
	return ok, err
}

func (h *hooked) Retake(ctx context.Context, id int64, socket, before, op string, at time.Time) (ok bool, err error) {
	err = h.call("Retake", func() (err error) { ok, err = h.acks.Retake(ctx, id, socket, before, op, at); return err })
	return ok, err
}

func (h *hooked) Done(ctx context.Context, id int64, socket, op string) error {
	return h.call("Done", func() error { return h.acks.Done(ctx, id, socket, op) })
}

func (h *hooked) Read(ctx context.Context, id int64, part int, strong bool) (q acks.Question, ends []acks.End, err error) {
	err = h.call("Read", func() (err error) { q, ends, err = h.acks.Read(ctx, id, part, strong); return err })
	return q, ends, err
}

// errTemporary is a store's temporary error, errLasting one that is not worth a retry.
type temporary struct{ error }

func (temporary) Temporary() bool { return true }

var (
	errTemporary = temporary{errors.New("the store is busy")}
	errLasting   = errors.New("the store is broken")
)
