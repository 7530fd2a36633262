package storetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/rooms"
)

// Rooms checks a rooms.Store against every sentence of its contract. open returns a store whose rows expire by the
// time that now returns; it may hold the rows of other tests. Subtests run one after the other.
func Rooms(t *testing.T, open func(t *testing.T, now func() time.Time) rooms.Store) {
	tests := []struct {
		name string
		run  func(t *testing.T, s *namespace)
	}{
		{"Join adds to each room and returns how many there are", join},
		{"Join where the socket is already keeps its address", joinAgain},
		{"Join of no room only counts", joinNone},
		{"Leave removes from the rooms that are named", leave},
		{"Leave without rooms removes from all, and from those of nobody else", leaveAll},
		{"Leave where the socket is not is fine", leaveAbsent},
		{"Move changes the address in all rooms and adds to none", move},
		{"Move of a socket that is nowhere is fine", moveAbsent},
		{"Members pages through everybody once", members},
		{"Members of a room that nobody is in is empty", membersAbsent},
		{"the room with no name holds everybody", everybody},
		{"a socket is alone in the room of its own id while it is in the namespace", own},
		{"others may join the room of a socket's id", ownOthers},
		{"a socket may join the room of its own id", ownItself},
		{"rooms whose names begin alike are apart", alike},
		{"namespaces are apart", apart},
		{"names are any text", anyText},
		{"Rooms are sorted, without the namespace and the own one", roomsOf},
		{"Counts leaves out the namespace and everybody's own room", counts},
		{"Join of one socket and room by many: it is in it once", joinByMany},
		{"Join of many sockets at once: none is lost", joinMany},
		{"Join and Leave by many: Members and Rooms agree", joinAndLeave},
		{"Move and Leave at once: nothing stays behind", moveAndLeave},
		{"Move and Join at once: the socket is in the room once, at one of the addresses", moveAndJoin},
		{"expired rows are absent", roomsExpired},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			clock := NewClock()
			test.run(t, &namespace{t: t, store: open(t, clock.Now), clock: clock, name: "/" + ids("n")(), id: ids("k")})
		})
	}
}

// namespace is one namespace of a rooms.Store whose calls are retried, and fail the test when they fail.
type namespace struct {
	t     *testing.T
	store rooms.Store
	clock *Clock
	name  string
	id    func() string
}

func (n *namespace) check(err error) {
	if err != nil {
		n.t.Error(err)
	}
}

func (n *namespace) join(socket, address string, names ...string) (count int) {
	m := rooms.Member{Socket: socket, Address: address, Expires: n.clock.Now().Add(time.Hour)}
	n.check(again(func() (err error) { count, err = n.store.Join(context.Background(), n.name, m, names...); return err }))
	return count
}

func (n *namespace) leave(socket string, names ...string) {
	n.check(again(func() error { return n.store.Leave(context.Background(), n.name, socket, names...) }))
}

func (n *namespace) move(socket, address string) {
	n.check(again(func() error { return n.store.Move(context.Background(), n.name, socket, address) }))
}

// members returns the addresses of a room's members by socket.
func (n *namespace) members(room string) map[string]string {
	all := map[string]string{}
	for cursor := ""; ; {
		var page []rooms.Member
		var next string
		n.check(again(func() (err error) {
			page, next, err = n.store.Members(context.Background(), n.name, room, cursor)
			return err
		}))
		for _, m := range page {
			if _, twice := all[m.Socket]; twice {
				n.t.Errorf("%s is in room %q twice", m.Socket, room)
			}
			all[m.Socket] = m.Address
		}
		if next == "" {
			return all
		}
		cursor = next
	}
}

func (n *namespace) rooms(socket string) (names []string) {
	n.check(again(func() (err error) { names, err = n.store.Rooms(context.Background(), n.name, socket); return err }))
	return names
}

