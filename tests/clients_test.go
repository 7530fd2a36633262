//go:build full

package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/dozeio/doze/app"
	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/tests/kit/clientapp"
)

// TestStockClients runs the unmodified socket.io-client in Node behind each gateway.
func TestStockClients(t *testing.T) {
	t.Parallel()
	for _, g := range gateways {
		t.Run(g.name, func(t *testing.T) {
			s, err := oneprocess.Start(g.server(), clientapp.New().Bind)
			closeAfter(t, s, err)
			stockClients(t, s.URL, g, allAtOnce)
		})
	}
}

// TestStockClientsWithMsgPack runs the same clients with socket.io-msgpack-parser, and those with another parser than
// the server's.
func TestStockClientsWithMsgPack(t *testing.T) {
	t.Parallel()
	for _, g := range []gatewayKind{gateways[0], gateways[2], direct} { // binary frames, AWS with jitter, and none
		t.Run(g.name, func(t *testing.T) {
			s, err := oneprocess.Start(g.server(), clientapp.With(socketio.Options{MsgPack: true}).Bind)
			closeAfter(t, s, err)
			stockClients(t, s.URL, g, allAtOnce, "PARSER=msgpack")
		})
	}
}

// stockClients runs the files of tests/asnode/client, of which so many at a time, with more in their environment.
func stockClients(t *testing.T, url string, g gatewayKind, atOnce string, env ...string) {
	t.Helper()
	files, err := filepath.Glob("asnode/client/*.test.mjs")
	if err != nil || len(files) == 0 {
		t.Fatal("no tests in tests/asnode/client", err)
	}
	binary := "0"
	if g.ordered {
		binary = "1"
	}
	node(t, append(env, "DOZE_URL="+url, "BINARY_FRAMES="+binary, fmt.Sprintf("JITTER=%d", g.jitter.Milliseconds())),
		append([]string{"--test", atOnce}, files...)...)
}

// How many files of tests Node runs at a time, which wait for the server and not for the machine; by itself it runs one
// less than there are processors (https://nodejs.org/api/cli.html#--test-concurrency). Where a database has its share
// of the work, five at a time were too slow for each other.
const (
	allAtOnce = "--test-concurrency=100"
	twoAtOnce = "--test-concurrency=2"
)

// TestOracle runs the same scripts against Node's socket.io and against Doze, whose transcripts have to be equal. The
// gateway keeps the order of frames, as Node does; or there is none.
func TestOracle(t *testing.T) {
	t.Parallel()
	node(t, nil, "asnode/oracle/selftest.mjs")
	for _, g := range bothWays {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel() // they wait more than they work
			s, err := oneprocess.Start(g.server(), clientapp.New().Bind)
			closeAfter(t, s, err)
			node(t, []string{"BINARY_FRAMES=1"}, "asnode/oracle/run.mjs", "--url", s.URL)
		})
	}
}

// TestOracleWithMsgPack is TestOracle for stock clients with socket.io-msgpack-parser.
func TestOracleWithMsgPack(t *testing.T) {
	t.Parallel()
	for _, g := range bothWays {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			s, err := oneprocess.Start(g.server(), clientapp.With(socketio.Options{MsgPack: true}).Bind)
			closeAfter(t, s, err)
			node(t, []string{"BINARY_FRAMES=1", "PARSER=msgpack"}, "asnode/oracle/run.mjs", "--url", s.URL)
		})
	}
}

// TestChatInBrowser lets tabs of headless Chromium chat, and keeps screenshots in tests/artifacts.
func TestChatInBrowser(t *testing.T) {
	t.Parallel()
	for _, g := range append(slices.Clone(gateways), gatewayKind{name: "AWS, jitter of 200 ms", jitter: 200 * time.Millisecond, seed: 1}) {
		t.Run(g.name, func(t *testing.T) {
			o := g.server()
			o.Gateway.Site = app.Page()
			s, err := oneprocess.Start(o, app.New().Bind)
			closeAfter(t, s, err)
			node(t, []string{"DOZE_URL=" + s.URL}, "asnode/browser/chat.mjs")
		})
	}
}

// TestPageWithoutAClient opens the chat's page where the client is to come from the CDN, which nobody reaches.
func TestPageWithoutAClient(t *testing.T) {
	for name, o := range map[string]oneprocess.Options{
		"CDN":   {Clients: t.TempDir()},
		"wrong": {Clients: folderOf(t, "socket.io.js", "console.log('another version')")},
	} {
		t.Run(name, func(t *testing.T) {
			o.Gateway.Site = app.Page()
			s, err := oneprocess.Start(o, app.New().Bind)
			closeAfter(t, s, err)
			node(t, []string{"DOZE_URL=" + s.URL, "CLIENT=" + name}, "asnode/browser/client.mjs")
		})
	}
}

// folderOf makes a folder with one file.
func folderOf(t *testing.T, name, content string) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// node runs a script in this folder and fails with what it printed.
func node(t *testing.T, env []string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Fatal("this test needs Node 20 or newer: install it, then run make test")
	}
	if _, err := os.Stat("node_modules/socket.io"); err != nil {
		t.Fatal("this test needs the npm packages of tests/package.json: run npm ci --prefix tests --ignore-scripts, or make test")
	}
	cmd := exec.CommandContext(t.Context(), "node", args...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("node %v: %v\n%s", args, err, out)
	}
}
