package engine_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
)

// handshakes are the requests that begin a session over either transport.
func (w *world) handshakes(header http.Header) map[string]engine.Response {
	answers := map[string]engine.Response{}
	for _, transport := range []string{"polling", "websocket"} {
		r := request("GET", transport, "", "")
		for name, values := range header {
			r.Header[name] = values
		}
		if transport == "polling" {
			answers[transport] = w.e.HTTP(w.t.Context(), r)
		} else {
			if answers[transport] = w.e.Connect(w.t.Context(), "c", r); answers[transport].Status == 200 {
				w.gateway.accept("c")
			}
			w.pass(0)
		}
	}
	return answers
}

func TestAllowRequestDecidesBeforeThereIsASession(t *testing.T) {
	for _, c := range []struct {
		name, want, logs string
		allow            func(context.Context, engine.Request) error
	}{
		{"allowed", "", "", func(context.Context, engine.Request) error { return nil }},
		{"forbidden", `403 {"code":4,"message":"log in first"}`, "", func(context.Context, engine.Request) error {
			return fmt.Errorf("wrapped: %w", &engine.Forbidden{Message: "log in first"})
		}},
		{"without a message", `403 {"code":4,"message":"Forbidden"}`, "", func(context.Context, engine.Request) error { return &engine.Forbidden{} }},
		{"an error", `403 {"code":4,"message":"Forbidden"}`, "secret", func(context.Context, engine.Request) error { return errors.New("secret") }},
		{"a panic", `403 {"code":4,"message":"Forbidden"}`, "as asked", func(context.Context, engine.Request) error { panic("as asked") }},
	} {
		inWorld(t, engine.Options{AllowRequest: c.allow}, func(t *testing.T, w *world) {
			for transport, got := range w.handshakes(nil) {
				if c.want == "" {
					if got.Status != 200 {
						t.Errorf("%s: %s", transport, answer(got))
					}
				} else {
					w.want(answer(got), c.want)
				}
			}
			rows := w.table.Rows()
			if refused := c.want != ""; refused != (rows.Sessions+rows.Tombstones+rows.Handshakes == 0) {
				t.Errorf("rows: %+v", rows)
			}
			if c.logs != "" && !strings.Contains(w.logged(), c.logs) || c.logs == "" && strings.Contains(w.logged(), "AllowRequest") {
				t.Errorf("logged %s", w.logged())
			}
		}, c.name)
	}
}

// As in Node: what is no handshake, or none that can be, is refused before; the protocol's version is looked at after
// it.
func TestAllowRequestIsAskedForHandshakesAlone(t *testing.T) {
	asked := 0
	allow := func(_ context.Context, r engine.Request) error {
		asked++
		if r.Header.Get("Authorization") != "yes" || r.Query.Get("transport") == "" || r.Method != "GET" || r.URL == "" {
			return &engine.Forbidden{Message: fmt.Sprint(r.Header, r.Query, r.Method, r.URL)}
		}
		return nil
	}
	inWorld(t, engine.Options{AllowRequest: allow}, func(t *testing.T, w *world) {
		header := http.Header{"Authorization": {"yes"}}
		answers := w.handshakes(header)
		sid := w.openOf(string(answers["polling"].Body))
		if asked != 2 {
			t.Errorf("asked %d times", asked)
		}
		w.post(sid, "4say a")
		w.want(w.get(sid), "200 4a")
		w.connect("d", sid)
		w.e.HTTP(t.Context(), engine.Request{Method: "OPTIONS", Header: http.Header{"Origin": {"https://doze.example"}, "Host": {"doze.example"}}})
		w.want(answer(w.e.HTTP(t.Context(), request("POST", "polling", "", ""))), `400 {"code":2,"message":"Bad handshake method"}`)
		w.want(answer(w.e.HTTP(t.Context(), request("GET", "nope", "", ""))), `400 {"code":0,"message":"Transport unknown"}`)
		if asked != 2 {
			t.Errorf("asked %d times, for what is no handshake", asked)
		}
		old := request("GET", "polling", "", "")
		old.Query.Set("EIO", "3")
		if got := answer(w.e.HTTP(t.Context(), old)); !strings.HasPrefix(got, "403 ") {
			t.Errorf("a client of old: %s", got)
		}
	})
}

