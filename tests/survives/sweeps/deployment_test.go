//go:build full

package sweeps

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/tests/kit/dynalite"
	"github.com/dozeio/doze/tests/kit/processes"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

var endpoint, folder string // of a DynamoDB, and of the functions

func TestMain(m *testing.M) {
	os.Exit(func() int {
		url, stop, err := dynalite.Start()
		if err == nil {
			defer stop()
			endpoint = url
			folder, err = os.MkdirTemp("", "sweeps")
		}
		if err == nil {
			defer os.RemoveAll(folder)
			err = processes.Build(context.Background(), folder, "client")
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

type deployment struct {
	*processes.Deployment
	*testing.T
	ctx      context.Context
	raw      *rawclient.Client
	patience time.Duration // of a client, from one ping to the next
}

// start runs the stock clients' application until the end of a test.
func start(t *testing.T, o processes.Options) *deployment {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute) // for what hangs
	logs, err := os.Create(filepath.Join(t.TempDir(), "functions.log"))
	if err != nil {
		t.Fatal(err)
	}
	o.App, o.Endpoint, o.Folder, o.Logs = "client", endpoint, folder, logs
	s, err := processes.Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	d := &deployment{s, t, ctx, rawclient.New(s.URL), o.Engine.PingInterval + o.Engine.PingTimeout}
	t.Cleanup(func() {
		d.raw.Close()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
		cancel()
		if t.Failed() {
			b, _ := os.ReadFile(logs.Name())
			t.Logf("the functions printed: %s", b[max(0, len(b)-10_000):])
		}
		logs.Close()
	})
	return d
}

// client is on a WebSocket. It answers pings, and leaves as the stock client does when none comes for too long.
type client struct {
	*rawclient.Conn
	ctx   context.Context
	pings atomic.Int64
	acks  chan string
	ended chan struct{}
	err   error // once it has ended
}

// connect lets so many clients join the main namespace, one after the other.
func (d *deployment) connect(n int) (clients []*client) {
	d.Helper()
	for range n {
		conn, err := d.raw.Dial(d.ctx, rawclient.WebSocket)
		if err != nil {
			d.Fatal(err)
		}
		c := &client{Conn: conn, ctx: d.ctx, acks: make(chan string, 1), ended: make(chan struct{})}
		d.Cleanup(conn.Reset) // before the deployment's
		for _, step := range []struct{ want, then string }{{"0{", "40"}, {"40{", ""}} {
			f, err := conn.Message(d.ctx)
			if err != nil || !strings.HasPrefix(f, step.want) {
				d.Fatalf("%q, %v instead of %s", f, err, step.want)
			}
			if step.then != "" {
				if err := conn.Send(d.ctx, step.then); err != nil {
					d.Fatal(err)
				}
			}
		}
		go c.listen(d.patience)
		clients = append(clients, c)
	}
	return clients
}

func (c *client) listen(patience time.Duration) {
	defer close(c.ended)
	for pinged := time.Now(); ; {
		ctx, cancel := context.WithDeadline(c.ctx, pinged.Add(patience))
		f, err := c.Next(ctx)
		cancel()
		if err != nil {
			c.err = fmt.Errorf("%v after the last ping: %w", time.Since(pinged).Round(time.Millisecond), err)
			return
		}
		switch {
		case f == "2":
			pinged = time.Now()
			c.pings.Add(1)
			_ = c.Send(c.ctx, "3") // Next says how it ended
		case strings.HasPrefix(f, "43"):
			c.acks <- f
		}
	}
}

// fewest returns the pings of the client that got fewest, and fails for one that is lost.
func (d *deployment) fewest(clients []*client) (n int64) {
	d.Helper()
	for i, c := range clients {
		select {
		case <-c.ended:
			d.Fatalf("client %d is lost after %d pings: %v", i, c.pings.Load(), c.err)
		default:
		}
		if p := c.pings.Load(); i == 0 || p < n {
			n = p
		}
	}
	return n
}

// allLive expects that each client is served.
func (d *deployment) allLive(clients []*client) {
	d.Helper()
	for i, c := range clients {
		if err := c.Send(d.ctx, `421["echo",1]`); err != nil {
			d.Fatal(err)
		}
		select {
		case <-c.acks:
		case <-c.ended:
			d.Fatalf("client %d is not served: %v", i, c.err)
		}
	}
}

// killASweep waits until a job runs, for a time of its own with each try, and kills all copies of the heartbeat
// function, as often as it takes to meet one that is at work.
func (d *deployment) killASweep(clients []*client, in func() time.Duration) {
	d.Helper()
	died := d.Heartbeat.Stats().Errors
	d.until("a sweep that dies", func() bool {
		if d.Heartbeat.Stats().Busy > 0 {
			<-time.NewTimer(in()).C
			d.Heartbeat.KillAll()
		}
		d.fewest(clients)
		return d.Heartbeat.Stats().Errors > died
	})
	if err := d.Heartbeat.Warm(d.ctx, 4); err != nil {
		d.Fatal(err)
	}
}

// shards counts those that there are connections in.
func (d *deployment) shards() (n int) {
	d.Helper()
	store := dynamo.New(d.Client(), d.Table, nil)
	for shard := range engine.Shards {
		lives, err := store.Lives(d.ctx, shard)
		if err != nil {
			d.Fatal(err)
		}
		n += min(1, len(lives))
	}
	return n
}

// until looks again and again until a condition holds.
func (d *deployment) until(what string, condition func() bool) {
	d.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-d.ctx.Done():
			d.Fatalf("it never came: %s", what)
		}
	}
}
