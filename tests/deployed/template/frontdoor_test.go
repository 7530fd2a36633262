//go:build full

package template

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/app"
	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/tests/kit/clientapp"
)

// frontDoor writes the code of the template's CloudFront function to a file, and returns its name.
func frontDoor(t *testing.T) string {
	t.Helper()
	_, parsed := translated(t)
	text := parsed.Resources["FrontDoorFunction"].Properties.text("FunctionCode")
	file := filepath.Join(t.TempDir(), "function.js")
	write(t, file, []byte(text))
	return file
}

func TestFrontDoorFunction(t *testing.T) {
	node(t, []string{"FRONTDOOR=" + frontDoor(t)}, "--test", "deployed/frontdoor/function.test.mjs")
}

// TestClientsThroughTheFrontDoor lets the function decide what reaches which API of the local gateway: everything that
// stock clients and browsers ask for.
func TestClientsThroughTheFrontDoor(t *testing.T) {
	clients, err := filepath.Glob(root + "/tests/asnode/client/*.test.mjs")
	if err != nil || len(clients) == 0 {
		t.Fatal("no tests in tests/asnode/client", err)
	}
	for i, c := range clients {
		clients[i] = "asnode/client/" + filepath.Base(c)
	}
	code := frontDoor(t)
	for _, c := range []struct {
		name string
		app  *socketio.Server
		args []string
	}{
		{"clients", clientapp.New(), append([]string{"--test", "--test-concurrency=100"}, clients...)},
		{"browser", app.New(), []string{"asnode/browser/chat.mjs"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			port := freePort(t)
			s, err := oneprocess.Start(oneprocess.Options{
				Engine:  engine.Options{PublicOrigin: "http://127.0.0.1:" + port}, // which the functions cannot see, as behind CloudFront
				Gateway: gateway.Options{Site: app.Page()},
			}, c.app.Bind)
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
			out := node(t, nil, append([]string{"deployed/frontdoor/with.mjs", "--code", code, "--gateway", s.URL, "--port", port, "--", "node"}, c.args...)...)
			var polled, upgraded int
			text := regexp.MustCompile(`through the front door: .*`).FindString(out)
			if _, err := fmt.Sscanf(text, "through the front door: %d requests to the HTTP API, %d to the WebSocket API", &polled, &upgraded); err != nil || polled == 0 || upgraded == 0 {
				t.Errorf("%q: %v", text, err)
			}
		})
	}
}

// freePort returns a port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// node runs a script of the folder tests and returns what it printed.
func node(t *testing.T, env []string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", args...)
	cmd.Dir = root + "/tests"
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("node %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
