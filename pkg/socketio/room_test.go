package socketio_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// roomy returns an application whose clients say where they want to be and whom to reach.
func roomy() *socketio.Server {
	io, _ := newServer()
	n := io.Of("/")
	n.On("join", joinAll)
	n.On("leave", func(c ctx, s sock, rooms ...string) error { return s.Leave(c, rooms...) })
	n.On("rooms", func(c ctx, s sock) ([]string, error) { return s.Rooms(c) })
	n.On("to", func(c ctx, s sock, to, except []string, v any) error {
		return s.To(to...).Except(except...).Emit(c, "got", v)
	})
	n.On("io", func(c ctx, _ sock, to, except []string, v any) error {
		return io.In(to...).Except(except...).Emit(c, "got", v)
	})
	n.On("broadcast", func(c ctx, s sock, v any) error { return s.Broadcast().Emit(c, "got", v) })
	n.On("all", func(c ctx, _ sock, v any) error { return io.Emit(c, "got", v) })
	n.On("except", func(c ctx, s sock, room string, v any) error { return s.Except(room).Emit(c, "got", v) })
	io.Of("/other").On("all", func(c ctx, _ sock, v any) error { return io.Of("/other").Emit(c, "got", v) })
	return io
}

// joinAll joins rooms, those that are others' own among them.
func joinAll(c ctx, s sock, rooms ...string) error {
	var errs []error
	var names []string
	for _, room := range rooms {
		if len(room) == len(s.ID()) {
			errs = append(errs, s.JoinSocketRoom(c, room))
		} else {
			names = append(names, room)
		}
	}
	return errors.Join(append(errs, s.Join(c, names...))...)
}

func TestBroadcastsReachTheSocketsTheyName(t *testing.T) {
	none := []string{}
	for name, c := range map[string]struct {
		event string
		args  []any
		want  string // which of the clients a (the sender), b, c, d get it
	}{
		"a room, without the sender":            {"to", []any{[]string{"ab"}, none}, "b"},
		"several rooms, each once":              {"to", []any{[]string{"ab", "bc", "abc"}, none}, "bc"},
		"a room but another":                    {"to", []any{[]string{"abc"}, []string{"bc"}}, ""},
		"a room but one":                        {"to", []any{[]string{"abc"}, []string{"c"}}, "b"},
		"an empty room":                         {"to", []any{[]string{"nobody"}, none}, ""},
		"all but the sender":                    {"broadcast", nil, "bcd"},
		"all but the sender and a room":         {"except", []any{"bc"}, "d"},
		"all with the sender":                   {"all", nil, "abcd"},
		"a room with the sender":                {"io", []any{[]string{"ab"}, none}, "ab"},
		"several rooms with the sender":         {"io", []any{[]string{"ab", "bc"}, none}, "abc"},
		"several rooms but another":             {"io", []any{[]string{"ab", "bc"}, []string{"ab"}}, "c"},
		"all but a room":                        {"io", []any{none, []string{"abc"}}, "d"},
		"a room that the sender is kept out of": {"io", []any{[]string{"abc"}, []string{"ab", "nobody"}}, "c"},
	} {
		t.Run(name, func(t *testing.T) {
			s := socketiotest.New(t, roomy())
			clients := map[string]*socketiotest.Client{}
			for i, name := range []string{"a", "b", "c", "d"} {
				transport := []socketiotest.Option{polling, websocket}[i%2]
				clients[name] = s.Connect("/", transport)
			}
			for room, members := range map[string]string{"ab": "ab", "bc": "bc", "abc": "abc", "c": "c"} {
				for _, m := range strings.Split(members, "") {
					clients[m].Emit("join", room)
				}
			}
			clients["a"].Emit(c.event, append(c.args, 7)...)
			for name, client := range clients {
				if strings.Contains(c.want, name) {
					client.Expect("got", 7)
				}
				client.ExpectNothing()
			}
		})
	}
}

