package devserver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/dozeio/doze/pkg/devserver"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/socketio"
)

// open begins a session and returns what the server said to it.
func open(t *testing.T, url string, header ...string) (answer *http.Response, open protocol.Open) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/socket.io/?EIO=4&transport=polling", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode == http.StatusOK && (len(b) == 0 || json.Unmarshal(b[1:], &open) != nil) {
		t.Fatalf("%q is no open packet", b)
	}
	return res, open
}

// bothWays runs a test on the way of a deployment, and on the direct one.
func bothWays(t *testing.T, test func(t *testing.T, direct bool)) {
	for name, direct := range map[string]bool{"as AWS": false, "direct": true} {
		t.Run(name, func(t *testing.T) { test(t, direct) })
	}
}

func start(t *testing.T, o devserver.Options, io *socketio.Server) *devserver.Server {
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
		if <-s.Ended(); s.Err() != nil {
			t.Error(s.Err())
		}
	})
	return s
}

func TestAnApplicationsOptionsReachItsClients(t *testing.T) {
	bothWays(t, anApplicationsOptionsReachItsClients)
}

func anApplicationsOptionsReachItsClients(t *testing.T, direct bool) {
	says := func() *socketio.Server {
		return socketio.New(socketio.Options{PingInterval: 7 * time.Second, AllowOrigins: []string{"https://app.example"}})
	}
	s := start(t, devserver.Options{Direct: direct}, says())
	if _, opened := open(t, s.URL); opened.PingInterval != 7000 || opened.PingTimeout != 20000 || s.Warning != "" {
		t.Errorf("opened with %+v, warning %q", opened, s.Warning)
	}
	s = start(t, devserver.Options{Direct: direct, Engine: engine.Options{PingInterval: 8 * time.Second, AllowOrigins: []string{"https://set.example"}}}, says())
	if _, opened := open(t, s.URL); opened.PingInterval != 8000 {
		t.Errorf("what was set is not done: %+v", opened)
	}
	for origin, want := range map[string]int{"https://app.example": 200, "https://set.example": 200, "https://other.example": 403} {
		if res, _ := open(t, s.URL, "Origin", origin); res.StatusCode != want {
			t.Errorf("a page of %s: %s, want %d", origin, res.Status, want)
		}
	}
}

// TestAnApplicationsPath asks at its own path, and at the one that others have.
func TestAnApplicationsPath(t *testing.T) { bothWays(t, anApplicationsPath) }

func anApplicationsPath(t *testing.T, direct bool) {
	s := start(t, devserver.Options{Direct: direct}, socketio.New(socketio.Options{Path: "/chat/io"}))
	unled := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for path, want := range map[string]int{"/chat/io/": 200, "/chat/io": 200, "/chat/io/socket.io.js": 200, "/socket.io/": 404, "/socket.io/socket.io.js": 404, "/chat/": 404} {
		res, err := unled.Get(s.URL + path + "?EIO=4&transport=polling")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if strings.HasSuffix(path, ".js") && want == 200 && res.StatusCode == http.StatusFound {
			continue // to a CDN, where no npm package is near
		}
		if res.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, res.Status, want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(s.URL, "http")+"/chat/io/?EIO=4&transport=websocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	if _, b, err := ws.Read(ctx); err != nil || b[0] != '0' {
		t.Errorf("over WebSocket: %q %v", b, err)
	}
}

// TestAnApplicationsMaxPayload sends what is at the limit and what is beyond, over both transports.
func TestAnApplicationsMaxPayload(t *testing.T) { bothWays(t, anApplicationsMaxPayload) }

