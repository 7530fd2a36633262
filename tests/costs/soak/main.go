// Command soak lets many clients chat through doze serve for some minutes, of whom some leave each second, by default one
// in a hundred, and others come, and prints what the server's process makes of it:
//
//	go run ./tests/costs/soak [-clients 10000] [-for 10m] [-stays 100s]
//
// It fails when somebody is missing in between, or when the server has clients, rooms or goroutines left at the end. It
// needs Linux, and two files open for each client.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dozeio/doze/internal/commandline"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

// What the clients do. Each of a room is told of who comes and who goes.
const (
	perRoom  = 100
	speaks   = 200 * time.Second // between what one says, at the mean
	patience = 30 * time.Second  // for the answer of a server that is busy
)

func main() {
	log.SetFlags(0)
	ctx := context.Background()
	commandline.Exit(ctx, "soak", soak(ctx, os.Args[1:]))
}

const usage = `usage: go run ./tests/costs/soak [flags]

Has clients come and go at doze serve, and says what that has left in its memory.

`

// soak does so for as long as the flags in args say.
func soak(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("go run ./tests/costs/soak", flag.ContinueOnError)
	clients := f.Int("clients", 10_000, "who are there at a time")
	lasts := f.Duration("for", 10*time.Minute, "how long they come and go")
	stays := f.Duration("stays", 100*time.Second, "how long one is there at the mean, before another one comes in its place")
	if err := commandline.ParseFlags(f, usage, args, os.Stdout); err != nil {
		return err
	}
	return run(ctx, *clients, *lasts, *stays)
}

func run(ctx context.Context, clients int, lasts, stays time.Duration) error {
	dir, err := os.MkdirTemp("", "doze-soak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "doze")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/doze").CombinedOutput(); err != nil {
		return fmt.Errorf("run this from the project's root: %w\n%s", err, out)
	}
	s, err := serve(ctx, binary)
	if err != nil {
		return err
	}
	defer s.stop()
	before, err := s.look(ctx)
	if err != nil {
		return err
	}

	c := &crowd{url: s.url, stays: stays}
	here, goAway := context.WithCancel(ctx)
	defer goAway()
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() { c.seat(here, i, clients) })
	}
	for c.present.Load() < int64(clients) {
		if err := c.failed(); err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	fmt.Println("| minute | clients | came so far | received a second | MiB | goroutines | CPU, % | CPU per packet received, µs |\n|---|---|---|---|---|---|---|---|")
	last, err := s.look(ctx)
	if err != nil {
		return err
	}
	got := c.received.Load()
	for began := time.Now(); time.Since(began) < lasts; {
		time.Sleep(min(time.Minute, lasts))
		if err := c.failed(); err != nil {
			return err
		}
		now, err := s.look(ctx)
		if err != nil {
			return err
		}
		took, more := now.at.Sub(last.at).Seconds(), c.received.Load()-got
		fmt.Printf("| %.0f | %d | %d | %.0f | %.1f | %.0f | %.0f | %.1f |\n", time.Since(began).Minutes(), c.present.Load(), c.came.Load(),
			float64(more)/took, now.memory/(1<<20), now.goroutines, 100*(now.cpu-last.cpu)/took, (now.cpu-last.cpu)*1e6/float64(max(more, 1)))
		last, got = now, got+more
	}
	goAway()
	all.Wait()
	return s.settle(ctx, before)
}

// crowd is all clients.
type crowd struct {
	url                     string
	stays                   time.Duration // at the mean
	present, came, received atomic.Int64

	mu  sync.Mutex
	err error // the first
}

func (c *crowd) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// seat lets one client after the other take a place in a room, until the context ends.
func (c *crowd) seat(ctx context.Context, i, clients int) {
	dialer := rawclient.New(c.url)
	defer dialer.Close()
	wait(ctx, time.Duration(rand.Float64()*float64(clients))*2*time.Millisecond) // 500 a second come at first
	for n := 0; ctx.Err() == nil; n++ {
		if err := c.visit(ctx, dialer, fmt.Sprintf("n%d-%d", i, n), fmt.Sprint("room ", i/perRoom)); err != nil && ctx.Err() == nil {
			c.mu.Lock()
			if c.err == nil {
				c.err = err
			}
			c.mu.Unlock()
			return
		}
	}
}

// visit is one client, from its handshake to its end, which is a goodbye or a connection that breaks.
func (c *crowd) visit(ctx context.Context, dialer *rawclient.Client, name, room string) error {
	hurry, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := dialer.Dial(hurry, rawclient.WebSocket)
	if err != nil {
		return err
	}
	defer conn.Reset()
	for _, step := range []struct{ say, hear string }{{"", "0{"}, {`40{"nickname":"` + name + `"}`, "40{"}, {`420["join","` + room + `"]`, "430["}} {
		if step.say != "" {
			if err := conn.Send(hurry, step.say); err != nil {
				return err
			}
		}
		for {
			m, err := conn.Next(hurry)
			if err != nil {
				return fmt.Errorf("waiting for %s: %w", step.hear, err)
			}
			if strings.HasPrefix(m, step.hear) {
				break
			}
		}
	}
	c.came.Add(1)
	c.present.Add(1)
	defer c.present.Add(-1)
	life, end := context.WithTimeout(ctx, time.Duration(rand.ExpFloat64()*float64(c.stays)))
	defer end()
	go func() {
		for life.Err() == nil {
			if wait(life, time.Duration(rand.ExpFloat64()*float64(speaks))) {
				_ = conn.Send(ctx, `421["say",{"room":"`+room+`","text":"hello, all of you"}]`) // the reader sees what is wrong
			}
		}
		if rand.IntN(2) == 0 {
			_ = conn.Send(context.WithoutCancel(ctx), "41")
		}
		conn.Reset()
	}()
	for {
		m, err := conn.Next(context.WithoutCancel(ctx))
		switch {
		case life.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("%s was disconnected: %w", name, err)
		case m == "2":
			if err := conn.Send(ctx, "3"); err != nil && life.Err() == nil {
				return err
			}
		}
		c.received.Add(1)
	}
}

// wait waits, and reports whether the context has not ended meanwhile.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
