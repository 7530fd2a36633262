//go:build full

// Package upgrades lets many stock clients upgrade from polling to WebSocket while messages flow both ways.
package upgrades

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/socketio"
)

// result is what one client of clients.mjs prints.
type result struct {
	ID            string
	Sent          int
	A, B, C       []int
	End           int
	First         string  // transport when it connected
	Open, Upgrade float64 // ms
	Trouble       []string
}

// TestNothingIsLostInUpgrades expects every message once, and in order: from the server always, to the server where the
// gateway keeps the order, or the client sends one at a time. Behind AWS's gateway invocations run side by side, so
// that messages to the server change places even without jitter.
func TestNothingIsLostInUpgrades(t *testing.T) {
	for _, run := range []struct {
		name    string
		gateway gateway.Options
		ordered bool // the gateway keeps the order of frames
		args    []string
	}{
		{"AWS", gateway.Options{}, false, []string{"--clients", "500"}},
		{"ordered", gateway.Options{}, true, []string{"--clients", "200"}},
		{direct, gateway.Options{}, true, []string{"--clients", "200"}},
		{"jitter, seed 1", jitter(1), false, []string{"--clients", "200"}},
		{"jitter, seed 2", jitter(2), false, []string{"--clients", "200"}},
		{"jitter, seed 3", jitter(3), false, []string{"--clients", "200"}},
		{"jitter, seed 1, retries", jitter(1), false, []string{"--clients", "60", "--retries"}},
		{"jitter, seed 2, retries", jitter(2), false, []string{"--clients", "60", "--retries"}},
		{"jitter, seed 3, retries", jitter(3), false, []string{"--clients", "60", "--retries"}},
	} {
		t.Run(run.name, func(t *testing.T) {
			app := newApp()
			run.gateway.Concurrency = -1 // on a slow machine as many are under way as an account's quota, beyond which frames are lost
			s, err := oneprocess.Start(oneprocess.Options{
				Engine:  engine.Options{OrderedFrames: run.ordered, BinaryFrames: run.ordered, Logger: slog.New(slog.DiscardHandler)},
				Gateway: run.gateway,
				Direct:  run.name == direct,
				Wrap: func(b socketio.Backend) socketio.Backend {
					if run.name == direct { // which tells waiting polls what comes, and not through a store in between
						return b
					}
					b.Sessions = slowConnect{b.Sessions}
					return b
				},
			}, app.io.Bind)
			if err != nil {
				t.Fatal(err)
			}
			results := clients(t, append([]string{"--url", s.URL}, run.args...)...)
			app.emitters.Wait()
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			swapped := s.Gateway.Stats().Swapped
			if err := s.Close(ctx); err != nil {
				t.Error(err)
			}

			retries := slices.Contains(run.args, "--retries")
			turned := 0
			for i, r := range results {
				received(t, i, r)
				got := app.sent[r.ID]
				if !slices.IsSorted(got[:max(0, len(got)-1)]) {
					turned++
				}
				if run.ordered || retries {
					inOrder(t, fmt.Sprintf("client %d to server", i), got[:max(0, len(got)-1)], r.Sent)
				} else {
					whole(t, fmt.Sprintf("client %d to server", i), got, r.Sent)
				}
			}
			if len(app.failed) > 0 {
				t.Errorf("%d emits failed, such as %v", len(app.failed), app.failed[0])
			}
			if run.gateway.Jitter > 0 && swapped == 0 {
				t.Error("no frames were swapped: the jitter tests nothing")
			}
			least := len(results) / 2
			if run.name == direct { // where nothing holds up a probe
				least = len(results) / 10
			}
			if n := report(t, results); n < least {
				t.Errorf("only %d of %d clients talked before their probe", n, len(results))
			}
			t.Logf("%d frames were swapped; the messages of %d clients arrived in another order", swapped, turned)
		})
	}
}

// TestReference runs the same clients against Node's socket.io: what they expect is what it does.
func TestReference(t *testing.T) {
	url := reference(t)
	results := clients(t, "--url", url, "--clients", "200")
	for i, r := range results {
		received(t, i, r)
	}
	report(t, results)
}

