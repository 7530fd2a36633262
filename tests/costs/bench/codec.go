package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// codecs are benchmarks of pkg/protocol and what of socket.io-parser they are compared with, which knows values only.
var codecs = []struct{ benchmark, what, node string }{
	{"DecodeFrameToArgs", "decode an event, its arguments left as JSON", "decode"},
	{"WireToValues", "decode an event, into values", "decode"},
	{"WireToStruct", "decode an event with an object, into a struct", "decodeObject"},
	{"WireToAny", "decode an event with an object, into an any", "decodeObject"},
	{"WireToRaw", "decode an event with an object, into a json.RawMessage", "decodeObject"},
	{"EncodeEvent", "encode an event whose arguments are JSON", "encode"},
	{"ValuesToWire", "encode an event, from values", "encode"},
	{"StructToWire", "encode an event with an object, from a struct", "encodeObject"},
}

// codecRows measures the way of small events between wire and application.
func codecRows(ctx context.Context, rounds int) error {
	doze := make([][]float64, len(codecs)) // ns
	allocs := make([]string, len(codecs))
	node := map[string][]float64{}
	for range rounds {
		out, err := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "Frame|Wire|EncodeEvent$", "-benchmem", "-benchtime", "0.2s", "./pkg/protocol").CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
		for line := range strings.Lines(string(out)) {
			// BenchmarkWireToValues-2  1000000  500 ns/op  300 B/op  7 allocs/op
			f := strings.Fields(line)
			if len(f) < 8 || f[3] != "ns/op" {
				continue
			}
			name, _, _ := strings.Cut(strings.TrimPrefix(f[0], "Benchmark"), "-")
			for i, c := range codecs {
				if c.benchmark == name {
					ns, err := strconv.ParseFloat(f[2], 64)
					if err != nil {
						return err
					}
					doze[i], allocs[i] = append(doze[i], ns), f[6]
				}
			}
		}
		if out, err = exec.CommandContext(ctx, "node", "tests/costs/bench/codec.mjs").Output(); err != nil {
			return err
		}
		var took map[string]float64
		if err := json.Unmarshal(out, &took); err != nil {
			return err
		}
		for name, ns := range took {
			node[name] = append(node[name], ns)
		}
	}
	for i, c := range codecs {
		if len(doze[i]) == 0 {
			return fmt.Errorf("pkg/protocol has no Benchmark%s", c.benchmark)
		}
		row(fmt.Sprintf("%s, ns (Doze: %s allocations)", c.what, allocs[i]), doze[i], node[c.node])
	}
	return nil
}

// row prints one line of the table.
func row(name string, doze, node []float64) {
	cells := []string{name}
	for _, f := range [][]float64{doze, node} {
		f = slices.Sorted(slices.Values(f))
		cells = append(cells, fmt.Sprintf("%.1f / %.1f / %.1f", f[0], median(f), f[len(f)-1]))
	}
	fmt.Printf("| %s | %.2f |\n", strings.Join(cells, " | "), median(slices.Sorted(slices.Values(doze)))/median(slices.Sorted(slices.Values(node))))
}
