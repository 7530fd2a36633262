package engine_test

import (
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/engine"
)

// TestSubprotocols has what ws 8.21 answers each offer with.
func TestSubprotocols(t *testing.T) {
	const bad = "400"
	for _, c := range []struct {
		offers []string // the header's lines
		want   string
	}{
		{nil, ""},
		{[]string{"chat.v1"}, "chat.v1"},
		{[]string{"auth, token123"}, "auth"},
		{[]string{"token123,auth"}, "token123"},
		{[]string{"auth", "token123"}, "auth"}, // two lines are one list
		{[]string{"a\t,\tb"}, "a"},
		{[]string{"Chat,chat"}, "Chat"}, // names differ in case
		{[]string{"base64url.bearer.phx.eyJhIjoiYiJ9"}, "base64url.bearer.phx.eyJhIjoiYiJ9"},
		{[]string{"!#$%&'*+-.^_`|~"}, "!#$%&'*+-.^_`|~"},
		{[]string{""}, bad},
		{[]string{","}, bad},
		{[]string{"a,"}, bad},
		{[]string{",a"}, bad},
		{[]string{"a,,b"}, bad},
		{[]string{"a b"}, bad},
		{[]string{"a, a"}, bad},
		{[]string{"a, b, a"}, bad},
		{[]string{"a", "a"}, bad},
		{[]string{"a", ""}, bad},
		{[]string{`"a"`}, bad},
		{[]string{"a;q=1"}, bad},
		{[]string{"a/b"}, bad},
		{[]string{"ä"}, bad},
		{[]string{"a\x00"}, bad},
		{[]string{strings.Repeat("x,", 2000)}, bad},
	} {
		inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
			ask := func(connection, sid string) engine.Response {
				r := request("GET", "websocket", sid, "")
				if c.offers != nil {
					r.Header["Sec-Websocket-Protocol"] = c.offers
				}
				return w.e.Connect(t.Context(), connection, r)
			}
			check := func(what string, got engine.Response) {
				t.Helper()
				chosen := strings.Join(got.Header.Values("Sec-WebSocket-Protocol"), "|")
				if c.want == bad && (answer(got) != badRequest || chosen != "") || c.want != bad && (got.Status != 200 || chosen != c.want) {
					t.Errorf("%q, %s: %d %s, %q; want %q", c.offers, what, got.Status, got.Body, chosen, c.want)
				}
			}
			check("a new session", ask("c1", ""))
			if c.want == bad {
				if rows := w.table.Rows(); rows.Sessions+rows.Tombstones > 0 {
					t.Errorf("%q: rows of a refused connection: %+v", c.offers, rows)
				}
			}
			sid := w.poll()
			check("an upgrade", ask("c2", sid))
			w.gateway.accept("c2")
			check("a second upgrade, which is closed later", ask("c3", sid))
			w.gateway.accept("c3")
			if got := w.e.HTTP(t.Context(), request("GET", "polling", "", "")); got.Header.Values("Sec-WebSocket-Protocol") != nil {
				t.Errorf("over polling: %v", got.Header)
			}
		})
	}
}

// TestARefusedHandshakeChoosesNoSubprotocol refuses for other reasons than the header's.
func TestARefusedHandshakeChoosesNoSubprotocol(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		for want, change := range map[string]func(*engine.Request){
			`400 {"code":0,"message":"Transport unknown"}`:            func(r *engine.Request) { r.Query.Set("transport", "pigeon") },
			`403 {"code":4,"message":"Forbidden"}`:                    func(r *engine.Request) { r.Header.Set("Origin", "https://evil.example") },
			`400 {"code":5,"message":"Unsupported protocol version"}`: func(r *engine.Request) { r.Query.Set("EIO", "3") },
			unknownSID: func(r *engine.Request) { r.Query.Set("sid", strings.Repeat("x", 24)) },
		} {
			r := request("GET", "websocket", "", "")
			r.Header.Set("Sec-WebSocket-Protocol", "chat.v1")
			change(&r)
			if got := w.e.Connect(t.Context(), "c", r); answer(got) != want || got.Header.Values("Sec-WebSocket-Protocol") != nil {
				t.Errorf("%s, %v; want %s", answer(got), got.Header, want)
			}
		}
	})
}
