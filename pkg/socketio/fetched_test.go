package socketio_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/testparts"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// fetch returns the socket of a client, as somebody else sees it.
func fetch(t *testing.T, n *socketio.Namespace, c *socketiotest.Client) *socketio.Socket {
	t.Helper()
	s, err := n.FetchSocket(t.Context(), c.ID())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// change is what sockets can be asked for that changes them, or reads more than they show.
var change = map[string]func(c ctx, s sock) error{
	"Join":           func(c ctx, s sock) error { return s.Join(c, "new") },
	"JoinSocketRoom": func(c ctx, s sock) error { return s.JoinSocketRoom(c, strings.Repeat("x", 20)) },
	"UpdateData": func(c ctx, s sock) error {
		return socketio.UpdateData(c, s, func(n *named) error { n.Name += "!"; return nil })
	},
	"Emit":      func(c ctx, s sock) error { return s.Emit(c, "x") },
	"Handshake": func(c ctx, s sock) error { _, err := s.Handshake(c); return err },
}

func TestAFetchedSocketIsASocketLikeItsClientsOwn(t *testing.T) {
	io, log := newServer()
	main := io.Of("/")
	var reasons []string
	main.Use(func(c ctx, s sock) error {
		return errors.Join(s.Join(c, "old", "all"), socketio.UpdateData(c, s, func(n *named) error { return s.Auth(n) }))
	})
	main.On("mine", func(c ctx, s sock) (name string, rooms []string, err error) {
		var data named
		err = s.Data(&data)
		rooms, another := s.Rooms(c)
		return data.Name, rooms, errors.Join(err, another)
	})
	main.OnDisconnecting(func(c ctx, s sock, r socketio.Reason) error {
		rooms, err := s.Rooms(c)
		reasons = append(reasons, fmt.Sprint(r, rooms))
		return err
	})
	s := socketiotest.New(t, io)
	for _, kind := range []string{"websocket", "polling", "upgraded after it was fetched", "upgraded before"} {
		t.Run(kind, func(t *testing.T) {
			options := []socketiotest.Option{socketiotest.Auth(named{"ada"}), socketiotest.Header("X-Kind", kind)}
			if kind != "websocket" {
				options = append(options, polling)
			}
			client, witness := s.Connect("/", options...), s.Connect("/", socketiotest.Auth(named{"witness"}))
			if kind == "upgraded before" {
				client.Upgrade()
			}
			fetched := fetch(t, main, client)
			if kind == "upgraded after it was fetched" {
				client.Upgrade()
			}
			if fetched.ID() != client.ID() || fetched.Namespace() != main {
				t.Errorf("it is %s of %s", fetched.ID(), fetched.Namespace().Name())
			}
			c := t.Context()
			if h, err := fetched.Handshake(c); err != nil || h.Headers.Get("X-Kind") != kind || h.Auth != nil {
				t.Errorf("its handshake is %+v, %v", h, err)
			}
			if err := errors.Join(fetched.Join(c, "new", "all"), fetched.Leave(c, "old")); err != nil {
				t.Error(err)
			}
			for range 2 {
				if err := socketio.UpdateData(c, fetched, func(n *named) error { n.Name += "!"; return nil }); err != nil {
					t.Error(err)
				}
			}
			if got := client.Emit("mine"); fmt.Sprint(got) != "[ada!! [all new]]" {
				t.Errorf("for its own handler it is %v", got)
			}
			if rooms, err := fetched.Rooms(c); err != nil || !slices.Equal(rooms, []string{"all", "new"}) {
				t.Errorf("it is in %q, %v", rooms, err)
			}
			if err := errors.Join(fetched.Emit(c, "to it", 1), fetched.Emit(c, "to it", 2), fetched.To("all").Emit(c, "to others")); err != nil {
				t.Error(err)
			}
			client.Expect("to it", 1)
			client.Expect("to it", 2)
			client.ExpectNothing()
			witness.Expect("to others")
			reasons = nil
			if err := fetched.Disconnect(c); err != nil {
				t.Error(err)
			}
			if err := fetched.DisconnectClient(c); err != nil { // it has left: nothing to do
				t.Error(err)
			}
			client = client.Connect("/", socketiotest.Auth(named{"again"})) // the session is still there
			if fmt.Sprint(reasons) != "[server namespace disconnect[all new]]" {
				t.Errorf("it left with %v", reasons)
			}
			if err := fetched.DisconnectClient(c); err != nil { // another is in its place
				t.Error(err)
			}
			if err := fetch(t, main, client).DisconnectClient(c); err != nil {
				t.Error(err)
			}
			if client.Disconnected() != "io server disconnect" || len(reasons) != 2 || witness.Disconnected() != "" {
				t.Errorf("it is %q, and left with %v", client.Disconnected(), reasons)
			}
			witness.Close()
		})
	}
	log.nothing(t)
}

func TestWhatIsDoneWithAFetchedSocketThatHasLeftIsErrGone(t *testing.T) {
	for what, leave := range map[string]func(*socketiotest.Client){
		"leaves the namespace": (*socketiotest.Client).Disconnect,
		"closes":               (*socketiotest.Client).Close,
		"vanishes":             (*socketiotest.Client).Vanish,
		"upgrades and closes":  func(c *socketiotest.Client) { c.Upgrade(); c.Close() },
		"comes back":           func(c *socketiotest.Client) { c.Disconnect(); c.Connect("/") },
	} {
		for name, do := range change {
			t.Run(what+", "+name, func(t *testing.T) {
				io, log := newServer()
				io.Of("/other")
				s := socketiotest.New(t, io)
				client := s.Connect("/other", polling)
				in := client.Connect("/")
				if what == "vanishes" {
					client = s.Connect("/other")
					in = client.Connect("/")
				}
				fetched := fetch(t, io.Of("/"), in)
				leave(in)
				s.Settle()
				err := do(t.Context(), fetched)
				stays := what == "leaves the namespace" || what == "comes back" // the session
				if name == "Handshake" || stays && name == "Emit" {             // to a client that does not listen any more
					if err != nil && !errors.Is(err, socketio.ErrGone) {
						t.Error(err)
					}
				} else if !errors.Is(err, socketio.ErrGone) {
					t.Errorf("%v, want ErrGone", err)
				}
				if err := errors.Join(fetched.DisconnectClient(t.Context()), fetched.Leave(t.Context(), "new")); err != nil {
					t.Error(err)
				}
				if page, _, _ := testparts.Store(s).Members(t.Context(), "/", "new", ""); len(page) > 0 {
					t.Errorf("left behind: %v", page)
				}
				if _, err := io.FetchSocket(t.Context(), fetched.ID()); !errors.Is(err, socketio.ErrGone) {
					t.Errorf("fetching it again: %v", err)
				}
				if what == "comes back" && client.Disconnected() != "" {
					t.Errorf("who came back is %q", client.Disconnected())
				}
				log.nothing(t)
			})
		}
	}
}

func TestAHandlerThatFetchesItsOwnSocketGetsThatVeryOne(t *testing.T) {
	io, _ := newServer()
	main := io.Of("/")
	main.On("is it me", func(c ctx, s sock) (bool, error) {
		one, err := main.FetchSocket(c, s.ID())
		if err != nil {
			return false, err
		}
		many, err := main.FetchSockets(c)
		return one == s && slices.Contains(many, s), err
	})
	var kept sock
	main.On("keep", func(c ctx, s sock) error { kept = s; return nil })
	s := socketiotest.New(t, io)
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		client := s.Connect("/", transport)
		if got := client.Emit("is it me"); got[0] != true {
			t.Error("it is another")
		}
		client.Emit("keep")
		if one := fetch(t, main, client); one == kept {
			t.Error("after its handler, it is still that one")
		}
	})
}