// direct is the run without events between gateway and engine.
const direct = "direct"

func jitter(seed uint64) gateway.Options {
	return gateway.Options{Jitter: 20 * time.Millisecond, Seed: seed}
}

// received checks what the server said to one client.
func received(t *testing.T, i int, r result) {
	t.Helper()
	who := fmt.Sprintf("client %d", i)
	if len(r.Trouble) > 0 || r.Upgrade == 0 {
		t.Errorf("%s: upgraded after %v ms; %q", who, r.Upgrade, r.Trouble)
	}
	if r.Sent < 30 || r.End < 20 {
		t.Errorf("%s sent %d, and the server %d", who, r.Sent, r.End)
	}
	inOrder(t, who+" from the first emitter", r.A, 20)
	inOrder(t, who+" from the second emitter", r.B, r.End)
	whole(t, who+" from many emitters", r.C, r.Sent)
}

// inOrder expects 0 to n-1; nothing, where a client has not told its n.
func inOrder(t *testing.T, who string, got []int, n int) {
	t.Helper()
	n = max(0, n)
	for i := range n {
		if i >= len(got) || got[i] != i {
			t.Errorf("%s: %d of %d is missing or not in its place: after %v comes %v", who, i, n, last(got[:min(i, len(got))]), first(got[min(i, len(got)):]))
			return
		}
	}
	if len(got) > n {
		t.Errorf("%s: after all %d comes %v", who, n, first(got[n:]))
	}
}

func first(numbers []int) []int { return numbers[:min(10, len(numbers))] }
func last(numbers []int) []int  { return numbers[max(0, len(numbers)-10):] }

// whole expects 0 to n-1 and the -1 of the last round trip, in any order.
func whole(t *testing.T, who string, got []int, n int) {
	t.Helper()
	sorted := slices.Sorted(slices.Values(got))
	if len(sorted) == 0 || sorted[0] != -1 {
		t.Errorf("%s: the last is missing after %v", who, last(got))
		return
	}
	inOrder(t, who, sorted[1:], n)
}

// report prints the figures for docs/benchmarks.md, and returns how many clients were connected before they upgraded.
func report(t *testing.T, results []result) (polling int) {
	t.Helper()
	var upgrade, after []float64
	for _, r := range results {
		upgrade = append(upgrade, r.Upgrade)
		after = append(after, r.Upgrade-r.Open)
		if r.First == "polling" {
			polling++
		}
	}
	slices.Sort(upgrade)
	slices.Sort(after)
	at := func(ms []float64, p int) float64 { return ms[(len(ms)-1)*p/100] }
	t.Logf("%d clients upgraded, %d of them after they were connected by polling; from the start to the upgrade p50 %.1f ms, p99 %.1f ms; from the open packet p50 %.1f ms, p99 %.1f ms",
		len(results), polling, at(upgrade, 50), at(upgrade, 99), at(after, 50), at(after, 99))
	return polling
}

// clients runs clients.mjs and returns what each client saw.
func clients(t *testing.T, args ...string) (results []result) {
	t.Helper()
	cmd := node(t, append([]string{"clients.mjs"}, args...)...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	for line := range strings.Lines(string(out)) {
		var r result
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		results = append(results, r)
	}
	return results
}

// reference starts reference.mjs, which lives as long as the test.
func reference(t *testing.T) (url string) {
	t.Helper()
	cmd := node(t, "reference.mjs")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	port, ok := strings.CutPrefix(strings.TrimSpace(line), "listening ")
	if !ok {
		t.Fatalf("the reference server said %q, %v", line, err)
	}
	return "http://127.0.0.1:" + port
}

func node(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Fatal("this test needs Node 20.14 or newer: install it, then run make test")
	}
	if _, err := os.Stat("../../node_modules/socket.io-client"); err != nil {
		t.Fatal("this test needs the npm packages of tests/package.json: run npm ci --prefix tests --ignore-scripts")
	}
	if _, err := os.Stat(args[0]); err != nil { // and go test knows that the result depends on it
		t.Fatal(err)
	}
	cmd := exec.Command("node", args...)
	cmd.Stderr = os.Stderr
	return cmd
}
