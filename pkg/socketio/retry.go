package socketio

import (
	"context"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
)

// retrying is a rooms.Store whose calls are tried again after temporary errors.
type retrying struct {
	store  rooms.Store
	engine *engine.Engine
}

func (r *retrying) Join(ctx context.Context, namespace string, m rooms.Member, names ...string) (n int, err error) {
	err = r.engine.Retry(ctx, func() (err error) { n, err = r.store.Join(ctx, namespace, m, names...); return err })
	return n, err
}

func (r *retrying) Leave(ctx context.Context, namespace, socket string, names ...string) error {
	return r.engine.Retry(ctx, func() error { return r.store.Leave(ctx, namespace, socket, names...) })
}

func (r *retrying) Move(ctx context.Context, namespace, socket, address string) error {
	return r.engine.Retry(ctx, func() error { return r.store.Move(ctx, namespace, socket, address) })
}

func (r *retrying) Members(ctx context.Context, namespace, room, cursor string) (page []rooms.Member, next string, err error) {
	err = r.engine.Retry(ctx, func() (err error) {
		page, next, err = r.store.Members(ctx, namespace, room, cursor)
		return err
	})
	return page, next, err
}

// Split implements rooms.Splitter: in one part if the store has none.
func (r *retrying) Split(room, cursor string) []string {
	if s, ok := r.store.(rooms.Splitter); ok {
		return s.Split(room, cursor)
	}
	return []string{cursor}
}

func (r *retrying) Rooms(ctx context.Context, namespace, socket string) (names []string, err error) {
	err = r.engine.Retry(ctx, func() (err error) { names, err = r.store.Rooms(ctx, namespace, socket); return err })
	return names, err
}

func (r *retrying) Counts(ctx context.Context, namespace string) (counts map[string]int, err error) {
	err = r.engine.Retry(ctx, func() (err error) { counts, err = r.store.Counts(ctx, namespace); return err })
	return counts, err
}
