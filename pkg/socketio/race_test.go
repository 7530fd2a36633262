package socketio_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/internal/testparts"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// world is a store whose calls take random times, in a bubble, so that a seed stands for one interleaving of whatever
// runs at the same time. With faults, calls fail now and then with a temporary error, before or after they happened.
type world struct {
	mu     sync.Mutex
	rand   *rand.Rand
	faults float64
}

func (w *world) hook(op string, _ bool) error {
	w.mu.Lock()
	pause := time.Duration(w.rand.IntN(1000)) * time.Microsecond
	fail := w.rand.Float64() < w.faults
	w.mu.Unlock()
	<-time.After(pause)
	if fail && !strings.HasSuffix(op, "Poll") { // the client's GETs have no time for another try
		return errTemporary
	}
	return nil
}

// intn returns a random number below n.
func (w *world) intn(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rand.IntN(n)
}

// together runs functions at the same time, each after a random pause.
func (w *world) together(functions ...func()) {
	var wg sync.WaitGroup
	for _, f := range functions {
		pause := time.Duration(w.intn(12)) * 500 * time.Microsecond
		wg.Go(func() {
			<-time.After(pause)
			f()
		})
	}
	wg.Wait()
}

// races runs a test in hundreds of worlds.
func races(t *testing.T, app func(w *world) *socketio.Server, test func(t *testing.T, w *world, s *socketiotest.Server)) {
	for seed := range uint64(300) {
		failed := !t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{rand: rand.New(rand.NewPCG(seed, 1))}
				if seed%3 == 2 {
					w.faults = 0.1
				}
				s := socketiotest.New(t, app(w), socketiotest.Options{Wrap: hook(w.hook)})
				test(t, w, s)
				s.Close()
				for range 6 { // a sweep finishes what had to wait for too long
					<-time.After(30 * time.Second)
					s.Settle()
				}
				noRows(t, s)
			})
		})
		if failed {
			t.FailNow() // the others would say the same
		}
	}
}

func TestAJoinWhileItsSocketLeavesLeavesNoRow(t *testing.T) {
	var did *diary
	app := func(*world) *socketio.Server {
		io, _, d := farewell()
		io.Of("/").On("join", func(c ctx, s sock, rooms ...string) error {
			return errors.Join(s.Join(c, rooms...), socketio.UpdateData(c, s, func(v *string) error { *v += "+"; return nil }))
		})
		did = d
		return io
	}
	races(t, app, func(t *testing.T, w *world, s *socketiotest.Server) {
		stays := s.Connect("/other")
		client := stays.Connect("/")
		leave := []func(){client.Disconnect, func() { client.EmitNoAck("kick") }, client.Close, func() { client.EmitNoAck("close") }}[w.intn(4)]
		w.together(leave, func() { client.EmitNoAck("join", "c", "d") }, func() { client.EmitNoAck("join", "e") })
		s.Settle()
		<-time.After(5 * time.Second)
		for _, room := range []string{"a", "b", "c", "d", "e", client.ID()} {
			if page, _, _ := testparts.Store(s).Members(t.Context(), "/", room, ""); len(page) > 0 {
				t.Errorf("room %s still has %v", room, page)
			}
		}
		if strings.Count(did.String(), "leaving / [a b") != 1 || strings.Count(did.String(), "left / [") != 1 {
			t.Errorf("did %s", did)
		}
	})
}

// socket.io-client sends a DISCONNECT for its last namespace and closes the connection at once.
func TestTheEndOfTheSessionWaitsForASocketThatIsLeaving(t *testing.T) {
	var did *diary
	app := func(w *world) *socketio.Server {
		io, _, d := farewell()
		io.Of("/").OnDisconnecting(func(ctx, sock, socketio.Reason) error {
			<-time.After(time.Duration(w.intn(100)) * time.Millisecond)
			return nil
		})
		io.Of("/").OnDisconnecting(func(c ctx, s sock, _ socketio.Reason) error {
			rooms, err := s.Rooms(c)
			return errors.Join(err, d.add("still ", rooms))
		})
		did = d
		return io
	}
	races(t, app, func(t *testing.T, w *world, s *socketiotest.Server) {
		witness := s.Connect("/")
		client := s.Connect("/")
		w.together(client.Disconnect, client.Close)
		s.Settle()
		<-time.After(5 * time.Second)
		for _, once := range []string{"leaving / [a b]", "still [a b]", "left / []"} {
			if strings.Count(did.String(), once) != 1 {
				t.Errorf("did %s, want %s once", did, once)
			}
		}
		witness.Expect("bye", client.ID())
		witness.ExpectNothing()
	})
}

