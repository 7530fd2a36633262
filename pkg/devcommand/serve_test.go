package devcommand_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/dozeio/doze/pkg/devcommand"
	"github.com/dozeio/doze/pkg/socketio"
)

// status asks for a URL by a name that is not this machine's, as a proxy may.
func status(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "chat.example"
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// TestServeKeepsItsInnerDoorsInside asks a server for everybody, and its inner address, for what each has and has not.
func TestServeKeepsItsInnerDoorsInside(t *testing.T) {
	c := devcommand.Command{Name: "doze serve", Application: socketio.New(socketio.Options{}), Serve: true}
	said, url, end := start(t, c, "-inner", "127.0.0.1:0", "-health", "/up", "-host", "metrics.example")
	defer end()
	inner := regexp.MustCompile(`metrics are at (http://127\.0\.0\.1:\d+)/metrics`).FindStringSubmatch(said)
	if inner == nil {
		t.Fatalf("no inner address in %s", said)
	}
	for path, want := range map[string]int{"/up": 200, "/healthz": 404, "/metrics": 404, "/_doze": 404, "/_queue": 404, "/local": 404,
		"/local/@connections/AAAAAAAAAAAAAAA=": 404, "/socket.io/?EIO=4&transport=polling": 200} {
		if got, body := status(t, url+path); got != want {
			t.Errorf("%s: %d %q, want %d", path, got, body, want)
		}
	}
	for path, want := range map[string]int{"/up": 200, "/metrics": 200, "/socket.io/?EIO=4&transport=polling": 404, "/local/@connections/AAAAAAAAAAAAAAA=": 404} {
		res, err := http.Get(inner[1] + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("inside, %s: %s, want %d", path, res.Status, want)
		}
	}
	if got, _ := status(t, inner[1]+"/metrics"); got != http.StatusMisdirectedRequest {
		t.Errorf("inside, by another name: %d", got)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, inner[1]+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "metrics.example"
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("inside, by the name of -host: %s", res.Status)
	}
}

// TestAServersSmallHeapIsCollectedSeldom asks Go's runtime, which begins with 100 % of garbage.
func TestAServersSmallHeapIsCollectedSeldom(t *testing.T) {
	_, _, end := start(t, devcommand.Command{Name: "doze serve", Application: socketio.New(socketio.Options{}), Serve: true})
	defer end()
	heap := []metrics.Sample{{Name: "/gc/gogc:percent"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(heap)
	if percent, live := heap[0].Value.Uint64(), heap[1].Value.Uint64(); percent <= 100 && live < 8<<20 { // other tests may have filled it
		t.Errorf("%d %% of garbage beside a heap of %d bytes", percent, live)
	}
}

// TestServeBelievesItsProxy has a page of the server's own origin connect, by a proxy that ends TLS and says so, and by
// one that does not say so.
func TestServeBelievesItsProxy(t *testing.T) {
	_, url, end := start(t, devcommand.Command{Name: "doze serve", Application: socketio.New(socketio.Options{}), Serve: true})
	defer end()
	for proto, want := range map[string]int{"https": 200, "http": 403, "": 403} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/socket.io/?EIO=4&transport=polling", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "chat.example"
		r.Header.Set("Origin", "https://chat.example")
		r.Header.Set("X-Forwarded-Proto", proto)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("X-Forwarded-Proto %q: %s, want %d", proto, res.Status, want)
		}
	}
}

// working runs doze serve until end is called, with a client that has sent an event and waits for what comes of it. The
// log may be read when ended has the result.
func working(t *testing.T, application *socketio.Server, grace, event string, log io.Writer) (url string, client *websocket.Conn, end func(), ended <-chan error) {
	t.Helper()
	reader, out := io.Pipe()
	ctx, end := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		c := devcommand.Command{Name: "doze serve", Application: application, Serve: true}
		result <- c.Run(ctx, []string{"-addr", "127.0.0.1:0", "-grace", grace}, out, log)
		out.Close()
	}()
	said := make([]byte, 4096)
	n, err := reader.Read(said)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	url = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(string(said[:n]))
	client, _, err = websocket.Dial(t.Context(), strings.Replace(url, "http", "ws", 1)+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.CloseNow() })
	for _, step := range []struct{ hear, say string }{{"0{", "40"}, {"40{", event}} {
		if _, b, err := client.Read(t.Context()); err != nil || !strings.HasPrefix(string(b), step.hear) {
			t.Fatalf("%s %v", b, err)
		}
		if err := client.Write(t.Context(), websocket.MessageText, []byte(step.say)); err != nil {
			t.Fatal(err)
		}
	}
	return url, client, end, result
}

