package storetest

import (
	"context"
	"slices"
	"time"

	"github.com/dozeio/doze/pkg/acks"
)

// Ask implements acks.Store.
func (f *Faulty) Ask(ctx context.Context, q acks.Question) error {
	return f.call(func() error { return f.Acks.Ask(ctx, q) })
}

// Answer implements acks.Store.
func (f *Faulty) Answer(ctx context.Context, id int64, e acks.End) (q acks.Question, ok bool, err error) {
	err = f.call(func() (err error) { q, ok, err = f.Acks.Answer(ctx, id, e); return err })
	if err != nil {
		return acks.Question{}, false, err
	}
	return q, ok, nil
}

// End implements acks.Store.
func (f *Faulty) End(ctx context.Context, id int64, e acks.End) (ok bool, err error) {
	err = f.call(func() (err error) { ok, err = f.Acks.End(ctx, id, e); return err })
	return ok && err == nil, err
}

// Retake implements acks.Store.
func (f *Faulty) Retake(ctx context.Context, id int64, socket, before, op string, at time.Time) (ok bool, err error) {
	err = f.call(func() (err error) { ok, err = f.Acks.Retake(ctx, id, socket, before, op, at); return err })
	return ok && err == nil, err
}

// Done implements acks.Store.
func (f *Faulty) Done(ctx context.Context, id int64, socket, op string) error {
	return f.call(func() error { return f.Acks.Done(ctx, id, socket, op) })
}

// Read implements acks.Store. The past goes back to where the question was there, and nothing else.
func (f *Faulty) Read(ctx context.Context, id int64, part int, strong bool) (q acks.Question, ends []acks.End, err error) {
	err = f.call(func() (err error) { q, ends, err = f.Acks.Read(ctx, id, part, strong); return err })
	if err != nil || strong {
		return q, ends, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	key := [2]int64{id, int64(part)}
	all := append([][]acks.End{nil}, f.ends[key]...)
	all = append(all[max(0, len(all)-past):], ends)
	f.ends[key] = all
	return q, slices.Clone(all[f.random.IntN(len(all))]), nil
}
