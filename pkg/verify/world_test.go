package verify_test

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/verify"
	"github.com/dozeio/doze/pkg/verify/counterpart"
)

// settings of a deployment.
type settings struct {
	engine  engine.Options
	gateway gateway.Options
	without bool // the counterpart
}

// deploy runs a deployment in this process until the end of the test.
func deploy(t *testing.T, s settings) *oneprocess.Server {
	t.Helper()
	io := socketio.New(socketio.Options{Logger: slog.New(slog.DiscardHandler)})
	if !s.without {
		counterpart.Register(io)
	}
	s.engine.PollWait = cmp.Or(s.engine.PollWait, 300*time.Millisecond)
	s.engine.Logger = slog.New(slog.DiscardHandler)
	s.gateway.Site = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	d, err := oneprocess.Start(oneprocess.Options{Engine: s.engine, Gateway: s.gateway}, io.Bind)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := d.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return d
}

// quick are options for a deployment on this machine.
func quick(url string) verify.Options {
	return verify.Options{URL: url, Rounds: 3, Clients: 3, Quiet: 100 * time.Millisecond}
}

func run(t *testing.T, o verify.Options) verify.Report {
	t.Helper()
	r, err := verify.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// verdicts returns those of a report by id, for comparison.
func verdicts(r verify.Report) map[string]verify.Verdict {
	all := map[string]verify.Verdict{}
	for _, f := range r.Facts {
		all[f.ID] = f.Verdict
	}
	return all
}

// flawed is an API Gateway that is not as expected: it stands before one that is. Hooks that are nil change nothing.
type flawed struct {
	request  func(*http.Request)                      // before it is passed on, of both transports
	response func(*http.Response)                     // to an HTTP request
	refuse   int                                      // status for WebSocket handshakes
	server   func(frame string) []string              // what a client gets for a frame of the server
	client   func(frame string) (pass, back []string) // what the server gets for one of the client, and what the client
	binary   bool                                     // swallows binary frames and large ones
	deaf     bool                                     // does not tell the server when a client closes
	silent   bool                                     // answers no WebSocket pings
	deflate  bool
	later    atomic.Bool // not before the first session, which looks for the namespace, is closed

	to   *url.URL
	http *httputil.ReverseProxy
	mu   sync.Mutex
}

func (f *flawed) before(t *testing.T, d *oneprocess.Server) (address string) {
	t.Helper()
	to, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	f.to = to
	f.http = httputil.NewSingleHostReverseProxy(to)
	f.http.ModifyResponse = func(r *http.Response) error {
		switch body, _ := r.Request.Context().Value(bodyKey{}).(string); {
		case f.later.Load():
			f.later.Store(body != "1")
		case f.response != nil:
			f.response(r)
		}
		return nil
	}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return s.URL
}

// bodyKey is for the beginning of a request's body.
type bodyKey struct{}

func (f *flawed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if origin := r.Header.Get("Origin"); origin == "http://"+r.Host {
		r.Header.Set("Origin", "http://"+f.to.Host) // the deployment's own, as it knows it
	}
	if f.request != nil && !f.later.Load() {
		f.request(r)
	}
	if r.Header.Get("Upgrade") == "" {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		r = r.WithContext(context.WithValue(r.Context(), bodyKey{}, string(body[:min(len(body), 10)])))
		r.Host = f.to.Host
		f.http.ServeHTTP(w, r)
		return
	}
	f.websocket(w, r)
}

func (f *flawed) websocket(w http.ResponseWriter, r *http.Request) {
	if f.refuse != 0 {
		w.WriteHeader(f.refuse)
		return
	}
	header := http.Header{}
	if origin := r.Header.Get("Origin"); origin != "" {
		header.Set("Origin", origin)
	}
	up, res, err := websocket.Dial(r.Context(), "ws://"+f.to.Host+"/socket.io/?"+r.URL.RawQuery, &websocket.DialOptions{HTTPHeader: header})
	if err != nil && res != nil {
		w.WriteHeader(res.StatusCode)
		return
	} else if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	o := &websocket.AcceptOptions{InsecureSkipVerify: true, OnPingReceived: func(context.Context, []byte) bool { return !f.silent }}
	if f.deflate {
		o.CompressionMode = websocket.CompressionContextTakeover
	}
	down, err := websocket.Accept(w, r, o)
	if err != nil {
		return
	}
	down.SetReadLimit(1 << 20)
	up.SetReadLimit(1 << 20)
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer func() {
		if !f.deaf {
			cancel()
		}
	}()
	go func() {
		defer cancel()
		for {
			_, b, err := up.Read(ctx)
			if err != nil {
				_ = down.Close(websocket.CloseStatus(err), "")
				return
			}
			frames := []string{string(b)}
			if f.server != nil {
				f.mu.Lock()
				frames = f.server(string(b))
				f.mu.Unlock()
			}
			f.write(ctx, down, frames)
		}
	}()
	for {
		kind, b, err := down.Read(ctx)
		if err != nil {
			if !f.deaf {
				_ = up.Close(websocket.CloseStatus(err), "")
			}
			return
		}
		if f.binary && (kind == websocket.MessageBinary || len(b) > 32<<10) {
			continue
		}
		pass, back := []string{string(b)}, []string(nil)
		if f.client != nil {
			pass, back = f.client(string(b))
		}
		if kind == websocket.MessageBinary {
			_ = up.Write(ctx, kind, b)
			continue
		}
		f.write(ctx, up, pass)
		f.write(ctx, down, back)
	}
}

func (f *flawed) write(ctx context.Context, to *websocket.Conn, frames []string) {
	for _, text := range frames {
		_ = to.Write(ctx, websocket.MessageText, []byte(text))
	}
}

// begins reports whether a frame of the namespace is of a kind: "42", say, and an event's name.
func begins(frame, kind, event string) bool {
	return strings.HasPrefix(frame, kind+counterpart.Namespace+",") && strings.Contains(frame, event)
}
