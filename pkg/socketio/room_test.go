package socketio_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/dozeio/doze/internal/testparts"
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
	n.On("except", func(c ctx, s sock, except []string, v any) error { return s.Except(except...).Emit(c, "got", v) })
	n.On("all except", func(c ctx, _ sock, except []string, v any) error { return io.Except(except...).Emit(c, "got", v) })
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
		"all but the sender and a room":         {"except", []any{[]string{"bc"}}, "d"},
		"all but a room":                        {"all except", []any{[]string{"abc"}}, "d"},
		"all with the sender":                   {"all", nil, "abcd"},
		"a room with the sender":                {"io", []any{[]string{"ab"}, none}, "ab"},
		"several rooms with the sender":         {"io", []any{[]string{"ab", "bc"}, none}, "abc"},
		"several rooms but another":             {"io", []any{[]string{"ab", "bc"}, []string{"ab"}}, "c"},
		"no room":                               {"to", []any{none, none}, ""},
		"no room with the sender":               {"io", []any{none, none}, ""},
		"no room but another":                   {"io", []any{none, []string{"abc"}}, ""},
		"a room without a name":                 {"io", []any{[]string{""}, none}, ""},
		"a room and one without a name":         {"io", []any{[]string{"", "ab"}, []string{""}}, "ab"},
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

// TestAnEmptyListOfRoomsIsNobody calls To, In and Except with nothing, on everything that has them, alone and in
// chains. In Node, to([]) reaches everybody: a list that a program computes is empty now and then.
func TestAnEmptyListOfRoomsIsNobody(t *testing.T) {
	var none, empty []string = nil, []string{}
	type b = socketio.Broadcast
	type target interface {
		To(rooms ...string) b
		In(rooms ...string) b
		Except(rooms ...string) b
	}
	chains := map[string]struct {
		of   func(target) b
		want string // who receives: a is in the room "a", c in none; a socket that broadcasts is "s", in "a" too
	}{
		"To()":                     {func(x target) b { return x.To() }, ""},
		"To(nil...)":               {func(x target) b { return x.To(none...) }, ""},
		"To(empty...)":             {func(x target) b { return x.To(empty...) }, ""},
		"In()":                     {func(x target) b { return x.In() }, ""},
		"In(empty...)":             {func(x target) b { return x.In(empty...) }, ""},
		`To("")`:                   {func(x target) b { return x.To("") }, ""},
		`In("", "")`:               {func(x target) b { return x.In("", "") }, ""},
		"To().In()":                {func(x target) b { return x.To().In() }, ""},
		`To().To("a")`:             {func(x target) b { return x.To().To("a") }, "as"},
		`To("a").To()`:             {func(x target) b { return x.To("a").To() }, "as"},
		`To("a").In(empty...)`:     {func(x target) b { return x.To("a").In(empty...) }, "as"},
		`To("a", "")`:              {func(x target) b { return x.To("a", "") }, "as"},
		`To("nobody")`:             {func(x target) b { return x.To("nobody") }, ""},
		"Except()":                 {func(x target) b { return x.Except() }, "acs"},
		"Except(empty...)":         {func(x target) b { return x.Except(empty...) }, "acs"},
		`Except("")`:               {func(x target) b { return x.Except("") }, "acs"},
		`Except("nobody")`:         {func(x target) b { return x.Except("nobody") }, "acs"},
		`Except("a")`:              {func(x target) b { return x.Except("a") }, "c"},
		`Except("a").Except()`:     {func(x target) b { return x.Except("a").Except() }, "c"},
		"To().Except()":            {func(x target) b { return x.To().Except() }, ""},
		"Except().To()":            {func(x target) b { return x.Except().To() }, ""},
		`To().Except("a")`:         {func(x target) b { return x.To().Except("a") }, ""},
		`Except("a").In()`:         {func(x target) b { return x.Except("a").In() }, ""},
		`To("a").Except()`:         {func(x target) b { return x.To("a").Except() }, "as"},
		`To("a").Except("", "a")`:  {func(x target) b { return x.To("a").Except("", "a") }, ""},
		`Except("a").To("a", "c")`: {func(x target) b { return x.Except("a").To("a", "c") }, ""},
	}
	io, _ := newServer()
	n := io.Of("/")
	n.On("join", joinAll)
	var chain func(target) b
	var ids []string
	n.On("go", func(c ctx, s sock, from string) (err error) {
		x := map[string]target{"server": io, "namespace": n, "broadcast": n.Except(), "socket": s, "socket's broadcast": s.Broadcast()}[from]
		if ids, err = chain(x).SocketIDs(c); err != nil {
			return err
		}
		return chain(x).Emit(c, "got", 7)
	})
	server := socketiotest.New(t, io)
	clients := map[string]*socketiotest.Client{"a": server.Connect("/"), "c": server.Connect("/", polling), "s": server.Connect("/")}
	clients["a"].Emit("join", "a")
	clients["s"].Emit("join", "a")
	for name, test := range chains {
		for _, from := range []string{"server", "namespace", "broadcast", "socket", "socket's broadcast"} {
			want := test.want
			if strings.HasPrefix(from, "socket") {
				want = strings.TrimSuffix(want, "s")
			}
			chain = test.of
			clients["s"].Emit("go", from)
			if len(ids) != len(want) {
				t.Errorf("%s of a %s: %d sockets, want %q", name, from, len(ids), want)
			}
			for client, c := range clients {
				if strings.Contains(want, client) {
					c.Expect("got", 7)
				}
				c.ExpectNothing()
			}
		}
	}
}

