package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

const (
	unknownSID = `400 {"code":1,"message":"Session ID unknown"}`
	badRequest = `400 {"code":3,"message":"Bad request"}`
)

func TestHandshakeAnnouncesExactlyTheFiveKeys(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		r := w.e.HTTP(t.Context(), request("GET", "polling", "", ""))
		if r.Header.Get("Content-Type") != "text/plain; charset=UTF-8" || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("headers %v", r.Header)
		}
		var open map[string]any
		if err := json.Unmarshal(r.Body[1:], &open); err != nil || r.Body[0] != '0' {
			t.Fatalf("%q: %v", r.Body, err)
		}
		sid := w.openOf(string(r.Body))
		delete(open, "sid")
		if b, _ := json.Marshal(open); string(b) != `{"maxPayload":1000000,"pingInterval":25000,"pingTimeout":20000,"upgrades":["websocket"]}` || len(sid) != 24 {
			t.Errorf("announced %s with a sid of %d characters", b, len(sid))
		}
	})
}

func TestGETIsAnsweredWithWhatWaitsInOrder(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.want(w.post(sid, "4say a\x1e4say b"), "200 ok")
		w.want(w.get(sid), "200 4a\x1e4b")
		if err := w.e.Deliver(t.Context(), polling(sid), w.parcel("c")); err != nil {
			t.Error(err)
		}
		w.want(w.get(sid), "200 4c")
	})
}

func TestGETSeesWhatComesWhileItWaitsWithin50ms(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		answers := w.getting(sid)
		wait(420 * time.Millisecond)
		w.post(sid, "4say late")
		begin := time.Now()
		w.want(<-answers, "200 4late")
		if took := time.Since(begin); took > 50*time.Millisecond {
			t.Errorf("took %s", took)
		}
	})
}

func TestGETIsNeverAnsweredWithAnEmptyBody(t *testing.T) {
	inWorld(t, engine.Options{PollWait: 3 * time.Second}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.post(sid, "4join")
		begin := time.Now()
		w.want(w.get(sid), "200 6")
		if took := time.Since(begin); took != 3*time.Second {
			t.Errorf("an idle GET took %s", took)
		}
	})
}

func TestGETEndsBeforeItsInvocationDoes(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.post(sid, "4join")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		begin := time.Now()
		w.want(answer(w.e.HTTP(ctx, request("GET", "polling", sid, ""))), "200 6")
		if took := time.Since(begin); took != 8*time.Second {
			t.Errorf("took %s of 10", took)
		}
	})
}

func TestPollingPingAndPongToTheMillisecond(t *testing.T) {
	inWorld(t, engine.Options{PingInterval: 300 * time.Millisecond, PingTimeout: 200 * time.Millisecond}, func(t *testing.T, w *world) {
		sid := w.poll()
		begin := time.Now()
		for range 3 {
			last := time.Now()
			w.want(w.get(sid), "200 2")
			if took := time.Since(last); took != 300*time.Millisecond {
				t.Errorf("the ping came after %s", took)
			}
			w.want(w.post(sid, "3"), "200 ok")
		}
		wait(time.Until(begin.Add(900*time.Millisecond + 499*time.Millisecond)))
		w.want(w.post(sid, "4alive"), "200 ok")
		wait(time.Millisecond)
		w.want(w.post(sid, "4dead"), unknownSID)
		w.reasonsAre(engine.PingTimeout)
		w.want(w.get(sid), unknownSID)
		if got := w.handler.got(); len(got) != 1 || got[0] != "alive" {
			t.Errorf("handled %q", got)
		}
		w.pass(time.Minute)
		w.gone()
	})
}

func TestAWaitingGETIsToldOfThePingTimeout(t *testing.T) {
	inWorld(t, engine.Options{PingInterval: 300 * time.Millisecond, PingTimeout: 200 * time.Millisecond}, func(t *testing.T, w *world) {
		sid := w.poll()
		begin := time.Now()
		w.want(w.get(sid), "200 2")
		w.want(w.get(sid), "200 1")
		if took := time.Since(begin); took != 500*time.Millisecond {
			t.Errorf("closed after %s", took)
		}
		w.want(w.get(sid), unknownSID)
	})
}

