//go:build full

package tests

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/gateway/runtimeapi"
)

// TestExamples runs the commands of examples behind each gateway, with stock clients, and with their pages in headless
// Chromium.
func TestExamples(t *testing.T) {
	for _, name := range []string{"presence", "cursors", "progress"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they wait more than they work
			binary := goBuild(t, "./examples/"+name)
			for _, g := range gateways {
				if g.responds {
					continue // the command has no route response
				}
				t.Run(g.name, func(t *testing.T) {
					t.Parallel()
					args := []string{"-addr", "127.0.0.1:0"}
					if !g.direct {
						args = append(args, fmt.Sprintf("-ordered=%v", g.ordered), "-jitter", g.jitter.String(), "-seed", fmt.Sprint(g.seed))
					}
					url := command(t, binary, args...)
					hasPage(t, url)
					env := []string{"DOZE_URL=" + url}
					if name == "progress" {
						env = append(env, job(t, url)...)
					}
					node(t, env, "--test", "examples/"+name+".test.mjs")
					node(t, env, "examples/pages.mjs", name)
				})
			}
		})
	}
}

// goBuild compiles a command of this repository, as sam build does, and returns where it is.
func goBuild(t *testing.T, folder string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), filepath.Base(folder))
	cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", to, folder)
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return to
}

// command runs a command until the test ends, by Ctrl-C, and returns the address that it prints.
func command(t *testing.T, binary string, args ...string) (url string) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for url == "" && lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); strings.HasPrefix(line, "http://") {
			url = line
		}
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines.Scan() { // so that it is never blocked
		}
	}()
	t.Cleanup(func() {
		killed := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
		defer killed.Stop()
		_ = cmd.Process.Signal(os.Interrupt)
		<-read
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s after Ctrl-C: %v", binary, err)
		}
	})
	if url == "" {
		t.Fatalf("%s prints no address", binary)
	}
	return url
}

// hasPage looks for the page and its script.
func hasPage(t *testing.T, url string) {
	t.Helper()
	for _, path := range []string{"/", "/page.js", "/page.css", "/socket.io/socket.io.js"} {
		answer, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Errorf("%s is answered %s", path, answer.Status)
		}
	}
}

// job builds the job of examples/progress, and returns where it is and what invokes it as a function of Lambda.
func job(t *testing.T, url string) (env []string) {
	t.Helper()
	binary := goBuild(t, "./examples/progress/checksum")
	function, err := runtimeapi.New(runtimeapi.Options{Binary: binary, Env: []string{"DOZE_QUEUE=" + url + "/_queue"}, InitTimeout: 30 * time.Second, Logs: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = function.Close(context.Background()) })
	invoke := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event, err := io.ReadAll(r.Body)
		if err == nil {
			_, err = function.Invoke(r.Context(), event)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	}))
	t.Cleanup(invoke.Close)
	return []string{"CHECKSUM=" + binary, "INVOKE=" + invoke.URL}
}
