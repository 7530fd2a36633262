package apigw

import (
	"context"
	"log/slog"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/observe"
)

// NewJobs is NewHeartbeat with other work than an engine's.
func NewJobs(do func(context.Context, []byte) error, log *slog.Logger, timers engine.Timers) Handler {
	j := jobs{do: do, log: log}
	j.failed, _ = timers.(failedJobs)
	return function{nil, "heartbeat", observe.Discard, observe.Untraced, j.handle}
}
