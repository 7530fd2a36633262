package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/internal/testparts"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

func TestWhatIsDoneToManyTellsWhatWentWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, _ := newServer()
		b := &broken{}
		s := socketiotest.New(t, io, socketiotest.Options{Wrap: hook(b.hook)})
		ada, bob := s.Connect("/"), s.Connect("/")
		names := map[string]string{ada.ID(): "ada", bob.ID(): "bob"}
		b.fail("Join", false, 1, errLasting)
		err := io.SocketsJoin(t.Context(), "tea")
		if !errors.Is(err, errLasting) || !strings.Contains(err.Error(), "done to 1 sockets and not to 1:") {
			t.Errorf("SocketsJoin: %v", err)
		}
		if err := io.SocketsJoin(t.Context(), "tea"); err != nil || whoIs(t, io.In("tea"), names) != "ada bob" {
			t.Errorf("called again: %v, in the room is %q", err, whoIs(t, io.In("tea"), names))
		}
		b.fail("Leave", false, 1, errLasting)
		if err := io.SocketsLeave(t.Context(), "tea"); !errors.Is(err, errLasting) {
			t.Errorf("SocketsLeave: %v", err)
		}
		b.fail("Members", false, 1, errLasting)
		err = io.DisconnectSockets(t.Context(), true)
		if !errors.Is(err, errLasting) || !strings.Contains(err.Error(), "others were not come to") {
			t.Errorf("DisconnectSockets: %v", err)
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		if err := io.DisconnectSockets(over, true); !errors.Is(err, context.Canceled) {
			t.Errorf("without time: %v", err)
		}
		if ada.Disconnected() != "" || bob.Disconnected() != "" {
			t.Errorf("disconnected: %q, %q", ada.Disconnected(), bob.Disconnected())
		}
		if err := io.DisconnectSockets(t.Context(), true); err != nil {
			t.Error(err)
		}
		if ada.Disconnected() == "" || bob.Disconnected() == "" {
			t.Error("they are still there")
		}
	})
}

// A join that fails half-way, or that cannot look whether its socket is still there, takes it out of no room: it may
// have been there before. A job looks again, and nothing stays of a socket that has left meanwhile.
func TestAJoinBySomebodyElseThatFailsLosesNoRoom(t *testing.T) {
	for _, test := range []struct {
		op    string
		after bool
		want  string
	}{{"Join", false, "[before]"}, {"Join", true, "[before tea]"}, {"Get", false, "[before tea]"}, {"Get", true, "[before tea]"}} {
		for _, leaves := range []bool{false, true} {
			overBoth(t, func(t *testing.T, transport socketiotest.Option) {
				synctest.Test(t, func(t *testing.T) {
					io, _, _ := farewell()
					var on, joined atomic.Bool
					var client *socketiotest.Client
					s := socketiotest.New(t, io, socketiotest.Options{Wrap: hook(func(op string, after bool) error {
						if !on.Load() {
							return nil
						}
						if op == "Join" && !after && leaves {
							client.Close()
						}
						joined.CompareAndSwap(false, op == "Join")
						if joined.Load() && op == test.op && after == test.after {
							return errLasting
						}
						return nil
					})})
					client = s.Connect("/", transport)
					one := fetch(t, io.Of("/"), client)
					for _, room := range []string{"a", "b"} {
						if err := one.Leave(t.Context(), room); err != nil {
							t.Fatal(err)
						}
					}
					if err := one.Join(t.Context(), "before"); err != nil {
						t.Fatal(err)
					}
					on.Store(true)
					if err := one.Join(t.Context(), "before", "tea"); !errors.Is(err, errLasting) {
						t.Errorf("%s: Join returned %v", test.op, err)
					}
					on.Store(false)
					s.Settle()
					if leaves {
						noRows(t, s)
						return
					}
					if rooms, err := testparts.Store(s).Rooms(t.Context(), "/", client.ID()); err != nil || fmt.Sprint(rooms) != test.want || client.Disconnected() != "" {
						t.Errorf("%s, after %t: it is in %q, want %s; the client is %q; %v", test.op, test.after, rooms, test.want, client.Disconnected(), err)
					}
				})
			})
		}
	}
}

// Whoever disconnects others may die over it: a sweep, or the session's end, finishes what was begun, once more from
// the handlers on.
func TestADisconnectBySomebodyElseThatDiesIsFinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, did := dying()
		s := socketiotest.New(t, io)
		client := s.Connect("/")
		client.Connect("/other")
		attempt(func() {
			one := fetch(t, io.Of("/"), client)
			_ = one.Disconnect(t.Context())
		})
		first := strings.Replace(again, "client namespace", "server namespace", 1)
		if did.String() != first {
			t.Fatalf("did %s", did)
		}
		if err := io.DisconnectSockets(t.Context(), false); err != nil { // it is in its rooms, and disconnected
			t.Error(err)
		}
		client.Close()
		for range 10 { // sweeps
			<-time.After(25 * time.Second)
			s.Settle()
		}
		if strings.Count(did.String(), first) != 2 || strings.Count(did.String(), "left / [] data server namespace disconnect") != 1 {
			t.Errorf("did %s", did)
		}
		noRows(t, s)
	})
}

// Whoever adds others to rooms may die between the join and the look: the room is listed, and left with the session.
func TestAJoinBySomebodyElseThatDiesEndsWithTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, _, _ := farewell()
		var dies sync.Once
		var on atomic.Bool
		s := socketiotest.New(t, io, socketiotest.Options{Wrap: hook(func(op string, after bool) error {
			if on.Load() && op == "Join" && after {
				dies.Do(runtime.Goexit)
			}
			return nil
		})})
		client := s.Connect("/")
		on.Store(true)
		attempt(func() { _ = fetch(t, io.Of("/"), client).Join(t.Context(), "late") })
		if rooms, err := testparts.Store(s).Rooms(t.Context(), "/", client.ID()); err != nil || !slices.Contains(rooms, "late") {
			t.Fatalf("it is in %q, %v", rooms, err)
		}
		client.Close()
		for range 10 {
			<-time.After(25 * time.Second)
			s.Settle()
		}
		noRows(t, s)
	})
}

// A deadline stops what is done to many a little before it, and the error says how far it came.
func TestWhatIsDoneToManyStopsBeforeItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, _ := newServer()
		var slow atomic.Bool
		s := socketiotest.New(t, io, socketiotest.Options{Wrap: hook(func(op string, after bool) error {
			if slow.Load() && op == "Leave" && after {
				<-time.After(2 * time.Second)
			}
			return nil
		})})
		const all = 200
		for range all {
			s.Connect("/")
		}
		if err := io.SocketsJoin(t.Context(), "tea"); err != nil {
			t.Fatal(err)
		}
		slow.Store(true)
		limited, cancel := context.WithTimeout(t.Context(), 5*time.Second) // for three times 64 sockets
		defer cancel()
		err := io.In("tea").SocketsLeave(limited, "tea")
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("SocketsLeave: %v", err)
		}
		slow.Store(false)
		ids, another := io.In("tea").SocketIDs(t.Context())
		if another != nil || len(ids) != all-3*64 || !strings.Contains(fmt.Sprint(err), fmt.Sprintf("done to %d sockets and not to %d,", 3*64, len(ids))) {
			t.Errorf("%d are left, after %v", len(ids), err)
		}
		if err := io.In("tea").SocketsLeave(t.Context(), "tea"); err != nil {
			t.Errorf("called again: %v", err)
		}
	})
}
