package socketio_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/internal/testparts"
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// farewell returns an application whose sockets are in two rooms, and which notes how they leave.
func farewell() (io *socketio.Server, log *logbook, did *diary) {
	io, log = newServer()
	did = &diary{}
	for _, name := range []string{"/", "/other"} {
		n := io.Of(name)
		n.OnConnection(func(c ctx, s sock) error {
			return errors.Join(s.Join(c, "a", "b"), socketio.UpdateData(c, s, func(v *string) error { *v = "data"; return nil }))
		})
		note := func(what string) func(ctx, sock, socketio.Reason) error {
			return func(c ctx, s sock, r socketio.Reason) error {
				rooms, err := s.Rooms(c)
				var data string
				return errors.Join(err, s.Data(&data), did.add(what, " ", name, " ", rooms, " ", data, " ", r))
			}
		}
		n.OnDisconnecting(note("leaving"))
		n.OnDisconnecting(func(c ctx, s sock, _ socketio.Reason) error { return s.To("a").Emit(c, "bye", s.ID()) })
		n.OnDisconnect(note("left"))
		n.On("kick", func(c ctx, s sock) error { return s.Disconnect(c) })
		n.On("close", func(c ctx, s sock) error { return s.DisconnectClient(c) })
	}
	return io, log, did
}

// disconnect is Node's disconnect(close).
func disconnect(c ctx, s sock, closeConnection bool) error {
	if closeConnection {
		return s.DisconnectClient(c)
	}
	return s.Disconnect(c)
}

// TestReasonsAreSocketIOs holds them to https://socket.io/docs/v4/server-socket-instance/#disconnect.
func TestReasonsAreSocketIOs(t *testing.T) {
	for reason, want := range map[socketio.Reason]string{
		socketio.ServerDisconnect: "server namespace disconnect",
		socketio.ClientDisconnect: "client namespace disconnect",
		socketio.PingTimeout:      "ping timeout",
		socketio.TransportClose:   "transport close",
		socketio.TransportError:   "transport error",
		socketio.ParseError:       "parse error",
		socketio.ForcedClose:      "forced close",
	} {
		if string(reason) != want {
			t.Errorf("%q, want %q", reason, want)
		}
	}
}

func TestEveryWayToDisconnectRunsTheHandlersOnceWithItsReason(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		for _, c := range []struct {
			leave  func(*socketiotest.Client)
			reason socketio.Reason
			client string
			only   string // transport
		}{
			{(*socketiotest.Client).Disconnect, socketio.ClientDisconnect, "io client disconnect", ""},
			{func(c *socketiotest.Client) { c.EmitNoAck("kick") }, socketio.ServerDisconnect, "io server disconnect", ""},
			{func(c *socketiotest.Client) { c.EmitNoAck("close") }, socketio.ServerDisconnect, "io server disconnect", ""},
			{(*socketiotest.Client).Close, socketio.TransportClose, "io client disconnect", ""},
			{(*socketiotest.Client).Vanish, socketio.TransportClose, "transport close", "websocket"},
			{(*socketiotest.Client).Vanish, socketio.PingTimeout, "transport close", "polling"},
			{func(c *socketiotest.Client) { c.Raw(protocol.EnginePacket{Type: protocol.EnginePing}) }, socketio.TransportError, "", ""},
			{func(c *socketiotest.Client) { c.Raw(text("nonsense")) }, socketio.ParseError, "", ""},
		} {
			if c.only != "" && !strings.Contains(t.Name(), c.only) {
				continue
			}
			t.Run(string(c.reason)+" "+c.client, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					io, log, did := farewell()
					s := socketiotest.New(t, io)
					witness := s.Connect("/")
					client := s.Connect("/", transport)
					id := client.ID()
					c.leave(client)
					for range 6 { // sweeps
						<-time.After(25 * time.Second)
						s.Settle()
					}
					want := fmt.Sprint("leaving / [a b] data ", c.reason, ", left / [] data ", c.reason)
					if did.String() != want {
						t.Errorf("did %s, want %s", did, want)
					}
					if got := client.Disconnected(); got == "" || c.client != "" && got != c.client {
						t.Errorf("the client says %q, want %q", got, c.client)
					}
					witness.Expect("bye", id)
					witness.ExpectNothing()
					if rows := testparts.Store(s).Rows(); rows.Members != 3 {
						t.Errorf("rows: %+v", rows)
					}
					if len(log.lines(t, "a handler failed")) > 0 {
						t.Error("a handler failed")
					}
				})
			})
		}
	})
}

func TestAClientThatJoinsNoNamespaceIsForcedToClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, log, did := farewell()
		io.Of("/shut").Use(func(ctx, sock) error { return errors.New("no") })
		s := socketiotest.New(t, io)
		s.ConnectError("/shut")
		s.ConnectError("/shut", polling)
		for range 4 {
			<-time.After(25 * time.Second)
			s.Settle()
		}
		noRows(t, s)
		if did.String() != "" || len(log.lines(t, "a handler failed")) > 0 {
			t.Errorf("did %s", did)
		}
	})
}

func TestTheEndOfASessionDisconnectsAllItsSockets(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		for end, reason := range map[string]string{"close": "server namespace disconnect", "": "transport close"} {
			io, log, did := farewell()
			s := socketiotest.New(t, io)
			client := s.Connect("/", transport)
			other := client.Connect("/other")
			if end != "" {
				other.EmitNoAck(end)
				if client.Disconnected() != "io server disconnect" || other.Disconnected() != "io server disconnect" {
					t.Errorf("the clients are %q and %q", client.Disconnected(), other.Disconnected())
				}
			} else {
				client.Close()
			}
			for _, name := range []string{"/", "/other"} {
				for _, want := range []string{"leaving " + name + " [a b] data " + reason, "left " + name + " [] data " + reason} {
					if strings.Count(did.String(), want) != 1 {
						t.Errorf("did %s, want %s once", did, want)
					}
				}
			}
			log.nothing(t)
			noRows(t, s)
		}
	})
}

