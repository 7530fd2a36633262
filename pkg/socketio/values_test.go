package socketio_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// raw is JSON that a client sends as it stands.
func raw(text string) json.RawMessage { return json.RawMessage(text) }

// Clients in Python, Dart and C++ write doubles where a handler has an int.
func TestAHandlersIntegersTakeDoubles(t *testing.T) {
	type order struct {
		Count uint16           `json:"count"`
		Parts map[string][]int `json:"parts"`
	}
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		for sent, want := range map[string]socketio.Args{
			`5.0`:       {5.0},
			`5e0`:       {5.0},
			`-0`:        {0.0},
			`-0.0`:      {0.0},
			`500e-2`:    {5.0},
			`5.5`:       nil,
			`1e99`:      nil,
			`"5"`:       nil,
			`{"a":5.0}`: nil,
		} {
			io, log := newServer()
			io.Of("/").On("typed", func(_ ctx, _ sock, _ string, n int) (int, error) { return n, nil })
			client := socketiotest.New(t, io).Connect("/", transport)
			if ack, _ := client.TryEmit("typed", "a", raw(sent)); !reflect.DeepEqual(ack, want) {
				t.Errorf("%s: acked %v, want %v", sent, ack, want)
			}
			if want == nil {
				log.want(t, refusedEvent, "argument 2 is no int", "typed", client.ID())
			}
			if client.Disconnected() != "" {
				t.Errorf("%s: disconnected", sent)
			}
		}
		io, log := newServer()
		io.Of("/").Use(func(_ ctx, s sock) error { return s.Auth(new(struct{ Room int })) })
		io.Of("/").On("order", func(_ ctx, _ sock, o order, more ...int8) (order, []int8, error) { return o, more, nil })
		client := socketiotest.New(t, io).Connect("/", transport, socketiotest.Auth(map[string]any{"room": raw("7.0")}))
		got := client.Emit("order", raw(`{"count":3.0,"parts":{"a":[1.0,2e0]}}`), raw(`1.0`), raw(`-2.0`))
		if want := (socketio.Args{map[string]any{"count": 3.0, "parts": map[string]any{"a": []any{1.0, 2.0}}}, []any{1.0, -2.0}}); !reflect.DeepEqual(got, want) {
			t.Errorf("acked %v, want %v", got, want)
		}
		log.nothing(t)
	})
}

func TestANumberNamesAnEventByItsValue(t *testing.T) {
	for sent, want := range map[string]string{
		`1`: "1", `1.0`: "1", `1e0`: "1", `-0`: "0", `1.50`: "1.5", `1e21`: "1e+21", `0.1e-6`: "1e-7", `"1.0"`: "1.0",
	} {
		io, log := newServer()
		var named string
		io.Of("/").OnAny(func(_ ctx, _ sock, event string, _ socketio.Args) error { named = event; return nil })
		io.Of("/").On(want, func(_ ctx, _ sock, text string) error { named += " " + text; return nil })
		client := socketiotest.New(t, io).Connect("/")
		client.Raw(text(`2[` + sent + `,"x"]`))
		if named != want+" x" {
			t.Errorf("%s is event %q", sent, named)
		}
		log.nothing(t)
	}
}

// What nests too deep costs its event, and neither the session nor its other namespaces.
func TestDeepArgumentsCostTheirEventAtMost(t *testing.T) {
	arrays := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		for name, c := range map[string]struct {
			arg string
			ok  bool
		}{
			"128 arrays":     {arrays(128), true},
			"1,000 arrays":   {arrays(1000), true},
			"1,001 arrays":   {arrays(1001), false},
			"100,000 arrays": {arrays(60_000), false},
			"1,000 objects":  {strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1000), true},
			"1,001 objects":  {strings.Repeat(`{"a":`, 1001) + "1" + strings.Repeat("}", 1001), false},
		} {
			io, log := newServer()
			for _, n := range []string{"/", "/other"} {
				io.Of(n).On("echo", func(_ ctx, _ sock, v any) (any, error) { return v, nil })
				io.Of(n).On("raw", func(_ ctx, _ sock, v json.RawMessage) (json.RawMessage, error) { return v, nil })
			}
			client := socketiotest.New(t, io).Connect("/", transport)
			other := client.Connect("/other")
			for _, event := range []string{"echo", "raw"} {
				packet := fmt.Sprintf(`2/other,["%s",%s]`, event, c.arg) // the test's own client would check the argument
				client.Raw(text(packet))
			}
			lines := log.lines(t, refusedEvent)
			if c.ok != (len(lines) == 0) || !c.ok && (len(lines) != 2 || !strings.Contains(fmt.Sprint(lines), "nested more than 1,000 deep")) {
				t.Errorf("%s: logged %.500v", name, lines)
			}
			if c.ok {
				var want any
				if err := json.Unmarshal([]byte(c.arg), &want); err != nil {
					t.Fatal(err)
				}
				if got := other.Emit("echo", want); !reflect.DeepEqual(got, socketio.Args{want}) {
					t.Errorf("%s: acked %.80v", name, got)
				}
			}
			if client.Emit("echo", 1); other.Emit("echo", 2)[0] != 2.0 {
				t.Errorf("%s: the session does not live on", name)
			}
		}
	})
}

