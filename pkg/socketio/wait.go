package socketio

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/dozeio/doze/pkg/acks"
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/rooms"
)

// Whoever waits for answers reads them again: quickly at first, because most come within a moment, then after a quarter
// of what it has waited, and at last at a rate that costs little. It looks now and then who is still there.
const (
	askSoon  = 10 * time.Millisecond
	askLater = 250 * time.Millisecond
	askShare = 4
	askLooks = time.Second
	// askAlone is how many are looked for one by one, at two reads each, instead of reading the rooms.
	askAlone = 8
	// askReads is how many parts of a question are read at a time.
	askReads = 16
)

// wait returns the answers once all who are asked have answered or have left, or the time is over.
func (a *asked) wait(ctx context.Context) ([]Answer, error) {
	s := a.namespace.server
	began := s.now()
	looked, last := began, false
	var ends []acks.End
	var err error
	for len(a.open) > 0 {
		now := s.now()
		pause := min(max(askSoon, now.Sub(began)/askShare), askLater)
		if last = !now.Add(pause).Before(a.q.Until); last {
			pause = a.q.Until.Sub(now)
		}
		if err = s.sleep(ctx, pause); err != nil {
			break
		}
		var left []string
		if now := s.now(); !last && now.Sub(looked) >= askLooks {
			looked, left = now, a.left(ctx)
		}
		var more []acks.End
		more, err = a.read(ctx, last || len(left) > 0) // an answer that was given before its client left is read
		ends = append(ends, more...)
		for _, socket := range left {
			delete(a.open, socket)
		}
		if err != nil || last {
			break
		}
	}
	if err == nil && len(a.open) > 0 {
		err = fmt.Errorf("socketio: %w from %d of the %d clients that were asked", ErrNoAck, len(a.open), len(a.to))
	}
	return answersOf(ends), err
}

// answersOf returns answers in the order in which they came.
func answersOf(ends []acks.End) []Answer {
	slices.SortFunc(ends, func(a, b acks.End) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Socket, b.Socket)) })
	answers := make([]Answer, 0, len(ends))
	for _, e := range ends {
		args, err := protocol.Packet{Data: e.Data}.Args()
		if err != nil {
			continue // nobody stores such an answer
		}
		all, err := decodeArgs(args, e.Buffers)
		if err != nil {
			continue
		}
		answers = append(answers, Answer{e.Socket, all})
	}
	return answers
}

// read returns the answers of those who were open, and are not any more.
func (a *asked) read(ctx context.Context, strong bool) (answers []acks.End, err error) {
	parts := map[int]bool{}
	for socket := range a.open {
		parts[acks.Part(a.q.ID, socket)] = true
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	slots := make(chan struct{}, askReads)
	for part := range parts {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			_, ends, failed := a.namespace.server.acks.Read(ctx, a.q.ID, part, strong)
			mu.Lock()
			defer mu.Unlock()
			if failed != nil {
				err = failed
			}
			for _, e := range ends {
				if a.open[e.Socket] {
					delete(a.open, e.Socket)
					answers = append(answers, e)
				}
			}
		})
	}
	all.Wait()
	return answers, err
}

// left returns who of those who are open is not in the namespace any more. Whoever cannot be looked for is taken to be
// there.
func (a *asked) left(ctx context.Context) (left []string) {
	s := a.namespace.server
	there := map[string]bool{}
	if len(a.open) > askAlone {
		var mu sync.Mutex
		_, _ = a.members(ctx, func(_ context.Context, m rooms.Member) error {
			mu.Lock()
			defer mu.Unlock()
			there[m.Socket] = true
			return nil
		})
	}
	looked := 0
	for socket := range a.open {
		if there[socket] {
			continue
		}
		if looked++; looked > askAlone*askAlone { // the others next time
			break
		}
		if still, err := s.inNamespace(ctx, a.namespace.name, socket); err == nil && !still {
			left = append(left, socket)
		}
	}
	return left
}

// sleep waits for d, or until ctx ends and then returns its error.
func (s *Server) sleep(ctx context.Context, d time.Duration) error {
	over := make(chan struct{})
	stop := s.engine.Options().Clock.AfterFunc(d, func() { close(over) })
	defer stop()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
