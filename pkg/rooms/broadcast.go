package rooms

import (
	"context"
	"errors"
	"sync"
)

// deliveries is how many recipients of one broadcast are served at a time.
const deliveries = 64

// broadcast is one that is under way.
type broadcast struct {
	ctx       context.Context
	store     Store
	namespace string
	deliver   func(context.Context, Member) error
	slots     chan struct{} // has room for whom is served
	wg        sync.WaitGroup

	paging chan struct{}   // holds one while a page is gone through; guards what follows. It is held for long
	seen   map[string]bool // sockets that are not to be served, or not once more
	known  map[string]bool // recipients that were read and not served
	rest   Rest

	mu   sync.Mutex // guards errs
	errs []error
}

func newBroadcast(ctx context.Context, a Adapter, t Target, deliver func(context.Context, Member) error) *broadcast {
	if a.AtATime == 0 {
		a.AtATime = deliveries
	}
	return &broadcast{
		ctx: ctx, store: a.Store, namespace: t.Namespace, deliver: deliver,
		seen: map[string]bool{t.Skip: true}, known: map[string]bool{},
		slots: make(chan struct{}, a.AtATime), paging: make(chan struct{}, 1),
	}
}

// run serves the members of parts, but not those of other rooms.
func (b *broadcast) run(except []string, parts []Part) error {
	for _, room := range except {
		b.each(Part{Room: room}, func(_ *Part, page []Member) bool {
			for _, m := range page {
				b.seen[m.Socket] = true
			}
			return true
		})
		if len(b.rest.Parts) > 0 {
			b.rest.Parts = parts
			return b.err()
		}
	}
	for _, part := range parts {
		for _, socket := range part.Done {
			b.seen[socket] = true
		}
	}
	for _, part := range parts {
		b.each(part, func(p *Part, page []Member) bool { return b.page(p, page, len(parts) == 1) })
	}
	b.wg.Wait()
	b.rest.Known = len(b.known)
	return b.err()
}

// page begins to serve those of a page that are recipients, and reports whether it has begun with all. With some, they
// are Done.
func (b *broadcast) page(p *Part, page []Member, onlyRoom bool) bool {
	var next []Member
	for _, m := range page {
		if !b.seen[m.Socket] {
			next = append(next, m)
		}
	}
	for i, m := range next {
		if !b.enter() {
			for _, m := range next[i:] {
				b.known[m.Socket] = true
			}
			if i > 0 {
				p.Done = b.served(page)
			}
			return false
		}
		b.seen[m.Socket] = true
		if cap(b.slots) == 1 || len(page) == 1 && onlyRoom { // who is served alone needs no goroutine
			b.serve(m)
			continue
		}
		b.wg.Go(func() { b.serve(m) })
	}
	return true
}

// served returns the sockets of a page that are not to be served again.
func (b *broadcast) served(page []Member) (sockets []string) {
	for _, m := range page {
		if b.seen[m.Socket] {
			sockets = append(sockets, m.Socket)
		}
	}
	return sockets
}

// enter waits until one more may be served, and reports false when ctx has ended.
func (b *broadcast) enter() bool {
	if b.ctx.Err() != nil {
		return false
	}
	select {
	case b.slots <- struct{}{}:
		return true
	case <-b.ctx.Done():
		return false
	}
}

func (b *broadcast) serve(m Member) {
	defer func() { <-b.slots }()
	if err := b.deliver(b.ctx, m); err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.errs = append(b.errs, err)
	}
}

// err joins what went wrong, the end of ctx once.
func (b *broadcast) err() error {
	if b.ctx.Err() != nil && len(b.rest.Parts) > 0 {
		return errors.Join(append(b.errs, context.Cause(b.ctx))...)
	}
	return errors.Join(b.errs...)
}

// each calls f with every page of a part, one after the other, until f reports false. What comes after the first page
// of a large room is read in parts, as many at a time as the store makes of it.
func (b *broadcast) each(from Part, f func(*Part, []Member) bool) {
	next := b.one(from, f)
	if next == "" {
		return
	}
	parts := []string{next}
	if s, ok := b.store.(Splitter); ok && from.Cursor == "" {
		parts = s.Split(from.Room, next)
	}
	var wg sync.WaitGroup
	for _, cursor := range parts {
		wg.Go(func() {
			for cursor != "" {
				cursor = b.one(Part{Room: from.Room, Cursor: cursor}, f)
			}
		})
	}
	wg.Wait()
}

// one calls f with the first page of a part and returns the cursor of the next. When it cannot be read, or f reports
// false, the part is left.
func (b *broadcast) one(p Part, f func(*Part, []Member) bool) (next string) {
	page, next, err := b.store.Members(b.ctx, b.namespace, p.Room, p.Cursor)
	b.paging <- struct{}{}
	defer func() { <-b.paging }()
	if err == nil && f(&p, page) {
		return next
	}
	b.rest.More = b.rest.More || err != nil || next != ""
	if err != nil && b.ctx.Err() == nil {
		b.mu.Lock()
		b.errs = append(b.errs, err)
		b.mu.Unlock()
	}
	b.rest.Parts = append(b.rest.Parts, p)
	return ""
}