func TestNamespacesDoNotShareRooms(t *testing.T) {
	s := socketiotest.New(t, roomy())
	main := s.Connect("/")
	other := main.Connect("/other")
	other.Emit("all", 1)
	main.ExpectNothing()
	other.Expect("got", 1)
}

func TestASocketIsInTheRoomOfItsID(t *testing.T) {
	s := socketiotest.New(t, roomy())
	a, b := s.Connect("/"), s.Connect("/")
	a.Emit("to", []string{b.ID()}, []string{}, 1)
	b.Expect("got", 1)
	a.Emit("io", []string{a.ID(), a.ID()}, []string{}, 2)
	a.Expect("got", 2)
	a.Emit("to", []string{a.ID()}, []string{}, 3) // the sender is left out
	b.Emit("join", a.ID())                        // another's room
	b.Emit("io", []string{a.ID()}, []string{}, 4)
	a.Expect("got", 4)
	b.Expect("got", 4)
	b.Emit("leave", b.ID()) // its own stays
	b.Emit("join", b.ID())
	if got := fmt.Sprint(b.Emit("rooms")...); got != fmt.Sprint([]string{a.ID()}) {
		t.Errorf("rooms %s", got)
	}
	a.Emit("to", []string{b.ID()}, []string{}, 5)
	b.Expect("got", 5)
	a.ExpectNothing()
}

func TestAnothersOwnRoomIsJoinedOnlyWhenAskedFor(t *testing.T) {
	for _, in := range []string{"connected", "joining"} {
		io, log := newServer()
		var bad []error
		join := func(c ctx, s sock) error {
			id := strings.Repeat("aZ09-_", 4)[:20]
			bad = []error{s.Join(c, id), s.Join(c, "other", id), s.JoinSocketRoom(c, "tea"), s.JoinSocketRoom(c, "")}
			return errors.Join(s.Join(c, s.ID()), s.Join(c, id[:19], id+"x", "#"+id, "#"+id[:19]), s.JoinSocketRoom(c, id))
		}
		if in == "joining" {
			io.Of("/").Use(join)
		} else {
			io.Of("/").OnConnection(join)
		}
		io.Of("/").On("rooms", func(c ctx, s sock) ([]string, error) { return s.Rooms(c) })
		io.Of("/").On("join", func(c ctx, s sock, room string) error { return s.Join(c, room) })
		client := socketiotest.New(t, io).Connect("/")
		const want = "[#aZ09-_aZ09-_aZ09-_a #aZ09-_aZ09-_aZ09-_aZ aZ09-_aZ09-_aZ09-_a aZ09-_aZ09-_aZ09-_aZ aZ09-_aZ09-_aZ09-_aZx]"
		if got := fmt.Sprint(client.Emit("rooms")...); got != want {
			t.Errorf("%s: in %s", in, got)
		}
		for i, hint := range []string{"put something before the names", "put something before the names", "no socket's id", "no socket's id"} {
			if err := bad[i]; err == nil || !strings.Contains(err.Error(), hint) {
				t.Errorf("%s: Join %d returned %v", in, i, err)
			}
		}
		log.nothing(t)
		client.TryEmit("join", strings.Repeat("x", 20)) // a client's doing
		if lines := log.lines(t, "a handler failed"); len(lines) != 1 || lines[0]["level"] != "WARN" {
			t.Errorf("logged %v", lines)
		}
	}
}

func TestJoinLeaveAndEmitTakeEffectInTheOrderOfTheProgram(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		io, _ := newServer()
		io.Of("/").On("go", func(c ctx, s sock) error {
			all := func(n int) error { return io.To("r").Emit(c, "n", n) }
			return errors.Join(all(1), s.Join(c, "r"), all(2), s.Emit(c, "n", 3), s.Leave(c, "r"), all(4), s.Join(c, "r"),
				s.Join(c, "r"), all(5), s.Emit(c, "n", 6), io.To(s.ID()).Emit(c, "n", 7), s.Leave(c, "r", "r"), all(8))
		})
		client := socketiotest.New(t, io).Connect("/", transport)
		client.Emit("go")
		for _, n := range []int{2, 3, 5, 6, 7} {
			client.Expect("n", n)
		}
		client.ExpectNothing()
	})
}

