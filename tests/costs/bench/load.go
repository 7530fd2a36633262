package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dozeio/doze/tests/kit/rawclient"
)

// each does something for n clients, several at a time.
func each(n int, do func(i int) error) error {
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		errs  []error
		slots = make(chan struct{}, 64)
	)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := do(i); err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// connect makes n WebSocket connections that have joined the namespace "/". A client that hears nothing for ten seconds comes
// again, once: a server may lose one of thousands that come at once, and the others are measured all the same. The
// server's figures count who was lost.
func connect(ctx context.Context, s *server, n int) ([]*rawclient.Conn, error) {
	client := rawclient.New(s.url)
	defer client.Close()
	conns := make([]*rawclient.Conn, n)
	return conns, each(n, func(i int) (err error) {
		if conns[i], err = join(ctx, client); err != nil && ctx.Err() == nil {
			s.lost.Add(1)
			fmt.Fprintf(os.Stderr, "bench: client %d of %d comes again: %v\n", i, n, err)
			conns[i], err = join(ctx, client)
		}
		return err
	})
}

// join makes a WebSocket connection that has joined the namespace "/", within ten seconds.
func join(ctx context.Context, client *rawclient.Client) (*rawclient.Conn, error) {
	patient, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c, err := client.Dial(patient, rawclient.WebSocket)
	if err != nil {
		return nil, err
	}
	err = expect(patient, c, "0{")
	if err == nil {
		err = c.Send(patient, "40")
	}
	if err == nil {
		err = expect(patient, c, `42["hello"`)
	}
	if err != nil {
		c.Reset()
		return nil, err
	}
	return c, nil
}

// expect reads until a message comes that begins as given. Pings are answered.
func expect(ctx context.Context, c *rawclient.Conn, prefix string) error {
	for {
		m, err := c.Next(ctx)
		switch {
		case err != nil:
			return fmt.Errorf("waiting for %s: %w", prefix, err)
		case m == "2":
			err = c.Send(ctx, "3")
		case strings.HasPrefix(m, prefix):
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func closeAll(conns []*rawclient.Conn) {
	for _, c := range conns {
		if c != nil {
			c.Reset()
		}
	}
}

// echoes returns the server's CPU time per event with an ack, in microseconds: 20 clients, each waiting for its ack.
func echoes(ctx context.Context, s *server) (float64, error) {
	const clients, each1 = 20, 2000
	conns, err := connect(ctx, s, clients)
	defer closeAll(conns)
	if err != nil {
		return 0, err
	}
	load := func(n int) error {
		return each(clients, func(i int) error {
			for range n {
				if err := conns[i].Send(ctx, `421["echo","hello",1,{"a":true}]`); err != nil {
					return err
				}
				if err := expect(ctx, conns[i], "431["); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := load(each1 / 4); err != nil { // to warm up
		return 0, err
	}
	return cpuOf(s, clients*each1, func() error { return load(each1) })
}

// window returns the server's CPU time per event with an ack, in microseconds: one client, which has 64 under way.
func window(ctx context.Context, s *server) (float64, error) {
	const under, events = 64, 40_000
	conns, err := connect(ctx, s, 1)
	defer closeAll(conns)
	if err != nil {
		return 0, err
	}
	load := func(n int) error {
		for sent, got := 0, 0; got < n; {
			if sent < n && sent-got < under {
				if err := conns[0].Send(ctx, `421["echo","hello",1,{"a":true}]`); err != nil {
					return err
				}
				sent++
				continue
			}
			if err := expect(ctx, conns[0], "431["); err != nil {
				return err
			}
			got++
		}
		return nil
	}
	if err := load(events / 4); err != nil { // to warm up
		return 0, err
	}
	return cpuOf(s, events, func() error { return load(events) })
}

// arrivals returns how long a broadcast to 1,000 takes until each of them has it, in milliseconds: the median and the
// 99th of a hundred. One client sends the next event when all have the last.
func arrivals(ctx context.Context, s *server) ([]float64, error) {
	const members, events = 1000, 20
	conns, err := connect(ctx, s, members)
	defer closeAll(conns)
	if err != nil {
		return nil, err
	}
	var all sync.WaitGroup
	var failed error
	var once sync.Once
	var sent time.Time
	took := make([][]float64, members)
	round := make(chan struct{}, members)
	defer all.Wait()
	defer closeAll(conns)
	for i, c := range conns {
		all.Go(func() {
			for range events {
				err := expect(ctx, c, `42["news"`)
				took[i] = append(took[i], float64(time.Since(sent).Microseconds())/1000)
				if err != nil {
					once.Do(func() { failed = err })
				}
				round <- struct{}{}
			}
		})
	}
	for range events {
		sent = time.Now()
		if err := conns[0].Send(ctx, `42["server-emit","news",{"text":"hello, all of you"}]`); err != nil {
			return nil, err
		}
		for range members {
			<-round
		}
		if failed != nil {
			return nil, failed
		}
	}
	flat := slices.Sorted(slices.Values(slices.Concat(took...)))
	return []float64{median(flat), flat[len(flat)*99/100]}, nil
}

// broadcasts returns the server's CPU time per delivery, in microseconds: one client sends an event to all.
func broadcasts(ctx context.Context, s *server, members, events int) (float64, error) {
	conns, err := connect(ctx, s, members)
	defer closeAll(conns)
	if err != nil {
		return 0, err
	}
	load := func(n int) error {
		for range n {
			if err := conns[0].Send(ctx, `42["server-emit","news",{"text":"hello, all of you"}]`); err != nil {
				return err
			}
			if err := each(members, func(i int) error { return expect(ctx, conns[i], `42["news"`) }); err != nil {
				return err
			}
		}
		return nil
	}
	if err := load(events / 4); err != nil {
		return 0, err
	}
	return cpuOf(s, members*events, func() error { return load(events) })
}

// cpuOf returns the server's CPU time per operation while something runs, in microseconds.
func cpuOf(s *server, operations int, do func() error) (float64, error) {
	before, err := s.cpu()
	if err != nil {
		return 0, err
	}
	if err := do(); err != nil {
		return 0, err
	}
	after, err := s.cpu()
	return (after - before) * 1e6 / float64(operations), err
}

// idle returns the server's resident memory per connection that has joined a namespace and does nothing, in KiB.
func idle(ctx context.Context, s *server) (float64, error) {
	const clients = 10_000
	warm, err := connect(ctx, s, 50)
	defer closeAll(warm)
	if err != nil {
		return 0, err
	}
	before, err := s.memory()
	if err != nil {
		return 0, err
	}
	conns, err := connect(ctx, s, clients)
	defer closeAll(conns)
	if err != nil {
		return 0, err
	}
	select { // for what is left over from connecting to be collected
	case <-time.After(3 * time.Second):
	case <-ctx.Done():
	}
	after, err := s.memory()
	return (after - before) / clients, err
}
