package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// codecs are benchmarks of pkg/protocol and what of socket.io-parser they are compared with, which knows values only.
var codecs = []struct {
	benchmark, what, goal string
	encodes               bool
}{
	{"DecodeFrameToArgs", "decode an event, its arguments left as JSON", "3 allocations", false},
	{"WireToValues", "decode an event, into values", "Node's", false},
	{"EncodeEvent", "encode an event whose arguments are JSON", "", true},
	{"ValuesToWire", "encode an event, from values", "half of Node's", true},
}

// codecRows measures the way of one small event between wire and application.
func codecRows(ctx context.Context, rounds int) error {
	doze := make([][]float64, len(codecs)) // ns
	allocs := make([]string, len(codecs))
	var decode, encode []float64
	for range rounds {
		out, err := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^Benchmark", "-benchmem", "-benchtime", "0.2s", "./pkg/protocol").CombinedOutput()
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
		var node struct{ Decode, Encode float64 }
		if err := json.Unmarshal(out, &node); err != nil {
			return err
		}
		decode, encode = append(decode, node.Decode), append(encode, node.Encode)
	}
	fmt.Println("| min / median / max | Doze's pkg/protocol | Node's socket.io-parser | goal |\n|---|---|---|---|")
	for i, c := range codecs {
		if len(doze[i]) == 0 {
			return fmt.Errorf("pkg/protocol has no Benchmark%s", c.benchmark)
		}
		node := decode
		if c.encodes {
			node = encode
		}
		r := row{fmt.Sprintf("%s, ns (Doze: %s allocations)", c.what, allocs[i]), c.goal}
		r.print([][]float64{doze[i], node})
	}
	return nil
}