func TestHeadersAreAddedToAnswersOfTheProtocol(t *testing.T) {
	o := engine.Options{
		InitialHeaders: func(_ context.Context, r engine.Request, h http.Header) {
			h.Add("Set-Cookie", "a=1")
			h.Add("Set-Cookie", "b="+r.Header.Get("X-Who"))
		},
		Headers: func(_ context.Context, r engine.Request, h http.Header) {
			h.Set("X-Each", fmt.Sprint(r.Method, len(h["Set-Cookie"])))
		},
	}
	inWorld(t, o, func(t *testing.T, w *world) {
		answers := w.handshakes(http.Header{"X-Who": {"ada"}})
		for transport, a := range answers {
			if got := fmt.Sprint(a.Header["Set-Cookie"], a.Header.Get("X-Each")); got != "[a=1 b=ada]GET2" {
				t.Errorf("%s begins with %s", transport, got)
			}
		}
		sid := w.openOf(string(answers["polling"].Body))
		post := w.e.HTTP(t.Context(), request("POST", "polling", sid, "4say a"))
		get := w.e.HTTP(t.Context(), request("GET", "polling", sid, ""))
		upgrade := w.e.Connect(t.Context(), "d", request("GET", "websocket", sid, ""))
		for want, a := range map[string]engine.Response{"POST0": post, "GET0": get, "GET0 ": upgrade} {
			if a.Header.Get("X-Each") != strings.TrimSpace(want) || a.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s: %v", want, a.Header)
			}
		}
		for _, refused := range []engine.Response{
			w.e.HTTP(t.Context(), request("GET", "nope", "", "")),
			w.e.HTTP(t.Context(), request("GET", "polling", "nobody's", "")),
			w.e.HTTP(t.Context(), engine.Request{Method: "OPTIONS"}),
		} {
			if refused.Header.Get("X-Each") != "" {
				t.Errorf("a refusal has %v", refused.Header)
			}
		}
	})
}

func TestHeadersThatCannotBeAreLeftOut(t *testing.T) {
	for name, set := range map[string]func(http.Header){
		"a line break": func(h http.Header) { h.Set("X-A", "a\r\nSet-Cookie: b=c") },
		"a name":       func(h http.Header) { h["X A"] = []string{"a"} },
		"a panic":      func(h http.Header) { h.Set("X-B", "b"); panic("as asked") },
	} {
		inWorld(t, engine.Options{Headers: func(_ context.Context, _ engine.Request, h http.Header) { set(h) }}, func(t *testing.T, w *world) {
			for transport, a := range w.handshakes(nil) {
				if a.Status != 200 || len(a.Header) > 2 || transport == "polling" && a.Header.Get("Content-Type") == "" {
					t.Errorf("%s: %d %v", transport, a.Status, a.Header)
				}
			}
			if !strings.Contains(w.logged(), "left out") {
				t.Errorf("logged %s", w.logged())
			}
		}, name)
	}
}

func TestTransportsAreThoseOfTheOptions(t *testing.T) {
	const unknown = `400 {"code":0,"message":"Transport unknown"}`
	for _, c := range []struct {
		o                  engine.Options
		polling, websocket bool
		upgrades, late     string // announced; what one that comes all the same is told
	}{
		{engine.Options{}, true, true, `"upgrades":["websocket"]`, "200"},
		{engine.Options{Transports: []string{"websocket", "polling"}}, true, true, `"upgrades":["websocket"]`, "200"},
		{engine.Options{Transports: []string{"polling"}}, true, false, `"upgrades":[]`, unknown},
		{engine.Options{Transports: []string{"websocket"}}, false, true, "", ""},
		{engine.Options{NoUpgrades: true}, true, true, `"upgrades":[]`, badRequest},
	} {
		inWorld(t, c.o, func(t *testing.T, w *world) {
			answers := w.handshakes(nil)
			for transport, serves := range map[string]bool{"polling": c.polling, "websocket": c.websocket} {
				if got := answer(answers[transport]); serves != (answers[transport].Status == 200) || !serves && got != unknown {
					t.Errorf("%s: %s", transport, got)
				}
			}
			if !c.polling {
				w.want(answer(w.e.HTTP(t.Context(), request("POST", "polling", strings.Repeat("x", 24), "4a"))), unknown)
				return
			}
			sid := w.openOf(string(answers["polling"].Body))
			if !strings.Contains(string(answers["polling"].Body), c.upgrades) {
				t.Errorf("announced %s", answers["polling"].Body)
			}
			w.want(answer(w.e.Connect(t.Context(), "late", request("GET", "websocket", sid, ""))), c.late)
			w.post(sid, "4say a")
			w.want(w.get(sid), "200 4a")
		}, fmt.Sprintf("%+v", c))
	}
}

func TestNewSaysWhichTransportsThereAre(t *testing.T) {
	for want, names := range map[string][]string{
		`Transports has "webtransport"`:     {"polling", "webtransport"},
		`Transports has "Polling"`:          {"Polling"},
		`Transports has "polling" twice`:    {"polling", "polling"},
		`Transports has ""`:                 {""},
		`write polling or websocket, which`: {"x"},
	} {
		if _, err := engine.New(nil, nil, nil, nil, engine.Options{Transports: names}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", names, err)
		}
	}
}

