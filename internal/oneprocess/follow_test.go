package oneprocess_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/socketio"
)

// lines is a log in JSON.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // with room for one: there is a line since it was received from
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
	return l.text.Write(p)
}

// with returns the lines that have a value for a name.
func (l *lines) with(t *testing.T, name, value string) (found []map[string]any) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		if v[name] == value {
			found = append(found, v)
		}
	}
	return found
}

// await waits until the log has what it should say.
func (l *lines) await(t *testing.T, what string, found func() bool) {
	t.Helper()
	for over := time.After(10 * time.Second); !found(); {
		select {
		case <-l.more:
		case <-over:
			t.Fatalf("no line says %s", what)
		}
	}
}

// TestAnEventIsFollowedToEveryPost has a client that polls send two events in one request. The second is emitted to
// one who polls, to one over WebSocket, and, by a job of another invocation, to that one once more.
func TestAnEventIsFollowedToEveryPost(t *testing.T) {
	log := lines{more: make(chan struct{}, 1)}
	logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	io := socketio.New(socketio.Options{Logger: logger})
	io.Of("/").On("other", func(context.Context, *socketio.Socket) error { return nil })
	io.Of("/").On("say", func(ctx context.Context, s *socketio.Socket) error {
		if err := io.Emit(ctx, "said"); err != nil {
			return err
		}
		return io.Timeout(time.Millisecond).Then("answered", "x").Emit(ctx, "asked")
	})
	io.Of("/").OnAck("answered", func(ctx context.Context, _ *socketio.Socket, _ string, _ error) error {
		return io.Emit(ctx, "late")
	})
	server, err := oneprocess.Start(oneprocess.Options{Gateway: gateway.Options{Logger: logger}}, io.Bind)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close(t.Context())

	conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http")+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	next := func(prefix string) {
		t.Helper()
		for {
			_, b, err := conn.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(string(b), prefix) {
				return
			}
		}
	}
	next("0{")
	if err := conn.Write(t.Context(), websocket.MessageText, []byte("40")); err != nil {
		t.Fatal(err)
	}
	next("40{")
	polling := server.URL + "/socket.io/?EIO=4&transport=polling"
	_, open := get(t, polling)
	polling += "&sid=" + strings.SplitN(open, `"`, 5)[3]
	for _, body := range []string{"40", "42[\"other\"]\x1e42[\"say\"]"} {
		res, err := http.Post(polling, "text/plain", strings.NewReader(body))
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatal(res, err)
		}
		res.Body.Close()
	}
	next(`42["late"]`)

	events := log.with(t, "msg", "event")
	if len(events) != 2 {
		t.Fatalf("events %v", events)
	}
	first, second := fmt.Sprint(events[0]["trace"]), fmt.Sprint(events[1]["trace"])
	if first == "" || second != first+".2" {
		t.Fatalf("the events of a request have the ids %q and %q", first, second)
	}
	followed := func() (posts, kept int) {
		for _, line := range log.with(t, "trace", second) {
			switch line["msg"] {
			case "post":
				posts++
				if line["outcome"] != "ok" || line["connection"] == "" {
					t.Error(line)
				}
			case "kept for the next poll":
				kept++
			}
		}
		return posts, kept
	}
	posts, kept := followed() // said, asked and late; the sender has said and asked among what is gathered for it
	for over := time.After(10 * time.Second); (posts < 3 || kept < 2) && over != nil; posts, kept = followed() {
		select {
		case <-log.more: // the client may have a message before the log has the line of its post
		case <-over:
			over = nil
		}
	}
	if posts < 3 || kept < 2 {
		t.Errorf("%d posts and %d that were kept have the id of the event: %v", posts, kept, log.with(t, "trace", second))
	}
	// The gateway's lines are written once the client has its answer.
	has := func(trace any, message, name string, value any) func() bool {
		return func() bool {
			return slices.ContainsFunc(log.with(t, "trace", fmt.Sprint(trace)), func(line map[string]any) bool { return line["msg"] == message && line[name] == value })
		}
	}
	log.await(t, "which request the events came by", has(first, "request", "method", "POST"))
	log.await(t, "which invocation they came by", has(first, "invocation", "function", "POST"))
	jobs := log.with(t, "kind", "work")
	if len(jobs) == 0 || jobs[0]["trace"] != second || jobs[0]["msg"] != "job" {
		t.Fatalf("jobs %v", jobs)
	}
	log.await(t, "which invocation did the job", has(jobs[0]["invocation"], "invocation", "function", "jobs"))
	for _, message := range []string{"request", "invocation"} {
		for _, line := range log.with(t, "msg", message) {
			if line["trace"] == nil {
				t.Errorf("%v has no id", line)
			}
		}
	}
	for _, line := range log.with(t, "msg", "post") {
		if line["trace"] == nil {
			t.Errorf("a post without an id: %v", line)
		}
	}
}

// TestAClientIsFollowedAcrossItsUpgrade has one line say which connection a client that polled has gone on over, and
// none say its sid.
func TestAClientIsFollowedAcrossItsUpgrade(t *testing.T) {
	log := lines{more: make(chan struct{}, 1)}
	io := socketio.New(socketio.Options{Logger: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	server, err := oneprocess.Start(oneprocess.Options{}, io.Bind)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close(t.Context())
	_, open := get(t, server.URL+"/socket.io/?EIO=4&transport=polling")
	sid := strings.SplitN(open, `"`, 5)[3]
	res, err := http.Post(server.URL+"/socket.io/?EIO=4&transport=polling&sid="+sid, "text/plain", strings.NewReader("40"))
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res, err)
	}
	res.Body.Close()
	conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http")+"/socket.io/?EIO=4&transport=websocket&sid="+sid, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	for _, frame := range []string{"2probe", "5"} {
		if err := conn.Write(t.Context(), websocket.MessageText, []byte(frame)); err != nil {
			t.Fatal(err)
		}
		if _, b, err := conn.Read(t.Context()); err != nil || frame == "2probe" && string(b) != "3probe" {
			t.Fatalf("%s %v", b, err)
		}
	}
	const message = "a session has moved to a connection"
	log.await(t, "that the session has moved", func() bool { return len(log.with(t, "msg", message)) > 0 })
	moved, connected := log.with(t, "msg", message), log.with(t, "msg", "a socket is connected")
	if len(moved) != 1 || len(connected) != 1 || moved[0]["session"] != connected[0]["session"] || moved[0]["connection"] == "" || moved[0]["trace"] == nil {
		t.Errorf("moved %v, connected %v", moved, connected)
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	if strings.Contains(log.text.String(), sid) {
		t.Error("the log has a sid")
	}
}
