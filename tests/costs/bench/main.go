// Command bench measures Doze beside Node's socket.io in one run and prints the table of docs/benchmarks.md:
//
//	go run ./tests/costs/bench [-rounds 5] [-only REGEXP]
//	go run ./tests/costs/bench -table [-only REGEXP]
//
// With -table it measures Doze alone, on a DynamoDB whose calls take 4 ms: the latency of each operation, and how many
// calls follow one another.
//
// Both serve the application of tests/kit/reference/app.mjs, each in a process of its own; the load comes from this
// one. The rounds of the two alternate, so that a machine that gets slower gets slower for both. CPU time is the server
// process's, as the kernel counts it. It needs Linux, Node and the npm packages of tests.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"regexp"
	"time"
)

func main() {
	log.SetFlags(0)
	rounds := flag.Int("rounds", 5, "of each measurement")
	table := flag.Bool("table", false, "measure Doze on a table with 4 ms per call")
	only := flag.String("only", "", "measurements whose names match this regular expression")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute)
	defer cancel()
	var err error
	if *table {
		err = onTable(ctx, *only)
	} else {
		err = run(ctx, *rounds, *only)
	}
	if err != nil {
		log.Fatal("bench: ", err)
	}
}

// measurement is of a server, once per round. It gives one figure for each name.
type measurement struct {
	names []string
	of    func(context.Context, *server) ([]float64, error)
}

var measurements = []measurement{
	{[]string{"CPU per ack echo over WebSocket, µs"}, one(echoes)},
	{[]string{"CPU per ack echo, 64 under way on one WebSocket, µs"}, one(window)},
	{[]string{"CPU per delivery of a broadcast to 100, µs"}, one(func(ctx context.Context, s *server) (float64, error) { return broadcasts(ctx, s, 100, 100) })},
	{[]string{"CPU per delivery of a broadcast to 1000, µs"}, one(func(ctx context.Context, s *server) (float64, error) { return broadcasts(ctx, s, 1000, 10) })},
	{[]string{"from a broadcast to 1000 to each arrival, ms, p50", "the same, p99"}, arrivals},
	{[]string{"memory per idle WebSocket connection, KiB"}, one(idle)},
	{[]string{"from the client's start to its first ack, ms, p50", "the same, p99"}, firstAcks},
	{[]string{"from the client's start to its upgrade, ms, p50", "the same, p99"}, upgrades},
}

func one(of func(context.Context, *server) (float64, error)) func(context.Context, *server) ([]float64, error) {
	return func(ctx context.Context, s *server) ([]float64, error) {
		f, err := of(ctx, s)
		return []float64{f}, err
	}
}

func run(ctx context.Context, rounds int, only string) error {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	dir, err := os.MkdirTemp("", "doze-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	kinds, err := serverKinds(ctx, dir)
	if err != nil {
		return err
	}
	fmt.Println("| | Doze, min / median / max | Node socket.io | ratio of the medians |\n|---|---|---|---|")
	for _, m := range measurements {
		if !wanted.MatchString(m.names[0]) {
			continue
		}
		figures := make([][2][]float64, len(m.names)) // of Doze and Node
		for range rounds {
			for i, kind := range kinds {
				s, err := kind.start(ctx)
				if err != nil {
					return err
				}
				f, err := m.of(ctx, s)
				s.stop()
				if err != nil {
					return fmt.Errorf("%s of %s: %w", m.names[0], kind.name, err)
				}
				for n := range m.names {
					figures[n][i] = append(figures[n][i], f[n])
				}
			}
		}
		for n, name := range m.names {
			row(name, figures[n][0], figures[n][1])
		}
	}
	if only != "" {
		return nil
	}
	return codecRows(ctx, rounds)
}

func median(sorted []float64) float64 { return sorted[len(sorted)/2] }
