package socketio_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/testparts"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// whoIs returns the sockets that a broadcast reaches, by the names that a test has for them, in order.
func whoIs(t *testing.T, b socketio.Broadcast, names map[string]string) string {
	t.Helper()
	ids, err := b.SocketIDs(t.Context())
	if err != nil {
		t.Error(err)
	}
	var all []string
	for _, id := range ids {
		all = append(all, names[id])
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestSocketsJoinAndLeaveAreForThoseThatMatchAtTheMoment(t *testing.T) {
	io, log := newServer()
	main := io.Of("/")
	main.On("join", func(c ctx, s sock, room string) error { return s.Join(c, room) })
	main.On("take along", func(c ctx, s sock, from, to string) error { return s.In(from).SocketsJoin(c, to) })
	main.On("all of us", func(c ctx, s sock, from, to string) ([]string, error) {
		err := s.Namespace().In(from).SocketsJoin(c, to)
		rooms, another := s.Rooms(c)
		return rooms, errors.Join(err, another)
	})
	io.Of("/other").OnConnection(func(c ctx, s sock) error { return s.Join(c, "tea") })
	s := socketiotest.New(t, io)
	ada, bob, eve := s.Connect("/"), s.Connect("/", polling), s.Connect("/", polling)
	elsewhere := ada.Connect("/other")
	names := map[string]string{ada.ID(): "ada", bob.ID(): "bob", eve.ID(): "eve", elsewhere.ID(): "elsewhere"}
	ada.Emit("join", "tea")
	bob.Emit("join", "tea")
	eve.Upgrade()
	for _, c := range []struct {
		what string
		do   func() error
		room string
		want string
	}{
		{"a room joins another", func() error { return io.In("tea").SocketsJoin(t.Context(), "cake", "cake") }, "cake", "ada bob"},
		{"again", func() error { return io.In("tea").SocketsJoin(t.Context(), "cake") }, "cake", "ada bob"},
		{"all but a room", func() error { return io.Except("tea").SocketsJoin(t.Context(), "cake") }, "cake", "ada bob eve"},
		{"one leaves", func() error { return io.In(bob.ID()).SocketsLeave(t.Context(), "cake", "never joined") }, "cake", "ada eve"},
		{"two rooms, one of them twice", func() error { return main.To("tea", "cake", "tea").SocketsJoin(t.Context(), "both") }, "both", "ada bob eve"},
		{"everybody leaves", func() error { return io.SocketsLeave(t.Context(), "both") }, "both", ""},
		{"everybody joins", func() error { return main.SocketsJoin(t.Context(), "both") }, "both", "ada bob eve"},
		{"nobody", func() error { return io.To().SocketsJoin(t.Context(), "x") }, "x", ""},
		{"of no rooms", func() error { return io.SocketsJoin(t.Context()) }, "x", ""},
		{"nobody leaves one's own", func() error { return io.SocketsLeave(t.Context(), ada.ID(), "") }, ada.ID(), "ada"},
		{"a handler's others", func() error { ada.Emit("take along", "both", "trip"); return nil }, "trip", "bob eve"},
		{"a handler's own too", func() error {
			if got := ada.Emit("all of us", "tea", "walk"); fmt.Sprint(got) != "[[both cake tea walk]]" {
				return fmt.Errorf("ada is in %v", got)
			}
			return nil
		}, "walk", "ada bob"},
	} {
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
		if got := whoIs(t, io.In(c.room), names); got != c.want {
			t.Errorf("%s: %q is in %s, want %q", c.what, got, c.room, c.want)
		}
	}
	if got := whoIs(t, io.Of("/other").In("cake"), names); got != "" {
		t.Errorf("%q of the other namespace has joined", got)
	}
	if err := io.To("cake").Emit(t.Context(), "hello"); err != nil {
		t.Error(err)
	}
	eve.Expect("hello") // at its present address
	ada.Expect("hello")
	for _, name := range []string{"", strings.Repeat("x", 257), bob.ID()} {
		if err := io.SocketsJoin(t.Context(), name); err == nil || errors.Is(err, socketio.ErrGone) {
			t.Errorf("joining %q: %v", name, err)
		}
	}
	eve.Vanish()
	if err := io.SocketsJoin(t.Context(), "late"); err != nil || whoIs(t, io.In("late"), names) != "ada bob" {
		t.Errorf("%v, late are %q", err, whoIs(t, io.In("late"), names))
	}
	log.nothing(t)
}

func TestDisconnectSocketsRunsTheHandlersOfEach(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		for _, closeConnection := range []bool{false, true} {
			t.Run(fmt.Sprint(closeConnection), func(t *testing.T) {
				io, log, did := farewell()
				s := socketiotest.New(t, io)
				client := s.Connect("/", transport)
				elsewhere := client.Connect("/other")
				stays := s.Connect("/other", transport)
				if err := io.In("a").Except("none").DisconnectSockets(t.Context(), closeConnection); err != nil {
					t.Fatal(err)
				}
				want := "leaving / [a b] data server namespace disconnect, left / [] data server namespace disconnect"
				if closeConnection {
					want += ", leaving /other [a b] data server namespace disconnect, left /other [] data server namespace disconnect"
				}
				if did.String() != want {
					t.Errorf("did %s, want %s", did, want)
				}
				if !closeConnection {
					elsewhere.TryEmit("nothing") // lets all arrive
				}
				other := elsewhere.Disconnected() != ""
				if client.Disconnected() != "io server disconnect" || other != closeConnection || stays.Disconnected() != "" {
					t.Errorf("disconnected: %q, %q, %q", client.Disconnected(), elsewhere.Disconnected(), stays.Disconnected())
				}
				if closeConnection {
					stays.Expect("bye", elsewhere.ID())
				}
				log.nothing(t)
			})
		}
	})
}

