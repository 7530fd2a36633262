package engine_test

import (
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/engine"
)

// TestRefusedOriginIsOneShortLine sends headers as long as API Gateway lets through, of what a log must not take as it
// is.
func TestRefusedOriginIsOneShortLine(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		r := request("GET", "polling", "", "")
		r.Header.Set("Origin", "https://evil.example/\x1b[2J\n"+strings.Repeat("é", 4500))
		r.Header.Set("Host", strings.Repeat("x", 900))
		if answer := w.e.HTTP(t.Context(), r); answer.Status != 403 {
			t.Errorf("%+v", answer)
		}
		log := w.logged()
		if len(log) > 1000 || strings.Count(log, "\n") != 1 || strings.Contains(log, "\x1b") || !strings.Contains(log, "evil.example") {
			t.Errorf("%d bytes: %.2000q", len(log), log)
		}
	})
}

// TestOriginsAreComparedBySchemeClassHostAndPort asks over both transports.
func TestOriginsAreComparedBySchemeClassHostAndPort(t *testing.T) {
	front := engine.Options{PublicOrigin: "https://front.example"}
	for _, c := range []struct {
		origin, host string
		secure       bool
		options      engine.Options
		allowed      bool
	}{
		// What programs make of the address that they dial.
		{origin: "ws://127.0.0.1:3000", host: "127.0.0.1:3000", allowed: true},
		{origin: "http://127.0.0.1:3000", host: "127.0.0.1:3000", allowed: true},
		{origin: "ws://chat.example", host: "chat.example", allowed: true},
		{origin: "ws://chat.example:80", host: "chat.example", allowed: true},
		{origin: "ws://chat.example", host: "chat.example:80", allowed: true},
		{origin: "http://example.com", host: "example.com:80", allowed: true},
		{origin: "wss://example.com", host: "example.com:443", secure: true, allowed: true},
		{origin: "wss://example.com", host: "example.com", secure: true, allowed: true},
		{origin: "wss://example.com:443", host: "example.com", secure: true, allowed: true},
		{origin: "https://example.com", host: "example.com:443", secure: true, allowed: true},
		{origin: "https://example.com:8443", host: "example.com:8443", secure: true, allowed: true},
		{origin: "wss://example.com", host: "example.com:443", allowed: true}, // TLS has ended before
		{origin: "WSS://Example.COM:0443", host: "EXAMPLE.com", secure: true, allowed: true},
		{origin: "ws://[::1]:3000", host: "[::1]:3000", allowed: true},
		{origin: "ws://[0:0::1]", host: "[::1]:80", allowed: true},
		{origin: "http://example.com.", host: "example.com.", allowed: true},
		{origin: "", host: "example.com", allowed: true},

		// What is another scheme class, host or port.
		{origin: "https://example.com", host: "example.com"},
		{origin: "wss://127.0.0.1:3000", host: "127.0.0.1:3000"},
		{origin: "https://example.com:80", host: "example.com:80"},
		{origin: "http://example.com", host: "example.com", secure: true},
		{origin: "ws://example.com:443", host: "example.com", secure: true},
		{origin: "http://example.com:443", host: "example.com:443"},
		{origin: "ws://127.0.0.1", host: "127.0.0.1:3000"},
		{origin: "ws://127.0.0.1:3000", host: "127.0.0.1"},
		{origin: "ws://127.0.0.1:3001", host: "127.0.0.1:3000"},
		{origin: "ws://127.0.0.1:30000", host: "127.0.0.1:3000"},
		{origin: "ws://localhost:3000", host: "127.0.0.1:3000"},
		{origin: "ws://example.com.evil.example", host: "example.com"},
		{origin: "ws://evil.example/example.com", host: "example.com"},
		{origin: "ws://example.com@evil.example", host: "example.com"},
		{origin: "ws://evil.example#@example.com", host: "example.com"},
		{origin: "ws://example.com/", host: "example.com"},
		{origin: "ws://", host: ""},
		{origin: "wsx://example.com", host: "example.com"},
		{origin: "file://example.com", host: "example.com"},
		{origin: "example.com", host: "example.com"},
		{origin: "//example.com", host: "example.com"},
		{origin: "null", host: "null"},
		{origin: "file://", host: ""},

		// The public origin, and an address of its own that a client has dialled over TLS.
		{origin: "wss://front.example:443", host: "api.example", secure: true, options: front, allowed: true},
		{origin: "https://front.example", host: "api.example", options: front, allowed: true},
		{origin: "wss://api.example", host: "api.example", secure: true, options: front, allowed: true},
		{origin: "https://api.example", host: "api.example:443", secure: true, options: front, allowed: true},
		{origin: "ws://api.example", host: "api.example", options: front},
		{origin: "ws://front.example", host: "api.example", secure: true, options: front},
		{origin: "https://other.example", host: "api.example", secure: true, options: front},
	} {
		inWorld(t, c.options, func(t *testing.T, w *world) {
			ask := func(transport string) engine.Request {
				r := request("GET", transport, "", "")
				r.Header.Set("Origin", c.origin)
				r.Header.Set("Host", c.host)
				r.Secure = c.secure
				return r
			}
			want := 403
			if c.allowed {
				want = 200
			}
			polled, connected := w.e.HTTP(t.Context(), ask("polling")), w.e.Connect(t.Context(), "c", ask("websocket"))
			if polled.Status != want || connected.Status != want {
				t.Errorf("%s to %s, secure %t: %d over HTTP, %d over WebSocket; want %d", c.origin, c.host, c.secure, polled.Status, connected.Status, want)
			}
			if h := polled.Header.Get("Access-Control-Allow-Origin"); h != "" {
				t.Errorf("%s to %s: a header %q for what is no other origin", c.origin, c.host, h)
			}
		})
	}
}

