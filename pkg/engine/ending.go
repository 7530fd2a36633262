package engine

import (
	"context"
	"errors"
	"fmt"
)

// maxEnding is how many sessions EndPolling ends at the same time.
const maxEnding = 100

// Ending says that this process is about to end, before the contexts of its GETs end: from now on these have not been
// left by their clients. They wait until EndPolling has ended their sessions, while polling lasts, and then take what is
// there. Where sessions outlive the process, polling is a context that has ended.
func (e *Engine) Ending(polling context.Context) { e.ending.Store(&polling) }

// lasting is the context of a GET that has ended, and goes on with another.
type lasting struct {
	context.Context
	get context.Context
}

func (l lasting) Value(key any) any { return l.get.Value(key) }

// EndPolling ends the sessions of clients that poll, for a process with which they end, each as soon as no POST of it
// is handled any more, and many at the same time. Those that are there when last is closed are ended too: it is for
// when no request comes any more. With a store that is Watched, a GET that waits is answered with what has gathered, or
// with a close packet.
//
// It returns when all are ended, or when ctx ends; the error says how many are left then.
func (e *Engine) EndPolling(ctx context.Context, last <-chan struct{}) error {
	end := endings{e: e, slots: make(chan struct{}, maxEnding), begun: map[Address]bool{}, ended: make(chan error)}
	end.look(ctx) // what is missed is there when last is closed
	var errs []error
	for done := 0; last != nil || done < len(end.begun); {
		select {
		case <-last:
			last = nil
			if err := end.look(ctx); err != nil {
				errs = append(errs, err)
			}
		case err := <-end.ended:
			done++
			if err != nil {
				errs = append(errs, err)
			}
		case <-ctx.Done():
			if left := len(end.begun) - done; left > 0 {
				errs = append(errs, fmt.Errorf("%d clients that poll: OnDisconnect has not run, or not to its end: %w", left, context.Cause(ctx)))
			}
			return errors.Join(errs...)
		}
	}
	return errors.Join(errs...)
}

// endings are the sessions that EndPolling ends.
type endings struct {
	e     *Engine
	slots chan struct{}
	begun map[Address]bool
	ended chan error // one for each that has begun, while EndPolling has not returned
}

// look begins with the sessions that it has not begun with.
func (end *endings) look(ctx context.Context) (err error) {
	for shard := range Shards {
		lives, e := end.e.store.Lives(ctx, shard)
		err = errors.Join(err, e)
		for _, l := range lives {
			if _, ok := l.Address.connection(); ok || end.begun[l.Address] {
				continue
			}
			end.begun[l.Address] = true
			go func() {
				err := end.one(ctx, l.Address)
				select {
				case end.ended <- err:
				case <-ctx.Done():
				}
			}()
		}
	}
	return err
}

// one ends a session, unless somebody else has, or its connection has taken over, which ends by itself.
func (end *endings) one(ctx context.Context, a Address) error {
	for over := end.e.posting.over(a); over != nil; over = end.e.posting.over(a) {
		select {
		case <-over:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	select {
	case end.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-end.slots }()
	s, ok, err := end.e.writeClose(ctx, a, Close{Reason: ForcedClose})
	if err != nil || !ok {
		return err
	}
	return end.e.finishing(ctx, s)
}
