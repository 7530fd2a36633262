package leftovers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// bystander is a client with a real socket that behaves, and expects to be served while others do not.
type bystander struct {
	customer
	vanish func()
	done   chan struct{}

	mu      sync.Mutex
	arrived *sync.Cond // on mu
	packets map[string]bool
	ended   error
}

// stand connects a bystander, every second one by polling, and lets it listen until its context ends.
func stand(ctx context.Context, t *testing.T, n network, polling bool) *bystander {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	b := &bystander{customer: customer{network: n, ctx: ctx}, vanish: cancel, done: make(chan struct{}), packets: map[string]bool{}}
	b.arrived = sync.NewCond(&b.mu)
	if err := b.try(func() {
		if polling {
			b.openPolling()
		} else {
			b.openWebSocket()
		}
		b.join()
		b.request("join", `,"all"`)
	}); err != nil {
		t.Fatalf("a bystander: %v", err)
	}
	go b.listen()
	return b
}

func (b *bystander) listen() {
	defer close(b.done)
	err := b.try(func() {
		for {
			for _, p := range b.next() {
				b.mu.Lock()
				b.packets[p] = true
				b.arrived.Broadcast()
				b.mu.Unlock()
			}
		}
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = err
	b.arrived.Broadcast()
}

// next returns what comes next; pings are answered.
func (b *bystander) next() []string {
	if b.line != nil {
		frame, err := b.line.next(b.ctx)
		must(err)
		return []string{frame}
	}
	a, err := b.get()
	if err == nil && a.Status != http.StatusOK {
		err = fmt.Errorf("a poll was answered %d %q", a.Status, a.Body)
	}
	must(err)
	packets := strings.Split(a.Body, "\x1e")
	for _, p := range packets {
		if p == "2" {
			b.post("3")
		}
	}
	return packets
}

// hears waits for a packet.
func (b *bystander) hears(packet string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for !b.packets[packet] && b.ended == nil {
		b.arrived.Wait()
	}
	if !b.packets[packet] {
		return fmt.Errorf("waiting for %s: %w", packet, b.ended)
	}
	delete(b.packets, packet)
	return nil
}

// try runs f until something that must not fail has failed.
func (c *customer) try(f func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			failed, ok := p.(failure)
			if !ok {
				panic(p)
			}
			err = failed.error
		}
	}()
	f()
	return nil
}

// leave ends a bystander, with or without a word.
func (b *bystander) leave(politely bool) {
	if politely {
		b.depart()
	} else if b.line != nil {
		b.line.reset()
	}
	b.vanish()
	<-b.done
}

// served expects that every bystander gets an ack, and a broadcast to a room that is full of those who have vanished.
func served(t *testing.T, bystanders []*bystander, round int) {
	t.Helper()
	said := fmt.Sprintf(`42["said",%d]`, round)
	ack := func(i int) string { return fmt.Sprintf("43%d[%d]", 100000+round, i) }
	for i, b := range bystanders {
		packets := []string{fmt.Sprintf(`42%d["echo",%d]`, 100000+round, i)}
		if i == round%len(bystanders) {
			packets = append(packets, fmt.Sprintf(`42["say","all",%d]`, round))
		}
		if err := b.try(func() { b.send(packets...) }); err != nil {
			t.Errorf("bystander %d cannot send: %v", i, err)
		}
	}
	for i, b := range bystanders {
		if err := errors.Join(b.hears(ack(i)), b.hears(said)); err != nil {
			t.Errorf("bystander %d, round %d: %v", i, round, err)
		}
	}
}
