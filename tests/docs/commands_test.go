//go:build full

package docs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/devserver"
	"github.com/dozeio/doze/tests/docs/program/app"
)

// TestCommandsRun runs the commands of every page as a newcomer would, in a copy of the repository that has nothing but
// what git would bring.
func TestCommandsRun(t *testing.T) {
	clone := copyRepository(t)
	env := environment(t)
	for _, name := range walked {
		ran := 0
		for _, b := range blocks(t, name) {
			if b.Language != "sh" {
				continue
			}
			if b.Note == "not here" {
				t.Logf("%s:%d is not run here: %s\n%s", name, b.Line, b.Value, b.Text)
				continue
			}
			ran++
			began := time.Now()
			out, err := runBlock(t.Context(), clone, env, b)
			switch {
			case err != nil:
				t.Fatalf("%s:%d: %v\n%s\n%s", name, b.Line, err, b.Text, out)
			case b.Output != "" && out != b.Output:
				t.Errorf("%s:%d: %s\nprints\n%s\nnot\n%s", name, b.Line, b.Text, out, b.Output)
			}
			t.Logf("%s:%d took %v", name, b.Line, time.Since(began).Round(100*time.Millisecond))
		}
		if ran == 0 {
			t.Errorf("%s has no commands", name)
		}
	}
}

// copyRepository copies the files of the working tree that git has or would take to a folder of its own, below a new
// one.
func copyRepository(t *testing.T) (clone string) {
	t.Helper()
	clone = filepath.Join(t.TempDir(), "doze")
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	list, err := cmd.Output()
	if err != nil {
		t.Fatal("git ls-files: ", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		from := filepath.Join(root, name)
		info, err := os.Lstat(from)
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted, and git is not told yet
		} else if err != nil {
			t.Fatal(err)
		} else if !info.Mode().IsRegular() {
			continue
		}
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(clone, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.WriteFile(to, text, info.Mode()), os.Chtimes(to, info.ModTime(), info.ModTime())); err != nil {
			t.Fatal(err)
		}
	}
	borrow(t, clone, ".venv", "requirements.txt")
	borrow(t, clone, ".sam", "deployed/deploy/requirements.txt")
	return clone
}

// borrow gives a copy a Python that make has installed here, which takes minutes, and has make there be content with
// it.
func borrow(t *testing.T, clone, name, requirements string) {
	t.Helper()
	here, err := filepath.Abs(filepath.Join(root, "tests", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(here, "installed")); err != nil {
		t.Fatalf("this test needs tests/%s: run make tests/%s, or make test", name, name)
	}
	if err := os.Symlink(here, filepath.Join(clone, "tests", name)); err != nil {
		t.Fatal(err)
	}
	long := time.Unix(0, 0) // older than what is installed
	if err := os.Chtimes(filepath.Join(clone, "tests", requirements), long, long); err != nil {
		t.Fatal(err)
	}
}

// environment is that of this process, with the sam that make installs, and free ports instead of 3000.
func environment(t *testing.T) []string {
	t.Helper()
	sam, err := filepath.Abs(filepath.Join(root, "tests", ".sam", "bin"))
	if err != nil {
		t.Fatal(err)
	}
	return append(os.Environ(), "PATH="+sam+string(filepath.ListSeparator)+os.Getenv("PATH"),
		"SAM_CLI_TELEMETRY=0", "__SAM_CLI_APP_DIR="+t.TempDir(), "ARGS=-addr 127.0.0.1:0", "MAKEFLAGS=")
}

// said collects what a command prints, and closes found when that has the text that is waited for.
type said struct {
	mu    sync.Mutex
	out   bytes.Buffer
	until string
	found chan struct{}
	once  sync.Once
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.Write(p)
	if s.until != "" && bytes.Contains(s.out.Bytes(), []byte(s.until)) {
		s.once.Do(func() { close(s.found) })
	}
	return len(p), nil
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

// runBlock runs the commands of a block, and returns what they printed; on the standard output alone, when the page
// says what that is.
func runBlock(ctx context.Context, clone string, env []string, b Block) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	commands := strings.ReplaceAll(b.Text, "./cmd/doze dev ", "./cmd/doze dev -addr 127.0.0.1:0 ")
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", commands)
	cmd.Dir, cmd.Env = clone, slices.Concat(env, []string{"PWD=" + clone})
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that all that it starts is interrupted
	printed := &said{until: b.Value, found: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = printed, printed
	if b.Output != "" {
		cmd.Stderr = io.Discard
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var err error
	select {
	case err = <-ended:
		if b.Note == "until" {
			err = errors.Join(errors.New("it ended before it said "+b.Value), err)
		}
	case <-ctx.Done():
		err = errors.Join(errors.New("it takes too long"), end(cmd, ended))
	case <-printed.found:
		err = end(cmd, ended)
	}
	return printed.String(), err
}

// end interrupts a command, as Ctrl-C does, and waits. That it was interrupted is no error.
func end(cmd *exec.Cmd, ended <-chan error) error {
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		return err
	}
	select {
	case <-ended:
		return nil
	case <-time.After(20 * time.Second):
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-ended
		return errors.New("it does not end when it is interrupted")
	}
}

// TestTheReadmesClientRuns runs the client of README.md with the program of README.md.
func TestTheReadmesClientRuns(t *testing.T) {
	s, err := devserver.Start(devserver.Options{}, app.New())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	all := blocks(t, "README.md")
	i := slices.IndexFunc(all, func(b Block) bool { return b.Language == "js" && b.Note == "from" })
	if i < 0 {
		t.Fatal("README.md has no client")
	}
	script := strings.ReplaceAll(page(t, all[i].Value), "http://127.0.0.1:3000", s.URL) +
		"\nif (!heard) await new Promise((resolve) => bob.once('said', resolve));\nada.disconnect(); bob.disconnect();\n"
	script = strings.Replace(script, "await Promise.all", "let heard = false; bob.on('said', () => { heard = true; });\nawait Promise.all", 1)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "--input-type=module", "-e", script)
	cmd.Dir = filepath.Join(root, "tests")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "bob hears hello") || !strings.Contains(string(out), "delivered") {
		t.Errorf("%v\n%s", err, out)
	}
}
