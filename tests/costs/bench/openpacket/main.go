// Command openpacket measures how long a WebSocket-only client waits for its open packet, with every function a program
// of its own and with the latencies of AWS, when the packet goes through the queue and when it is posted by an
// extension after the response:
//
//	go run ./tests/costs/bench/openpacket [-n 200] [-send 10ms] [-deliver 10ms] [-spread 40ms]
//
// It needs Node and the npm packages of tests.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/dozeio/doze/internal/commandline"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/tests/kit/dynalite"
	"github.com/dozeio/doze/tests/kit/processes"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	commandline.Exit(ctx, "openpacket", openpacket(ctx, os.Args[1:]))
}

const usage = `usage: go run ./tests/costs/bench/openpacket [flags]

Measures how long a WebSocket-only client waits for its open packet.

`

// openpacket measures with the latencies that the flags in args say.
func openpacket(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("go run ./tests/costs/bench/openpacket", flag.ContinueOnError)
	n := f.Int("n", 200, "connections per way")
	var l processes.Latency
	f.DurationVar(&l.Table, "table", 4*time.Millisecond, "a request to the table")
	f.DurationVar(&l.Post, "post", 10*time.Millisecond, "a call of @connections")
	f.DurationVar(&l.Send, "send", 10*time.Millisecond, "a request to the queue")
	f.DurationVar(&l.Deliver, "deliver", 10*time.Millisecond, "from the queue to its function, at least")
	f.DurationVar(&l.Spread, "spread", 40*time.Millisecond, "and up to this much longer")
	f.DurationVar(&l.Invoke, "invoke", 5*time.Millisecond, "from the gateway to a function")
	if err := commandline.ParseFlags(f, usage, args, os.Stdout); err != nil {
		return err
	}
	return run(ctx, *n, l)
}

func run(ctx context.Context, n int, l processes.Latency) error {
	folder, err := os.MkdirTemp("", "doze-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := processes.Build(ctx, folder, "client"); err != nil {
		return err
	}
	endpoint, stop, err := dynalite.Start()
	if err != nil {
		return err
	}
	defer stop()
	fmt.Println("| | handshake, ms, p50 / p99 | from there to the open packet | both |\n|---|---|---|---|")
	for _, latency := range []processes.Latency{{}, l} {
		for _, queue := range []bool{true, false} {
			d, err := processes.Start(ctx, processes.Options{
				App: "client", Endpoint: endpoint, Folder: folder, OpenByQueue: queue, Latency: latency,
				Engine: engine.Options{PingInterval: 5 * time.Minute, PingTimeout: time.Minute},
			})
			if err != nil {
				return err
			}
			err = measure(ctx, d, n, fmt.Sprintf("%s, %s", map[bool]string{true: "queue", false: "extension"}[queue],
				map[bool]string{true: "as this machine is", false: "with latencies"}[latency == processes.Latency{}]))
			if e := d.Close(ctx); err == nil {
				err = e
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// measure opens connections one after the other and prints a row.
func measure(ctx context.Context, d *processes.Deployment, n int, name string) error {
	c := rawclient.New(d.URL)
	defer c.Close()
	var made, opened, both []float64
	for i := range n + n/10 {
		began := time.Now()
		conn, err := c.Dial(ctx, rawclient.WebSocket)
		if err != nil {
			return err
		}
		dialled := time.Since(began)
		packet, err := conn.Next(ctx)
		if err != nil || rawclient.SID(packet) == "" {
			return fmt.Errorf("instead of an open packet came %q, %v", packet, err)
		}
		total := time.Since(began)
		if err := conn.Close(1000); err != nil {
			return err
		}
		if i < n/10 { // warming up
			continue
		}
		ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
		made, opened, both = append(made, ms(dialled)), append(opened, ms(total-dialled)), append(both, ms(total))
	}
	fmt.Printf("| %s | %s | %s | %s |\n", name, percentiles(made), percentiles(opened), percentiles(both))
	return nil
}

func percentiles(ms []float64) string {
	slices.Sort(ms)
	return fmt.Sprintf("%.1f / %.1f", ms[len(ms)/2], ms[len(ms)*99/100])
}
