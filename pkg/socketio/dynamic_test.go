package socketio_test

import (
	"context"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/dozeio/doze/internal/testparts"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// matching returns a function for OfFunc.
func matching(expression string) func(string) bool { return regexp.MustCompile(expression).MatchString }

// where acks with the name of the socket's namespace.
func where(_ ctx, s sock) (string, error) { return s.Namespace().Name(), nil }

func TestNamespacesOfAFunctionShareHandlersAndNothingElse(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		io, log := newServer()
		var did diary
		rooms := io.OfFunc(matching(`^/room-\d+$`))
		rooms.Use(func(_ ctx, s sock) error { return did.add("use ", s.Namespace().Name()) })
		rooms.OnConnection(func(_ ctx, s sock) error { return did.add("in ", s.Namespace().Name()) })
		rooms.OnAny(func(_ ctx, s sock, event string, _ socketio.Args) error {
			return did.add(event, " ", s.Namespace().Name())
		})
		rooms.OnDisconnecting(func(_ ctx, s sock, _ socketio.Reason) error { return did.add("going ", s.Namespace().Name()) })
		rooms.OnDisconnect(func(_ ctx, s sock, _ socketio.Reason) error { return did.add("gone ", s.Namespace().Name()) })
		rooms.On("where", where)
		rooms.On("join", func(c ctx, s sock) error { return s.Join(c, "#r") })
		rooms.On("say", func(c ctx, s sock, text string) error { return s.Broadcast().Emit(c, "said", text) })
		rooms.On("note", func(c ctx, s sock, text string) error {
			return socketio.UpdateData(c, s, func(v *string) error { *v = text; return nil })
		})
		rooms.On("noted", func(_ ctx, s sock) (v string, err error) { return v, s.Data(&v) })
		s := socketiotest.New(t, io)
		ada := s.Connect("/room-1", transport)
		bob := s.Connect("/room-1", transport)
		eve := ada.Connect("/room-2") // over ada's connection
		for c, want := range map[*socketiotest.Client]string{ada: "/room-1", bob: "/room-1", eve: "/room-2"} {
			if got := c.Emit("where"); !reflect.DeepEqual(got, socketio.Args{want}) {
				t.Errorf("a socket of %s is in %v", want, got)
			}
		}
		for _, c := range []*socketiotest.Client{ada, bob, eve} {
			c.Emit("join")
		}
		ada.Emit("note", "a")
		eve.Emit("note", "e")
		if a, e := ada.Emit("noted")[0], eve.Emit("noted")[0]; a != "a" || e != "e" {
			t.Errorf("data: %v and %v", a, e)
		}
		bob.Emit("say", "hello")
		ada.Expect("said", "hello")
		eve.ExpectNothing()
		one := io.Of("/room-1")
		if err := one.To("#r").Emit(t.Context(), "from elsewhere"); err != nil {
			t.Fatal(err)
		}
		ada.Expect("from elsewhere")
		bob.Expect("from elsewhere")
		eve.ExpectNothing()
		if counts, err := one.Rooms(t.Context()); err != nil || !reflect.DeepEqual(counts, []socketio.Room{{Name: "#r", Members: 2}}) {
			t.Errorf("rooms: %v %v", counts, err)
		}
		eve.Disconnect()
		ada.Emit("where")
		ada.Close()
		bob.Close()
		s.Settle()
		counts := map[string]int{}
		for line := range strings.SplitSeq(did.String(), ", ") {
			counts[line]++
		}
		want := map[string]int{"use /room-1": 2, "in /room-1": 2, "going /room-1": 2, "gone /room-1": 2, "use /room-2": 1, "in /room-2": 1,
			"going /room-2": 1, "gone /room-2": 1, "where /room-1": 3, "where /room-2": 1, "join /room-1": 2, "join /room-2": 1,
			"note /room-1": 1, "noted /room-1": 1, "note /room-2": 1, "noted /room-2": 1, "say /room-1": 1}
		if !reflect.DeepEqual(counts, want) {
			t.Errorf("did %v, want %v", counts, want)
		}
		log.nothing(t)
		noRows(t, s)
	})
}

func TestNamesGoBeforeFunctionsAndFunctionsInTheirOrder(t *testing.T) {
	io, _ := newServer()
	say := func(n *socketio.Namespace, who string) {
		n.On("who", func(_ ctx, s sock) (string, error) { return who + " " + s.Namespace().Name(), nil })
	}
	say(io.OfFunc(matching(`^/a`)), "first")
	say(io.OfFunc(matching(`^/a|^/b`)), "second")
	say(io.Of("/abc"), "named") // after the function that would take it
	s := socketiotest.New(t, io)
	for name, want := range map[string]string{"/abc": "named /abc", "/abcd": "first /abcd", "/b": "second /b"} {
		if got := s.Connect(name).Emit("who")[0]; got != want {
			t.Errorf("%s is the %v", name, got)
		}
	}
	if io.Of("/b") != io.Of("b") || io.Of("/b").Name() != "/b" {
		t.Error("Of does not return the one namespace of a name that a function takes")
	}
}