func TestAHandlerMayDisconnectItselfAmongOthers(t *testing.T) {
	io, _, did := farewell()
	io.Of("/").On("clear", func(c ctx, s sock, closeConnection bool) error {
		err := s.Namespace().DisconnectSockets(c, closeConnection)
		return errors.Join(err, did.add("after: ", errors.Is(s.Emit(c, "x"), socketio.ErrGone)))
	})
	s := socketiotest.New(t, io)
	for _, closeConnection := range []bool{false, true} {
		ada, bob := s.Connect("/"), s.Connect("/", polling)
		ada.EmitNoAck("clear", closeConnection)
		if ada.Disconnected() != "io server disconnect" || bob.Disconnected() != "io server disconnect" {
			t.Errorf("ada is %q, bob %q", ada.Disconnected(), bob.Disconnected())
		}
	}
	if n := strings.Count(did.String(), "left / []"); n != 4 || strings.Count(did.String(), "after: true") != 2 {
		t.Errorf("did %s", did)
	}
}

// Whatever the client does meanwhile, it is afterwards either in the room, at its address, or gone without a row.
func TestAJoinBySomebodyElseWhileItsSocketLeavesOrMovesLeavesNoRow(t *testing.T) {
	var io *socketio.Server
	app := func(*world) *socketio.Server {
		io, _, _ = farewell()
		return io
	}
	races(t, app, func(t *testing.T, w *world, s *socketiotest.Server) {
		stays := s.Connect("/other", polling)
		client := stays.Connect("/")
		id := client.ID()
		const upgrade = 4
		way := w.intn(6)
		w.together([]func(){
			client.Disconnect, func() { client.EmitNoAck("kick") }, client.Close, func() { client.EmitNoAck("close") }, client.Upgrade,
			func() { _ = io.In(id).DisconnectSockets(t.Context(), w.intn(2) == 0) },
		}[way],
			func() { _ = io.In("a").SocketsJoin(t.Context(), "c", "d") },
			func() { _ = io.In("b").SocketsJoin(t.Context(), "e") })
		s.Settle()
		<-time.After(5 * time.Second)
		s.Settle()
		addresses := map[string]bool{}
		for _, room := range []string{"", "a", "b", "c", "d", "e", id} {
			page, _, err := testparts.Store(s).Members(t.Context(), "/", room, "")
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range page {
				addresses[m.Address] = true
			}
		}
		want := 0
		if way == upgrade {
			want = 1
		}
		if len(addresses) != want {
			t.Errorf("way %d: it is at %v, want %d", way, addresses, want)
		}
	})
}

func TestRoomsThatSomebodyElseJoinsCountForTheirSocketAndItsCaller(t *testing.T) {
	io := socketio.New(socketio.Options{MaxRooms: 3, MaxCalls: 7, Logger: slog.New(slog.DiscardHandler)})
	io.Of("/").On("join", func(c ctx, s sock, names ...string) error { return s.In("all").SocketsJoin(c, names...) })
	io.Of("/").OnConnection(func(c ctx, s sock) error { return s.Join(c, "all") })
	s := socketiotest.New(t, io)
	ada, bob, eve := s.Connect("/"), s.Connect("/"), s.Connect("/")
	names := map[string]string{ada.ID(): "ada", bob.ID(): "bob", eve.ID(): "eve"}
	if err := io.To(bob.ID()).SocketsJoin(t.Context(), "b", "c", "d"); err == nil || whoIs(t, io.To("b", "c", "d"), names) != "" {
		t.Errorf("joining four rooms: %v", err)
	}
	if _, ok := ada.TryEmit("join", "b", "c"); !ok { // one, and two for each of two sockets
		t.Error("five calls are too many")
	}
	if _, ok := ada.TryEmit("join", "b", "c", "d", "e"); ok {
		t.Error("nine calls are not too many")
	}
}

// Two who disconnect a socket at once, while its client upgrades or has itself disconnected, run its handlers once.
func TestADisconnectBySomebodyElseRunsTheHandlersOnceWhateverTheClientDoes(t *testing.T) {
	var io *socketio.Server
	var did *diary
	app := func(*world) *socketio.Server {
		io, _, did = farewell()
		return io
	}
	races(t, app, func(t *testing.T, w *world, s *socketiotest.Server) {
		stays := s.Connect("/other", polling)
		client := stays.Connect("/")
		closes := w.intn(2) == 0
		disconnect := func() {
			if err := io.DisconnectSockets(t.Context(), closes); err != nil {
				t.Error(err)
			}
		}
		meanwhile := client.Upgrade
		if closes { // which an upgrade would be refused after
			meanwhile = func() { client.EmitNoAck([]string{"kick", "close"}[w.intn(2)]) }
		}
		w.together(meanwhile, disconnect, disconnect)
		s.Settle()
		<-time.After(5 * time.Second)
		s.Settle()
		if strings.Count(did.String(), "leaving / ") != 1 || strings.Count(did.String(), "left / ") != 1 {
			t.Errorf("did %s", did)
		}
		if n := strings.Count(did.String(), "left /other "); n != 0 && !closes || n > 1 { // who has left already stays elsewhere
			t.Errorf("closes %t: did %s", closes, did)
		}
		if page, _, _ := testparts.Store(s).Members(t.Context(), "/", "", ""); len(page) > 0 {
			t.Errorf("left behind: %v", page)
		}
	})
}
