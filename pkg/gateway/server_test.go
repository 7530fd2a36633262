package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/gateway"
)

// serve has a gateway listen as doze dev and doze gateway do.
func serve(t *testing.T, change func(*http.Server), o gateway.Options, names ...string) *bench {
	t.Helper()
	b := start(t, o)
	b.server.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := gateway.NewServer(l.Addr(), b.Gateway, names...)
	if change != nil {
		change(server)
	}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	b.server.URL, b.server.Listener = "http://"+l.Addr().String(), l
	return b
}

// answerTo writes a request as it is and returns the status and the body, none for a handshake that succeeds.
func (b *bench) answerTo(request string) (status int, body string) {
	b.Helper()
	c, err := net.Dial("tcp", b.server.Listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	deadline, _ := b.ctx.Deadline()
	c.SetDeadline(deadline)
	if _, err := io.WriteString(c, request); err != nil {
		b.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusSwitchingProtocols {
		return res.StatusCode, ""
	}
	got, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatal(err)
	}
	return res.StatusCode, string(got)
}

func TestServerOnLoopbackServesItsOwnNamesOnly(t *testing.T) {
	b := serve(t, nil, gateway.Options{Site: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "the page") })}, "Doze.test", "two.test:3000")
	const upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for host, served := range map[string]bool{
		"localhost": true, "LocalHost:80": true, "localhost.:3000": true, "127.0.0.1": true, "127.9.9.9:1": true, "[::1]": true, "[::1]:3000": true,
		"doze.test:3000": true, "two.test": true,
		"": false, "evil.example": false, "evil.example:3000": false, "192.168.1.2:3000": false, "127.0.0.1.evil.example": false, "localhost.evil.example": false,
		"0.0.0.0:3000": false, "doze.test.evil.example": false,
	} {
		for what, request := range map[string]string{"/": "GET / HTTP/1.1\r\n", "/local": "GET /local HTTP/1.1\r\n" + upgrade} {
			status, body := b.answerTo(request + "Host: " + host + "\r\n\r\n")
			want := map[string]int{"/": 200, "/local": 101}[what]
			if !served {
				want = http.StatusMisdirectedRequest
			}
			if status != want || !served && (!strings.Contains(body, "-host") || !strings.Contains(body, b.server.URL)) {
				t.Errorf("%s of %q: %d %s, want %d", what, host, status, body, want)
			}
		}
	}
	if _, body := b.answerTo("GET / HTTP/1.1\r\nHost: " + strings.Repeat("x", 9000) + "\r\n\r\n"); len(body) > 700 {
		t.Errorf("a name of 9,000 bytes is answered with %d", len(body))
	}
}

func TestServerOffLoopbackAsksForNoNameAndWarns(t *testing.T) {
	for address, warned := range map[string]bool{"127.0.0.1": false, "::1": false, "127.1.2.3": false, "0.0.0.0": true, "::": true, "192.168.1.2": true} {
		addr := &net.TCPAddr{IP: net.ParseIP(address), Port: 3000}
		if got := gateway.Warning(addr); (got != "") != warned {
			t.Errorf("%s: %q", address, got)
		}
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "http://evil.example/", nil)
		gateway.NewServer(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200) })).Handler.ServeHTTP(w, r)
		if (w.Code == 200) != warned {
			t.Errorf("%s answers %d", address, w.Code)
		}
	}
}

// TestManagementIsClosedToPages sends what a browser adds to a request of a page.
func TestManagementIsClosedToPages(t *testing.T) {
	b := start(t, gateway.Options{})
	c, id := b.connect()
	for _, method := range []string{"POST", "GET", "DELETE"} {
		for _, origin := range []string{"https://evil.example", "null", b.server.URL} {
			if res, body := b.request(method, "/local/@connections/"+id, "hello", "Origin", origin); res.StatusCode != 403 {
				t.Errorf("%s from %s: %d %s", method, origin, res.StatusCode, body)
			}
		}
	}
	if err := b.post(id, "from a function"); err != nil {
		t.Fatal(err)
	}
	if got := b.hear(c); got != "from a function" {
		t.Errorf("heard %q", got)
	}
}

func TestServerGivesUpOnSlowBodiesAndLongHeaders(t *testing.T) {
	b := serve(t, func(s *http.Server) {
		if s.ReadTimeout <= 30*time.Second || s.ReadTimeout > time.Minute || s.IdleTimeout <= 0 || s.IdleTimeout > 5*time.Minute {
			t.Errorf("a request may take %v, and a connection be idle for %v", s.ReadTimeout, s.IdleTimeout)
		}
		s.ReadTimeout = 50 * time.Millisecond
	}, gateway.Options{HTTP: map[string]gateway.Handler{"POST": httpFunction(func(httpRequest) (any, error) { return "fine", nil })}})
	if status, body := b.answerTo("POST /socket.io/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nx"); status != http.StatusRequestTimeout {
		t.Errorf("one byte of two: %d %s", status, body)
	}
	const upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for _, test := range []struct {
		request     string
		long, wants int
	}{
		{"GET /local HTTP/1.1\r\n" + upgrade, 9000, 101}, {"GET /local HTTP/1.1\r\n" + upgrade, 10240, 431}, // the gateway's own
		{"GET / HTTP/1.1\r\n", 15000, 431}, {"GET /local HTTP/1.1\r\n" + upgrade, 15000, 431}, // net/http's
	} {
		if status, body := b.answerTo(test.request + "Host: localhost\r\nX-Long: " + strings.Repeat("x", test.long) + "\r\n\r\n"); status != test.wants {
			t.Errorf("%.20q with %d bytes of a header: %d %s, want %d", test.request, test.long, status, body, test.wants)
		}
	}
}

func TestURLCanBeAsked(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:3000": "http://127.0.0.1:3000", "[::1]:3000": "http://[::1]:3000", "192.0.2.1:80": "http://192.0.2.1:80",
		"0.0.0.0:3000": "http://localhost:3000", "[::]:3000": "http://localhost:3000",
	} {
		addr, err := net.ResolveTCPAddr("tcp", listen)
		if err != nil {
			t.Fatal(err)
		}
		if got := gateway.URL(addr); got != want {
			t.Errorf("%s: %s, want %s", listen, got, want)
		}
	}
}
