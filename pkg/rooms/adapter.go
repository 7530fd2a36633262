package rooms

import (
	"context"
	"errors"
	"sync"
)

// Target names the sockets of a broadcast: the members of any of Rooms, or all of the namespace when there are none,
// but not the members of a room in Except, and not the socket Skip.
type Target struct {
	Namespace string
	Rooms     []string
	Except    []string
	Skip      string
}

// Adapter finds the recipients of broadcasts. It holds no state and is safe for concurrent use.
type Adapter struct{ Store Store }

// deliveries is how many recipients of one broadcast are served at a time.
const deliveries = 64

// Broadcast calls deliver once for each recipient, several at a time, page by page as the rooms are read, and returns
// when all calls have returned. Recipients are those that a strongly consistent read finds during the call. The error
// joins those of the reads and of deliver; one recipient's does not keep the others from being served. When ctx ends,
// nobody else is.
func (a Adapter) Broadcast(ctx context.Context, t Target, deliver func(context.Context, Member) error) error {
	seen := map[string]bool{t.Skip: true}
	for _, room := range t.Except {
		err := a.each(ctx, t.Namespace, room, func(page []Member) {
			for _, m := range page {
				seen[m.Socket] = true
			}
		})
		if err != nil {
			return err
		}
	}
	rooms := t.Rooms
	if len(rooms) == 0 {
		rooms = []string{""}
	}
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		errs  []error
		slots = make(chan struct{}, deliveries)
	)
	fail := func(err error) {
		if err != nil {
			mu.Lock()
			errs = append(errs, err)
			mu.Unlock()
		}
	}
	for _, room := range rooms {
		fail(a.each(ctx, t.Namespace, room, func(page []Member) {
			var next []Member
			for _, m := range page {
				if !seen[m.Socket] {
					seen[m.Socket] = true
					next = append(next, m)
				}
			}
			if len(next) == 1 && len(rooms) == 1 && len(page) == 1 { // one recipient needs no goroutine
				fail(deliver(ctx, next[0]))
				return
			}
			for _, m := range next {
				if err := ctx.Err(); err != nil {
					fail(err)
					return
				}
				slots <- struct{}{}
				wg.Go(func() {
					defer func() { <-slots }()
					fail(deliver(ctx, m))
				})
			}
		}))
	}
	wg.Wait()
	return errors.Join(errs...)
}

// each calls f with every page of a room, one after the other. What comes after the first page of a large room is read
// in parts, as many at a time as the store makes of it.
func (a Adapter) each(ctx context.Context, namespace, room string, f func([]Member)) error {
	page, next, err := a.Store.Members(ctx, namespace, room, "")
	if err != nil {
		return err
	}
	f(page)
	if next == "" {
		return nil
	}
	parts := []string{next}
	if s, ok := a.Store.(Splitter); ok {
		parts = s.Split(room, next)
	}
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex // held while f is called
		errs = make([]error, len(parts))
	)
	for i, cursor := range parts {
		wg.Go(func() {
			for cursor != "" && errs[i] == nil {
				var page []Member
				if page, cursor, errs[i] = a.Store.Members(ctx, namespace, room, cursor); errs[i] == nil {
					mu.Lock()
					f(page)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
