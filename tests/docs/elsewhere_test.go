//go:build full

package docs

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/devserver"
	"github.com/dozeio/doze/pkg/gateway/runtimeapi"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/tests/docs/port/app"
	"github.com/dozeio/doze/tests/kit/dynalite"
)

// deployment is the application of docs/from-node.md on a table, which programs elsewhere reach by its environment.
type deployment struct {
	server *devserver.Server
	env    []string // what a function has, and what the SDK reads
}

func deploy(t *testing.T) deployment {
	t.Helper()
	endpoint, stop, err := dynalite.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	client := dynalite.Client(endpoint)
	if err := dynamo.CreateTable(t.Context(), client, "chat"); err != nil {
		t.Fatal(err)
	}
	store := dynamo.New(client, "chat", nil)
	s, err := devserver.Start(devserver.Options{Wrap: func(b socketio.Backend) socketio.Backend {
		b.Sessions, b.Rooms, b.Acks = store, store, store
		return b
	}}, app.New())
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
	return deployment{s, []string{
		"DOZE_TABLE=chat", "DOZE_CONNECTIONS=" + s.URL + "/local", "DOZE_QUEUE=" + s.URL + "/_queue",
		"AWS_ENDPOINT_URL_DYNAMODB=" + endpoint, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
	}}
}

// listener is a stock client in the room tea.
type listener struct {
	name  string
	cmd   *exec.Cmd
	lines chan string
}

func (d deployment) listen(t *testing.T, name, transport string) *listener {
	t.Helper()
	l := &listener{name: name, cmd: exec.Command("node", filepath.Join("elsewhere", "listen.mjs"), d.server.URL, name, transport), lines: make(chan string, 100)}
	l.cmd.Stderr = os.Stderr
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewScanner(out)
		for lines.Buffer(nil, 1<<20); lines.Scan(); {
			l.lines <- lines.Text()
		}
	}()
	t.Cleanup(func() {
		_ = l.cmd.Process.Kill()
		<-read
		_ = l.cmd.Wait() // it was killed
	})
	l.expect(t, "ready")
	return l
}

// next waits for a line, and leaves out that others join.
func (l *listener) next(t *testing.T) string {
	t.Helper()
	for {
		select {
		case got := <-l.lines:
			if !strings.HasPrefix(got, `["joined"`) {
				return got
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("%s gets nothing", l.name)
		}
	}
}

func (l *listener) expect(t *testing.T, line string) {
	t.Helper()
	if got := l.next(t); got != line {
		t.Fatalf("%s gets %s, not %s", l.name, got, line)
	}
}

// build compiles one of the page's programs and returns its path.
func build(t *testing.T, name string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), name)
	cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", to, "./elsewhere/"+name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return to
}

// elsewhere are the ways to say something to the room tea: the page's function, and its program.
var elsewhere = map[string]func(t *testing.T, d deployment) (say func(text string)){
	"function": func(t *testing.T, d deployment) func(string) {
		f, err := runtimeapi.New(runtimeapi.Options{Binary: build(t, "function"), Env: d.env, InitTimeout: 30 * time.Second, Logs: os.Stderr})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close(context.Background()) })
		return func(text string) {
			event, err := json.Marshal(map[string]string{"room": "tea", "name": "function", "text": text})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Invoke(t.Context(), event); err != nil {
				t.Fatal(err)
			}
		}
	},
	"program": func(t *testing.T, d deployment) func(string) {
		binary := build(t, "program")
		return func(text string) {
			cmd := exec.Command(binary, "-room", "tea", "-text", text)
			cmd.Env = append(os.Environ(), d.env...)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}
	},
}

// TestEmittingFromElsewhere runs the programs of docs/elsewhere.md beside a deployment with stock clients.
func TestEmittingFromElsewhere(t *testing.T) {
	for name, way := range elsewhere {
		t.Run(name, func(t *testing.T) {
			d := deploy(t)
			say := way(t, d)
			ada, bob := d.listen(t, "ada", "websocket"), d.listen(t, "bob", "polling")
			say("dinner")
			line := fmt.Sprintf(`["said",{"room":"tea","name":%q,"text":"dinner"}]`, name)
			ada.expect(t, line)
			bob.expect(t, line)
		})
	}
}

// TestFarewellsRunWhereTheHandlersAre has a client stop polling, so that its outbox fills up. Who emits to it then
// disconnects it without having its handlers, and the application's farewell has to run all the same.
func TestFarewellsRunWhereTheHandlersAre(t *testing.T) {
	for name, way := range elsewhere {
		t.Run(name, func(t *testing.T) {
			d := deploy(t)
			say := way(t, d)
			ada, eve := d.listen(t, "ada", "websocket"), d.listen(t, "eve", "polling")
			if err := eve.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			const left = `["left",{"room":"tea","name":"eve"}]`
			for range 5 { // a poll that is under way takes the first; 256 KiB may wait
				say(strings.Repeat("x", 100_000))
			}
			for range 6 {
				if ada.next(t) == left {
					return
				}
			}
			t.Error("ada is not told that eve has left")
		})
	}
}
