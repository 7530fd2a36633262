package socketio_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

type spanKey struct{}

// spans is a tracer that keeps where each span was, such as "handler say/store Members".
type spans struct {
	mu    sync.Mutex
	open  int
	all   []string
	attrs []slog.Attr
}

func (s *spans) Start(ctx context.Context, kind observe.SpanKind, name string, attrs ...slog.Attr) (context.Context, func(error)) {
	path := string(kind) + " " + name
	if outer, ok := ctx.Value(spanKey{}).(string); ok {
		path = outer + "/" + path
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open++
	s.attrs = append(s.attrs, attrs...)
	return context.WithValue(ctx, spanKey{}, path), func(err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.open--
		if err != nil {
			path += ": failed"
		}
		s.all = append(s.all, path)
	}
}

// take returns the spans that have ended since, sorted.
func (s *spans) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.Clone(s.all)
	s.all = nil
	slices.Sort(all)
	return all
}

// TestSpansAreInsideOfWhatHasCausedThem has handlers of all kinds, of which some fail.
func TestSpansAreInsideOfWhatHasCausedThem(t *testing.T) {
	io := socketio.New(socketio.Options{Logger: slog.New(slog.DiscardHandler)})
	n := io.Of("/")
	n.Use(func(c ctx, s sock) error { return s.Join(c, "room") })
	n.OnConnection(func(c ctx, s sock) error { return s.Emit(c, "welcome") })
	n.On("say", func(c ctx, s sock) error { return io.To("room").Emit(c, "said") })
	n.On("fail", func(ctx, sock) error { return errors.New("failed") })
	n.On("panic", func(ctx, sock) error { panic("x") })
	n.On("ask", func(c ctx, s sock) error { return s.Then("answered", nil).Emit(c, "q") })
	n.OnAck("answered", func(ctx, sock, any, error) error { return nil })
	n.OnDisconnect(func(ctx, sock, socketio.Reason) error { return nil })
	tracer := &spans{}
	server := socketiotest.New(t, io, socketiotest.Options{Engine: engine.Options{Tracer: tracer}})
	ada := server.Connect("/", websocket)
	ada.Expect("welcome")
	has := func(when string, want ...string) {
		t.Helper()
		got := tracer.take()
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("%s: no span %q in\n%s", when, w, strings.Join(got, "\n"))
			}
		}
	}
	has("a CONNECT", "handler connect", "store Join", "handler connection", "handler connection/post post", "store Create", "post exists")
	ada.Emit("say")
	has("an event", "handler say", "handler say/store Members", "handler say/post post", "store Get", "post post")
	ada.EmitNoAck("fail")
	ada.EmitNoAck("panic")
	server.Settle()
	has("failures", "handler fail: failed", "handler panic: failed")
	ada.Emit("ask")
	ada.Expect("said")
	ada.Expect("q")
	ada.Ack("answer")
	server.Settle()
	has("a question", "handler ask/store Ask", "store Answer", "handler answered", "store Done")
	ada.Close()
	server.Settle()
	has("a disconnect", "handler disconnect", "store Leave", "store Forget")
	if tracer.open != 0 {
		t.Errorf("%d spans did not end", tracer.open)
	}
}

// TestSpansHaveNoSecrets polls, by what nobody but the client may know.
func TestSpansHaveNoSecrets(t *testing.T) {
	tracer := &spans{}
	server := socketiotest.New(t, socketio.New(socketio.Options{}), socketiotest.Options{Engine: engine.Options{Tracer: tracer}})
	server.Connect("/", polling).Close()
	server.Settle()
	sessions := 0
	for _, a := range tracer.attrs {
		if a.Key == "session" {
			sessions++
			if text := a.Value.Resolve().String(); !strings.HasPrefix(text, "polling-") || len(text) > 30 {
				t.Errorf("a span has the session %s", text)
			}
		}
	}
	if sessions < 5 {
		t.Errorf("%d spans with a session", sessions)
	}
}
