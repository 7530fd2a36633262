package faults

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/dozeio/doze/tests/kit/rawclient"
)

func brackets(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

// packets are what a client should not send, and what comes of it on either transport: "" for nothing, "close", or the
// packet that answers.
var packets = []struct{ name, packet, comes string }{
	{"no type", "", "close"},
	{"unknown type", "9", "close"},
	{"letter for a type", "x", "close"},
	{"JSON", `{"message":"Internal server error"}`, "close"},
	{"open packet", `0{"sid":"x"}`, "close"},
	{"ping", "2", "close"},
	{"pong that nobody asked for", "3", ""},
	{"noop", "6", ""},
	{"upgrade without a probe", "5", ""},
	{"message without a packet", "4", "close"},
	{"unknown Socket.IO type", "49", "close"},
	{"letter for a Socket.IO type", "4x", "close"},
	{"CONNECT that is no JSON", "40{", "close"},
	{"second CONNECT", "40", "close"},
	{"CONNECT to nowhere", "40/nowhere,", `44/nowhere,{"message":"Invalid namespace"}`},
	{"CONNECT_ERROR", `44{"message":"x"}`, "close"},
	{"event without data", "42", "close"},
	{"event with an object", "42{}", "close"},
	{"event with nothing", "42[]", "close"},
	{"event with null for a name", "42[null]", "close"},
	{"event with a reserved name", `42["connect"]`, "close"},
	{"event cut short", `42["echo",`, "close"},
	{"event with something behind it", `42["echo"]x`, "close"},
	{"event for a namespace that was not joined", `42/greeting,["echo"]`, "close"},
	{"event for nowhere", `42/nowhere,["echo"]`, "close"},
	{"event that nobody handles", `42["nobody"]`, ""},
	{"event with arguments of other types", `421["join",{"no":"room"}]`, ""},
	{"event with too few arguments", `421["join"]`, ""},
	{"event whose handler panics", `421["panic"]`, ""},
	{"ack id of too many digits", `42999999999999999999999["echo"]`, "close"},
	{"arguments nested too deep", `421["echo",` + brackets(10_000) + `]`, ""},
	{"arguments nested too deep and cut short", `42["echo",` + strings.Repeat("[", 10_000), "close"},
	{"ack that nobody waits for", `4377[]`, ""},
	{"ack without data", "437", "close"},
	{"ack without an id", "43[]", "close"},
	{"attachment without an event", "bAQID", "close"},
	{"attachment that is no base64", "b!!!", "close"},
	{"too many attachments", `4511-["x",{"_placeholder":true,"num":0}]`, "close"},
	{"attachments that are no number", `45x-["x"]`, "close"},
	{"placeholder without attachments", `450-["nobody",{"_placeholder":true,"num":5}]`, ""}, // plain data to Socket.IO
	{"leaving a namespace twice", "41/greeting,", "close"},
	{"close", "1", "close"},
}

// TestMalformedPackets sends each to a session of its own, and expects what is said there, that nobody else notices,
// and that nothing is left.
func TestMalformedPackets(t *testing.T) { onBothWays(t, malformed) }

func malformed(t *testing.T, way string) {
	noGoroutines(t)
	w := newWorld(t, way)
	for _, c := range packets {
		t.Run("websocket/"+c.name, func(t *testing.T) {
			w := w.in(t)
			p := w.join()
			p.send(c.packet)
			w.then(p, c.comes)
			w.served()
		})
		t.Run("polling/"+c.name, func(t *testing.T) {
			w := w.in(t)
			sid := w.joinPolling()
			a, err := w.Do(w.ctx, http.MethodPost, rawclient.Session(sid), c.packet)
			if err != nil {
				t.Fatal(err)
			}
			want := http.StatusOK
			if c.comes == "close" && c.packet != "1" {
				want = http.StatusBadRequest
			}
			if a.Status != want {
				t.Errorf("answered %d %q, want %d", a.Status, a.Body, want)
			}
			w.thenPolling(sid, c.comes)
			w.served()
		})
	}
}

// in is the world as a subtest sees it.
func (w *world) in(t *testing.T) *world {
	return &world{T: t, Client: w.Client, ctx: w.ctx, clock: w.clock, server: w.server, app: w.app, bystander: w.bystander, asked: w.asked + 1000}
}

// then expects a packet, a close, or, after nothing, that the session lives.
func (w *world) then(p *peer, comes string) {
	w.Helper()
	want, packet := delivered, comes
	switch comes {
	case "":
		p.send(`42999["echo","still here"]`)
		packet = `43999["still here"]`
	case "close":
		want, packet = closed, "nothing"
	}
	if got, seen := w.watch(p, packet); got != want {
		w.Errorf("%s, want %s; packets %q", got, want, seen)
	}
}

func (w *world) thenPolling(sid, comes string) {
	w.Helper()
	status, packet := http.StatusOK, comes
	switch comes {
	case "":
		w.pushed(sid, `42999["echo","still here"]`)
		packet = `43999["still here"]`
	case "close":
		status, packet = http.StatusBadRequest, ""
	}
	for range 2 { // of a closed session the first poll may be told so
		a, err := w.Do(w.ctx, http.MethodGet, rawclient.Session(sid), "")
		if err != nil {
			w.Fatal(err)
		}
		if a.Status == status && strings.HasPrefix(a.Body, packet) {
			return
		}
	}
	w.Errorf("no poll was answered %d %q", status, packet)
}

// joinPolling opens a session over HTTP in the main namespace.
func (w *world) joinPolling() (sid string) {
	w.Helper()
	sid, err := w.Open(w.ctx)
	if err != nil {
		w.Fatal(err)
	}
	w.pushed(sid, "40")
	if a, err := w.Do(w.ctx, http.MethodGet, rawclient.Session(sid), ""); err != nil || !strings.HasPrefix(a.Body, "40{") {
		w.Fatalf("%+v, %v; want an answer to CONNECT", a, err)
	}
	return sid
}

// TestOversizeAndForbiddenFrames sends what the gateway itself does not take.
func TestOversizeAndForbiddenFrames(t *testing.T) { onBothWays(t, oversizeAndForbidden) }

func oversizeAndForbidden(t *testing.T, way string) {
	noGoroutines(t)
	w := newWorld(t, way)
	large := strings.Repeat("x", 20<<10)
	for _, c := range []struct {
		name          string
		code, directs int // with which it is closed; 0 for an answer
		send          func(*peer) error
	}{
		{"frame over 32 KiB", 1009, 0, func(p *peer) error { return p.Send(w.ctx, `421["echo","`+large+large+`"]`) }},
		{"frame over 128 KiB", 1009, 1009, func(p *peer) error { return p.Send(w.ctx, `421["echo","`+strings.Repeat(large, 7)+`"]`) }},
		{"message over 128 KiB", 1009, 1009, func(p *peer) error {
			return p.SendFragments(w.ctx, `421["echo","`, large, large, large, large, large, large, large, `"]`)
		}},
		{"binary frame", 1003, 1000, func(p *peer) error { return p.SendBinary(w.ctx, []byte{1, 2, 3}) }},
		{"text that is no UTF-8", 1007, 1007, func(p *peer) error { return p.Send(w.ctx, "4\xff\xfe") }},
	} {
		if way == direct {
			c.code = c.directs
		}
		t.Run(c.name, func(t *testing.T) {
			w := w.in(t)
			p := w.join()
			_ = c.send(p) // the gateway may close before it has taken everything
			if c.code == 0 {
				w.wants(p, "431[")
			} else if got, seen := w.watch(p, "nothing"); got != closed || rawclient.CloseCode(p.ended) != c.code {
				t.Errorf("%s with %d, want %d; packets %q", got, rawclient.CloseCode(p.ended), c.code, seen)
			}
			w.served()
		})
	}
	t.Run("message under both limits", func(t *testing.T) {
		w := w.in(t)
		p := w.join()
		_ = p.SendFragments(w.ctx, `421["echo","`, large, large, `"]`)
		w.wants(p, "431[")
	})
}

// TestRefusedRequests expects an HTTP error of each, or what Node makes of it.
func TestRefusedRequests(t *testing.T) { onBothWays(t, refusedRequests) }

func refusedRequests(t *testing.T, way string) {
	noGoroutines(t)
	w := newWorld(t, way)
	foreign := []string{"Origin", "https://elsewhere.example"}
	const session = "EIO=4&transport=polling&sid=SID" // of a session that is open
	for _, c := range []struct {
		name, method, query, body string
		header                    []string
		status                    int
		says                      string // in the body
		ends                      bool   // the session, too
	}{
		{"unknown sid, GET", "GET", rawclient.Session("unknown"), "", nil, 400, `"code":1`, false},
		{"unknown sid, POST", "POST", rawclient.Session("unknown"), "4", nil, 400, `"code":1`, false},
		{"a sid that is a connection's", "GET", rawclient.Session("w"), "", nil, 400, `"code":1`, false},
		{"foreign origin, handshake", "GET", rawclient.Polling, "", foreign, 403, `"code":4`, false},
		{"foreign origin, GET", "GET", session, "", foreign, 403, `"code":4`, false},
		{"foreign origin, POST", "POST", session, "41", foreign, 403, `"code":4`, false},
		{"foreign origin, preflight", "OPTIONS", session, "", foreign, 403, `"code":4`, false},
		{"handshake by POST", "POST", rawclient.Polling, "", nil, 400, `"code":2`, false},
		{"no transport", "GET", "EIO=4", "", nil, 400, `"code":0`, false},
		{"unknown transport", "GET", "EIO=4&transport=pigeon", "", nil, 400, `"code":0`, false},
		{"WebSocket without an upgrade", "GET", rawclient.WebSocket, "", nil, 400, `"code":3`, false},
		{"old protocol", "GET", "EIO=3&transport=polling", "", nil, 400, `"code":5`, false},
		{"query with a % that begins no escape", "GET", "EIO=%zz&transport=polling", "", nil, 400, `"code":5`, false},
		{"wrong method", "PUT", session, "", nil, 500, "", false},
		{"body over maxPayload", "POST", session, "4" + strings.Repeat("x", maxPayload), nil, 413, "", false},
		{"body over what the gateway takes", "POST", session, "4" + strings.Repeat("x", 10<<20), nil, 413, "", false},
		{"headers over what AWS takes", "GET", session, "", []string{"X-Large", strings.Repeat("x", 11<<10)}, 431, "", false},
		{"binary body", "POST", session, "4", []string{"Content-Type", "application/octet-stream"}, 400, "", true},
		{"empty body", "POST", session, "", nil, 400, "", true},
		{"separators only", "POST", session, "\x1e\x1e", nil, 400, "", true},
		{"empty packet at the end", "POST", session, "42[\"echo\"]\x1e", nil, 400, "", true},
		{"body that is no UTF-8", "POST", session, "42[\"echo\",\"\xff\"]", nil, 200, "", false}, // as in Node, it becomes U+FFFD
	} {
		if way == direct && strings.Contains(c.name, "AWS") {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			w := w.in(t)
			sid := w.joinPolling()
			a, err := w.Do(w.ctx, c.method, strings.ReplaceAll(c.query, "SID", sid), c.body, c.header...)
			if err != nil || a.Status != c.status || !strings.Contains(a.Body, c.says) {
				t.Errorf("%d %.100q, %v; want %d with %s", a.Status, a.Body, err, c.status, c.says)
			}
			comes := ""
			if c.ends {
				comes = "close"
			}
			w.thenPolling(sid, comes)
			w.served()
		})
	}
	for _, c := range []struct {
		name, query string
		header      []string
		status      int
	}{
		{"unknown sid", rawclient.Probe("unknown"), nil, 400},
		{"foreign origin", rawclient.WebSocket, foreign, 403},
		{"foreign origin with a session", rawclient.WebSocket + "&sid=SID", foreign, 403},
		{"old protocol", "EIO=3&transport=websocket", nil, 400},
		{"URL over what AWS takes", rawclient.WebSocket + "&x=" + strings.Repeat("x", 5000), nil, 414},
	} {
		if way == direct && strings.Contains(c.name, "AWS") {
			continue
		}
		t.Run("WebSocket/"+c.name, func(t *testing.T) {
			w := w.in(t)
			sid := w.joinPolling()
			_, err := w.Dial(w.ctx, strings.ReplaceAll(c.query, "SID", sid), c.header...)
			var refused *rawclient.Refused
			if !errors.As(err, &refused) || refused.Status != c.status {
				t.Errorf("%v, want %d", err, c.status)
			}
			w.thenPolling(sid, "")
			w.served()
		})
	}
}
