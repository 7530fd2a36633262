package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

// asking registers the events that have the server ask the members of a room.
func (b *bench) asking(n *socketio.Namespace) {
	n.On("ask", func(ctx context.Context, s *socketio.Socket, room string) (int, error) {
		answers, err := s.To(room).Timeout(askedFor).EmitWithAck(ctx, "question")
		if errors.Is(err, socketio.ErrNoAck) {
			err = nil // the answer tells
		}
		return len(answers), err
	})
	n.On("then", func(ctx context.Context, s *socketio.Socket, room string) error {
		return s.To(room).Timeout(askedFor).Then("told", nil).Emit(ctx, "question")
	})
	n.OnAck("told", func(_ context.Context, _ *socketio.Socket, _ any, missed error, _ ...any) error {
		b.told <- struct{}{}
		return missed
	})
}

// askedFor is longer than a thousand answers take here, where one process is the table.
const askedFor = 23 * time.Second

var question = regexp.MustCompile(`^42(\d+)\["question"\]$`)

// answering opens a connection in a room that answers questions until it is closed.
func (b *bench) answering(room string) error {
	c, err := b.client.Dial(b.ctx, rawclient.WebSocket, b.header...)
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.conns = append(b.conns, c)
	b.mu.Unlock()
	if _, err := c.Next(b.ctx); err != nil {
		return err
	}
	if err := ask(b, c, "40", "40{"); err != nil {
		return err
	}
	if err := ask(b, c, `421["join","`+room+`"]`, "431["); err != nil {
		return err
	}
	go func() {
		for {
			frame, err := c.Next(b.ctx)
			if err != nil {
				return
			}
			if m := question.FindStringSubmatch(frame); m != nil {
				_ = c.Send(b.ctx, "43"+m[1]+`["yes"]`)
			}
		}
	}()
	return nil
}

// asks are questions to clients that answer at once, over connections of their own.
func (b *bench) asks(c *rawclient.Conn) (all []operation) {
	for _, size := range []struct {
		members string
		n       int
		rounds  int
	}{{"1", 1, 100}, {"1,000", 1000, 5}} {
		room := fmt.Sprintf("7a1e2c55-9a3e-4f0a-b6f7-%012d", size.n)
		connected := sync.OnceValue(func() error { return each(size.n, func(int) error { return b.answering(room) }) })
		answered := fmt.Sprintf("431[%d]", size.n)
		all = append(all, operation{"`EmitWithAck` to " + size.members + ", until the handler has all answers", size.rounds, timed(func() error {
			return ask(b, c, `421["ask","`+room+`"]`, answered)
		}), connected}, operation{"`Then` to " + size.members + ", until `OnAck` has run for all", size.rounds, timed(func() error {
			if err := ask(b, c, `421["then","`+room+`"]`, "431[]"); err != nil {
				return err
			}
			for range size.n {
				select {
				case <-b.told:
				case <-b.ctx.Done():
					return errors.Join(errors.New("not all acks were handled"), b.ctx.Err())
				}
			}
			return nil
		}), connected})
	}
	return all
}
