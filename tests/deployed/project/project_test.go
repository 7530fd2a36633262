//go:build full

// Package project tries what doze new writes, as its owner would: with make, go and sam, stock clients and a browser.
package project

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dozeio/doze/tests/kit/ministack"
	"github.com/dozeio/doze/tests/kit/stack"
)

const root = "../../.."

// TestANewProject is about one project, whose parts are tried one after the other.
func TestANewProject(t *testing.T) {
	clone, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	doze := filepath.Join(folder, "doze")
	run(t, root, nil, "go", "build", "-o", doze, "./cmd/doze")
	run(t, folder, nil, doze, "new", "my-shop", "-module", "example.com/my-shop", "-replace", clone)
	project := filepath.Join(folder, "my-shop")

	if out := run(t, project, nil, "gofmt", "-l", "."); out != "" {
		t.Error("gofmt would change ", out)
	}
	sums := func() string { return run(t, project, nil, "cat", "go.mod", "go.sum") }
	before := sums()
	tidy := exec.Command("go", "mod", "tidy", "-diff") // exits with 1 when there is a difference
	tidy.Dir = project
	var said strings.Builder // such as what it downloads
	tidy.Stderr = &said
	if diff, err := tidy.Output(); err != nil && (len(diff) == 0 || wanting.Match(diff)) {
		t.Errorf("go.mod requires more or less than it needs: cmd/doze/newfiles.go says what it leaves out\n%s%s", diff, said.String())
	}
	run(t, project, nil, "go", "mod", "verify")
	for _, name := range []string{"MAKEFLAGS", "MFLAGS"} { // of the make that runs this test, which others warn of
		t.Setenv(name, "")
	}
	t.Run("make test", func(t *testing.T) {
		out := run(t, project, nil, "make", "test")
		if !strings.Contains(out, "ok  \texample.com/my-shop/app") {
			t.Error(out)
		}
	})
	t.Run("make dev", func(t *testing.T) { dev(t, project) })
	t.Run("sam deploy", func(t *testing.T) { deploy(t, project) })
	if now := sums(); now != before {
		t.Errorf("working with it has changed go.mod or go.sum:\n%s", now)
	}
}

