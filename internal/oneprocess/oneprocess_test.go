package oneprocess_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/socketio"
)

func start(t *testing.T, o oneprocess.Options) *oneprocess.Server {
	t.Helper()
	s, err := oneprocess.Start(o, socketio.New(socketio.Options{}).Bind)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
		if err := s.Err(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// get asks for a path and does not follow redirects.
func get(t *testing.T, url string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

func TestHandshakeReachesTheApplication(t *testing.T) {
	s := start(t, oneprocess.Options{})
	res, body := get(t, s.URL+"/socket.io/?EIO=4&transport=polling")
	var open protocol.Open
	if res.StatusCode != 200 || json.Unmarshal([]byte(body[1:]), &open) != nil || open.SID == "" {
		t.Errorf("%s %q", res.Status, body)
	}
	if rows := s.Store.Rows(); rows.Sessions != 1 {
		t.Errorf("rows %+v, want one session", rows)
	}
}

// TestHEADReachesTheFunctionOfGET expects what Node answers. The gateway would answer 404 for a method without a route.
func TestHEADReachesTheFunctionOfGET(t *testing.T) {
	s := start(t, oneprocess.Options{})
	for _, path := range []string{"/socket.io/", "/socket.io", "/socket.io/?EIO=4&transport=polling", "/socket.io/?EIO=4&transport=websocket", "/socket.io/?EIO=4&transport=polling&sid=x"} {
		res, err := http.Head(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("HEAD %s: %s", path, res.Status)
		}
	}
}

// TestOddPathsAreNoErrors asks for what no file system takes.
func TestOddPathsAreNoErrors(t *testing.T) {
	s := start(t, oneprocess.Options{Gateway: gateway.Options{Site: http.FileServerFS(fstest.MapFS{"index.html": {Data: []byte("the page")}})}})
	for _, path := range []string{"/%ff", "/%00", "/a%c3(", "/socket.io/%ff?EIO=4&transport=polling"} {
		if res, body := get(t, s.URL+path); res.StatusCode != 400 && res.StatusCode != 404 {
			t.Errorf("%s: %s %q", path, res.Status, body)
		}
	}
}

func TestClientFilesComeFromTheNpmPackage(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "client-dist")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"client-dist/socket.io.js": "the client", "package.json": `{"version":"1.2.3"}`} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(folder), name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := start(t, oneprocess.Options{Clients: folder})
	res, body := get(t, s.URL+"/socket.io/socket.io.js")
	if body != "the client" || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/javascript") || res.Header.Get("ETag") != `"1.2.3"` {
		t.Errorf("%s %v %q", res.Status, res.Header, body)
	}
	if res, _ := get(t, s.URL+"/socket.io/socket.io.js", "If-None-Match", `"1.2.3"`); res.StatusCode != http.StatusNotModified {
		t.Errorf("with its ETag: %s, want 304", res.Status)
	}
}

func TestClientFilesAreRedirectedToTheCDN(t *testing.T) {
	s := start(t, oneprocess.Options{Clients: t.TempDir()})
	for _, name := range []string{"socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js"} {
		res, _ := get(t, s.URL+"/socket.io/"+name)
		if location := res.Header.Get("Location"); res.StatusCode != http.StatusFound || !strings.HasPrefix(location, "https://cdn.socket.io/") || !strings.HasSuffix(location, "/"+name) {
			t.Errorf("%s: %s %q", name, res.Status, location)
		}
	}
	if res, body := get(t, s.URL+"/socket.io/other.js"); res.StatusCode != 400 || !strings.Contains(body, "Transport unknown") {
		t.Errorf("another file: %s %q", res.Status, body)
	}
}

// TestTheEngineKnowsWhatTheGatewayPassesOn sets in either place what both have to know.
func TestTheEngineKnowsWhatTheGatewayPassesOn(t *testing.T) {
	for _, o := range []oneprocess.Options{
		{Engine: engine.Options{BinaryFrames: true}}, {Gateway: gateway.Options{BinaryFrames: true}},
		{Engine: engine.Options{OrderedFrames: true}}, {Gateway: gateway.Options{OrderedFrames: true}},
	} {
		got, binary := start(t, o).Engine.Options(), o.Engine.BinaryFrames || o.Gateway.BinaryFrames
		if got.BinaryFrames != binary || got.OrderedFrames == binary {
			t.Errorf("%+v and %+v: binary %v, ordered %v", o.Engine, o.Gateway, got.BinaryFrames, got.OrderedFrames)
		}
	}
}

func TestTakenPortSaysWhatToDo(t *testing.T) {
	s := start(t, oneprocess.Options{})
	_, err := oneprocess.Start(oneprocess.Options{Addr: strings.TrimPrefix(s.URL, "http://")}, socketio.New(socketio.Options{}).Bind)
	if err == nil || !strings.Contains(err.Error(), "is taken") || !strings.Contains(err.Error(), "port 0") {
		t.Errorf("%v", err)
	}
}

func TestWrongOptionsLeaveNothingOpen(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	listener.Close()
	for want, o := range map[string]oneprocess.Options{
		"at least a millisecond": {Addr: addr, Engine: engine.Options{PingInterval: time.Nanosecond}},
		"/socket.io/":            {Addr: addr, Gateway: gateway.Options{Path: "/chat/"}},
	} {
		if _, err := oneprocess.Start(o, socketio.New(socketio.Options{}).Bind); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		listener, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatalf("after %q: %v", want, err)
		}
		listener.Close()
	}
}

// TestMetricsAreServed has a client do something, and looks for it, as Prometheus does.
func TestMetricsAreServed(t *testing.T) {
	s := start(t, oneprocess.Options{})
	polling := s.URL + "/socket.io/?EIO=4&transport=polling"
	_, open := get(t, polling)
	sid := strings.SplitN(open, `"`, 5)[3]
	res, err := http.Post(polling+"&sid="+sid, "text/plain", strings.NewReader(`40`+"\x1e"+`42["anything"]`))
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res, err)
	}
	res.Body.Close()
	_, metrics := get(t, s.URL+"/metrics")
	for _, line := range []string{`doze_handshakes_total{transport="polling"} 1`, "doze_connects_total 1", `doze_events_total{event="other"} 1`, "doze_sockets 1", "doze_rooms 0"} {
		if !strings.Contains(metrics, "\n"+line+"\n") {
			t.Errorf("no %s in\n%s", line, metrics)
		}
	}
}

// TestAnotherMeterHasTheFigures gives the path to the page then.
func TestAnotherMeterHasTheFigures(t *testing.T) {
	s := start(t, oneprocess.Options{Engine: engine.Options{Meter: observe.Discard}})
	if res, body := get(t, s.URL+"/metrics"); res.StatusCode != http.StatusNotFound {
		t.Error(res.Status, body)
	}
}
