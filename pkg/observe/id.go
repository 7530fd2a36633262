package observe

import (
	"context"
	"log/slog"
)

type idKey struct{}

// WithID returns a context for what an event, a request or a job has caused. The id is not secret, and is logged.
func WithID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, idKey{}, id)
}

// ID returns the id of what has caused what is being done, empty when nobody knows. It goes with jobs from one
// invocation to another.
func ID(ctx context.Context) string {
	id, _ := ctx.Value(idKey{}).(string)
	return id
}

// Trace is the name of the id in a line of the log.
const Trace = "trace"

// Logger returns a logger whose lines have the id of their context. What Logger has returned, it returns as it is.
func Logger(l *slog.Logger) *slog.Logger {
	if _, ok := l.Handler().(tracing); ok {
		return l
	}
	return slog.New(tracing{l.Handler()})
}

// tracing is a Handler that adds the id of the context.
type tracing struct{ slog.Handler }

// Handle implements slog.Handler.
func (t tracing) Handle(ctx context.Context, r slog.Record) error {
	if id := ID(ctx); id != "" {
		r = r.Clone()
		r.AddAttrs(slog.String(Trace, id))
	}
	return t.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (t tracing) WithAttrs(attrs []slog.Attr) slog.Handler {
	return tracing{t.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (t tracing) WithGroup(name string) slog.Handler { return tracing{t.Handler.WithGroup(name)} }
