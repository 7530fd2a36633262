package engine

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// Retry calls f until it returns something else than a temporary error (one with a method Temporary() bool that
// returns true), pausing in between for 5 ms to 1 s, with jitter, at most 8 times and while the context lasts.
func (e *Engine) Retry(ctx context.Context, f func() error) error {
	for wait, try := 5*time.Millisecond, 0; ; wait, try = min(2*wait, time.Second), try+1 {
		err := f()
		if !isTemporary(err) || try == 8 {
			return err
		}
		if e.sleep(ctx, jittered(wait)) != nil || ctx.Err() != nil {
			return err
		}
	}
}

func isTemporary(err error) bool {
	if err == nil { // mostly, and errors.As needs memory
		return false
	}
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// jittered is half of a pause and up to as much again.
func jittered(d time.Duration) time.Duration { return d/2 + rand.N(d/2) }

var _ Store = (*retrying)(nil)

// retrying is a Store each of whose calls is made by way of retry.
type retrying struct {
	store Store
	retry func(context.Context, func() error) error
}

func (r *retrying) Create(ctx context.Context, s Session, handshake []byte, live *Live) error {
	return r.retry(ctx, func() error { return r.store.Create(ctx, s, handshake, live) })
}

func (r *retrying) Get(ctx context.Context, a Address, strong bool) (s Session, err error) {
	if s, err = r.store.Get(ctx, a, strong); err == nil { // most calls by far
		return s, nil
	}
	return r.getAgain(ctx, a, strong, err)
}

// getAgain is Get, of which the first try has failed.
func (r *retrying) getAgain(ctx context.Context, a Address, strong bool, first error) (s Session, err error) {
	err = r.retry(ctx, func() (err error) {
		if err, first = first, nil; err == nil {
			s, err = r.store.Get(ctx, a, strong)
		}
		return err
	})
	return s, err
}

func (r *retrying) Update(ctx context.Context, a Address, t Transition) (s Session, ok bool, err error) {
	err = r.retry(ctx, func() (err error) { s, ok, err = r.store.Update(ctx, a, t); return err })
	return s, ok, err
}

func (r *retrying) Handshake(ctx context.Context, s Session) (h []byte, err error) {
	err = r.retry(ctx, func() (err error) { h, err = r.store.Handshake(ctx, s); return err })
	return h, err
}

func (r *retrying) PutLive(ctx context.Context, l Live) error {
	return r.retry(ctx, func() error { return r.store.PutLive(ctx, l) })
}

func (r *retrying) Touch(ctx context.Context, a Address, last time.Time, joined bool) error {
	return r.retry(ctx, func() error { return r.store.Touch(ctx, a, last, joined) })
}

func (r *retrying) Lives(ctx context.Context, shard int) (l []Live, err error) {
	err = r.retry(ctx, func() (err error) { l, err = r.store.Lives(ctx, shard); return err })
	return l, err
}

func (r *retrying) Forget(ctx context.Context, a Address, sid string) error {
	return r.retry(ctx, func() error { return r.store.Forget(ctx, a, sid) })
}

func (r *retrying) Timer(ctx context.Context, shard int, strong bool) (t Timer, err error) {
	err = r.retry(ctx, func() (err error) { t, err = r.store.Timer(ctx, shard, strong); return err })
	return t, err
}

func (r *retrying) SetTimer(ctx context.Context, shard int, generation int64, t Timer) (ok bool, err error) {
	err = r.retry(ctx, func() (err error) { ok, err = r.store.SetTimer(ctx, shard, generation, t); return err })
	return ok, err
}
