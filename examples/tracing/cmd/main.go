// Command cmd is an application whose spans go to stdout: go run ./cmd, in examples/tracing.
package main

import (
	"context"
	"log"

	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/dozeio/doze/examples/tracing"
	"github.com/dozeio/doze/pkg/devcommand"
	"github.com/dozeio/doze/pkg/socketio"
)

func main() {
	spans, err := stdouttrace.New(stdouttrace.WithPrettyPrint()) // otlptracehttp, for a collector
	if err != nil {
		log.Fatal(err)
	}
	io := socketio.New(socketio.Options{Tracer: tracing.New(sdk.NewTracerProvider(sdk.WithBatcher(spans)))})
	io.Of("/").On("say", func(ctx context.Context, s *socketio.Socket, text string) error { return io.Emit(ctx, "said", text) })
	devcommand.Main(devcommand.Command{Name: "tracing", Application: io})
}