// TestAnOldProjectIsUpgraded brings a project that doze new of an older commit wrote to this one, and tests and runs
// it.
func TestAnOldProjectIsUpgraded(t *testing.T) {
	clone, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	doze := filepath.Join(folder, "doze")
	run(t, root, nil, "go", "build", "-o", doze, "./cmd/doze")
	project := filepath.Join(folder, "my-shop")
	text, err := os.ReadFile(filepath.Join(root, "cmd", "doze", "testdata", "project-9ba1448.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var file *os.File
	for line := range strings.Lines(string(text)) {
		name, ok := strings.CutPrefix(line, "-- ")
		if !ok {
			if _, err := file.WriteString(line); err != nil {
				t.Fatal(err)
			}
			continue
		}
		place := filepath.Join(project, filepath.FromSlash(strings.TrimSuffix(name, " --\n")))
		if err := os.MkdirAll(filepath.Dir(place), 0o777); err != nil {
			t.Fatal(err)
		}
		if file, err = os.Create(place); err != nil {
			t.Fatal(err)
		}
		defer file.Close()
	}
	run(t, project, nil, "go", "mod", "edit", "-replace", "github.com/dozeio/doze="+clone)
	if out := run(t, project, nil, doze, "upgrade"); strings.Contains(out, "left as") || !strings.Contains(out, "cmd/dev/main.go") {
		t.Error(out)
	}
	run(t, project, nil, "gofmt", "-w", "-r", "a.Sockets -> a.SocketIDs", "app") // as docs/deploy.md says
	if out := run(t, project, nil, "gofmt", "-l", "."); out != "" {
		t.Error("gofmt would change ", out)
	}
	if out := run(t, project, nil, "make", "test"); !strings.Contains(out, "ok  \texample.com/my-shop/app") {
		t.Error(out)
	}
	run(t, project, nil, "go", "build", "./...")
}

// wanting finds in a difference what tells more than that go.sum knows more than it needs to.
var wanting = regexp.MustCompile(`(?m)^([+-]\t|\+[a-z])`)

// left are the lines that tell of clients who have left.
var left = regexp.MustCompile(`(?m)^time=\S+ level=INFO msg="a socket is disconnected" .*\n`)

// dev runs make dev until Ctrl-C, and lets two clients talk meanwhile.
func dev(t *testing.T, project string) {
	cmd := exec.Command("make", "dev", "ARGS=-addr 127.0.0.1:0 -as-aws -host shop.test -jitter 5ms -ping-interval 20s")
	cmd.Dir = project
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var wrong strings.Builder
	cmd.Stderr = &wrong
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	defer func() {
		if !ended {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			_ = cmd.Wait()
		}
	}()
	url := ""
	for lines := bufio.NewScanner(out); url == "" && lines.Scan(); {
		url = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(lines.Text())
	}
	if url == "" {
		t.Fatal("make dev said no address")
	}
	read := make(chan struct{}) // Wait closes the pipe
	go func() { _, _ = io.Copy(io.Discard, out); close(read) }()
	for path, want := range map[string]string{"/": "page.js", "/page.js": "emitWithAck", "/client.json": "{}"} {
		answer, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(text), want) {
			t.Errorf("%s: %s %s %v", path, answer.Status, text, err)
		}
	}
	for host, want := range map[string]int{"shop.test": http.StatusOK, "evil.example": http.StatusMisdirectedRequest} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("as %s: %s, want %d", host, answer.Status, want)
		}
	}
	second := exec.Command("make", "dev", "ARGS=-addr "+strings.TrimPrefix(url, "http://"))
	second.Dir = project
	if text, err := second.CombinedOutput(); err == nil || !strings.Contains(string(text), "is taken by another program: end that one, or take a free port: make dev ARGS='-addr 127.0.0.1:0'\n") {
		t.Errorf("at an address that is taken: %v %s", err, text)
	}
	clients(t, url)
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() { <-read; _ = cmd.Wait(); close(over) }()
	select {
	case <-over:
		ended = true
	case <-time.After(15 * time.Second):
		t.Fatal("make dev does not end on Ctrl-C")
	}
	if text := left.ReplaceAllString(wrong.String(), ""); text != "" {
		t.Errorf("make dev says what is wrong, though nothing is: %s", text)
	}
}

// clients lets two stock clients, and two people in a browser, talk on a project that runs at an address.
func clients(t *testing.T, url string) {
	t.Helper()
	for _, script := range []string{"client.mjs", "page.mjs"} {
		if out := run(t, ".", []string{"DOZE_URL=" + url}, "node", script); !strings.Contains(out, "all went well") {
			t.Error(out)
		}
	}
}

// deploy builds the project with sam, deploys it to MiniStack, which asks the functions for their rights, and lets two
// clients talk there.
func deploy(t *testing.T, project string) {
	built := filepath.Join(t.TempDir(), "built")
	if err := stack.Build(t.Context(), project, built); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Connect", "Poll", "Message", "Disconnect", "Heartbeat"} {
		info, err := os.Stat(filepath.Join(built, name+"Function", "bootstrap"))
		if err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("%s has no bootstrap: %v", name, err)
		}
	}
	url, stop, err := ministack.Start("AUTH=true")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	deployed, err := stack.Deploy(t.Context(), built, stack.Options{
		Folder: project, Endpoint: url, Name: "my-shop", Parameters: stack.Standalone(url+"/_aws/execute-api", url),
	})
	if err != nil {
		t.Fatal(err)
	}
	clients(t, deployed.Outputs["Address"])
}

// run runs a program to its end, and fails with what it printed.
func run(t *testing.T, folder string, env []string, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = folder
	cmd.Env = slices.Concat(os.Environ(), []string{"MAKEFLAGS="}, env)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, out)
	}
	return string(out)
}
