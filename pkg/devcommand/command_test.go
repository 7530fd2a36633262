package devcommand_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/commandline"
	"github.com/dozeio/doze/pkg/devcommand"
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/socketio"
)

// start runs a command with flags, and returns what it says until it can be interrupted.
func start(t *testing.T, c devcommand.Command, flags ...string) (said, url string, end func()) {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	reader, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- c.Run(ctx, append([]string{"-addr", "127.0.0.1:0"}, flags...), out, io.Discard)
		out.Close()
	}()
	b := make([]byte, 4096)
	for !strings.Contains(said, "Ctrl-C") {
		n, err := reader.Read(b)
		if err != nil {
			t.Fatal(err, <-ended)
		}
		said += string(b[:n])
	}
	rest := make(chan string, 1)
	go func() { text, _ := io.ReadAll(reader); rest <- string(text) }()
	return said, regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(said), func() {
		t.Helper()
		interrupt()
		select {
		case err := <-ended:
			if text := <-rest; err != nil || text != "\nclosing the connections\n" {
				t.Errorf("interrupted, it returns %v and says %q", err, text)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("it does not end")
		}
	}
}

func command(o socketio.Options) devcommand.Command {
	return devcommand.Command{Name: "doze try", Application: socketio.New(o)}
}

// TestOptionsOfTheApplicationCountUnlessAFlagIsGiven asks for the open packet, which has two of them.
func TestOptionsOfTheApplicationCountUnlessAFlagIsGiven(t *testing.T) {
	mine := socketio.Options{PingInterval: 7 * time.Second, PingTimeout: 3 * time.Second}
	for _, c := range []struct {
		options           socketio.Options
		flags             string
		interval, timeout int
	}{
		{socketio.Options{}, "", 25_000, 20_000},
		{mine, "", 7_000, 3_000},
		{mine, "-ping-timeout 5s", 7_000, 5_000},
		{mine, "-ping-interval 25s", 25_000, 3_000}, // also when it is the default
	} {
		_, url, end := start(t, command(c.options), strings.Fields(c.flags)...)
		res, err := http.Get(url + "/socket.io/?EIO=4&transport=polling")
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		var open protocol.Open
		if err != nil || len(b) == 0 || json.Unmarshal(b[1:], &open) != nil {
			t.Fatalf("%v %s", err, b)
		}
		if open.PingInterval != c.interval || open.PingTimeout != c.timeout {
			t.Errorf("%+v %q: %s", c.options, c.flags, b)
		}
		end()
	}
}

func TestOtherSitesAreAllowedByAFlag(t *testing.T) {
	_, url, end := start(t, command(socketio.Options{}), "-allow-origins", "https://a.example,https://b.example")
	defer end()
	for origin, want := range map[string]int{"https://b.example": 200, "https://c.example": 403} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/socket.io/?EIO=4&transport=polling", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", origin)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: %s, want %d", origin, res.Status, want)
		}
	}
}

// TestItSaysWhereThingsAre looks at what is said with a page and without, with an npm package nearby and without.
func TestItSaysWhereThingsAre(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "client-dist")
	if err := os.Mkdir(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"client-dist/socket.io.js": "", "package.json": `{"version":"1.2.3"}`} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(folder), name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(t.TempDir()) // no package is near
	plain := command(socketio.Options{})
	said, url, end := start(t, plain)
	end()
	for _, want := range []string{"It listens at:\n\n    " + url + "\n", `io("` + url + `").`, "socket.io.js comes from https://cdn.socket.io/", "\nIt has none of AWS's limits: doze try -as-aws has them.\n"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in %s", want, said)
		}
	}
	said, _, end = start(t, command(socketio.Options{}), "-as-aws")
	end()
	if strings.Contains(said, "none of AWS's limits") {
		t.Error(said)
	}
	full := command(socketio.Options{})
	full.Page, full.Client = http.NotFoundHandler(), "{ a: 1 }"
	said, url, end = start(t, full, "-client", folder)
	end()
	for _, want := range []string{"Open it in two browser tabs:\n\n    " + url + "\n", `io("` + url + `", { a: 1 }).`, "socket.io.js comes from " + folder + ", version 1.2.3.\n"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in %s", want, said)
		}
	}
}

func TestATakenPortIsSaidInTermsOfTheCommand(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for as, want := range map[string]string{"": "doze try -addr 127.0.0.1:0", "make dev": "make dev ARGS='-addr 127.0.0.1:0'"} {
		t.Setenv(commandline.As, as)
		var out bytes.Buffer
		// No table is made before: nobody answers at the endpoint, which is not asked.
		err := command(socketio.Options{}).Run(t.Context(), strings.Fields("-table t -endpoint http://127.0.0.1:1 -addr "+taken.Addr().String()), &out, &out)
		if err == nil || !strings.HasSuffix(err.Error(), want) || out.Len() > 0 {
			t.Errorf("%v %s", err, out.String())
		}
	}
}

// TestThePortIsTakenOnce has another program want the port while AWS is asked for the table, and once that has failed.
func TestThePortIsTakenOnce(t *testing.T) {
	for name, value := range map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_MAX_ATTEMPTS": "1"} {
		t.Setenv(name, value)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	var asked, taken atomic.Int32
	aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if l, err := net.Listen("tcp", addr); err != nil {
			taken.Add(1)
		} else {
			l.Close()
		}
		http.Error(w, `{"__type": "AccessDeniedException", "message": "no"}`, http.StatusBadRequest)
	}))
	defer aws.Close()
	err = command(socketio.Options{}).Run(t.Context(), []string{"-addr", addr, "-table", "t", "-endpoint", aws.URL}, io.Discard, io.Discard)
	if err == nil || asked.Load() == 0 || taken.Load() != asked.Load() {
		t.Errorf("%v; of %d times the port was taken at %d", err, asked.Load(), taken.Load())
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatalf("the port is not given back: %v", err)
	}
	l.Close()
}