func (n *namespace) counts() (c map[string]int) {
	n.check(again(func() (err error) { c, err = n.store.Counts(context.Background(), n.name); return err }))
	return c
}

func (n *namespace) want(room string, want map[string]string) {
	n.t.Helper()
	if got := n.members(room); !maps.Equal(got, want) {
		n.t.Errorf("room %q has %v, want %v", room, got, want)
	}
}

type addresses = map[string]string

// counted checks what Join has returned, if it has counted.
func (n *namespace) counted(want, got int) {
	n.t.Helper()
	if got != want && got != 0 {
		n.t.Errorf("in %d rooms, want %d", got, want)
	}
}

func join(_ *testing.T, n *namespace) {
	n.counted(2, n.join("a", "x", "", "r1", "r2"))
	n.counted(3, n.join("a", "x", "r2", "r3"))
	n.join("b", "y", "", "r2")
	n.want("", addresses{"a": "x", "b": "y"})
	n.want("r1", addresses{"a": "x"})
	n.want("r2", addresses{"a": "x", "b": "y"})
	n.want("r3", addresses{"a": "x"})
}

func joinAgain(_ *testing.T, n *namespace) {
	n.join("a", "x", "", "r")
	n.join("a", "new", "", "r", "s")
	n.want("", addresses{"a": "x"})
	n.want("r", addresses{"a": "x"})
	n.want("s", addresses{"a": "new"})
}

func joinNone(t *testing.T, n *namespace) {
	n.join("a", "x", "", "r")
	if got := n.join("a", "x"); got != 1 {
		t.Errorf("in %d rooms, want 1", got)
	}
}

func leaveAll(t *testing.T, n *namespace) {
	n.join("a", "x", "", "r1", "r2")
	n.join("b", "y", "", "r2")
	n.leave("a")
	n.want("", addresses{"a": "x", "b": "y"})
	n.want("r1", nil)
	n.want("r2", addresses{"b": "y"})
	n.want("a", addresses{"a": "x"})
	if got := n.rooms("a"); len(got) > 0 {
		t.Errorf("listed in %q", got)
	}
	n.leave("a")
	n.leave("nobody")
	n.want("", addresses{"a": "x", "b": "y"})
}

func leave(t *testing.T, n *namespace) {
	n.join("a", "x", "", "r1", "r2", "r3")
	n.leave("a", "r1", "r3")
	n.want("r1", nil)
	n.want("r2", addresses{"a": "x"})
	n.want("", addresses{"a": "x"})
	n.leave("a", "r2", "")
	n.want("r2", nil)
	n.want("", nil)
	if got := n.rooms("a"); len(got) > 0 {
		t.Errorf("in %q", got)
	}
}

func leaveAbsent(_ *testing.T, n *namespace) {
	n.join("b", "y", "r")
	n.leave("a", "", "r", "never was")
	n.leave("a")
	n.want("r", addresses{"b": "y"})
}

func move(t *testing.T, n *namespace) {
	n.join("a", "x", "", "r1", "r2")
	n.join("b", "y", "", "r1", "r3")
	n.move("a", "z")
	n.want("", addresses{"a": "z", "b": "y"})
	n.want("r1", addresses{"a": "z", "b": "y"})
	n.want("r2", addresses{"a": "z"})
	n.want("r3", addresses{"b": "y"})
	if got := n.rooms("a"); !slices.Equal(got, []string{"r1", "r2"}) {
		t.Errorf("in %q", got)
	}
	n.move("a", "z") // again, for the same move
	n.want("r1", addresses{"a": "z", "b": "y"})
}

func moveAbsent(t *testing.T, n *namespace) {
	n.move("a", "z")
	n.want("", nil)
	if got := n.rooms("a"); len(got) > 0 {
		t.Errorf("in %q", got)
	}
}

func members(_ *testing.T, n *namespace) {
	want := addresses{}
	for i := range 300 {
		socket := fmt.Sprintf("%020d", i)
		want[socket] = "w" + socket
		n.join(socket, want[socket], "large", "")
	}
	n.want("large", want)
	n.want("", want)
}

