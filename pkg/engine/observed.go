package engine

import (
	"context"
	"errors"
	"log/slog"
	"strconv"

	"github.com/dozeio/doze/pkg/observe"
)

// observed is a Poster whose posts are counted, and logged where somebody wants to know of each.
type observed struct {
	Poster
	meter observe.Meter
	log   *slog.Logger
	clock Clock
}

// Post implements Poster.
func (o *observed) Post(ctx context.Context, connection string, f Frame) error {
	began := o.clock.Now()
	err := o.Poster.Post(ctx, connection, f)
	took, became := observe.Since(began, o.clock.Now()), outcome(err)
	o.meter.Count(observe.Posts, became, 1)
	o.meter.Observe(observe.PostTime, took)
	if o.log.Enabled(ctx, slog.LevelDebug) {
		o.log.LogAttrs(ctx, slog.LevelDebug, "post", slog.String("connection", connection), slog.String("outcome", became),
			slog.Float64("ms", took), slog.Int("bytes", len(f.Data)))
	}
	return err
}

// outcome says what became of a post: the status that means its error, 4xx or 5xx for others, and "no answer" where
// there was none, be it for want of time.
func outcome(err error) string {
	if err == nil { // mostly, and errors.As needs memory
		return "ok"
	}
	var answer interface{ HTTPStatusCode() int } // of a Poster's errors for other answers, as outgoing's
	switch {
	case errors.Is(err, ErrGone):
		return "410"
	case errors.Is(err, ErrBusy):
		return "429"
	case errors.Is(err, ErrTooLarge):
		return "413"
	case errors.As(err, &answer) && answer.HTTPStatusCode() >= 400 && answer.HTTPStatusCode() < 600:
		return strconv.Itoa(answer.HTTPStatusCode()/100) + "xx"
	}
	return "no answer"
}

// counted tells how many sessions of a shard a sweep has found.
func (e *Engine) counted(shard int, lives []Live) {
	poll := polling(lives)
	e.opt.Meter.Part(observe.Sessions, pollingTransport, shard, poll, e.opt.PingInterval)
	e.opt.Meter.Part(observe.Sessions, websocketTransport, shard, len(lives)-poll, e.opt.PingInterval)
}

// transportOf returns the transport of the session at an address.
func transportOf(a Address) string {
	if _, ok := a.connection(); ok {
		return websocketTransport
	}
	return pollingTransport
}