func TestAPongAtTheLastMomentKeepsTheSession(t *testing.T) {
	inWorld(t, engine.Options{PingInterval: 300 * time.Millisecond, PingTimeout: 200 * time.Millisecond}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.want(w.get(sid), "200 2")
		answers := w.getting(sid)
		wait(199 * time.Millisecond)
		w.want(w.post(sid, "3"), "200 ok")
		w.want(<-answers, "200 2")
		w.reasonsAre()
	})
}

func TestRace4TwoGETsAtOnceCloseTheSession(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		first := w.getting(sid)
		w.want(w.get(sid), "400")
		w.want(<-first, "200 1")
		w.want(w.get(sid), unknownSID)
		w.reasonsAre(engine.TransportError)
		w.pass(time.Minute)
		w.gone()
	})
}

func TestRace4ACancelledGETClosesTheSession(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			wait(time.Second)
			cancel()
		}()
		w.e.HTTP(ctx, request("GET", "polling", sid, ""))
		w.want(w.get(sid), unknownSID)
		w.reasonsAre(engine.TransportError)
	})
}

func TestAGETOfAContextThatHasEndedTakesWhatIsThere(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.post(sid, "4say a")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w.want(answer(w.e.HTTP(ctx, request("GET", "polling", sid, ""))), "200 4a")
		w.want(answer(w.e.HTTP(ctx, request("GET", "polling", sid, ""))), "200 6")
		w.want(w.post(sid, "4say b"), "200 ok")
	})
}

func TestRace4APollWhoseInvocationDiedIsReaped(t *testing.T) {
	inWorld(t, engine.Options{PingInterval: 5 * time.Minute}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.post(sid, "4join")
		now := time.Now()
		if _, ok, err := w.table.Update(t.Context(), polling(sid), engine.BeginPoll{
			Lease: engine.Lease{ID: "dead", Until: now.Add(25 * time.Second)}, Now: now}); !ok || err != nil {
			t.Fatal(ok, err)
		}
		w.pass(5*time.Minute + time.Second)
		w.reasonsAre(engine.TransportClose)
		w.want(w.post(sid, "4late"), unknownSID)
	})
}

func TestRace4TheClientClosesWithAWaitingGET(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		answers := w.getting(sid)
		w.want(w.post(sid, "1"), "200 ok")
		w.want(<-answers, "200 6")
		w.want(w.get(sid), unknownSID)
		w.want(w.post(sid, "4x"), unknownSID)
		w.reasonsAre(engine.TransportClose)
		w.pass(time.Minute)
		w.gone()
	})
}

func TestRace4ThePOSTThatClosesOvertakesTheGET(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.want(w.post(sid, "1"), "200 ok")
		w.want(w.get(sid), "200 6")
		w.want(w.get(sid), unknownSID)
	})
}

// closing closes the session from a handler that sends something before.
func closing(ctx context.Context, v *engine.Invocation, w *world, text string) error {
	if text != "close" {
		return v.Send(ctx, w.parcel(text))
	}
	if err := v.Send(ctx, w.parcel("bye")); err != nil {
		return err
	}
	v.Close(ctx, engine.ForcedClose)
	return nil
}

func TestTheServerClosesAPollingSession(t *testing.T) {
	for _, waiting := range []bool{false, true} {
		inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
			w.handler.on = func(ctx context.Context, v *engine.Invocation, text string) error { return closing(ctx, v, w, text) }
			sid := w.poll()
			var got []string
			if waiting {
				answers := w.getting(sid)
				w.want(w.post(sid, "4close"), "200 ok")
				got = append(got, <-answers)
			} else {
				w.want(w.post(sid, "4close"), "200 ok")
			}
			for range 4 {
				got = append(got, w.get(sid))
			}
			// What was sent comes first, in an answer of its own, then the close, then nothing.
			want := "200 4bye|200 6\x1e1|" + unknownSID + "|" + unknownSID
			if all := strings.Join(got, "|"); !strings.HasPrefix(all, want) {
				t.Errorf("waiting %t: got %q, want %q", waiting, all, want)
			}
			w.reasonsAre(engine.ForcedClose)
		})
	}
}

