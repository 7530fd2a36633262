// Package tracing makes OpenTelemetry's spans of what Doze tells an observe.Tracer. It is an example, to be copied:
// what spans are called, and which attributes they have, is a matter of taste.
package tracing

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/dozeio/doze/pkg/observe"
)

var _ observe.Tracer = (*Tracer)(nil)

// Tracer is for Options.Tracer of a socketio.Server. Make one with New. It is safe for concurrent use.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// New returns a Tracer of a provider, which decides what is sampled and where it goes.
func New(p *sdk.TracerProvider) *Tracer {
	return &Tracer{p, p.Tracer("github.com/dozeio/doze")}
}

// Start implements observe.Tracer. A span is called by its kind and name, such as "handler say"; its attributes begin
// with "doze.", and its status is that of its error. At the end of an invocation, what was gathered is sent, because
// Lambda may freeze the process after it: the client does not wait for that, unless it polls.
func (t *Tracer) Start(ctx context.Context, kind observe.SpanKind, name string, attrs ...slog.Attr) (context.Context, func(error)) {
	all := make([]attribute.KeyValue, 0, len(attrs)+1)
	for _, a := range attrs {
		all = append(all, attributeOf(a))
	}
	ctx, span := t.tracer.Start(ctx, string(kind)+" "+name, trace.WithSpanKind(kinds[kind]), trace.WithAttributes(all...))
	return ctx, func(err error) {
		if err != nil {
			span.RecordError(err)
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
		if kind == observe.Invocation {
			_ = t.provider.ForceFlush(context.WithoutCancel(ctx)) // its error is the exporter's to tell
		}
	}
}

var kinds = map[observe.SpanKind]trace.SpanKind{
	observe.Invocation: trace.SpanKindServer, observe.Handler: trace.SpanKindInternal,
	observe.Store: trace.SpanKindClient, observe.Post: trace.SpanKindClient,
}

// attributeOf keeps numbers and truth values, and writes all else as the log would.
func attributeOf(a slog.Attr) attribute.KeyValue {
	key := "doze." + a.Key
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindBool:
		return attribute.Bool(key, v.Bool())
	case slog.KindInt64:
		return attribute.Int64(key, v.Int64())
	case slog.KindFloat64:
		return attribute.Float64(key, v.Float64())
	default:
		return attribute.String(key, v.String())
	}
}