func TestASocketIsFoundByItsIDAmongThoseWhoLookOn(t *testing.T) {
	io, _ := newServer()
	io.Of("/").On("join", func(c ctx, s sock, room string) error { return s.Join(c, room) })
	io.Of("/").On("watch", func(c ctx, s sock, id string) error { return s.JoinSocketRoom(c, id) })
	s := socketiotest.New(t, io)
	ada := s.Connect("/")
	for range 3 {
		s.Connect("/").Emit("watch", ada.ID())
	}
	bob := s.Connect("/")
	bob.Emit("join", "tea")
	rooms, err := io.Of("/").Rooms(t.Context())
	if err != nil || len(rooms) != 2 {
		t.Fatalf("rooms: %v %v", rooms, err)
	}
	for _, room := range rooms {
		if private := room.Name == ada.ID(); room.Private() != private || private && room.Members != 3 || !private && room.Name != "tea" {
			t.Errorf("%v is private: %t", room, room.Private())
		}
	}
	if found, err := io.FetchSocket(t.Context(), ada.ID()); err != nil || found.ID() != ada.ID() {
		t.Errorf("%v %v", found, err)
	}
	ada.Close()
	for _, id := range []string{ada.ID(), "", "tea", strings.Repeat("x", 20)} {
		if _, err := io.FetchSocket(t.Context(), id); !errors.Is(err, socketio.ErrGone) {
			t.Errorf("%q: %v", id, err)
		}
	}
	unbound := socketio.New(socketio.Options{})
	if _, err := unbound.FetchSocket(t.Context(), ada.ID()); !errors.Is(err, socketio.ErrUnbound) {
		t.Errorf("before Bind: %v", err)
	}
}

// What is said to somebody in one handler and by somebody else at the same time ends in one order or the other.
func TestDataThatTwoChangeAtOnceHasBothChanges(t *testing.T) {
	var main *socketio.Namespace
	app := func(*world) *socketio.Server {
		io, _ := newServer()
		main = io.Of("/")
		main.On("mine", func(c ctx, s sock) error {
			return socketio.UpdateData(c, s, func(n *named) error { n.Name += "m"; return nil })
		})
		return io
	}
	races(t, app, func(t *testing.T, w *world, s *socketiotest.Server) {
		client := s.Connect("/", polling)
		other := func() {
			one, err := main.FetchSocket(t.Context(), client.ID())
			if err == nil {
				err = socketio.UpdateData(t.Context(), one, func(n *named) error { n.Name += "o"; return nil })
			}
			if err != nil {
				t.Error(err)
			}
		}
		w.together(other, other, client.Upgrade, func() { client.EmitNoAck("mine") })
		s.Settle()
		<-time.After(5 * time.Second)
		v, err := testparts.Engine(s).Open(t.Context(), addressOf(t, s, client), true)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range v.Entries() {
			if strings.Count(string(e), "o") < 2 || !strings.Contains(string(e[27:]), "m") {
				t.Errorf("the data is %q", e)
			}
		}
	})
}

func addressOf(t *testing.T, s *socketiotest.Server, c *socketiotest.Client) engine.Address {
	page, _, err := testparts.Store(s).Members(t.Context(), "/", "", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range page {
		if m.Socket == c.ID() {
			return engine.Address(m.Address)
		}
	}
	t.Fatal("the client is no member")
	return ""
}
