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

// A join that cannot look whether its socket is still there undoes itself: nobody else would.
func TestAJoinBySomebodyElseThatCannotLookIsUndone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, _ := newServer()
		var mu sync.Mutex
		on, joined := false, false
		s := socketiotest.New(t, io, socketiotest.Options{Wrap: hook(func(op string, after bool) error {
			mu.Lock()
			defer mu.Unlock()
			joined = joined || on && op == "Join" && after
			if on && joined && op == "Get" {
				return errLasting
			}
			return nil
		})})
		ada := s.Connect("/")
		mu.Lock()
		on = true
		mu.Unlock()
		if err := io.SocketsJoin(t.Context(), "tea"); !errors.Is(err, errLasting) {
			t.Errorf("SocketsJoin: %v", err)
		}
		mu.Lock()
		on = false
		mu.Unlock()
		if rooms, err := testparts.Store(s).Rooms(t.Context(), "/", ada.ID()); err != nil || len(rooms) > 0 || !joined {
			t.Errorf("it is in %q, %v, joined %t", rooms, err, joined)
		}
	})
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
