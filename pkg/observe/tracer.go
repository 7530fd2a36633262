package observe

import (
	"context"
	"log/slog"
)

// SpanKind says what a span is the time of.
type SpanKind string

// The kinds of spans, from the outermost to the innermost.
const (
	Invocation SpanKind = "invocation" // of a function: connect, poll, message, disconnect, heartbeat
	Handler    SpanKind = "handler"    // of the application, by its event; "connect" is the middlewares
	Store      SpanKind = "store"      // a call of the table, with its retries, by the method of the store
	Post       SpanKind = "post"       // a call of @connections, each attempt: post, exists, disconnect
)

// Tracer makes spans, such as OpenTelemetry's, of what Doze does. It is safe for concurrent use.
type Tracer interface {
	// Start begins a span inside of that of ctx, if there is one. What happens inside gets the context that it returns,
	// which is made of ctx, and end is called once, with the error that there was, or nil. The attributes may have to be
	// resolved (slog.Value.Resolve), and hold no secrets; names and attributes may be a client's. The end of an
	// Invocation comes before its response, after which Lambda may freeze the process: it is there to send what was
	// gathered.
	Start(ctx context.Context, kind SpanKind, name string, attrs ...slog.Attr) (inside context.Context, end func(error))
}

// Untraced is a Tracer that makes no spans.
var Untraced Tracer = untraced{}

type untraced struct{}

func (untraced) Start(ctx context.Context, _ SpanKind, _ string, _ ...slog.Attr) (context.Context, func(error)) {
	return ctx, func(error) {}
}
