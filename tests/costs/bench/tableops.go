package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

// operation is something that a client does, and how often it is measured.
type operation struct {
	name   string
	rounds int
	do     func() (began time.Time, err error)
	before func() error // makes what it needs; nil: nothing
}

// operations returns what is measured. They share one connection that has joined the namespace "/".
func (b *bench) operations() ([]operation, error) {
	// Whoever comes first to a heartbeat shard makes its timer.
	for b.armed.Load() < engine.Shards {
		if _, err := b.open(); err != nil {
			return nil, err
		}
	}
	c := b.conns[0]
	if err := ask(b, c, "40", "40{"); err != nil {
		return nil, err
	}
	joins := 0
	all := []operation{
		{name: "one consistent read, without a server", rounds: 300, do: timed(func() error { _, err := b.metered.Get(b.ctx, "wabsent", true); return err })},
		{name: "polling: handshake, to the open packet", rounds: 100, do: timed(func() error { _, err := b.openPolling(); return err })},
		{name: "polling: connect, to the namespace's `40{…}`", rounds: 100, do: timed(b.connectPolling)},
		{name: "WebSocket: handshake, to the open packet", rounds: 100, do: timed(func() error { _, err := b.open(); return err })},
		{name: "WebSocket: connect, to the namespace's `40{…}`", rounds: 100, do: timed(func() error {
			c, err := b.open()
			if err == nil {
				err = ask(b, c, "40", "40{")
			}
			return err
		})},
		{name: "event with ack", rounds: 300, do: timed(func() error { return ask(b, c, `421["echo","hello"]`, "431[") })},
		{name: "join one room, with ack", rounds: 100, do: timed(func() error {
			joins++
			return ask(b, c, fmt.Sprintf(`421["join","0b0d4a4e-2f0e-4a53-9a3e-%012d"]`, joins), "431[")
		})},
	}
	for _, size := range []struct {
		members string
		n       int
		rounds  int
	}{{"10", 10, 100}, {"100", 100, 100}, {"1,000", 1000, 50}, {"10,000", 10000, 20}} {
		room := fmt.Sprintf("5f0c1f9e-7d55-4f0a-b6f7-%012d", size.n)
		all = append(all, operation{"broadcast to " + size.members + ", until all are posted", size.rounds, timed(func() error {
			return ask(b, c, `421["say","`+room+`"]`, "431[")
		}), func() error { return b.crowd(room, size.n) }})
	}
	return append(all, b.asks(c)...), nil
}

func timed(do func() error) func() (time.Time, error) {
	return func() (time.Time, error) {
		began := time.Now()
		return began, do()
	}
}

// open makes a WebSocket connection that has its open packet. It stays until the end: a disconnect would be measured
// with what comes next.
func (b *bench) open() (*rawclient.Conn, error) {
	c, err := b.client.Dial(b.ctx, rawclient.WebSocket, b.header...)
	if err != nil {
		return nil, err
	}
	b.conns = append(b.conns, c)
	_, err = c.Next(b.ctx)
	return c, err
}

// openPolling begins a session over HTTP.
func (b *bench) openPolling() (sid string, err error) {
	a, err := b.client.Do(b.ctx, http.MethodGet, rawclient.Polling, "", b.header...)
	if sid = rawclient.SID(a.Body); err == nil && sid == "" {
		err = fmt.Errorf("the handshake was answered with %d %s", a.Status, a.Body)
	}
	return sid, err
}

// ask sends a frame and waits for one that begins as given.
func ask(b *bench, c *rawclient.Conn, frame, answer string) error {
	if err := c.Send(b.ctx, frame); err != nil {
		return err
	}
	return expect(b.ctx, c, answer)
}

// connectPolling does what a stock client does: after the handshake it polls and asks for the namespace at once.
func (b *bench) connectPolling() error {
	sid, err := b.openPolling()
	if err != nil {
		return err
	}
	posted := make(chan error, 1)
	go func() {
		_, err := b.client.Do(b.ctx, http.MethodPost, rawclient.Session(sid), "40", b.header...)
		posted <- err
	}()
	a, err := b.client.Do(b.ctx, http.MethodGet, rawclient.Session(sid), "", b.header...)
	if err == nil && !strings.HasPrefix(a.Body, "40{") {
		err = fmt.Errorf("the poll was answered with %d %s", a.Status, a.Body)
	}
	return errors.Join(err, <-posted)
}
