//go:build full

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/tests/kit/stack"
)

// deployTime is how long a deployment may take on a machine that has other things to do.
const deployTime = 4 * time.Minute

// TestDeployed deploys the template to MiniStack with the command, lets clients and browsers chat there, takes one
// permission after the other away, and looks whether anything is left when the command has ended.
func TestDeployed(t *testing.T) {
	folders := t.TempDir()
	t.Setenv("TMPDIR", folders)
	said, end := start(t, settings{name: "doze", verify: true, eventSource: eventSource}, "export AWS_ENDPOINT_URL")
	endpoint := found(t, said, `AWS_ENDPOINT_URL=(\S+)`)
	address := found(t, said, `(http://\S+/_aws/execute-api/\w+/)\s`)
	if !strings.Contains(said, `io("`+endpoint+`", {"auth":{"nickname":"ada"},"path":"/_aws/execute-api/`) {
		t.Errorf("no line for clients in %s", said)
	}
	t.Run("clients", func(t *testing.T) { node(t, address, "--test", "deployed/deploy/chat.test.mjs") })
	t.Run("browser", func(t *testing.T) { node(t, address, "asnode/browser/chat.mjs") })
	t.Run("verify", func(t *testing.T) { testVerify(t, address) })
	t.Run("emitter", func(t *testing.T) { testEmitter(t, endpoint) })
	t.Run("permissions", func(t *testing.T) { testPermissions(t, endpoint, address) })
	t.Run("startup hook", func(t *testing.T) { testHook(t, endpoint) })
	t.Run("gateway", func(t *testing.T) { testGateway(t, endpoint) })
	end()
	if conn, err := net.Dial("tcp", strings.TrimPrefix(endpoint, "http://")); err == nil {
		conn.Close()
		t.Error("MiniStack is still there")
	}
	left, err := os.ReadDir(folders)
	left = slices.DeleteFunc(left, func(e os.DirEntry) bool { // of a Chromium that was closed while it was busy
		return strings.HasPrefix(e.Name(), ".org.chromium.")
	})
	if err != nil || len(left) > 0 {
		t.Error("left behind:", left, err)
	}
}

// testGateway puts doze gateway before another stack of the same functions, which has no APIs of its own.
func testGateway(t *testing.T, endpoint string) {
	s := settings{name: "doze-behind-gateway", endpoint: endpoint, gateway: true, addr: "127.0.0.1:0"}
	said, end := start(t, s, "Ctrl-C")
	address := found(t, said, `io\("(http://127\.0\.0\.1:[1-9]\d*)", { auth: { nickname: 'ada' } }\)`) + "/"
	node(t, address, "--test", "deployed/deploy/chat.test.mjs")
	node(t, address, "asnode/browser/chat.mjs")
	end()
	s.delete = true
	if err := run(t.Context(), s, io.Discard); err != nil {
		t.Error(err)
	}
	err := root(endpoint).query(t.Context(), "cloudformation", "2010-05-15", "DescribeStacks", nil, "StackName", s.name)
	if err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Error("the stack is still there:", err)
	}
}

// testHook deploys with what LocalStack runs when it starts.
func testHook(t *testing.T, endpoint string) {
	folder, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	built := t.TempDir()
	if err := stack.Build(t.Context(), folder, built); err != nil {
		t.Fatal(err)
	}
	parameters := "Architecture=" + map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]
	for name, value := range stack.Standalone(endpoint+"/_aws/execute-api", endpoint) {
		parameters += " " + name + "=" + value
	}
	var said []byte
	for range 2 { // the second time nothing is new
		cmd := exec.CommandContext(t.Context(), folder+"/tests/.venv/bin/python", folder+"/localstack/ready.d/deploy.py")
		cmd.Env = slices.Concat(os.Environ(), stack.Credentials, []string{"AWS_ENDPOINT_URL=" + endpoint, "DOZE_BUILT=" + built, "DOZE_STACK=doze-hook", "DOZE_PARAMETERS=" + parameters})
		if said, err = cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
	}
	node(t, found(t, string(said), `is deployed\. (http\S+/)`), "--test", "--test-name-pattern", "every transport", "deployed/deploy/chat.test.mjs")
}

// start runs the command until end, and returns what it has said when it has said ready.
func start(t *testing.T, s settings, ready string) (said string, end func()) {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, s, in)
		in.CloseWithError(io.EOF)
		ended <- err
	}()
	end = func() {
		interrupt()
		select {
		case err := <-ended:
			if err != nil {
				t.Log("the command ended with:", err)
			}
		case <-time.After(30 * time.Second):
			t.Error("the command does not end")
		}
	}
	late := time.AfterFunc(deployTime, func() { out.CloseWithError(fmt.Errorf("not deployed in %v", deployTime)) })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		said += lines.Text() + "\n"
		if strings.Contains(lines.Text(), ready) {
			late.Stop()
			go io.Copy(io.Discard, out)
			return said, end
		}
	}
	t.Fatalf("the command said %s and ended: %v, %v", said, lines.Err(), <-ended)
	return "", nil
}

func found(t *testing.T, text, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("there is no %s in %s", pattern, text)
	}
	return m[1]
}

// node runs a script of the folder tests against a deployment.
func node(t *testing.T, address string, args ...string) {
	t.Helper()
	if out, err := script(t.Context(), address, passTime, args...); err != nil {
		t.Errorf("node %v: %v\n%s", args, err, out)
	}
}

func script(ctx context.Context, address string, limit time.Duration, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "node", args...)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "DOZE_URL="+address, fmt.Sprintf("LIMIT=%d", limit.Milliseconds()))
	return cmd.CombinedOutput()
}