func membersAbsent(_ *testing.T, n *namespace) { n.want("nobody", nil) }

func everybody(_ *testing.T, n *namespace) {
	n.join("a", "x", "")
	n.join("b", "y", "r")
	n.want("", addresses{"a": "x"})
}

func own(t *testing.T, n *namespace) {
	n.join("a", "x", "r")
	n.want("a", nil)
	n.join("a", "x", "")
	n.join("b", "y", "")
	n.want("a", addresses{"a": "x"})
	n.move("a", "z")
	n.want("a", addresses{"a": "z"})
	n.leave("a", "")
	n.want("a", nil)
}

func ownOthers(t *testing.T, n *namespace) {
	n.join("a", "x", "")
	n.join("b", "y", "", "a")
	n.want("a", addresses{"a": "x", "b": "y"})
	n.leave("a", "")
	n.want("a", addresses{"b": "y"})
	if got := n.rooms("b"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("b is in %q", got)
	}
}

func ownItself(t *testing.T, n *namespace) {
	n.join("a", "x", "", "a", "r")
	n.want("a", addresses{"a": "x"})
	if got := n.rooms("a"); !slices.Equal(got, []string{"r"}) {
		t.Errorf("in %q", got)
	}
	n.leave("a", "a")
	n.want("a", addresses{"a": "x"})
}

func alike(_ *testing.T, n *namespace) {
	n.join("a", "x", "room", "room1", "room\x001")
	n.join("b", "y", "room1")
	n.join("1a", "z", "room")
	n.want("room", addresses{"a": "x", "1a": "z"})
	n.want("room1", addresses{"a": "x", "b": "y"})
	n.want("room\x001", addresses{"a": "x"})
	n.want("roo", nil)
}

func apart(t *testing.T, n *namespace) {
	other := &namespace{t: t, store: n.store, clock: n.clock, name: n.name + "/other", id: n.id}
	n.join("a", "x", "", "r")
	other.join("a", "y", "", "r", "s")
	n.leave("a", "r")
	n.want("r", nil)
	other.want("r", addresses{"a": "y"})
	n.move("a", "z")
	other.want("", addresses{"a": "y"})
	if got := n.counts(); len(got) > 0 {
		t.Errorf("counts %v", got)
	}
}

func anyText(t *testing.T, n *namespace) {
	names := []string{" ", "#", "R#x", "\x00", "a\x00b", "é\n", "\"'{}", "🎲", fmt.Sprintf("%0256d", 1)}
	n.join("a", "x", names...)
	for _, name := range names {
		n.want(name, addresses{"a": "x"})
	}
	slices.Sort(names)
	if got := n.rooms("a"); !slices.Equal(got, names) {
		t.Errorf("in %q, want %q", got, names)
	}
	n.leave("a", names...)
	if got := n.counts(); len(got) > 0 {
		t.Errorf("left behind: %v", got)
	}
}

func roomsOf(t *testing.T, n *namespace) {
	n.join("a", "x", "", "z", "b", "a", "y")
	if got := n.rooms("a"); !slices.Equal(got, []string{"b", "y", "z"}) {
		t.Errorf("in %q", got)
	}
	if got := n.rooms("nobody"); len(got) > 0 {
		t.Errorf("nobody is in %q", got)
	}
}

func counts(t *testing.T, n *namespace) {
	n.join("a", "x", "", "r", "a")
	n.join("b", "y", "", "r", "s", "a")
	want := map[string]int{"r": 2, "s": 1, "a": 1}
	for range 100 { // it may be some time old
		if maps.Equal(n.counts(), want) {
			return
		}
	}
	t.Errorf("counts %v, want %v", n.counts(), want)
}

