//go:build full

// Runs both suites against Node's own servers: what the suites say about Doze is worth as much as they say here. Needs
// Node and `npm ci --ignore-scripts` in tests.
//
//	go test -tags full ./tests/asnode/conformance

package conformance

import (
	"bufio"
	"os/exec"
	"strings"
	"testing"
)

func TestOfficialSuitesOnTheReference(t *testing.T) {
	for _, gateway := range []struct {
		name         string
		binaryFrames bool
		flags        []string
	}{
		{"with binary frames", true, nil},
		{"without binary frames", false, []string{"--no-binary-frames"}},
	} {
		t.Run(gateway.name, func(t *testing.T) {
			t.Run("Engine.IO v4", func(t *testing.T) {
				url := startReference(t, append([]string{"--suite", "engineio"}, gateway.flags...)...)
				EngineIO(t, Target{URL: url, BinaryFrames: gateway.binaryFrames})
			})
			t.Run("Socket.IO v5", func(t *testing.T) {
				url := startReference(t, append([]string{"--suite", "socketio"}, gateway.flags...)...)
				SocketIO(t, Target{URL: url, BinaryFrames: gateway.binaryFrames})
			})
		})
	}
}

// startReference runs the reference server on a free port until the test ends and returns its address.
func startReference(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("node", append([]string{"../../kit/reference/server.mjs"}, args...)...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: install Node 20.14 or newer", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() {
		_ = cmd.Wait()
		t.Fatalf("the reference server did not start (run npm ci --ignore-scripts in tests): %s", stderr.String())
	}
	return "http://127.0.0.1:" + strings.TrimPrefix(lines.Text(), "listening ")
}
