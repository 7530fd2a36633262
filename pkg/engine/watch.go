package engine

import (
	"context"
	"encoding/base64"
	"strings"
	"sync"
)

// Watch is what an Engine tells of its work, in the invocation that does it. All methods may be called concurrently, and
// the Engine waits for them.
type Watch interface {
	Began(ctx context.Context)                // a session has begun
	Ended(ctx context.Context, reason Reason) // a session was closed
	// Sent is told of messages that have been posted, or put into an outbox; bytes are those without the packets' types.
	Sent(ctx context.Context, packets, bytes int)
	// Done is told that HTTP, Connect, Frame, Disconnect or Job is about to return, and whether a client waits for that: for
	// the answer of HTTP or Connect.
	Done(ctx context.Context, awaited bool)
}

func (e *Engine) done(ctx context.Context, awaited bool) {
	if e.opt.Watch != nil {
		e.opt.Watch.Done(ctx, awaited)
	}
}

func (e *Engine) began(ctx context.Context) {
	if e.opt.Watch != nil {
		e.opt.Watch.Began(ctx)
	}
}

// delivered tells of a parcel that was sent without an error.
func (e *Engine) delivered(ctx context.Context, p Parcel, err error) error {
	if err == nil && e.opt.Watch != nil {
		e.opt.Watch.Sent(ctx, len(p.Packets), p.payload())
	}
	return err
}

// payload returns how many bytes the packets have without their types, and binary ones before they became base64.
func (p Parcel) payload() (n int) {
	for _, packet := range p.Packets {
		if packet[0] == 'b' {
			n += base64.StdEncoding.DecodedLen(len(packet)-1) - strings.Count(string(packet[max(1, len(packet)-2):]), "=")
			continue
		}
		n += len(packet) - 1
	}
	return n
}

// Clients returns how many sessions there are, and how many of them poll, by their liveness rows: which costs a read
// unit for each 40 of them, and one for each of the Shards. A session that is being upgraded may count twice.
func (e *Engine) Clients(ctx context.Context) (all, polling int, err error) {
	for shard := range Shards {
		lives, err := e.store.Lives(ctx, shard)
		if err != nil {
			return 0, 0, err
		}
		for _, l := range lives {
			if l.Last.Equal(Dead) {
				continue
			}
			all++
			if _, ok := l.Address.connection(); !ok {
				polling++
			}
		}
	}
	return all, polling, nil
}

// EachClient calls f, one call after the other, with the handler's entries of each session, as they may have been some
// time ago: which costs half a read unit for each session besides what Clients costs. The Shards are read at once.
func (e *Engine) EachClient(ctx context.Context, f func(entries map[string][]byte)) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex // guards what follows, and f
		errs []error
	)
	for shard := range Shards {
		wg.Go(func() {
			err := e.eachOf(ctx, shard, func(entries map[string][]byte) {
				mu.Lock()
				defer mu.Unlock()
				f(entries)
			})
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
				end()
			}
		})
	}
	wg.Wait()
	if len(errs) > 0 {
		return errs[0] // the others may be of its ending them
	}
	return nil
}

func (e *Engine) eachOf(ctx context.Context, shard int, f func(entries map[string][]byte)) error {
	lives, err := e.store.Lives(ctx, shard)
	if err != nil {
		return err
	}
	for _, l := range lives {
		s, err := e.store.Get(ctx, l.Address, false)
		if err != nil {
			return err
		}
		if s.live() {
			f(s.Entries)
		}
	}
	return nil
}