func TestJoinsAndConnectsDuringTheUpgradeGetTheAddressOfTheConnection(t *testing.T) {
	app := func(w *world) *socketio.Server {
		io, _ := newServer()
		io.Of("/").On("join", func(c ctx, s sock, room string) error {
			<-time.After(time.Duration(w.intn(30)) * time.Millisecond)
			return errors.Join(s.Join(c, room+"1"), socketio.UpdateData(c, s, func(n *int) error { *n++; return nil }), s.Join(c, room+"2"))
		})
		io.Of("/late").OnConnection(func(c ctx, s sock) error { return s.Join(c, "late") })
		return io
	}
	races(t, app, func(t *testing.T, w *world, s *socketiotest.Server) {
		client := s.Connect("/", polling)
		w.together(client.Upgrade, func() { client.EmitNoAck("join", "a") }, func() { client.Raw(text("0/late,")) }, func() { client.EmitNoAck("join", "b") })
		client.Emit("join", "c") // by now it is a WebSocket
		<-time.After(5 * time.Second)
		own, _, _ := testparts.Store(s).Members(t.Context(), "/", client.ID(), "")
		if len(own) != 1 || !strings.HasPrefix(own[0].Address, "w") {
			t.Fatalf("the socket's own room has %v", own)
		}
		for _, namespace := range []string{"/", "/late"} {
			for _, room := range []string{"", "a1", "a2", "b1", "b2", "c1", "c2", "late"} {
				page, _, _ := testparts.Store(s).Members(t.Context(), namespace, room, "")
				for _, m := range page {
					if m.Address != own[0].Address {
						t.Errorf("%s: in room %q the address is %q, want %q", namespace, room, m.Address, own[0].Address)
					}
				}
			}
		}
	})
}

func TestConnectsAtTheSameTimeLeaveOneSocketOrNone(t *testing.T) {
	var did *diary
	app := func(*world) *socketio.Server {
		io, _, d := strict()
		io.Of("/").Use(func(c ctx, s sock) error { return s.Join(c, "room") })
		did = d
		return io
	}
	races(t, app, func(t *testing.T, w *world, s *socketiotest.Server) {
		client := s.Connect("/other")
		others := []func(){func() { client.Raw(text("0")) }, client.Close, client.Vanish, func() { client.EmitNoAck("close") }}
		w.together(func() { client.Raw(text("0")) }, others[w.intn(4)])
		s.Settle()
		<-time.After(5 * time.Second)
		if client.Disconnected() == "" {
			t.Error("the session is open")
		}
		noRows(t, s)
		joined := strings.Count(did.String(), "connect /, ") // also the end of "disconnect /"
		if joined > 1 || strings.Count(did.String()+",", "disconnect / ") < joined {
			t.Errorf("did %s", did)
		}
	})
}

func TestUpdatesOfDataAreExactWhateverElseHappens(t *testing.T) {
	var counted *diary
	app := func(*world) *socketio.Server {
		counted = &diary{}
		io, _ := counting()
		io.Of("/").On("count too", func(c ctx, s sock) error {
			return errors.Join(socketio.UpdateData(c, s, func(n *int) error { *n++; return nil }), counted.add("one"))
		})
		return io
	}
	races(t, app, func(t *testing.T, w *world, s *socketiotest.Server) {
		client := s.Connect("/", polling)
		count := func() { client.EmitNoAck("count too") }
		w.together(count, client.Upgrade)
		w.together(count, count, count, count, count)
		if got := client.Emit("data"); got[0] != float64(len(counted.lines)) || len(counted.lines) < 5 {
			t.Errorf("counted %v, handled %s", got, counted)
		}
	})
}
