package rooms

import "context"

// Retrying returns a Store that makes each call of another one by way of retry, which calls the function it gets until
// that has succeeded, or for as long as it sees fit, and returns the last error. The methods block for as long as retry
// does. A Store that is a Splitter stays one.
func Retrying(store Store, retry func(context.Context, func() error) error) Store {
	return &retrying{store, retry}
}

var (
	_ Store    = (*retrying)(nil)
	_ Splitter = (*retrying)(nil)
)

type retrying struct {
	store Store
	retry func(context.Context, func() error) error
}

func (r *retrying) Join(ctx context.Context, namespace string, m Member, names ...string) (n int, err error) {
	err = r.retry(ctx, func() (err error) { n, err = r.store.Join(ctx, namespace, m, names...); return err })
	return n, err
}

func (r *retrying) Leave(ctx context.Context, namespace, socket string, names ...string) error {
	return r.retry(ctx, func() error { return r.store.Leave(ctx, namespace, socket, names...) })
}

func (r *retrying) Move(ctx context.Context, namespace, socket, address string) error {
	return r.retry(ctx, func() error { return r.store.Move(ctx, namespace, socket, address) })
}

func (r *retrying) Members(ctx context.Context, namespace, room, cursor string) (page []Member, next string, err error) {
	err = r.retry(ctx, func() (err error) { page, next, err = r.store.Members(ctx, namespace, room, cursor); return err })
	return page, next, err
}

// Split implements Splitter: in one part if the store has none.
func (r *retrying) Split(room, cursor string) []string {
	if s, ok := r.store.(Splitter); ok {
		return s.Split(room, cursor)
	}
	return []string{cursor}
}

func (r *retrying) Rooms(ctx context.Context, namespace, socket string) (names []string, err error) {
	err = r.retry(ctx, func() (err error) { names, err = r.store.Rooms(ctx, namespace, socket); return err })
	return names, err
}

func (r *retrying) Counts(ctx context.Context, namespace string) (counts map[string]int, err error) {
	err = r.retry(ctx, func() (err error) { counts, err = r.store.Counts(ctx, namespace); return err })
	return counts, err
}
