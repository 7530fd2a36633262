package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/control"
	"github.com/dozeio/doze/pkg/devserver"
	"github.com/dozeio/doze/pkg/socketio"
)

// visited is an application whose clients join the rooms that they name, and have data.
func visited() (io *socketio.Server, left func() []string) {
	var mu sync.Mutex
	var gone []string
	io = socketio.New(socketio.Options{})
	for _, name := range []string{"/", "/admin"} {
		n := io.Of(name)
		n.Use(func(ctx context.Context, s *socketio.Socket) error {
			var auth struct{ Name string }
			if err := s.Auth(&auth); err != nil || auth.Name == "" {
				return &socketio.ConnectError{Message: "who are you?"}
			}
			return socketio.UpdateData(ctx, s, func(d *map[string]string) error {
				*d = map[string]string{"name": auth.Name}
				return nil
			})
		})
		n.OnDisconnecting(func(_ context.Context, s *socketio.Socket, reason socketio.Reason) error {
			mu.Lock()
			defer mu.Unlock()
			gone = append(gone, string(reason))
			return nil
		})
	}
	return io, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(gone)
	}
}

func serving(t *testing.T, o devserver.Options, io *socketio.Server) *devserver.Server {
	t.Helper()
	s, err := devserver.Start(o, io)
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
	return s
}

// says runs a command that ends by itself.
func says(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := run(ctx, args, &out, io.Discard); err != nil {
		t.Fatalf("doze %q: %v", args, err)
	}
	return out.String()
}

// tailing runs doze tail in the background, and returns its id and its lines.
func tailing(t *testing.T, args ...string) (id string, lines <-chan string, ended <-chan error) {
	t.Helper()
	out, log := &feed{lines: make(chan string, 100)}, &feed{lines: make(chan string, 1)}
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go func() { done <- run(ctx, append([]string{"tail"}, args...), out, log) }()
	select {
	case line := <-log.lines:
		id, _, _ = strings.Cut(strings.TrimPrefix(line, "connected as "), ".")
	case err := <-done:
		t.Fatalf("doze tail %q: %v", args, err)
	}
	return id, out.lines, done
}

// feed passes each write on.
type feed struct{ lines chan string }

func (f *feed) Write(p []byte) (int, error) {
	f.lines <- string(p)
	return len(p), nil
}

// testCommands runs all commands on a deployment that flags find, of an application that visited has made.
func testCommands(t *testing.T, left func() []string, at ...string) {
	with := func(command string, more ...string) []string { return slices.Concat([]string{command}, at, more) }
	ada, events, adaEnded := tailing(t, append(slices.Clone(at), "-auth", `{"name":"ada"}`, "-json", "#tea", "#cake")...)
	bob, lines, bobEnded := tailing(t, append(slices.Clone(at), "-auth", `{"name":"bob"}`, "-n", "2", "#tea")...)

	if got := says(t, with("rooms")...); got != "#cake  1\n#tea   2\n" {
		t.Errorf("rooms: %q", got)
	}
	if got := says(t, with("rooms", "-json")...); got != `{"name":"#cake","members":1}`+"\n"+`{"name":"#tea","members":2}`+"\n" {
		t.Errorf("rooms: %q", got)
	}
	if got := says(t, with("rooms", "-namespace", "/admin")...); got != "" {
		t.Errorf("rooms of another namespace: %q", got)
	}
	if got := says(t, with("sockets", "-to", "#cake")...); got != ada+`  #cake #tea  {"name":"ada"}`+"\n" {
		t.Errorf("sockets: %q", got)
	}
	if got := says(t, with("sockets", "-except", "#cake", "-json")...); got != `{"id":"`+bob+`","rooms":["#tea"],"data":{"name":"bob"}}`+"\n" {
		t.Errorf("sockets: %q", got)
	}

	says(t, with("emit", "-to", "#cake", "first", "rain", "5", `{"mm": 3}`, "")...)
	says(t, with("emit", "-to", ada, "private")...)
	says(t, with("emit", "second")...)
	says(t, with("emit", "-to", "#tea", "-except", ada, "third", "a\x1b[2Jb")...)
	var got []string
	for range 3 {
		var e struct {
			Time  time.Time
			Event string
			Args  json.RawMessage
		}
		line := <-events
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Time.IsZero() {
			t.Errorf("%q: %v", line, err)
		}
		got = append(got, e.Event+string(e.Args))
	}
	if want := []string{`first["rain",5,{"mm":3},""]`, `private[]`, `second[]`}; !slices.Equal(got, want) {
		t.Errorf("ada gets %q", got)
	}
	for _, want := range []string{" second\n", " third \"a\\u001b[2Jb\"\n"} {
		if line := <-lines; !strings.HasSuffix(line, want) {
			t.Errorf("bob gets %q, want %q", line, want)
		}
	}
	if err := <-bobEnded; err != nil {
		t.Error(err)
	}

	for _, c := range []struct{ args, want string }{
		{"emit -namespace /admni news", "nobody is in the namespace /admni (doze ls lists who is where): the event has reached nobody\n"},
		{"emit -to #tae -to #caek news", "nobody is in #tae and #caek of the namespace /"},
		{"emit -to #tae -to #cake news", ""},
		{"emit news", ""},
		{"disconnect -namespace admni -all", "nobody is in the namespace /admni"},
		{"disconnect -namespace /admin -to #cake", "nobody is in #cake of the namespace /admin (doze ls lists who is where): nothing is done\n"},
	} {
		var log bytes.Buffer
		words := strings.Fields(c.args)
		if err := run(t.Context(), with(words[0], words[1:]...), io.Discard, &log); err != nil || !strings.Contains(log.String(), c.want) || c.want == "" && log.Len() > 0 {
			t.Errorf("doze %s: %v, said %q, want %q", c.args, err, log.String(), c.want)
		}
	}

	says(t, with("disconnect", "-to", "#cake")...)
	if err := <-adaEnded; err == nil || !strings.Contains(err.Error(), "disconnected this client") {
		t.Errorf("ada's tail ends with %v", err)
	}
	for deadline := time.Now().Add(30 * time.Second); !slices.Contains(left(), "server namespace disconnect"); {
		if time.Now().After(deadline) {
			t.Fatalf("the application's OnDisconnecting ran with %q", left())
		}
		<-time.After(10 * time.Millisecond)
	}
	says(t, with("disconnect", "-all", "-close")...)
}