// What clients may call a namespace is bounded, and nothing that they send makes a function of the application ruin the
// session.
func TestNamesThatNoFunctionTakesAreInvalid(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		io, log := newServer()
		asked := map[string]bool{}
		var mu sync.Mutex
		io.OfFunc(func(name string) bool {
			mu.Lock()
			defer mu.Unlock()
			asked[name] = true
			if name == "/panic" {
				panic("as asked")
			}
			return !strings.HasPrefix(name, "/no")
		}).On("where", where)
		s := socketiotest.New(t, io)
		client := s.Connect("/yes", transport)
		longest := "/" + strings.Repeat("x", 255)
		for _, name := range []string{"/no", "/panic", longest + "x", "/a?b=c", "/é" + strings.Repeat("é", 127)} {
			if refused := client.ConnectError(name); refused == nil || refused.Message != "Invalid namespace" {
				t.Errorf("%.20s: %v", name, refused)
			}
		}
		if got := client.Connect(longest).Emit("where")[0]; got != longest {
			t.Errorf("the longest name is %v", got)
		}
		if got := client.Emit("where")[0]; got != "/yes" {
			t.Errorf("the session is in %v after names that are none", got)
		}
		mu.Lock()
		defer mu.Unlock()
		for name := range asked {
			if len(name) > 256 || strings.Contains(name, "?") {
				t.Errorf("the function was asked for %.20s", name)
			}
		}
		if lines := log.lines(t, "a function of OfFunc panicked, so that a client's namespace is none"); len(lines) == 0 || lines[0]["namespace"] != "/panic" {
			t.Errorf("logged %v", lines)
		}
	})
}

// A client may join many: the process keeps some, and those that it has dropped are found again.
func TestMoreNamespacesThanAProcessKeeps(t *testing.T) {
	io := socketio.New(socketio.Options{})
	rooms := io.OfFunc(matching(`^/room-`))
	rooms.On("where", where)
	s := socketiotest.New(t, io)
	first := s.Connect("/room-0")
	for i := range 3000 {
		if name := fmt.Sprint("/room-", i); io.Of(name).Name() != name {
			t.Fatal(name)
		}
	}
	if got := first.Emit("where")[0]; got != "/room-0" {
		t.Errorf("the first one is in %v", got)
	}
	if err := io.Of("/room-0").Emit(t.Context(), "e"); err != nil {
		t.Error(err)
	}
	first.Expect("e")
}

// What stands for many namespaces has no sockets. Every method that would ask for them says so, those that are added
// later, too.
func TestWhatOfFuncReturnsIsNothingToSendTo(t *testing.T) {
	io, _ := newServer()
	parent := io.OfFunc(matching(`^/room-`))
	socketiotest.New(t, io)
	if parent.Name() != "" {
		t.Errorf("its name is %q", parent.Name())
	}
	called := 0
	for _, v := range []reflect.Value{reflect.ValueOf(parent), reflect.ValueOf(parent.To("r")), reflect.ValueOf(parent.Except("r"))} {
		for i := range v.NumMethod() {
			m := v.Method(i)
			if m.Type().NumIn() == 0 || m.Type().In(0) != reflect.TypeFor[context.Context]() || m.Type().NumOut() == 0 {
				continue
			}
			in := []reflect.Value{reflect.ValueOf(t.Context())}
			for i := 1; i < m.Type().NumIn(); i++ {
				if a := m.Type().In(i); !m.Type().IsVariadic() || i < m.Type().NumIn()-1 {
					in = append(in, reflect.Zero(a))
				} else if a.Elem().Kind() == reflect.String {
					in = append(in, reflect.ValueOf("x"))
				}
			}
			out := m.Call(in)
			err, _ := out[len(out)-1].Interface().(error)
			if called++; err == nil || !strings.Contains(err.Error(), "stands for many namespaces") {
				t.Errorf("%v.%s returned %v", v.Type(), v.Type().Method(i).Name, err)
			}
		}
	}
	if called < 6 {
		t.Errorf("called %d methods", called)
	}
}

func TestOfFuncSaysWhatItNeeds(t *testing.T) {
	io, _ := newServer()
	for want, f := range map[string]func(){
		"OfFunc(nil)": func() { io.OfFunc(nil) },
		`On("e"): the Namespace of OfFunc has a handler`: func() {
			n := io.OfFunc(matching("x"))
			n.On("e", where)
			n.On("e", where)
		},
	} {
		func() {
			defer func() {
				if p := fmt.Sprint(recover()); !strings.Contains(p, want) {
					t.Errorf("panic %q, want %q", p, want)
				}
			}()
			f()
		}()
	}
}

// creates tells of each session that is created.
type creates struct {
	engine.Store
	session func(engine.Session)
}

func (c creates) Create(ctx context.Context, s engine.Session, handshake []byte, live *engine.Live) error {
	c.session(s)
	return c.Store.Create(ctx, s, handshake, live)
}

// A deployment may have no such namespace any more: the sockets that are in it leave, without their handlers.
func TestASocketOfANamespaceThatIsNoMoreLeaves(t *testing.T) {
	io, _ := newServer()
	io.OfFunc(matching("^/old")).On("join", func(c ctx, s sock) error { return s.Join(c, "#r") })
	var address engine.Address
	var backend socketio.Backend
	s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
		b.Sessions = creates{b.Sessions, func(s engine.Session) { address = s.Address }}
		backend = b
		return b
	}})
	s.Connect("/old", polling).Emit("join")
	later, log := newServer()
	e, err := later.Bind(backend)
	if err != nil {
		t.Fatal(err)
	}
	e.Drop(t.Context(), address)
	if r := testparts.Store(s).Rows(); r.Members > 0 {
		t.Errorf("left behind: %+v", r)
	}
	log.nothing(t)
}