func joinByMany(t *testing.T, n *namespace) {
	together(goroutines, func(int) { n.join("a", "x", "", "r") })
	n.want("r", addresses{"a": "x"})
	if got := n.rooms("a"); !slices.Equal(got, []string{"r"}) {
		t.Errorf("in %q", got)
	}
	n.leave("a", "", "r")
	n.want("r", nil)
}

func joinMany(t *testing.T, n *namespace) {
	want := addresses{}
	for i := range goroutines {
		want[strconv.Itoa(i)] = "x"
	}
	together(goroutines, func(i int) { n.join(strconv.Itoa(i), "x", "", "r", "s"+strconv.Itoa(i)) })
	n.want("r", want)
	n.want("", want)
	for i := range goroutines {
		if got := n.rooms(strconv.Itoa(i)); !slices.Equal(got, []string{"r", "s" + strconv.Itoa(i)}) {
			t.Errorf("%d is in %q", i, got)
		}
	}
}

func joinAndLeave(t *testing.T, n *namespace) {
	for round := range 8 {
		socket := n.id()
		together(12, func(i int) { // more only wait for one another
			if i%2 == round%2 {
				n.join(socket, "x", "r")
			} else {
				n.leave(socket, "r")
			}
		})
		_, in := n.members("r")[socket]
		if listed := slices.Contains(n.rooms(socket), "r"); listed != in {
			t.Fatalf("Members says %t, Rooms says %t", in, listed)
		}
		n.leave(socket, "r")
		if _, in := n.members("r")[socket]; in || len(n.rooms(socket)) > 0 {
			t.Fatal("a row stays behind")
		}
	}
}

func moveAndLeave(t *testing.T, n *namespace) {
	for range goroutines {
		socket := n.id()
		n.join(socket, "x", "", "r", "s")
		together(3, func(i int) {
			switch i {
			case 0:
				n.move(socket, "y")
			case 1:
				n.move(socket, "y")
			default:
				n.leave(socket, "", "r", "s")
			}
		})
		n.want("", nil)
		n.want("r", nil)
		if got := n.rooms(socket); len(got) > 0 {
			t.Fatalf("in %q", got)
		}
	}
}

func moveAndJoin(t *testing.T, n *namespace) {
	for range goroutines {
		socket := n.id()
		n.join(socket, "x", "")
		together(2, func(i int) {
			if i == 0 {
				n.move(socket, "y")
			} else {
				n.join(socket, "x", "r")
			}
		})
		got := n.members("r")[socket]
		if got != "x" && got != "y" || !slices.Equal(n.rooms(socket), []string{"r"}) || n.members("")[socket] != "y" {
			t.Fatalf("at %q in r and %q in all, listed in %q", got, n.members("")[socket], n.rooms(socket))
		}
		n.move(socket, "y") // as whoever joined does when the session has moved meanwhile
		if got := n.members("r")[socket]; got != "y" {
			t.Fatalf("at %q after the second Move", got)
		}
		n.leave(socket, "", "r")
	}
}

func roomsExpired(t *testing.T, n *namespace) {
	n.join("a", "x", "", "r")
	n.clock.Advance(time.Minute)
	n.join("b", "y", "", "r")
	n.clock.Advance(time.Hour - time.Minute - time.Millisecond)
	n.want("r", addresses{"a": "x", "b": "y"})
	n.clock.Advance(time.Millisecond)
	n.want("r", addresses{"b": "y"})
	n.want("", addresses{"b": "y"})
	n.want("a", nil)
	if got := n.rooms("a"); len(got) > 0 {
		t.Errorf("in %q", got)
	}
	n.move("a", "new")
	n.want("r", addresses{"b": "y"})
	n.counted(1, n.join("a", "new", "r"))
	n.want("r", addresses{"a": "new", "b": "y"})
	n.clock.Advance(2 * time.Hour)
	for range 100 {
		if len(n.counts()) == 0 {
			return
		}
	}
	t.Errorf("counts %v", n.counts())
}
