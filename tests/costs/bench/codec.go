package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// codecs are benchmarks of pkg/protocol and what of socket.io-parser they are compared with, which knows values only.
var codecs = []struct{ benchmark, what, node, goal string }{
	{"DecodeFrameToArgs", "decode an event, its arguments left as JSON", "decode", "3 allocations"},
	{"WireToValues", "decode an event, into values", "decode", "Node's"},
	{"WireToStruct", "decode an event with an object, into a struct", "decodeObject", ""},
	{"WireToAny", "decode an event with an object, into an any", "decodeObject", ""},
	{"WireToRaw", "decode an event with an object, into a json.RawMessage", "decodeObject", ""},
	{"EncodeEvent", "encode an event whose arguments are JSON", "encode", ""},
	{"ValuesToWire", "encode an event, from values", "encode", "half of Node's"},
	{"StructToWire", "encode an event with an object, from a struct", "encodeObject", ""},
}

// codecRows measures the way of small events between wire and application, by the CPU time of the two processes: on a
// machine with other work, time on the clock says more about that. Doze has the heap of its programs, which is collected
// when garbage is four times what is in use, and one core, as the message function, or all, as doze serve.
func codecRows(ctx context.Context, rounds int) error {
	dir, err := os.MkdirTemp("", "doze-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "protocol.test")
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, "./pkg/protocol").CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	cores := []string{"GOMAXPROCS=1", "GOMAXPROCS="}
	doze := make([][2][]float64, len(codecs)) // ns, by cores
	allocs := make([]string, len(codecs))
	node := map[string][]float64{}
	for range rounds {
		for k, procs := range cores {
			start, _, err := benchmark(ctx, binary, "none", procs)
			if err != nil {
				return err
			}
			for i, c := range codecs {
				cpu, result, err := benchmark(ctx, binary, c.benchmark, procs)
				if err != nil {
					return err
				}
				// BenchmarkWireToValues-2  1000000  500 ns/op  300 B/op  7 allocs/op
				if f := strings.Fields(result); len(f) == 8 {
					doze[i][k], allocs[i] = append(doze[i][k], float64(cpu-start)/benchmarked), f[6]
				} else {
					return fmt.Errorf("pkg/protocol has no Benchmark%s", c.benchmark)
				}
			}
		}
		out, err := exec.CommandContext(ctx, "node", "tests/costs/bench/codec.mjs").Output()
		if err != nil {
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
	fmt.Println("| min / median / max | Doze's pkg/protocol on one core | on all | Node's socket.io-parser | goal |\n|---|---|---|---|---|")
	for i, c := range codecs {
		r := row{fmt.Sprintf("%s, ns of CPU (Doze: allocations %s)", c.what, allocs[i]), c.goal}
		r.print([][]float64{doze[i][0], doze[i][1], node[c.node]}, make([]int64, 3))
	}
	return nil
}

// benchmarked is how often a benchmark does what it measures.
const benchmarked = 1_000_000

// benchmark runs a benchmark in a process of its own with a setting of GOMAXPROCS, and returns the process's CPU time and
// the benchmark's line.
func benchmark(ctx context.Context, binary, name, procs string) (cpu time.Duration, line string, err error) {
	cmd := exec.CommandContext(ctx, binary, "-test.run", "^$", "-test.bench", "^Benchmark"+name+"$", "-test.benchmem", "-test.benchtime", fmt.Sprint(benchmarked, "x"))
	cmd.Env = append(os.Environ(), "GOGC=400", procs) // internal/heapfloor, functions/backend/memory.go
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, "", fmt.Errorf("%w\n%s", err, out)
	}
	for l := range strings.Lines(string(out)) {
		if strings.HasPrefix(l, "Benchmark") {
			line = l
		}
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), line, nil
}