func anApplicationsMaxPayload(t *testing.T, direct bool) {
	io := socketio.New(socketio.Options{MaxPayload: 1000})
	io.Of("/").On("e", func(context.Context, *socketio.Socket, string) error { return nil })
	s := start(t, devserver.Options{Direct: direct}, io)
	event := func(bytes int) string {
		const frame = `420["e",""]`
		return frame[:len(frame)-2] + strings.Repeat("x", bytes-len(frame)) + frame[len(frame)-2:]
	}
	_, opened := open(t, s.URL)
	if opened.MaxPayload != 1000 {
		t.Errorf("announced %d", opened.MaxPayload)
	}
	for _, c := range []struct {
		body string
		want int
	}{{"40", 200}, {event(1000), 200}, {event(1001), 413}, {event(1000), 200}} {
		res, err := http.Post(s.URL+"/socket.io/?EIO=4&transport=polling&sid="+opened.SID, "text/plain", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != c.want {
			t.Errorf("%d bytes: %s, want %d", len(c.body), res.Status, c.want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(s.URL, "http")+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	read := func() string { _, b, err := ws.Read(ctx); return fmt.Sprintf("%.2s %v", b, err) }
	send := func(message string) {
		if err := ws.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
			t.Fatal(err)
		}
	}
	read()
	send("40")
	read()
	send(event(1000))
	if got := read(); got != "43 <nil>" {
		t.Errorf("at the limit: %s", got)
	}
	send(event(1001))
	if got := read(); strings.HasSuffix(got, "<nil>") || ctx.Err() != nil {
		t.Errorf("beyond it: %s", got)
	}
}

// TestAnApplicationsHooksSeeRequestsAndAnswers asks over HTTP: several cookies stay several.
func TestAnApplicationsHooksSeeRequestsAndAnswers(t *testing.T) {
	bothWays(t, anApplicationsHooksSeeRequestsAndAnswers)
}

func anApplicationsHooksSeeRequestsAndAnswers(t *testing.T, direct bool) {
	s := start(t, devserver.Options{Direct: direct}, socketio.New(socketio.Options{
		AllowRequest: func(_ context.Context, r socketio.Request) error {
			if r.Header.Get("X-Who") == "" || r.Query.Get("transport") != "polling" {
				return &socketio.ConnectError{Message: "who are you?"}
			}
			return nil
		},
		InitialHeaders: func(_ context.Context, r socketio.Request, h http.Header) {
			h.Add("Set-Cookie", "who="+r.Header.Get("X-Who")+"; HttpOnly")
			h.Add("Set-Cookie", "two=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT")
		},
		Headers: func(_ context.Context, r socketio.Request, h http.Header) { h.Set("X-Each", r.Method) },
	}))
	res, _ := open(t, s.URL, "X-Who", "ada")
	if got := res.Header["Set-Cookie"]; len(got) != 2 || got[0] != "who=ada; HttpOnly" || got[1] != "two=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT" {
		t.Errorf("cookies %q", got)
	}
	if res.Header.Get("X-Each") != "GET" || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("headers %v", res.Header)
	}
	if res, _ := open(t, s.URL); res.StatusCode != 403 || res.Header.Get("X-Each") != "" {
		t.Errorf("who says nothing: %s %v", res.Status, res.Header)
	}
}

func TestWhatCannotRunIsAnError(t *testing.T) {
	io := socketio.New(socketio.Options{})
	s := start(t, devserver.Options{}, io)
	for want, c := range map[string]struct {
		o  devserver.Options
		io *socketio.Server
	}{
		"has a backend already":      {devserver.Options{}, io},
		"is taken":                   {devserver.Options{Addr: strings.TrimPrefix(s.URL, "http://")}, socketio.New(socketio.Options{})},
		"such as /socket.io/":        {devserver.Options{}, socketio.New(socketio.Options{Path: "chat?x"})},
		"write polling or websocket": {devserver.Options{}, socketio.New(socketio.Options{Transports: []string{"webtransport"}})},
		"at least a millisecond":     {devserver.Options{}, socketio.New(socketio.Options{PingInterval: time.Nanosecond})},
		"/socket.io/":                {devserver.Options{Gateway: gateway.Options{Path: "/chat/"}}, socketio.New(socketio.Options{})},
	} {
		if _, err := devserver.Start(c.o, c.io); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
