// Command bench measures Doze beside Node's socket.io in one run and prints a table for docs/benchmarks.md:
//
//	go run ./tests/bench [-rounds 5]
//
// Both serve the application of tests/reference/app.mjs, each in a process of its own; the load comes from this one.
// The rounds of the two alternate, so that a machine that gets slower gets slower for both. CPU time is the server
// process's, as the kernel counts it. It needs Linux, Node and the npm packages of tests.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"time"
)

func main() {
	log.SetFlags(0)
	rounds := flag.Int("rounds", 5, "of each measurement")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	if err := run(ctx, *rounds); err != nil {
		log.Fatal("bench: ", err)
	}
}

// measurement is a figure of a server, measured once per round.
type measurement struct {
	name string
	of   func(context.Context, *server) (float64, error)
}

var measurements = []measurement{
	{"CPU per ack echo over WebSocket, µs", echoes},
	{"CPU per delivery of a broadcast to 100, µs", func(ctx context.Context, s *server) (float64, error) { return broadcasts(ctx, s, 100, 100) }},
	{"CPU per delivery of a broadcast to 1000, µs", func(ctx context.Context, s *server) (float64, error) { return broadcasts(ctx, s, 1000, 10) }},
	{"memory per idle WebSocket connection, KiB", idle},
}

func run(ctx context.Context, rounds int) error {
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
		figures := make([][]float64, len(kinds))
		for range rounds {
			for i, kind := range kinds {
				s, err := kind.start(ctx)
				if err != nil {
					return err
				}
				f, err := m.of(ctx, s)
				s.stop()
				if err != nil {
					return fmt.Errorf("%s of %s: %w", m.name, kind.name, err)
				}
				figures[i] = append(figures[i], f)
			}
		}
		row := []string{m.name}
		for _, f := range figures {
			slices.Sort(f)
			row = append(row, fmt.Sprintf("%.1f / %.1f / %.1f", f[0], median(f), f[len(f)-1]))
		}
		fmt.Printf("| %s | %.2f |\n", strings.Join(row, " | "), median(figures[0])/median(figures[1]))
	}
	return nil
}

func median(sorted []float64) float64 { return sorted[len(sorted)/2] }