func TestCommandsReachDozeDev(t *testing.T) {
	io, left := visited()
	s := serving(t, devserver.Options{}, io)
	testCommands(t, left, "-dev", s.URL)
}

// TestBinaryIsShown has a client get what no argument of doze emit can be.
func TestBinaryIsShown(t *testing.T) {
	io, _ := visited()
	s := serving(t, devserver.Options{}, io)
	_, lines, _ := tailing(t, "-dev", s.URL, "-auth", `{"name":"ada"}`)
	if err := io.Emit(t.Context(), "picture", map[string]any{"data": []byte("hello")}, []byte{}); err != nil {
		t.Fatal(err)
	}
	if line := <-lines; !strings.HasSuffix(line, ` picture {"data":{"$binary":"aGVsbG8="}} {"$binary":""}`+"\n") {
		t.Errorf("%q", line)
	}
}

func TestCommandsSayWhatIsMissing(t *testing.T) {
	for _, name := range []string{"DOZE_TABLE", "DOZE_CONNECTIONS", "DOZE_QUEUE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_REGION", "us-east-1")
	app, _ := visited()
	dev := serving(t, devserver.Options{}, app).URL
	for _, c := range []struct{ args, want string }{
		{"emit", "needs the name of an event"},
		{"emit news", "which deployment? -dev"},
		{"rooms", "which deployment? -dev"},
		{"rooms more", "takes flags only"},
		{"rooms -dev 127.0.0.1:3000", "is no URL: write -dev http"},
		{"rooms -dev http://127.0.0.1:1 -table t", "-dev needs no other flag"},
		{"rooms -dev http://127.0.0.1:1", "start doze dev"},
		{"rooms -table t", "DOZE_CONNECTIONS"},
		{"rooms -table t -connections wss://a/live -queue http://a/q", "is no URL with http"},
		{"rooms -stack chat -endpoint http://127.0.0.1:1", "the stack chat could not be read: no answer of AWS in the region us-east-1"},
		{"show -dev " + dev, "needs the id of one socket"},
		{"show a b -dev " + dev, "needs the id of one socket"},
		{"kick -dev " + dev, "needs the id of a socket"},
		{"kick a -reason= -dev " + dev, "-reason is empty"},
		{"ls all -dev " + dev, "takes flags only"},
		{"drain -rate 0 -dev " + dev, "-rate is 0"},
		{"drain -before 2999-01-01T00:00:00Z -dev " + dev, "-before 2999-01-01T00:00:00Z is later than now"},
		{"drain -rate 1e-10 -dev " + dev, "-rate is 1e-10: it goes from 0.01"},
		{"drain -rate 0.009 -dev " + dev, "-rate is 0.009: it goes from 0.01"},
		{"drain -rate NaN -dev " + dev, "-rate is NaN"},
		{"drain -rate 501 -dev " + dev, "up to 500"},
		{"drain -before noon -dev " + dev, "is no time"},
		{"disconnect -dev " + dev, "needs -to ROOM or -all"},
		{"disconnect -all -to a -dev " + dev, "needs -to ROOM or -all"},
		{"tail -auth ada -dev " + dev, "is no JSON object"},
		{"tail -dev " + dev, "who are you?"},
		{"emit connect -dev " + dev, "reserved"},
		{"rooms -namespace a,b -dev " + dev, "without comma"},
		{"rooms -namespace \xff -table t -connections http://127.0.0.1:1/live -queue http://127.0.0.1:1/q", "without comma"},
		{"tail -auth {} -namespace /nowhere -dev " + dev, "the application has no namespace /nowhere"},
		{"tail -msgpack -table t", "doze tail reads text"},
	} {
		t.Setenv("AWS_ACCESS_KEY_ID", "a")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
		t.Setenv("AWS_MAX_ATTEMPTS", "1")
		err := run(t.Context(), strings.Fields(c.args), io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("doze %s: %v, want %s", c.args, err, c.want)
		}
	}
}

func TestAnEmptyNameOfAnEventIsAMistakeOfTheShell(t *testing.T) {
	err := run(t.Context(), []string{"emit", "-dev", "http://127.0.0.1:1", "", "rain"}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "the event's name is empty: is a variable of the shell not set?") {
		t.Error(err)
	}
}

// TestPagesCannotAskDozeDev sends what a page of any site could.
func TestPagesCannotAskDozeDev(t *testing.T) {
	app, _ := visited()
	url := serving(t, devserver.Options{}, app).URL + control.Path
	for _, origin := range []string{"", "https://evil.example", "null"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(`{"do":"rooms"}`))
		if err != nil {
			t.Fatal(err)
		}
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if want := map[bool]int{true: 200, false: 403}[origin == ""]; res.StatusCode != want {
			t.Errorf("Origin %q: %s", origin, res.Status)
		}
	}
	if res, err := http.Get(url); err != nil || res.StatusCode != http.StatusForbidden {
		t.Errorf("GET: %v %v", res, err)
	} else {
		res.Body.Close()
	}
}
