package oneprocess_test

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/socketio"
)

type spanKey struct{}

// spans keeps where each span was.
type spans struct {
	mu  sync.Mutex
	all []string
}

func (s *spans) Start(ctx context.Context, kind observe.SpanKind, name string, attrs ...slog.Attr) (context.Context, func(error)) {
	path := string(kind) + " " + name
	if outer, ok := ctx.Value(spanKey{}).(string); ok {
		path = outer + "/" + path
	} else if len(attrs) != 1 || attrs[0].Key != observe.Trace || attrs[0].Value.String() != observe.ID(ctx) {
		path += " without its id"
	}
	return context.WithValue(ctx, spanKey{}, path), func(error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all = append(s.all, path)
	}
}

// TestEverySpanIsInsideOfAnInvocation goes by the functions, behind the gateway.
func TestEverySpanIsInsideOfAnInvocation(t *testing.T) {
	tracer := &spans{}
	io := socketio.New(socketio.Options{Tracer: tracer})
	io.Of("/").On("say", func(ctx context.Context, s *socketio.Socket) error { return io.Emit(ctx, "said") })
	server, err := oneprocess.Start(oneprocess.Options{}, io.Bind)
	if err != nil {
		t.Fatal(err)
	}
	polling := server.URL + "/socket.io/?EIO=4&transport=polling"
	_, open := get(t, polling)
	polling += "&sid=" + strings.SplitN(open, `"`, 5)[3]
	for _, body := range []string{"40", `42["say"]`, "1"} {
		res, err := http.Post(polling, "text/plain", strings.NewReader(body))
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatal(res, err)
		}
		res.Body.Close()
	}
	if err := server.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"invocation connect/store Create", "invocation message/store Get", "invocation message/handler say/store Members"} {
		if !slices.Contains(tracer.all, want) {
			t.Errorf("no span %q in\n%s", want, strings.Join(tracer.all, "\n"))
		}
	}
	for _, path := range tracer.all {
		if !strings.HasPrefix(path, "invocation ") || strings.Contains(path, "without its id") {
			t.Errorf("outside of an invocation: %s", path)
		}
	}
}