func TestABroadcastIsAValueThatCanBeKeptAndExtended(t *testing.T) {
	io := roomy()
	s := socketiotest.New(t, io)
	a, b := s.Connect("/"), s.Connect("/")
	a.Emit("join", "a")
	b.Emit("join", "b")
	base := io.To("a")
	both, none := base.To("b"), base.Except("a")
	for i, to := range []socketio.Broadcast{base, both, none, io.Of("/").To("a").In("b").Except("b"), io.Except("a"), io.Of("/").In("b")} {
		if err := to.Emit(t.Context(), "got", i); err != nil {
			t.Error(err)
		}
	}
	for _, want := range []int{0, 1, 3} {
		a.Expect("got", want)
	}
	for _, want := range []int{1, 4, 5} {
		b.Expect("got", want)
	}
	a.ExpectNothing()
	b.ExpectNothing()
}

func TestRoomsCountsMembers(t *testing.T) {
	io := roomy()
	s := socketiotest.New(t, io)
	count := func(want string) {
		t.Helper()
		if rooms, err := io.Of("/").Rooms(t.Context()); err != nil || fmt.Sprint(rooms) != want {
			t.Errorf("rooms %v, %v, want %s", rooms, err, want)
		}
	}
	a, b := s.Connect("/"), s.Connect("/")
	count("[]")
	a.Emit("join", "x", "y")
	b.Emit("join", "y", "é")
	count("[{x 1} {y 2} {é 1}]")
	b.Vanish()
	count("[{x 1} {y 1}]")
	a.Emit("leave", "x", "y")
	count("[]")
}

// gonePoster has lost a connection, of which nobody was told.
type gonePoster struct {
	engine.Poster
	lost string
}

func (g *gonePoster) Post(c ctx, connection string, f engine.Frame) error {
	if connection == g.lost {
		return engine.ErrGone
	}
	return g.Poster.Post(c, connection, f)
}

func (g *gonePoster) Exists(c ctx, connection string) error {
	if connection == g.lost {
		return engine.ErrGone
	}
	return g.Poster.Exists(c, connection)
}

func TestARecipientThatIsGoneIsNoErrorAndIsCleanedUp(t *testing.T) {
	io := roomy()
	var reason socketio.Reason
	io.Of("/").OnDisconnect(func(_ ctx, _ sock, r socketio.Reason) error { reason = r; return nil })
	var poster *gonePoster
	s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
		poster = &gonePoster{Poster: b.Poster}
		b.Poster = poster
		return b
	}})
	a := s.Connect("/")
	s.Connect("/")
	poster.lost = "connection2"
	if err := io.Emit(t.Context(), "got", 1); err != nil {
		t.Errorf("Emit returned %v", err)
	}
	a.Expect("got", 1)
	if s.Settle(); reason != "transport close" || s.Store.Rows().Members != 1 {
		t.Errorf("reason %q, rows %+v", reason, s.Store.Rows())
	}
}

// What nobody can join is not asked for: a store refuses names that are too long.
func TestARoomWithTooLongANameIsEmpty(t *testing.T) {
	io := roomy()
	b := &broken{}
	o := ordered
	o.Wrap = hook(b.hook)
	s := socketiotest.New(t, io, o)
	ada, bob := s.Connect("/"), s.Connect("/")
	long := strings.Repeat("x", 257)
	b.fail("Members", false, -1, errors.New("asked"))
	for _, target := range []socketio.Broadcast{io.To(long), io.In(long), io.To("", long)} {
		if ids, err := target.Sockets(t.Context()); err != nil || len(ids) != 0 {
			t.Errorf("its sockets are %v, %v", ids, err)
		}
	}
	ada.Emit("to", []string{long}, []string{}, 7)
	bob.ExpectNothing()
	b.fail("", false, 0, nil)
	ada.Emit("except", long, 7)
	bob.Expect("got", 7)
}