func TestRequestErrorsAreThoseOfTheReference(t *testing.T) {
	inWorld(t, engine.Options{AllowOrigins: []string{"https://chat.example"}, MaxPayload: 100}, func(t *testing.T, w *world) {
		for _, test := range []struct {
			name, method, query, origin, want string
		}{
			{"no transport", "GET", "EIO=4", "", `400 {"code":0,"message":"Transport unknown"}`},
			{"an unknown transport", "GET", "EIO=4&transport=carrier-pigeon", "", `400 {"code":0,"message":"Transport unknown"}`},
			{"an unknown sid", "GET", "EIO=4&transport=polling&sid=x", "", unknownSID},
			{"a POST for an unknown sid", "POST", "EIO=4&transport=polling&sid=x", "", unknownSID},
			{"a POST without a sid", "POST", "EIO=4&transport=polling", "", `400 {"code":2,"message":"Bad handshake method"}`},
			{"WebSocket without an upgrade", "GET", "EIO=4&transport=websocket", "", badRequest},
			{"another site's page", "GET", "EIO=4&transport=polling", "https://evil.example", `403 {"code":4,"message":"Forbidden"}`},
			{"no version", "GET", "transport=polling", "", `400 {"code":5,"message":"Unsupported protocol version"}`},
			{"version 3", "GET", "EIO=3&transport=polling", "", `400 {"code":5,"message":"Unsupported protocol version"}`},
			{"the transport comes first", "GET", "EIO=3&transport=x&sid=x", "https://evil.example", `400 {"code":0,"message":"Transport unknown"}`},
			{"the origin comes second", "POST", "EIO=3&transport=polling", "https://evil.example", `403 {"code":4,"message":"Forbidden"}`},
		} {
			r := request(test.method, "", "", "")
			r.Query = map[string][]string{}
			for pair := range strings.SplitSeq(test.query, "&") {
				key, value, _ := strings.Cut(pair, "=")
				r.Query.Set(key, value)
			}
			if test.origin != "" {
				r.Header.Set("Origin", test.origin)
			}
			got := w.e.HTTP(t.Context(), r)
			if answer(got) != test.want || got.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s: %s, %v; want %s", test.name, answer(got), got.Header, test.want)
			}
		}
		sid := w.poll()
		w.want(answer(w.e.HTTP(t.Context(), request("PUT", "polling", sid, ""))), "500")
		w.want(answer(w.e.HTTP(t.Context(), request("GET", "websocket", sid, ""))), badRequest)
		w.want(w.post(sid, "4"+strings.Repeat("x", 100)), "413")
		if line := "a client's POST is too large and is refused"; !strings.Contains(w.logged(), line) {
			t.Errorf("the log does not say %q", line)
		}
		w.want(w.post(sid, "4"+strings.Repeat("x", 99)), "200 ok")
		octets := request("POST", "polling", sid, "4x")
		octets.Header.Set("Content-Type", "application/octet-stream")
		w.want(answer(w.e.HTTP(t.Context(), octets)), "400")
		w.want(w.post(sid, "4x"), unknownSID)
	})
}

// TestOneTypeOfABodyIsRefused takes for binary what the reference server does: that text and no other.
func TestOneTypeOfABodyIsRefused(t *testing.T) {
	for kind, want := range map[string]string{
		"application/octet-stream":               "400",
		"application/octet-stream;x=1":           "200 ok",
		"application/octet-stream; charset=utf8": "200 ok",
		"application/octet-stream;":              "200 ok",
		"Application/Octet-Stream":               "200 ok",
		"application/octet-streams":              "200 ok",
		"application/x-www-form-urlencoded":      "200 ok",
		"text/plain;charset=UTF-8":               "200 ok",
		"nonsense":                               "200 ok",
		"":                                       "200 ok",
	} {
		inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
			sid := w.poll()
			r := request("POST", "polling", sid, "4join")
			r.Header.Set("Content-Type", kind)
			w.want(answer(w.e.HTTP(t.Context(), r)), want)
			if want == "400" {
				w.reasonsAre(engine.TransportError)
			} else {
				w.reasonsAre()
			}
		})
	}
}

// TestABodyThatIsNoUTF8IsReadAsTheReferenceServerReadsIt has no gateway make text of a body before.
func TestABodyThatIsNoUTF8IsReadAsTheReferenceServerReadsIt(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.want(w.post(sid, "4\xff\xfe and \xe2\x82"), "200 ok")
		w.want(w.post(sid, "4\xe2\x82A\xf0\x9f\x98\xf0\x9f\xe2A\xed\xa0\x80\xc0\xafA\x80"), "200 ok")
		w.want(w.post(sid, "4\u00e4\u2028"), "200 ok")
		if got, want := w.handler.got(), []string{"\ufffd\ufffd and \ufffd", "\ufffdA\ufffd\ufffd\ufffdA\ufffd\ufffd\ufffd\ufffd\ufffdA\ufffd", "\u00e4\u2028"}; !slices.Equal(got, want) {
			t.Errorf("the application got %q, want %q", got, want)
		}
		w.reasonsAre()
	})
}