func TestPaths(t *testing.T) {
	for path, want := range map[string]string{"": "/socket.io/", "/": "", "/a": "/a/", "/a/b/": "/a/b/", "a": "", "/a?b": "", "/a#b": "", "/a//b": "", "/a/../b": "", "/%41": "", "/a b": "/a b/"} {
		e, err := engine.New(nil, nil, nil, nil, engine.Options{Path: path})
		if want == "" {
			if err == nil || !strings.Contains(err.Error(), "write a path such as /socket.io/") {
				t.Errorf("%q: %v", path, err)
			}
		} else if err != nil || e.Options().Path != want {
			t.Errorf("%q: %v", path, err)
		}
	}
}

// A message of MaxPayload passes, one byte more does not, over either transport.
func TestMaxPayloadIsTheSameOverBothTransports(t *testing.T) {
	inWorld(t, engine.Options{MaxPayload: 100}, func(t *testing.T, w *world) {
		most := "4" + strings.Repeat("x", 99)
		sid := w.poll()
		w.want(w.post(sid, most), "200 ok")
		w.want(w.post(sid, most+"x"), "413")
		w.want(w.post(sid, "4say still here"), "200 ok")
		w.websocket("c")
		w.frame("c", most)
		w.frame("c", "4join")
		w.frame("c", most+"x")
		w.pass(0)
		w.reasonsAre(engine.TransportError)
		if got := len(w.handler.got()); got != 4 {
			t.Errorf("handled %q", w.handler.got())
		}
	})
}

// opener is a server of Engine.IO alone.
type opener struct {
	*handler
	opened func(ctx context.Context, v *engine.Invocation) error
}

func (o opener) Opened(ctx context.Context, v *engine.Invocation) error { return o.opened(ctx, v) }

func TestOpenedIsCalledOnceForEachSessionBeforeItsMessages(t *testing.T) {
	inWorld(t, engine.Options{ConnectTimeout: -1}, func(t *testing.T, w *world) {
		var opened []string
		w.e = w.process(w.table, w.gateway, w.queue, opener{w.handler, func(ctx context.Context, v *engine.Invocation) error {
			h, err := v.Handshake(ctx)
			if err != nil {
				return err
			}
			opened = append(opened, fmt.Sprint(h.Query.Get("transport"), v.Polling(), len(w.handler.got())))
			p, err := w.e.Parcel(protocol.EnginePacket{Type: protocol.EngineMessage, Data: []byte("welcome")})
			if err != nil {
				return err
			}
			return v.Send(ctx, p)
		}})
		sid := w.poll()
		w.want(w.get(sid), "200 4welcome")
		w.connect("c", "")
		w.pass(0)
		if frames := w.gateway.received("c"); len(frames) != 2 || frames[0][0] != '0' || frames[1] != "4welcome" {
			t.Errorf("got %q", frames)
		}
		w.post(sid, "4say a")
		w.frame("c", "4say b")
		if got := strings.Join(opened, " "); got != "pollingtrue 0 websocketfalse 0" {
			t.Errorf("opened %s", got)
		}
		for range 3 { // nobody joins anything, for longer than connections have for that by default
			w.frame("c", "3")
			w.pass(w.e.Options().PingInterval)
			w.frame("c", "3")
			w.get(sid)
			w.post(sid, "3")
		}
		w.want(w.frame("c", "4say c"), "4c")
		w.reasonsAre()
	})
}

func TestAnErrorOfOpenedClosesTheSession(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		w.e = w.process(w.table, w.gateway, w.queue, opener{w.handler, func(context.Context, *engine.Invocation) error { panic("as asked") }})
		for transport, got := range w.handshakes(nil) {
			if transport == "polling" && got.Status != http.StatusServiceUnavailable {
				t.Errorf("%s", answer(got))
			}
		}
		w.pass(0)
		w.reasonsAre(engine.TransportError, engine.TransportError)
		if !strings.Contains(w.logged(), "as asked") {
			t.Error("not logged")
		}
	})
}

func TestOptionsOfTimesBelowZero(t *testing.T) {
	if _, err := engine.New(nil, nil, nil, nil, engine.Options{ConnectTimeout: -1}); err != nil {
		t.Error(err)
	}
	if _, err := engine.New(nil, nil, nil, nil, engine.Options{PingInterval: -1}); err == nil {
		t.Error("a PingInterval below zero passed")
	}
}
