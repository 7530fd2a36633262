//go:build full

package docs

import (
	"bufio"
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/devserver"
	"github.com/dozeio/doze/tests/docs/port/app"
)

// TestThePortedApplicationIsTheSame runs the Node application of docs/from-node.md on npm's socket.io and the Go
// application on Doze with the same stock clients, and compares what these see.
func TestThePortedApplicationIsTheSame(t *testing.T) {
	node, doze := startNode(t), startDoze(t)
	for _, transports := range [][]string{nil, {"websocket"}, {"polling"}} {
		theirs, ours := seen(t, node, transports), seen(t, doze, transports)
		if theirs != ours {
			t.Errorf("transports %q: with Node clients see\n%s\nwith Doze\n%s", transports, theirs, ours)
		}
		for _, line := range []string{
			`["refused","say who you are"]`, `["to nobody",{"error":"nobody is there"}]`,
			`["ada","hears",[["welcome","ada"],["joined",{"room":"tea","name":"bob"}],["whispered",{"id":"bob","name":"bob","text":"psst"}],["read","bob"],["left",{"room":"tea","name":"bob"}]]]`,
			`["bob","hears",[["welcome","bob"],["said",{"room":"tea","name":"ada","text":"hello"}],["invited",{"room":"tea","name":"ada"},null],`,
			`["who is there",["ada","bob"]]`, `["bob is invited to","tea",{"ok":true}]`, `["bob is invited to","pie",{"ok":false}]`,
			`["cid is invited",{"error":"no answer"}]`, `["nobody is invited",{"error":"nobody is there"}]`, `["is read by","bob"]`, `["is typing","ada"]`,
			`["bob kicks",{"error":"ada alone may"}]`, `["cid is gone:","io server disconnect"]`,
			`["one","hears",[["moved",1,2]]]`, `["two","hears",[["moved",1,2]]]`, `["three","hears",[]]`, `["another namespace","Invalid namespace"]`,
		} {
			if !strings.Contains(ours, line) {
				t.Errorf("transports %q: %s is missing in\n%s", transports, line, ours)
			}
		}
	}
}

// startNode runs the Node application until the test ends, and returns its address.
func startNode(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "node", "server.mjs", "0")
	cmd.Dir = "port"
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	port, ok := strings.CutPrefix(line, "listening ")
	if err != nil || !ok {
		t.Fatalf("server.mjs said %q, %v", line, err)
	}
	return "http://127.0.0.1:" + strings.TrimSpace(port)
}

// startDoze runs the Go application until the test ends, and returns its address.
func startDoze(t *testing.T) string {
	t.Helper()
	s, err := devserver.Start(devserver.Options{}, app.New())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return s.URL
}

// seen runs the clients.
func seen(t *testing.T, url string, transports []string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", append([]string{filepath.Join("port", "client.mjs"), url}, transports...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("client.mjs %s %q: %v\n%s", url, transports, err, out)
	}
	return string(out)
}

// TestTheClientOfThePageAboutClientsRuns runs the program of docs/clients.md for JavaScript with the application that
// the page names.
func TestTheClientOfThePageAboutClientsRuns(t *testing.T) {
	url := startDoze(t)
	all := blocks(t, "docs/clients.md")
	i := slices.IndexFunc(all, func(b Block) bool { return b.Language == "js" && strings.Contains(b.Text, "emitWithAck") })
	if i < 0 {
		t.Fatal("docs/clients.md has no client")
	}
	script := strings.ReplaceAll(all[i].Text, "http://127.0.0.1:3000", url) +
		"\nconst bob = io('" + url + "', { auth: { name: 'bob' }, forceNew: true });\n" +
		"socket.onAny((event) => { if (event === 'said') { bob.disconnect(); socket.disconnect(); } });\n" +
		"await bob.emitWithAck('join', 'tea');\n" +
		"const again = setInterval(() => bob.emit('say', 'tea', 'hello', () => {}), 100); bob.on('disconnect', () => clearInterval(again));\n"
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "--input-type=module", "-e", script)
	cmd.Dir = filepath.Join(root, "tests")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "{ ok: true }") || !strings.Contains(string(out), "bob says hello") {
		t.Errorf("%v\n%s", err, out)
	}
}