// TestABodyThatIsTooLargeAsTextIsRefused has bytes that become three each.
func TestABodyThatIsTooLargeAsTextIsRefused(t *testing.T) {
	inWorld(t, engine.Options{MaxPayload: 100}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.want(w.post(sid, "4"+strings.Repeat("\xff", 33)), "200 ok")
		w.want(w.post(sid, "4"+strings.Repeat("\xff", 34)), "413")
	})
}

// unread is a store that nobody may ask.
type unread struct{ store }

func (unread) Get(context.Context, engine.Address, bool) (engine.Session, error) {
	return engine.Session{}, errors.New("read")
}

func (unread) Update(context.Context, engine.Address, engine.Transition) (engine.Session, bool, error) {
	return engine.Session{}, false, errors.New("updated")
}

// A store refuses keys that are too long: what cannot be a sid does not get there.
func TestWhatCannotBeASIDIsUnknownWithoutTheStore(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		e := w.process(unread{w.table}, w.gateway, w.queue, w.handler)
		for _, sid := range []string{"x", "__proto__", strings.Repeat("a", 23), strings.Repeat("a", 25), strings.Repeat("a", 2049),
			strings.Repeat("a", 23) + "=", strings.Repeat("a", 23) + "/", strings.Repeat("a", 22) + "\u00e4", strings.Repeat("a", 23) + "\n"} {
			for _, method := range []string{"GET", "POST", "PUT"} {
				if got := answer(e.HTTP(t.Context(), request(method, "polling", sid, "4x"))); got != unknownSID {
					t.Errorf("%s with sid %.30q: %s", method, sid, got)
				}
			}
			if got := answer(e.Connect(t.Context(), "c", request("GET", "websocket", sid, ""))); got != unknownSID {
				t.Errorf("WebSocket with sid %.30q: %s", sid, got)
			}
		}
		if w.logged() != "" {
			t.Errorf("logged: %s", w.logged())
		}
	})
}

func TestRace11MalformedPacketsCloseTheSession(t *testing.T) {
	for _, body := range []string{"", "x", "4a\x1e", "Bno type", "\x1e\x1e\x1e", strings.Repeat("\x1e", 70000)} {
		inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
			sid := w.poll()
			w.want(w.post(sid, body), badRequest)
			w.reasonsAre(engine.ParseError)
			w.pass(time.Minute)
			w.gone()
		})
	}
	for _, frame := range []string{"", "x", "B", "9"} {
		inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
			w.websocket("c")
			w.want(w.frame("c", frame), "")
			if w.gateway.open("c") {
				t.Errorf("%q: the connection is open", frame)
			}
			w.reasonsAre(engine.ParseError)
			w.pass(time.Minute)
			w.gone()
		})
	}
}