func TestASocketThatHasLeftCanDoNothingMore(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		for _, closeSession := range []bool{false, true} {
			io, log := newServer()
			var errs []error
			try := func(c ctx, s sock) {
				errs = append(errs, s.Emit(c, "late"), s.Join(c, "late"),
					socketio.UpdateData(c, s, func(n *int) error { *n = 2; return nil }))
			}
			io.Of("/").On("e", func(c ctx, s sock) (int, error) {
				err := errors.Join(socketio.UpdateData(c, s, func(n *int) error { *n = 1; return nil }), s.Join(c, "r"), disconnect(c, s, closeSession))
				try(c, s)
				var n int
				return 0, errors.Join(err, s.Data(&n), s.Leave(c, "r"), s.Disconnect(c), disconnect(c, s, closeSession))
			})
			io.Of("/").OnDisconnecting(func(c ctx, s sock, _ socketio.Reason) error { try(c, s); return s.Disconnect(c) })
			io.Of("/").OnDisconnect(func(c ctx, s sock, _ socketio.Reason) error { try(c, s); return nil })
			s := socketiotest.New(t, io)
			client := s.Connect("/", transport)
			if ack, ok := client.TryEmit("e"); ok {
				t.Errorf("acked %v", ack)
			}
			client.ExpectNothing()
			for _, err := range errs {
				if !errors.Is(err, socketio.ErrGone) {
					t.Errorf("returned %v", err)
				}
			}
			if rows := testparts.Store(s).Rows(); len(errs) != 9 || rows.Members > 0 {
				t.Errorf("%d errors, rows %+v", len(errs), rows)
			}
			log.nothing(t)
		}
	})
}

func TestASocketIsOfNoUseAfterItsHandler(t *testing.T) {
	io, _ := newServer()
	var kept sock
	io.Of("/").On("keep", func(_ ctx, s sock) error { kept = s; return nil })
	io.Of("/shut").Use(func(_ ctx, s sock) error { kept = s; return errors.New("no") })
	s := socketiotest.New(t, io)
	client := s.Connect("/")
	useless := func() {
		t.Helper()
		c := t.Context()
		for what, err := range map[string]error{
			"Emit":       kept.Emit(c, "late"),
			"Join":       kept.Join(c, "late"),
			"Leave":      kept.Leave(c, "late"),
			"UpdateData": socketio.UpdateData(c, kept, func(*int) error { return nil }),
			"Disconnect": kept.DisconnectClient(c),
		} {
			if !errors.Is(err, socketio.ErrGone) || !strings.Contains(err.Error(), "of no use after its handler") {
				t.Errorf("%s returned %v", what, err)
			}
		}
	}
	client.Emit("keep")
	useless()
	client.ConnectError("/shut")
	useless()
	client.ExpectNothing()
	if rows := testparts.Store(s).Rows(); rows.Members != 1 || client.Disconnected() != "" {
		t.Errorf("rows: %+v", rows)
	}
}

func TestTheSessionMayBeClosedFromOnDisconnecting(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		io, log, did := farewell()
		io.Of("/").OnDisconnecting(func(c ctx, s sock, _ socketio.Reason) error { return s.DisconnectClient(c) })
		s := socketiotest.New(t, io)
		client := s.Connect("/", transport)
		other := client.Connect("/other")
		client.Disconnect()
		if other.Disconnected() != "io server disconnect" {
			t.Errorf("the other namespace is %q", other.Disconnected())
		}
		for _, want := range []string{"leaving / [a b]", "left / []", "leaving /other [a b]", "left /other []"} {
			if strings.Count(did.String(), want) != 1 {
				t.Errorf("did %s, want %s once", did, want)
			}
		}
		log.nothing(t)
		noRows(t, s)
	})
}

func TestAnErrorOfAFarewellIsLoggedAndTheOthersRun(t *testing.T) {
	io, log, did := farewell()
	io.Of("/").OnDisconnect(func(ctx, sock, socketio.Reason) error { return errors.New("oh no") })
	io.Of("/").OnDisconnect(func(ctx, sock, socketio.Reason) error { return did.add("last") })
	s := socketiotest.New(t, io)
	client := s.Connect("/")
	client.Vanish()
	if !strings.HasSuffix(did.String(), "last") {
		t.Errorf("did %s", did)
	}
	log.want(t, "a handler failed", "oh no", "disconnect", client.ID())
	noRows(t, s)
}

func TestBroadcastsOfAFarewellLeaveTheLeavingSocketOut(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		for _, leave := range []func(*socketiotest.Client){(*socketiotest.Client).Disconnect, (*socketiotest.Client).Close} {
			io, log := newServer()
			io.Of("/").OnConnection(func(c ctx, s sock) error { return s.Join(c, "room") })
			io.Of("/").OnDisconnecting(func(c ctx, s sock, _ socketio.Reason) error {
				return errors.Join(io.Emit(c, "bye", 1), io.To("room").Emit(c, "bye", 2), s.To("room").Emit(c, "bye", 3), io.To(s.ID()).Emit(c, "bye", 4))
			})
			s := socketiotest.New(t, io)
			witness := s.Connect("/")
			client := s.Connect("/", transport)
			leave(client)
			for n := range 3 {
				witness.Expect("bye", n+1)
			}
			witness.ExpectNothing()
			client.ExpectNothing()
			log.nothing(t)
		}
	})
}
