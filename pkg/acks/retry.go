package acks

import (
	"context"
	"time"
)

// Retrying returns a Store that makes each call of another one by way of retry, which calls the function it gets until
// that has succeeded, or for as long as it sees fit, and returns the last error. The methods block for as long as retry
// does.
func Retrying(store Store, retry func(context.Context, func() error) error) Store {
	return &retrying{store, retry}
}

var _ Store = (*retrying)(nil)

type retrying struct {
	store Store
	retry func(context.Context, func() error) error
}

func (r *retrying) Ask(ctx context.Context, q Question) error {
	return r.retry(ctx, func() error { return r.store.Ask(ctx, q) })
}

func (r *retrying) Answer(ctx context.Context, id int64, e End) (q Question, ok bool, err error) {
	err = r.retry(ctx, func() (err error) { q, ok, err = r.store.Answer(ctx, id, e); return err })
	return q, ok, err
}

func (r *retrying) End(ctx context.Context, id int64, e End) (ok bool, err error) {
	err = r.retry(ctx, func() (err error) { ok, err = r.store.End(ctx, id, e); return err })
	return ok, err
}

func (r *retrying) Retake(ctx context.Context, id int64, socket, before, op string, at time.Time) (ok bool, err error) {
	err = r.retry(ctx, func() (err error) { ok, err = r.store.Retake(ctx, id, socket, before, op, at); return err })
	return ok, err
}

func (r *retrying) Done(ctx context.Context, id int64, socket, op string) error {
	return r.retry(ctx, func() error { return r.store.Done(ctx, id, socket, op) })
}

func (r *retrying) Read(ctx context.Context, id int64, part int, strong bool) (q Question, ends []End, err error) {
	err = r.retry(ctx, func() (err error) { q, ends, err = r.store.Read(ctx, id, part, strong); return err })
	return q, ends, err
}