// A payload that nests too deep for what looks at it is its CONNECT's fault.
func TestADeepPayloadIsRefused(t *testing.T) {
	io, log := newServer()
	io.Of("/").Use(func(_ ctx, s sock) error { return s.Auth(new(any)) })
	io.Of("/").On("ok", func(ctx, sock) error { return nil })
	io.Of("/other").OnConnection(func(ctx, sock) error { return nil })
	s := socketiotest.New(t, io)
	other := s.Connect("/other")
	other.Raw(text(`0{"a":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`))
	if other.Disconnected() != "" || len(log.lines(t, "a client's CONNECT was refused")) != 1 {
		t.Errorf("client %q, logged %.500s", other.Disconnected(), log.text.String())
	}
}

// An ack id that JavaScript does not count to is answered as it is.
func TestLongAckIDs(t *testing.T) {
	io, log := newServer()
	io.Of("/").On("ok", func(ctx, sock) error { return nil })
	client := socketiotest.New(t, io).Connect("/")
	client.Raw(text(`2999999999999999999["ok"]`))
	if client.Disconnected() != "" {
		t.Error("disconnected")
	}
	client.Emit("ok")
	log.nothing(t)
}

// Editors send single UTF-16 units, and half of a pair is no UTF-8.
func TestHalvesOfSurrogatePairsStayWhatTheyAre(t *testing.T) {
	const high, other = "\xed\xa0\xbd", "\xed\xa0\xbe" // \ud83d, \ud83e
	sent := []any{raw(`"\ud83d"`), raw(`["a\ud83e"]`), raw(`{"\ud83d":1,"\ud83e":"\ude00"}`), raw(`"😀"`)}
	want := socketio.Args{high, []any{"a" + other}, map[string]any{high: 1.0, other: "\xed\xb8\x80"}, "😀"}
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		io, log := newServer()
		n := io.Of("/")
		n.On("any", func(_ ctx, _ sock, args socketio.Args) (socketio.Args, error) { return args, nil })
		n.On("raw", func(_ ctx, _ sock, a, b, c, d json.RawMessage) (any, any, any, any, error) { return a, b, c, d, nil })
		n.On("typed", func(_ ctx, _ sock, a string, b []string, c map[string]any, d string) (string, []string, map[string]any, string, error) {
			return a, b, c, d, nil
		})
		n.On("emit", func(c ctx, s sock, args ...any) error { return s.Emit(c, "emitted", args...) })
		n.On("join", func(c ctx, s sock, room string) error { return s.Join(c, room) })
		n.On("rooms", func(c ctx, s sock) ([]string, error) { return s.Rooms(c) })
		n.On("say", func(c ctx, s sock, room, text string) error { return s.To(room).Emit(c, "said", text) })
		n.On("set", func(c ctx, s sock, nick string) error {
			return socketio.UpdateData(c, s, func(m *map[string]string) error { *m = map[string]string{nick: nick}; return nil })
		})
		n.On("get", func(_ ctx, s sock) (m map[string]string, err error) { return m, s.Data(&m) })
		n.On(high, func(ctx, sock) (string, error) { return "high", nil })
		n.On(other, func(ctx, sock) (string, error) { return "other", nil })
		s := socketiotest.New(t, io)
		ada, bob, eve := s.Connect("/", transport), s.Connect("/", transport), s.Connect("/", transport)
		for _, event := range []string{"any", "raw", "typed"} {
			if got := ada.Emit(event, sent...); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: acked %+q, want %+q", event, got, want)
			}
		}
		ada.Emit("emit", sent...)
		ada.Expect("emitted", want...)
		bob.Emit("join", raw(`"\ud83d"`))
		eve.Emit("join", raw(`"\ud83e"`))
		ada.Emit("say", raw(`"\ud83e"`), "hello")
		eve.Expect("said", "hello")
		bob.ExpectNothing()
		if got := bob.Emit("rooms"); !reflect.DeepEqual(got, socketio.Args{[]any{high}}) {
			t.Errorf("bob is in %+q", got)
		}
		if rooms, err := n.Rooms(t.Context()); err != nil || fmt.Sprint(rooms) != fmt.Sprint([]socketio.Room{{Name: high, Members: 1}, {Name: other, Members: 1}}) {
			t.Errorf("the rooms are %v, %v", rooms, err)
		}
		ada.Emit("set", raw(`"\ud83e"`))
		if got := ada.Emit("get"); !reflect.DeepEqual(got, socketio.Args{map[string]any{other: other}}) {
			t.Errorf("the data is %+q", got)
		}
		if a, b := ada.Emit(high), ada.Emit(other); a[0] != "high" || b[0] != "other" {
			t.Errorf("events are %v and %v", a, b)
		}
		log.nothing(t)
	})
}

func TestAConnectErrorKeepsHalvesOfPairs(t *testing.T) {
	io, _ := newServer()
	io.Of("/").Use(func(_ ctx, s sock) error {
		var auth struct{ Nick string }
		if err := s.Auth(&auth); err != nil {
			return err
		}
		return &socketio.ConnectError{Message: "no " + auth.Nick, Data: map[string]string{auth.Nick: auth.Nick}}
	})
	s := socketiotest.New(t, io)
	refused := s.ConnectError("/", socketiotest.Auth(raw(`{"nick":"\ud83d"}`)))
	if want := (socketio.ConnectError{Message: "no \xed\xa0\xbd", Data: map[string]any{"\xed\xa0\xbd": "\xed\xa0\xbd"}}); !reflect.DeepEqual(*refused, want) {
		t.Errorf("told %+q", *refused)
	}
}
