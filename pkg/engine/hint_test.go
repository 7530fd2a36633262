package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// Clients of Socket.IO 2 try again every few seconds, over each transport: the log says what to do once a minute.
func TestOldClientsAreRefusedWithAHint(t *testing.T) {
	const refusal = `400 {"code":5,"message":"Unsupported protocol version"}`
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		for minute := 1; minute <= 2; minute++ {
			for range 3 {
				for _, transport := range []string{"polling", "websocket"} {
					r := request("GET", transport, "", "")
					r.Query.Set("EIO", "3")
					r.Header.Set("User-Agent", "an old\nphone")
					if transport == "polling" {
						w.want(answer(w.e.HTTP(t.Context(), r)), refusal)
					} else {
						w.want(answer(w.e.Connect(t.Context(), "c", r)), refusal)
					}
				}
				wait(19 * time.Second)
			}
			if n := strings.Count(w.logged(), "socket.io-client 4"); n != minute {
				t.Errorf("%d hints in minute %d:\n%s", n, minute, w.logged())
			}
			wait(4 * time.Second)
		}
		if !strings.Contains(w.logged(), `EIO=3 user-agent="an old\nphone"`) {
			t.Errorf("logged %s", w.logged())
		}
		if n := w.table.Rows(); n.Sessions+n.Tombstones > 0 {
			t.Errorf("rows of refused clients: %+v", n)
		}
		w.poll()
		w.websocket("new")
		if n := strings.Count(w.logged(), "WARN"); n != 2 {
			t.Errorf("logged %s", w.logged())
		}
	})
}

// Where a client sends nothing but binary, and the gateway takes no binary frames, only one that sends it as text may
// have a WebSocket.
func TestBinaryMessages(t *testing.T) {
	const upgrades, none = `"upgrades":["websocket"]`, `"upgrades":[]`
	for _, c := range []struct {
		what, b64 string
		options   engine.Options
		websocket bool
	}{
		{"text", "", engine.Options{}, true},
		{"binary", "", engine.Options{BinaryMessages: true}, false},
		{"binary as text", "1", engine.Options{BinaryMessages: true}, true},
		{"binary frames", "", engine.Options{BinaryMessages: true, BinaryFrames: true}, true},
	} {
		inWorld(t, c.options, func(t *testing.T, w *world) {
			with := func(transport, sid string) engine.Request {
				r := request("GET", transport, sid, "")
				if c.b64 != "" {
					r.Query.Set("b64", c.b64)
				}
				return r
			}
			open := answer(w.e.HTTP(t.Context(), with("polling", "")))
			if want := map[bool]string{true: upgrades, false: none}[c.websocket]; !strings.Contains(open, want) {
				t.Errorf("%s: %s, want %s", c.what, open, want)
			}
			sid := w.openOf(strings.TrimPrefix(open, "200 "))
			want, hints := "200", 0
			if !c.websocket {
				want, hints = badRequest, 2
			}
			w.want(answer(w.e.Connect(t.Context(), "new", with("websocket", ""))), want)
			w.want(answer(w.e.Connect(t.Context(), "probe", with("websocket", sid))), want)
			if n := strings.Count(w.logged(), "forceBase64: true"); n != hints {
				t.Errorf("%s: %d hints:\n%s", c.what, n, w.logged())
			}
			w.post(sid, "4say hello")
			w.want(w.get(sid), "200 4hello")
		})
	}
}