// TestOriginsInOptions has what people write, and the origin that it is read as, or a part of the error.
func TestOriginsInOptions(t *testing.T) {
	for written, sent := range map[string]string{
		"https://chat.example":              "https://chat.example",
		" https://chat.example/ ":           "https://chat.example",
		"HTTPS://Chat.Example":              "https://chat.example",
		"https://chat.example:443":          "https://chat.example",
		"https://chat.example:":             "https://chat.example",
		"http://chat.example:80/":           "http://chat.example",
		"http://chat.example:08080":         "http://chat.example:8080",
		"wss://chat.example":                "https://chat.example",
		"ws://localhost:3000":               "http://localhost:3000",
		"http://127.0.0.1:5173":             "http://127.0.0.1:5173",
		"http://[0:0:0:0:0:0:0:1]:3000":     "http://[::1]:3000",
		"http://chat.example.":              "http://chat.example.",
		"https://my_host":                   "https://my_host",
		"https://xn--mnchen-3ya.example":    "https://xn--mnchen-3ya.example",
		"https://3com.example:65535":        "https://3com.example:65535",
		"null":                              "null",
		" NULL ":                            "null",
		"file://":                           "file://",
		"file:///":                          "file://",
		"File://":                           "file://",
		"capacitor://localhost":             "capacitor://localhost",
		"app://":                            "app://",
		"app://.":                           "app://.",
		"chrome-extension://abcdefghijklmn": "chrome-extension://abcdefghijklmn",
	} {
		inWorld(t, engine.Options{AllowOrigins: []string{"https://a.example", written}}, func(t *testing.T, w *world) {
			r := request("GET", "polling", "", "")
			r.Header.Set("Origin", sent)
			got := w.e.HTTP(t.Context(), r)
			if got.Status != 200 || got.Header.Get("Access-Control-Allow-Origin") != sent {
				t.Errorf("%q for %q: %d %v", written, sent, got.Status, got.Header)
			}
			r = request("GET", "websocket", "", "")
			r.Header.Set("Origin", sent)
			if got := w.e.Connect(t.Context(), "c", r); got.Status != 200 {
				t.Errorf("%q for %q over WebSocket: %d", written, sent, got.Status)
			}
		})
	}
	for written, says := range map[string]string{
		"chat.example":                    "https://chat.example",
		"localhost:3000":                  "http://localhost:3000",
		"//chat.example":                  "https://chat.example",
		"https:/chat.example":             "scheme",
		"https:chat.example":              "scheme",
		"://chat.example":                 "https://chat.example",
		"1a://chat.example":               "scheme",
		"view-source:https://a.example":   "scheme",
		"https://":                        "https://chat.example.com",
		"https://:443":                    "https://chat.example.com",
		"https://chat.example/chat":       "scheme, host and port alone, as in https://chat.example",
		"https://chat.example//":          "alone",
		"https://chat.example?x":          "alone",
		"https://chat.example#x":          "alone",
		`https://chat.example\`:           "alone",
		"https://ada:pw@chat.example":     "alone, as in https://chat.example",
		"https://ada@chat.example:8443":   "alone, as in https://chat.example:8443",
		"https://*.chat.example":          "patterns",
		"*.chat.example":                  "patterns",
		"https://chat.example:*":          "patterns",
		"https://a.example,b.example":     "one origin in each entry",
		"https://a.example, b.example":    "one origin in each entry",
		"https://a.example;b.example":     "one origin in each entry",
		"https://a.example b.example":     "one origin in each entry",
		"https://chat.example:0":          "port",
		"https://chat.example:00":         "port",
		"https://chat.example:65536":      "port",
		"https://chat.example:https":      "port",
		"https://chat.example:-1":         "port",
		"https://chat.example:443:443":    "host",
		"https://münchen.example":         "xn--",
		"https://chat%2eexample":          "location.origin",
		"https://chat.example\x00":        "location.origin",
		"https://.chat.example":           "location.origin",
		"https://chat..example":           "location.origin",
		"https://[::1":                    "location.origin",
		"https://::1":                     "location.origin",
		"https://[fe80::1%25eth0]":        "location.origin",
		"https://[127.0.0.1]":             "location.origin",
		"http://127.1":                    "location.origin",
		"http://127.0.0.1.":               "location.origin",
		"http://127.0.0.0x1":              "location.origin",
		"http://0x7f000001":               "location.origin",
		"http://2130706433":               "location.origin",
		"http://256.0.0.1":                "location.origin",
		"file://localhost":                "file://",
		"file:///home/ada/index.html":     "file://",
		"file:":                           "file://",
		"data:text/html,x":                "one origin",
		"data:text/html":                  "write null",
		"blob:https://chat.example/1-2":   "write null",
		"about:blank":                     "write null",
		"javascript:":                     "write null",
		"ftp://chat.example":              "no pages",
		"capacitor://localhost/":          "",
		"capacitor://localhost/chat":      "alone",
		"capacitor://ünicode":             "location.origin",
		"null, https://chat.example":      "one origin in each entry",
		"nul":                             "scheme",
		"\"https://chat.example\"":        "scheme",
		strings.Repeat("x", 5000) + "://": "",
	} {
		_, err := engine.New(nil, nil, nil, nil, engine.Options{AllowOrigins: []string{"https://a.example", written}})
		_, public := engine.New(nil, nil, nil, nil, engine.Options{PublicOrigin: written})
		if says == "" {
			if err != nil {
				t.Errorf("%q: %v", written, err)
			}
			says = "PublicOrigin"
		} else if err == nil || !strings.HasPrefix(err.Error(), "engine: AllowOrigins has ") || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v; want %q", written, err, says)
		}
		if public == nil || !strings.HasPrefix(public.Error(), "engine: PublicOrigin has ") || !strings.Contains(public.Error(), says) {
			t.Errorf("%q as the public one: %v; want %q", written, public, says)
		}
	}
}
