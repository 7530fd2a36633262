package main

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// statuses opens a session with an Origin over each transport, with a client that reaches host at addr, and returns how
// it was answered.
func statuses(t *testing.T, client *http.Client, address, host, origin string) (polling, upgrade int, allowed string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/socket.io/?EIO=4&transport=polling", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	r.Header.Set("Origin", origin)
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	c, handshake, err := websocket.Dial(t.Context(), address+"/socket.io/?EIO=4&transport=websocket",
		&websocket.DialOptions{HTTPClient: client, Host: host, HTTPHeader: http.Header{"Origin": {origin}}})
	if err == nil {
		c.CloseNow()
	}
	if handshake == nil {
		t.Fatal(err)
	}
	return res.StatusCode, handshake.StatusCode, res.Header.Get("Access-Control-Allow-Origin")
}

func TestDevTakesTheOriginsOfProgramsAndApps(t *testing.T) {
	plain, end := startDev(t)
	defer end()
	host := strings.TrimPrefix(plain, "http://")
	for origin, want := range map[string]int{
		"ws://" + host: 101, "http://" + host: 101, "wss://" + host: 403, "ws://127.0.0.1": 403, "file://": 403, "null": 403, "capacitor://localhost": 403,
	} {
		polling, upgrade, allowed := statuses(t, http.DefaultClient, plain, "", origin)
		if upgrade != want || polling != map[int]int{101: 200, 403: 403}[want] || allowed != "" {
			t.Errorf("%s: %d over HTTP with %q, %d over WebSocket; want %d", origin, polling, allowed, upgrade, want)
		}
	}
	named, end := startDev(t, "-allow-origins", "file://, null,capacitor://localhost")
	defer end()
	for _, origin := range []string{"file://", "null", "capacitor://localhost"} {
		if polling, upgrade, allowed := statuses(t, http.DefaultClient, named, "", origin); polling != 200 || upgrade != 101 || allowed != origin {
			t.Errorf("%s, named: %d over HTTP with %q, %d over WebSocket", origin, polling, allowed, upgrade)
		}
	}
}

// TestDevBehindAProxyThatEndsTLS is what docs/deploy.md says of it. Whether the proxy passes the name of the host on
// differs from one to the other.
func TestDevBehindAProxyThatEndsTLS(t *testing.T) {
	const page = "https://chat.test"
	for _, c := range []struct {
		name     string
		keepHost bool
		flags    []string
		polling  int
		upgrade  int
	}{
		{"not told", false, nil, 403, 403},
		{"not told, with the host", true, nil, 421, 421},
		{"told the host alone", true, []string{"-host", "chat.test"}, 403, 403},
		{"told", false, []string{"-allow-origins", page}, 200, 101},
		{"told, with the host", true, []string{"-allow-origins", page, "-host", "chat.test"}, 200, 101},
	} {
		t.Run(c.name, func(t *testing.T) {
			behind, end := startDev(t, c.flags...)
			defer end()
			to, err := url.Parse(behind)
			if err != nil {
				t.Fatal(err)
			}
			proxy := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(to)
				r.SetXForwarded()
				if c.keepHost {
					r.Out.Host = r.In.Host
				}
			}})
			defer proxy.Close()
			client := &http.Client{Transport: &http.Transport{
				TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
				DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
					return (&net.Dialer{}).DialContext(ctx, network, proxy.Listener.Addr().String())
				},
			}}
			defer client.CloseIdleConnections()
			polling, upgrade, _ := statuses(t, client, page, "", page)
			if polling != c.polling || upgrade != c.upgrade {
				t.Errorf("%d over HTTP, %d over WebSocket; want %d and %d", polling, upgrade, c.polling, c.upgrade)
			}
		})
	}
}

// TestDevSaysWhichOriginToWrite starts with what no browser sends.
func TestDevSaysWhichOriginToWrite(t *testing.T) {
	for origins, says := range map[string]string{
		"https://chat.test/chat": "https://chat.test", "chat.test": "https://chat.test", "https://*.chat.test": "patterns", "file:///index.html": "file://",
	} {
		err := run(t.Context(), []string{"dev", "-addr", "127.0.0.1:0", "-allow-origins", "http://localhost:5173," + origins}, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), "AllowOrigins") || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v; want %q", origins, err, says)
		}
	}
}
