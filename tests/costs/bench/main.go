// Command bench measures Doze beside other servers of Socket.IO in one run and prints the tables of docs/benchmarks.md:
//
//	go run ./tests/costs/bench [-rounds 5] [-only REGEXP] [-servers REGEXP]
//	go run ./tests/costs/bench -codec [-rounds 5]
//	go run ./tests/costs/bench -table [-only REGEXP]
//	go run ./tests/costs/bench -function [-rounds 5] [-profile FILE]
//
// With -codec it measures the packet codec alone, whose lines are the last of the table.
//
// With -table it measures Doze alone, on a DynamoDB whose calls take 4 ms: the latency of each operation, and how many
// calls follow one another.
//
// With -function it measures the CPU time that an event with an ack costs the message function, as a process of its own
// with one copy, beside its goal. The profile is for go tool pprof.
//
// All serve the application of tests/kit/reference/app.mjs, or what of it is measured, each in a process of its own; the
// load comes from this one. Their rounds alternate, so that a machine that gets slower gets slower for all. CPU time is
// the server process's, as the kernel counts it. It needs Linux, Node and the npm packages of tests, and Cargo.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dozeio/doze/internal/commandline"
)

func main() {
	log.SetFlags(0)
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	commandline.Exit(ctx, "bench", measure(ctx, os.Args[1:]))
}

const usage = `usage: go run ./tests/costs/bench [flags]

Measures Doze beside other servers of Socket.IO, and prints the tables of docs/benchmarks.md.

`

// measure measures what the flags in args say.
func measure(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("go run ./tests/costs/bench", flag.ContinueOnError)
	rounds := f.Int("rounds", 5, "of each measurement")
	codec := f.Bool("codec", false, "measure the packet codec alone")
	table := f.Bool("table", false, "measure Doze on a table with 4 ms per call")
	only := f.String("only", "", "measurements whose names match this `regular expression`; one that matches none gets the names")
	servers := f.String("servers", "", "servers whose names match this regular expression; all but socketioxide work without Cargo")
	function := f.Bool("function", false, "measure the CPU time of the message function on a table")
	profile := f.String("profile", "", "with -function: a file for the CPU profile of the function's process")
	if err := commandline.ParseFlags(f, usage, args, os.Stdout); err != nil {
		return err
	}
	switch {
	case *table:
		return onTable(ctx, *only)
	case *function:
		return onFunction(ctx, *rounds, *profile)
	case *codec:
		return codecRows(ctx, *rounds)
	}
	return run(ctx, *rounds, *only, *servers)
}

// measurement is of a server, once per round. It gives one figure for each row.
type measurement struct {
	rows []row
	of   func(context.Context, *server) ([]float64, error)
}

// row is one of the table. Its goal is what docs/benchmarks.md measures Doze by.
type row struct{ name, goal string }

var measurements = []measurement{
	{[]row{{"CPU per ack echo over WebSocket, µs", "Node's"}}, one(echoes)},
	{[]row{{"CPU per ack echo, 64 under way on one WebSocket, µs", "Node's"}}, one(window)},
	{[]row{{"CPU per delivery of a broadcast to 100, µs", ""}}, one(func(ctx context.Context, s *server) (float64, error) { return broadcasts(ctx, s, 100, 100) })},
	{[]row{{"CPU per delivery of a broadcast to 1000, µs", ""}}, one(func(ctx context.Context, s *server) (float64, error) { return broadcasts(ctx, s, 1000, 10) })},
	{[]row{{"from a broadcast to 1000 to each arrival, ms, p50", "Node's"}, {"the same, p99", "Node's"}}, arrivals},
	{[]row{{"memory per idle WebSocket connection of 10,000, KiB", "20"}}, one(idle)},
	{[]row{{"from the client's start to its first ack, ms, p50", "10"}, {"the same, p99", ""}}, firstAcks},
	{[]row{{"from the client's start to its upgrade, ms, p50", ""}, {"the same, p99", ""}}, upgrades},
}

func one(of func(context.Context, *server) (float64, error)) func(context.Context, *server) ([]float64, error) {
	return func(ctx context.Context, s *server) ([]float64, error) {
		f, err := of(ctx, s)
		return []float64{f}, err
	}
}

// matches returns an error with the names when -only matches none of them.
func matches(only *regexp.Regexp, names []string) error {
	if slices.ContainsFunc(names, only.MatchString) {
		return nil
	}
	return fmt.Errorf("-only %q matches none of these:\n    %s", only, strings.Join(names, "\n    "))
}

func run(ctx context.Context, rounds int, only, servers string) error {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	var names []string
	for _, m := range measurements {
		names = append(names, m.rows[0].name)
	}
	if err := matches(wanted, names); err != nil {
		return err
	}
	which, err := regexp.Compile(servers)
	if err != nil {
		return fmt.Errorf("-servers: %w", err)
	}
	dir, err := os.MkdirTemp("", "doze-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	kinds, err := serverKinds(ctx, dir, which)
	if err != nil {
		return err
	}
	header(kinds)
	for _, m := range measurements {
		if !wanted.MatchString(m.rows[0].name) {
			continue
		}
		lost := make([]int64, len(kinds))
		figures := make([][][]float64, len(m.rows)) // of a row, of a kind
		for n := range figures {
			figures[n] = make([][]float64, len(kinds))
		}
		for range rounds {
			for i, kind := range kinds {
				f, err := m.round(ctx, kind, &lost[i])
				if err != nil {
					fmt.Fprintf(os.Stderr, "bench: once more, because of %v\n", err)
					f, err = m.round(ctx, kind, &lost[i])
				}
				switch {
				case err != nil && kind.name == "Doze":
					return err
				case err != nil:
					fmt.Fprintf(os.Stderr, "bench: without this round: %v\n", err)
					continue
				}
				for n := range m.rows {
					figures[n][i] = append(figures[n][i], f[n])
				}
			}
		}
		for n, r := range m.rows {
			r.print(figures[n], lost)
		}
	}
	if only != "" {
		return nil
	}
	fmt.Println()
	return codecRows(ctx, rounds)
}

// round starts a server, measures it once, and ends it. The clients that it lost are added to lost.
func (m measurement) round(ctx context.Context, kind serverKind, lost *int64) ([]float64, error) {
	s, err := kind.start(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		s.stop()
		*lost += s.lost.Load()
	}()
	patient, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	f, err := m.of(patient, s)
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", m.rows[0].name, kind.name, err)
	}
	return f, nil
}

// header prints what was measured, and the head of the table.
func header(kinds []serverKind) {
	head, rule := "| min / median / max", "|---"
	for _, k := range kinds {
		fmt.Println(k.name+":", k.version)
		head, rule = head+" | "+k.name, rule+"|---"
	}
	fmt.Printf("\n%s | goal |\n%s|---|\n", head, rule)
}

// print prints a row, with the figures of each server, and how many clients it lost in all rounds.
func (r row) print(figures [][]float64, lost []int64) {
	line := "| " + r.name
	for i, f := range figures {
		if len(f) == 0 {
			line += " | failed"
			continue
		}
		f = slices.Sorted(slices.Values(f))
		line += fmt.Sprintf(" | %.1f / %.1f / %.1f", f[0], median(f), f[len(f)-1])
		if lost[i] > 0 {
			line += fmt.Sprintf(", %d clients lost", lost[i])
		}
	}
	fmt.Printf("%s | %s |\n", line, r.goal)
}

func median(sorted []float64) float64 { return sorted[len(sorted)/2] }