func TestCORS(t *testing.T) {
	for _, test := range []struct {
		name    string
		options engine.Options
		origin  string
		status  int
		allow   string // Access-Control-Allow-Origin
		cookies string // Access-Control-Allow-Credentials
	}{
		{"no origin", engine.Options{}, "", 200, "", ""},
		{"the server's own", engine.Options{}, "http://doze.example", 200, "", ""},
		{"the server's own over TLS is another", engine.Options{}, "https://doze.example", 403, "", ""},
		{"another", engine.Options{}, "http://evil.example", 403, "", ""},
		{"a listed one", engine.Options{AllowOrigins: []string{"https://Chat.example"}}, "https://chat.example", 200, "https://chat.example", "true"},
		{"an unlisted one", engine.Options{AllowOrigins: []string{"https://chat.example"}}, "https://chat.example.evil", 403, "", ""},
		{"listed as people write", engine.Options{AllowOrigins: []string{"https://a.example/", "", " https://chat.example"}}, "https://chat.example", 200, "https://chat.example", "true"},
		{"listed with a slash", engine.Options{AllowOrigins: []string{"https://a.example/", " "}}, "https://a.example", 200, "https://a.example", "true"},
		{"any", engine.Options{AllowOrigins: []string{"*"}}, "https://any.example", 200, "*", ""},
		{"any and listed", engine.Options{AllowOrigins: []string{"*", "https://chat.example"}}, "https://chat.example", 200, "https://chat.example", "true"},
		{"the public origin", engine.Options{PublicOrigin: "https://front.example"}, "https://front.example", 200, "", ""},
		{"the public origin with a slash", engine.Options{PublicOrigin: " https://Front.example/"}, "https://front.example", 200, "", ""},
		{"the Host behind a public origin", engine.Options{PublicOrigin: "https://front.example"}, "http://doze.example", 403, "", ""},
		{"null", engine.Options{}, "null", 403, "", ""},
		{"null, listed", engine.Options{AllowOrigins: []string{"null"}}, "null", 200, "null", ""},
		{"a file", engine.Options{AllowOrigins: []string{"null"}}, "file://", 403, "", ""},
		{"a file, listed", engine.Options{AllowOrigins: []string{"file://"}}, "file://", 200, "file://", "true"},
		{"an app's own scheme, listed", engine.Options{AllowOrigins: []string{"capacitor://localhost"}}, "capacitor://localhost", 200, "capacitor://localhost", "true"},
		{"a WebSocket's scheme, listed", engine.Options{AllowOrigins: []string{"wss://chat.example"}}, "https://chat.example", 200, "https://chat.example", "true"},
		{"the address that a program dials", engine.Options{}, "ws://doze.example", 200, "", ""},
		{"the same in any writing", engine.Options{}, "HTTP://Doze.Example:80", 200, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, test.options, func(t *testing.T, w *world) {
				r := request("GET", "polling", "", "")
				if test.origin != "" {
					r.Header.Set("Origin", test.origin)
				}
				check := func(got engine.Response, status int) {
					t.Helper()
					h := got.Header
					if got.Status != status || h.Get("Access-Control-Allow-Origin") != test.allow || h.Get("Access-Control-Allow-Credentials") != test.cookies ||
						(h.Get("Vary") == "Origin") != (test.allow != "" && test.allow != "*") {
						t.Errorf("%d %v", got.Status, h)
					}
				}
				check(w.e.HTTP(t.Context(), r), test.status)
				if status := w.e.Connect(t.Context(), "c", func() engine.Request {
					r := request("GET", "websocket", "", "")
					r.Header = request("GET", "", "", "").Header
					if test.origin != "" {
						r.Header.Set("Origin", test.origin)
					}
					return r
				}()).Status; status != test.status {
					t.Errorf("WebSocket: %d", status)
				}
				r.Method = "OPTIONS"
				r.Header.Set("Access-Control-Request-Headers", "x-token")
				preflight := w.e.HTTP(t.Context(), r)
				check(preflight, map[int]int{200: 204, 403: 403}[test.status])
				methods, headers := preflight.Header.Get("Access-Control-Allow-Methods"), preflight.Header.Get("Access-Control-Allow-Headers")
				if test.allow != "" && (methods != "GET, POST" || headers != "x-token") || test.allow == "" && methods+headers != "" {
					t.Errorf("preflight: %v", preflight.Header)
				}
			})
		})
	}
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	for _, o := range []engine.Options{
		{PingInterval: 1 << 31 * time.Millisecond}, {PollWait: time.Microsecond}, {MaxAge: -1},
		{AllowOrigins: []string{"chat.example"}}, {AllowOrigins: []string{"https://chat.example/chat"}},
		{AllowOrigins: []string{"https://a.example;https://b.example/"}}, {AllowOrigins: []string{"https://a.example?b"}},
		{PublicOrigin: "chat.example"}, {PublicOrigin: "https://chat.example/chat"}, {PublicOrigin: "*"}, {PublicOrigin: "null"}, {PublicOrigin: "file://"}, {PublicOrigin: "capacitor://localhost"},
	} {
		if _, err := engine.New(nil, nil, nil, nil, o); err == nil || !strings.HasPrefix(err.Error(), "engine: ") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestTheOutboxIsBounded(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		large := w.parcel(strings.Repeat("x", 100<<10))
		for i, want := range []error{nil, nil, engine.ErrOutboxFull} {
			large.Op = string(rune('a' + i))
			if err := w.e.Deliver(t.Context(), polling(sid), large); err != want {
				t.Errorf("parcel %d: %v, want %v", i, err, want)
			}
		}
		if got := w.get(sid); len(got) != len("200 ")+2*(100<<10+1)+1 {
			t.Errorf("got %d bytes", len(got))
		}
		answers := w.getting(sid)
		large.Op = "after"
		if err := w.e.Deliver(t.Context(), polling(sid), large); err != nil {
			t.Error(err)
		}
		<-answers
	})
}

