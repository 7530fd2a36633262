package socketio_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/store/memory"
)

// nowhere is a gateway without clients, which runs the job of an open packet at once and no other.
type nowhere struct {
	last []byte // of what was posted
}

func (n *nowhere) Post(_ context.Context, _ string, f engine.Frame) error {
	n.last = f.Data
	return nil
}
func (n *nowhere) Exists(context.Context, string) error     { return nil }
func (n *nowhere) Disconnect(context.Context, string) error { return nil }

func (n *nowhere) Schedule(context.Context, []byte, time.Duration) error { return nil }

func (n *nowhere) SchedulePromptly(_ []byte, do func(context.Context) error) bool {
	return do(context.Background()) == nil
}

// benchmarkFrame measures the handling of a frame, from the read of the session to the post of the ack.
func benchmarkFrame(b *testing.B, handler any, frame, want string) {
	io := socketio.New(socketio.Options{})
	io.Of("/").On("e", handler)
	store := memory.New(nil)
	out := &nowhere{}
	e, err := io.Bind(socketio.Backend{Sessions: store, Rooms: store, Poster: out, Timers: out, Options: engine.Options{ClientRate: -1}})
	if err != nil {
		b.Fatal(err)
	}
	c := b.Context()
	q := url.Values{"EIO": {"4"}, "transport": {"websocket"}}
	if status := e.Connect(c, "connection", engine.Request{Method: http.MethodGet, Query: q}).Status; status != http.StatusOK {
		b.Fatal(status)
	}
	e.Frame(c, "connection", engine.Frame{Data: []byte("40")})
	f := engine.Frame{Data: []byte(frame)}
	b.ReportAllocs()
	for b.Loop() {
		if e.Frame(c, "connection", f); want != "" && string(out.last) != want {
			b.Fatalf("answered with %q", out.last)
		}
	}
}

func BenchmarkEventWithAck(b *testing.B) {
	b.Run("typed", func(b *testing.B) {
		handler := func(_ ctx, _ sock, name string, n int) (string, error) { return name, nil }
		benchmarkFrame(b, handler, `4212["e","ada",7]`, `4312["ada"]`)
	})
	b.Run("struct", func(b *testing.B) {
		handler := func(_ ctx, _ sock, p point) (point, error) { return p, nil }
		benchmarkFrame(b, handler, `4212["e",{"x":1}]`, `4312[{"x":1}]`)
	})
	b.Run("Args", func(b *testing.B) {
		handler := func(_ ctx, _ sock, args socketio.Args) (socketio.Args, error) { return args, nil }
		benchmarkFrame(b, handler, `4212["e","ada",7]`, `4312["ada",7]`)
	})
}

func BenchmarkEventWithEmit(b *testing.B) {
	handler := func(c ctx, s sock, name string) error { return s.Emit(c, "x", name) }
	benchmarkFrame(b, handler, `42["e","ada"]`, `42["x","ada"]`)
}

func BenchmarkJoinAndLeave(b *testing.B) {
	handler := func(c ctx, s sock, room string) error {
		if err := s.Join(c, room); err != nil {
			return err
		}
		return s.Leave(c, room)
	}
	benchmarkFrame(b, handler, `42["e","room"]`, "")
}

func BenchmarkUpdateData(b *testing.B) {
	handler := func(c ctx, s sock) error {
		return socketio.UpdateData(c, s, func(n *int) error { *n++; return nil })
	}
	benchmarkFrame(b, handler, `42["e"]`, "")
}