// TestLeavingAndJoiningNothingChangesNothing is the same for a socket's own rooms.
func TestLeavingAndJoiningNothingChangesNothing(t *testing.T) {
	client := socketiotest.New(t, roomy()).Connect("/")
	client.Emit("join", "tea")
	client.Emit("join")
	client.Emit("leave")
	client.Emit("leave", "")
	client.Emit("leave", client.ID(), "")
	if got := fmt.Sprint(client.Emit("rooms")...); got != "[tea]" {
		t.Errorf("rooms %s, want [tea]", got)
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

// TestABroadcastSharesNoSliceWithAnybody changes what it was made of, and makes two of one.
func TestABroadcastSharesNoSliceWithAnybody(t *testing.T) {
	io := roomy()
	s := socketiotest.New(t, io)
	a, b, c := s.Connect("/"), s.Connect("/"), s.Connect("/")
	for name, client := range map[string]*socketiotest.Client{"a": a, "b": b, "c": c} {
		client.Emit("join", name)
	}
	to, except := make([]string, 1, 8), make([]string, 1, 8)
	to[0], except[0] = "a", "nobody"
	base := io.To(to...).Except(except...)
	withB, withC := base.To("b"), base.To("c") // of one array, the second would have overwritten the first
	butA, butB := base.To("b").Except("a"), base.To("b").Except("b")
	to[0], except[0] = "c", "a"
	for i, x := range []socketio.Broadcast{base, withB, withC, butA, butB} {
		if err := x.Emit(t.Context(), "got", i); err != nil {
			t.Error(err)
		}
	}
	for client, want := range map[*socketiotest.Client][]int{a: {0, 1, 2, 4}, b: {1, 3}, c: {2}} {
		for _, n := range want {
			client.Expect("got", n)
		}
		client.ExpectNothing()
	}
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
	if s.Settle(); reason != "transport close" || testparts.Store(s).Rows().Members != 1 {
		t.Errorf("reason %q, rows %+v", reason, testparts.Store(s).Rows())
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
		if ids, err := target.SocketIDs(t.Context()); err != nil || len(ids) != 0 {
			t.Errorf("its sockets are %v, %v", ids, err)
		}
	}
	ada.Emit("to", []string{long}, []string{}, 7)
	bob.ExpectNothing()
	b.fail("", false, 0, nil)
	ada.Emit("except", []string{long}, 7)
	bob.Expect("got", 7)
}