// TestServeEndsGracefully ends a server whose handler runs: its health says so, nobody new is taken, and the client has
// the handler's ack before its end. OnDisconnect runs for it, and for one that polls, between two GETs.
func TestServeEndsGracefully(t *testing.T) {
	began, finish, disconnected := make(chan struct{}), make(chan struct{}), make(chan string, 10)
	io1 := socketio.New(socketio.Options{})
	io1.Of("/").On("work", func(context.Context, *socketio.Socket) (string, error) {
		close(began)
		<-finish
		return "done", nil
	})
	io1.Of("/").OnDisconnect(func(_ context.Context, s *socketio.Socket, _ socketio.Reason) error {
		disconnected <- s.ID()
		return nil
	})
	url, ws, interrupt, ended := working(t, io1, "30s", `421["work"]`, io.Discard)
	<-began
	_, polls := status(t, url+"/socket.io/?EIO=4&transport=polling")
	polling := url + "/socket.io/?EIO=4&transport=polling&sid=" + strings.SplitN(polls, `"`, 5)[3]
	res, err := http.Post(polling, "text/plain", strings.NewReader("40"))
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res, err)
	}
	res.Body.Close()
	if _, body := status(t, polling); !strings.HasPrefix(body, "40{") {
		t.Fatal(body)
	}
	interrupt()
	for over := time.Now().Add(20 * time.Second); ; {
		if got, body := status(t, url+"/healthz"); got == http.StatusServiceUnavailable {
			break
		} else if time.Now().After(over) {
			t.Fatalf("it ends and is healthy: %d %s", got, body)
		}
	}
	if got, _ := status(t, url+"/socket.io/?EIO=4&transport=polling"); got != http.StatusServiceUnavailable {
		t.Errorf("a new client is answered %d", got)
	}
	select {
	case err := <-ended:
		t.Fatal("it did not wait for the handler:", err)
	default:
	}
	close(finish)
	if _, b, err := ws.Read(t.Context()); err != nil || string(b) != `431["done"]` {
		t.Errorf("the client got %s %v, and no ack", b, err)
	}
	var end websocket.CloseError
	if _, _, err := ws.Read(t.Context()); !errors.As(err, &end) || end.Code != websocket.StatusGoingAway {
		t.Errorf("the client was told %v", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := len(disconnected); n != 2 {
		t.Errorf("OnDisconnect has run for %d clients, want 2", n)
	}
}

// TestAGatewaysFlagTakesTheWayOfADeployment looks at what the log says, and at whether the gateway's inner door is used.
func TestAGatewaysFlagTakesTheWayOfADeployment(t *testing.T) {
	for flags, want := range map[string]string{
		"": "", "-v": "", "-as-aws": "", "-as-aws -jitter 1ms": "",
		"-jitter 1ms": "-jitter is of the way that a deployment goes: this is doze try -as-aws\n", "-verify": "-verify is of the way", "-ordered": "-ordered is",
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		interrupt()
		var log bytes.Buffer
		if err := command(socketio.Options{}).Run(ctx, append([]string{"-addr", "127.0.0.1:0"}, strings.Fields(flags)...), io.Discard, &log); err != nil {
			t.Errorf("%s: %v", flags, err)
		}
		if got := log.String(); !strings.HasPrefix(got, want) || want == "" && strings.Contains(got, "deployment") {
			t.Errorf("%q: %q, want %q", flags, got, want)
		}
	}
	c := devcommand.Command{Name: "doze serve", Application: socketio.New(socketio.Options{}), Serve: true}
	for _, flag := range []string{"-jitter=1ms", "-table=t", "-queue=q", "-endpoint=http://127.0.0.1:1"} {
		if err := c.Run(t.Context(), []string{flag}, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "not defined") {
			t.Errorf("doze serve takes %s: %v", flag, err)
		}
	}
	for _, flag := range []string{"-jitter=20ms", "-ordered", "-seed=1"} {
		if err := command(socketio.Options{}).Run(t.Context(), []string{"-as-aws=false", flag}, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "leave one of the two out") {
			t.Errorf("%s on the direct way: %v", flag, err)
		}
	}
	c.Application = socketio.New(socketio.Options{})
	if err := c.Run(t.Context(), []string{"-addr", "127.0.0.1:0", "-admin", "development"}, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "DOZE_ADMIN_USER") || !strings.Contains(err.Error(), "your proxy") {
		t.Errorf("an Admin UI for everybody: %v", err)
	}
}

// TestWhatTheEndCutsShortIsLogged ends a server while a handler runs, which looks at its context or does not.
func TestWhatTheEndCutsShortIsLogged(t *testing.T) {
	finish := make(chan struct{})
	defer close(finish)
	for want, goOn := range map[string]func(context.Context) error{
		"context canceled: the process ends, and its handlers had 10ms for that: -grace says how long": func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		},
		"not all has come to its end": func(context.Context) error {
			<-finish
			return nil
		},
	} {
		began := make(chan struct{})
		application := socketio.New(socketio.Options{})
		application.Of("/").On("work", func(ctx context.Context, _ *socketio.Socket) error {
			close(began)
			return goOn(ctx)
		})
		var log bytes.Buffer
		_, _, interrupt, ended := working(t, application, "10ms", `42["work"]`, &log)
		<-began
		interrupt()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if s := log.String(); !strings.Contains(s, want) {
			t.Errorf("the log says %q, want %q", s, want)
		}
	}
}

// TestServeRefusesAddressesThatAreTaken has a path or a port be for two things.
func TestServeRefusesAddressesThatAreTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for flags, want := range map[string]string{
		"-health /":                           "-health / is a path of the page",
		"-health /chat/ws":                    "-health /chat/ws is a path of the clients",
		"-health /chat/ws/up":                 "-health /chat/ws/up is a path of the clients",
		"-health /metrics":                    "-health /metrics is a path of the metrics",
		"-health /local":                      "-health /local is a path of the gateway",
		"-health up":                          `-health "up" is no path`,
		"-inner " + taken.Addr().String():     "-inner " + taken.Addr().String() + " is taken",
		"-health /chatter -inner 192.0.2.1:0": "-inner 192.0.2.1:0: listen", // no address of this machine
	} {
		c := devcommand.Command{Name: "doze serve", Application: socketio.New(socketio.Options{Path: "/chat/ws"}), Serve: true}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		err := c.Run(ctx, append([]string{"-addr", "127.0.0.1:0"}, strings.Fields(flags)...), io.Discard, io.Discard)
		cancel()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", flags, err, want)
		}
	}
}