// What is gathered was reported as sent. When its turn comes and it cannot be, the client has to know.
func TestGatheredPacketsThatDoNotFitCloseTheSession(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.post(sid, "4join")
		large := w.parcel(strings.Repeat("x", 120<<10))
		for i := range 2 {
			large.Op = string(rune('a' + i))
			if err := w.e.Deliver(t.Context(), polling(sid), large); err != nil {
				t.Fatal(err)
			}
		}
		var first, second error
		w.handler.on = func(ctx context.Context, v *engine.Invocation, _ string) error {
			first = v.Send(ctx, w.parcel(strings.Repeat("y", 20<<10)))
			second = v.Send(ctx, w.parcel(strings.Repeat("z", 20<<10)))
			return nil
		}
		w.post(sid, "4x")
		if first != nil || second != engine.ErrOutboxFull {
			t.Errorf("sent: %v, then %v", first, second)
		}
		w.reasonsAre(engine.TransportError)
		if strings.Contains(w.logged(), "level=ERROR") {
			t.Errorf("a client that fetches nothing is an error in the log: %s", w.logged())
		}
	})
}

func TestConnectTimeoutOfASessionThatPolls(t *testing.T) {
	for name, act := range map[string]func(w *world, sid string){
		"judged by a waiting GET": func(w *world, sid string) {
			w.want(w.get(sid), "200 1")
			w.want(w.get(sid), unknownSID)
		},
		"judged by a POST": func(w *world, sid string) {
			wait(time.Second)
			w.want(w.post(sid, "4late"), unknownSID)
			w.want(w.get(sid), "200 6\x1e1")
		},
		"judged by a sweep": func(w *world, sid string) {
			w.pass(26 * time.Second)
			w.want(w.get(sid), "200 6\x1e1")
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, engine.Options{ConnectTimeout: time.Second}, func(t *testing.T, w *world) {
				sid := w.poll()
				act(w, sid)
				w.reasonsAre(engine.ForcedClose)
				w.pass(2 * time.Minute)
				w.gone()
			})
		})
	}
	inWorld(t, engine.Options{ConnectTimeout: time.Second}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.post(sid, "4join")
		wait(10 * time.Second)
		w.want(w.post(sid, "4x"), "200 ok")
	})
}

func TestMaxAgeOfASessionThatPolls(t *testing.T) {
	inWorld(t, engine.Options{MaxAge: time.Minute}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.post(sid, "4join")
		for range 2 { // the GET that brings a ping, and its pong
			w.want(w.get(sid), "200 6")
			w.want(w.get(sid), "200 2")
			w.want(w.post(sid, "3"), "200 ok")
		}
		wait(9940 * time.Millisecond)
		begin := time.Now()
		w.want(w.get(sid), "200 1")
		if took := time.Since(begin); took != 60*time.Millisecond {
			t.Errorf("closed after %s", took)
		}
		w.reasonsAre(engine.ForcedClose)
		w.pass(3 * time.Minute)
		w.gone()
	})
}

func TestHandshakeIsWhatTheClientSent(t *testing.T) {
	inWorld(t, engine.Options{AllowOrigins: []string{"*"}}, func(t *testing.T, w *world) {
		w.handler.on = func(ctx context.Context, v *engine.Invocation, _ string) error {
			h, err := v.Handshake(ctx)
			if err != nil || h.Header.Get("X-Token") != "secret" || h.Query.Get("EIO") != "4" || h.Address != "192.0.2.7" || !h.XDomain || !h.Secure {
				t.Errorf("%+v, %v", h, err)
			}
			return err
		}
		r := request("GET", "polling", "", "")
		r.Header.Set("X-Token", "secret")
		r.Header.Set("Origin", "https://elsewhere.example")
		r.Remote, r.Secure = "192.0.2.7", true
		sid := w.openOf(string(w.e.HTTP(t.Context(), r).Body))
		w.want(w.post(sid, "4x"), "200 ok")
	})
}
