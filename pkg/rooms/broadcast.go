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
	due       chan Member // to a worker that has nothing to do
	wg        sync.WaitGroup

	paging  chan struct{}   // holds one while a page is gone through; guards what follows. It is held for long
	workers int             // goroutines that may still be begun, each of which serves one at a time
	seen    map[string]bool // sockets that are not to be served, or not once more
	known   map[string]bool // recipients that were read and not served
	rest    Rest

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
		due: make(chan Member), workers: a.AtATime, paging: make(chan struct{}, 1),
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
	close(b.due)
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
	alone := len(page) == 1 && onlyRoom && p.Cursor == ""
	for i, m := range next {
		if !b.begin(m, alone) {
			for _, m := range next[i:] {
				b.known[m.Socket] = true
			}
			if i > 0 {
				p.Done = b.served(page)
			}
			return false
		}
		b.seen[m.Socket] = true
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

// begin has a recipient served, and waits for a goroutine that has nothing to do. It reports false when ctx has ended.
// Goroutines serve one recipient after the other: a new one for each would grow its stack each time, which was a quarter
// of what a delivery costs in one process. Who is alone is served without.
func (b *broadcast) begin(m Member, alone bool) bool {
	if b.ctx.Err() != nil {
		return false
	}
	if alone {
		b.serve(m)
		return true
	}
	select {
	case b.due <- m:
		return true
	default:
	}
	if b.workers > 0 {
		b.workers--
		b.wg.Go(func() {
			b.serve(m)
			for m := range b.due {
				b.serve(m)
			}
		})
		return true
	}
	select {
	case b.due <- m:
		return true
	case <-b.ctx.Done():
		return false
	}
}

func (b *broadcast) serve(m Member) {
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
	parts := []string{next}
	if s, ok := b.store.(Splitter); ok && next != "" && from.Cursor == "" {
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
