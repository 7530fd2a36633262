package engine

import (
	"context"
	"log/slog"
	"time"

	"github.com/dozeio/doze/pkg/observe"
)

var _ Store = (*traced)(nil)

// traced is a Store whose calls are spans.
type traced struct {
	store  Store
	tracer observe.Tracer
}

func (t *traced) start(ctx context.Context, call string, attrs ...slog.Attr) (context.Context, func(error)) {
	return t.tracer.Start(ctx, observe.Store, call, attrs...)
}

func session(a Address) slog.Attr { return slog.Any("session", a) }

func (t *traced) Create(ctx context.Context, s Session, handshake []byte, live *Live) (err error) {
	ctx, end := t.start(ctx, "Create", session(s.Address))
	defer func() { end(err) }()
	return t.store.Create(ctx, s, handshake, live)
}

func (t *traced) Get(ctx context.Context, a Address, strong bool) (s Session, err error) {
	ctx, end := t.start(ctx, "Get", session(a), slog.Bool("strong", strong))
	defer func() { end(err) }()
	return t.store.Get(ctx, a, strong)
}

func (t *traced) Update(ctx context.Context, a Address, change Transition) (s Session, ok bool, err error) {
	ctx, end := t.start(ctx, "Update", session(a))
	defer func() { end(err) }()
	return t.store.Update(ctx, a, change)
}

func (t *traced) Handshake(ctx context.Context, s Session) (h []byte, err error) {
	ctx, end := t.start(ctx, "Handshake", session(s.Address))
	defer func() { end(err) }()
	return t.store.Handshake(ctx, s)
}

func (t *traced) PutLive(ctx context.Context, l Live) (err error) {
	ctx, end := t.start(ctx, "PutLive", session(l.Address))
	defer func() { end(err) }()
	return t.store.PutLive(ctx, l)
}

func (t *traced) Touch(ctx context.Context, a Address, last time.Time, joined bool) (err error) {
	ctx, end := t.start(ctx, "Touch", session(a))
	defer func() { end(err) }()
	return t.store.Touch(ctx, a, last, joined)
}

func (t *traced) Lives(ctx context.Context, shard int) (l []Live, err error) {
	ctx, end := t.start(ctx, "Lives", slog.Int("shard", shard))
	defer func() { end(err) }()
	return t.store.Lives(ctx, shard)
}

func (t *traced) Forget(ctx context.Context, a Address, sid string) (err error) {
	ctx, end := t.start(ctx, "Forget", session(a))
	defer func() { end(err) }()
	return t.store.Forget(ctx, a, sid)
}

func (t *traced) Timer(ctx context.Context, shard int, strong bool) (timer Timer, err error) {
	ctx, end := t.start(ctx, "Timer", slog.Int("shard", shard))
	defer func() { end(err) }()
	return t.store.Timer(ctx, shard, strong)
}

func (t *traced) SetTimer(ctx context.Context, shard int, generation int64, timer Timer) (ok bool, err error) {
	ctx, end := t.start(ctx, "SetTimer", slog.Int("shard", shard))
	defer func() { end(err) }()
	return t.store.SetTimer(ctx, shard, generation, timer)
}

// tracedPoster is a Poster whose calls are spans.
type tracedPoster struct {
	poster Poster
	tracer observe.Tracer
}

func (t *tracedPoster) Post(ctx context.Context, connection string, f Frame) (err error) {
	ctx, end := t.tracer.Start(ctx, observe.Post, "post", slog.String("connection", connection), slog.Int("bytes", len(f.Data)))
	defer func() { end(err) }()
	return t.poster.Post(ctx, connection, f)
}

func (t *tracedPoster) Exists(ctx context.Context, connection string) (err error) {
	ctx, end := t.tracer.Start(ctx, observe.Post, "exists", slog.String("connection", connection))
	defer func() { end(err) }()
	return t.poster.Exists(ctx, connection)
}

func (t *tracedPoster) Disconnect(ctx context.Context, connection string) (err error) {
	ctx, end := t.tracer.Start(ctx, observe.Post, "disconnect", slog.String("connection", connection))
	defer func() { end(err) }()
	return t.poster.Disconnect(ctx, connection)
}
