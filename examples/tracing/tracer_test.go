package tracing_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/dozeio/doze/examples/tracing"
	"github.com/dozeio/doze/pkg/devserver"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// TestAHandlersSpanHasWhatItCaused has a client say something, and looks at OpenTelemetry's spans.
func TestAHandlersSpanHasWhatItCaused(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	tracer := tracing.New(sdk.NewTracerProvider(sdk.WithSyncer(spans)))
	io := socketio.New(socketio.Options{Tracer: tracer})
	io.Of("/").On("say", func(ctx context.Context, s *socketio.Socket) error { return io.Emit(ctx, "said") })
	io.Of("/").On("fail", func(context.Context, *socketio.Socket) error { return errors.New("on purpose") })
	server := socketiotest.New(t, io, socketiotest.Options{})
	ada := server.Connect("/", socketiotest.Header("X-Transport", "websocket"))
	ada.Emit("say")
	ada.Expect("said")
	ada.EmitNoAck("fail")
	server.Settle()

	all := spans.GetSpans()
	find := func(name string) tracetest.SpanStub {
		t.Helper()
		i := slices.IndexFunc(all, func(s tracetest.SpanStub) bool { return s.Name == name })
		if i < 0 {
			t.Fatalf("no span %q of %d", name, len(all))
		}
		return all[i]
	}
	say, read := find("handler say"), find("store Members")
	if read.Parent.SpanID() != say.SpanContext.SpanID() || read.SpanContext.TraceID() != say.SpanContext.TraceID() {
		t.Errorf("%v is not inside of %v", read.Parent, say.SpanContext)
	}
	if fail := find("handler fail"); fail.Status.Code != codes.Error || fail.Status.Description != "on purpose" {
		t.Errorf("the span of a handler that failed has %+v", fail.Status)
	}
	if !slices.ContainsFunc(all, func(s tracetest.SpanStub) bool {
		return s.Name == "post post" && s.Parent.SpanID() == say.SpanContext.SpanID()
	}) {
		t.Error("the emit's post is not inside of the handler's span")
	}
}

// gathered is an exporter by way of a batch, which would come later by itself.
func gathered() (*tracetest.InMemoryExporter, *tracing.Tracer) {
	spans := tracetest.NewInMemoryExporter()
	return spans, tracing.New(sdk.NewTracerProvider(sdk.WithBatcher(spans)))
}

// TestNothingIsLeftWhenAnInvocationEnds looks right after the end, as Lambda may freeze the process.
func TestNothingIsLeftWhenAnInvocationEnds(t *testing.T) {
	spans, tracer := gathered()
	ctx, end := tracer.Start(t.Context(), observe.Invocation, "message")
	_, inner := tracer.Start(ctx, observe.Store, "Get")
	inner(engine.ErrGone)
	if n := len(spans.GetSpans()); n != 0 {
		t.Fatalf("%d spans were sent one by one", n)
	}
	end(nil)
	if n := len(spans.GetSpans()); n != 2 {
		t.Errorf("%d spans were sent, want 2", n)
	}
}

// TestItServes starts what main does.
func TestItServes(t *testing.T) {
	_, tracer := gathered()
	server, err := devserver.Start(devserver.Options{}, socketio.New(socketio.Options{Tracer: tracer}))
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
