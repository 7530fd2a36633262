package socketio

import (
	"context"
	"time"

	"github.com/dozeio/doze/pkg/acks"
	"github.com/dozeio/doze/pkg/engine"
)

var _ acks.Store = (*retryingAcks)(nil)

// retryingAcks is an acks.Store whose calls are tried again after temporary errors.
type retryingAcks struct {
	store  acks.Store
	engine *engine.Engine
}

func (r *retryingAcks) Ask(ctx context.Context, q acks.Question) error {
	return r.engine.Retry(ctx, func() error { return r.store.Ask(ctx, q) })
}

func (r *retryingAcks) Answer(ctx context.Context, id int64, e acks.End) (q acks.Question, ok bool, err error) {
	err = r.engine.Retry(ctx, func() (err error) { q, ok, err = r.store.Answer(ctx, id, e); return err })
	return q, ok, err
}

func (r *retryingAcks) End(ctx context.Context, id int64, e acks.End) (ok bool, err error) {
	err = r.engine.Retry(ctx, func() (err error) { ok, err = r.store.End(ctx, id, e); return err })
	return ok, err
}

func (r *retryingAcks) Retake(ctx context.Context, id int64, socket, before, op string, at time.Time) (ok bool, err error) {
	err = r.engine.Retry(ctx, func() (err error) { ok, err = r.store.Retake(ctx, id, socket, before, op, at); return err })
	return ok, err
}

func (r *retryingAcks) Done(ctx context.Context, id int64, socket, op string) error {
	return r.engine.Retry(ctx, func() error { return r.store.Done(ctx, id, socket, op) })
}

func (r *retryingAcks) Read(ctx context.Context, id int64, part int, strong bool) (q acks.Question, ends []acks.End, err error) {
	err = r.engine.Retry(ctx, func() (err error) { q, ends, err = r.store.Read(ctx, id, part, strong); return err })
	return q, ends, err
}
