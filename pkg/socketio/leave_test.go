package socketio_test

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/internal/testparts"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// dying returns an application whose invocation dies in the first OnDisconnecting.
func dying() (*socketio.Server, *diary) {
	io, _, did := farewell()
	dead := false
	io.Of("/").OnDisconnecting(func(ctx, sock, socketio.Reason) error {
		if !dead {
			dead = true
			runtime.Goexit()
		}
		return nil
	})
	return io, did
}

const (
	again = "leaving / [a b] data client namespace disconnect"
	gone  = "left / [] data client namespace disconnect"
)

func TestAFarewellThatTakesLongDoesNotMakeTheOthersRunTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, _, did := farewell()
		io.Of("/").OnDisconnecting(func(ctx, sock, socketio.Reason) error { <-time.After(20 * time.Second); return nil })
		s := socketiotest.New(t, io)
		client := s.Connect("/")
		client.Connect("/other")
		go client.Disconnect()
		synctest.Wait()
		client.Close()
		for range 10 { // sweeps
			<-time.After(25 * time.Second)
			s.Settle()
		}
		want := again + ", " + gone + ", leaving /other [a b] data transport close, left /other [] data transport close"
		if did.String() != want {
			t.Errorf("did %s, want %s", did, want)
		}
		noRows(t, s)
	})
}

func TestASocketWhoseLeavingWasCutShortIsCleanedUpWithItsSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, did := dying()
		s := socketiotest.New(t, io)
		witness := s.Connect("/other")
		client := s.Connect("/")
		attempt(client.Disconnect)
		if client.Close(); did.String() != again || testparts.Store(s).Rows().Members != 6 {
			t.Fatalf("did %s, rows %+v", did, testparts.Store(s).Rows())
		}
		for range 10 { // sweeps
			<-time.After(25 * time.Second)
			s.Settle()
		}
		if did.String() != again+", "+again+", "+gone {
			t.Errorf("did %s", did)
		}
		if witness.ExpectNothing(); testparts.Store(s).Rows().Members != 3 {
			t.Errorf("rows %+v", testparts.Store(s).Rows())
		}
	})
}

func TestASocketWhoseLeavingWasCutShortIsCleanedUpWhenItsClientJoinsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, did := dying()
		s := socketiotest.New(t, io)
		client := s.Connect("/")
		attempt(client.Disconnect)
		for range 3 { // pings
			<-time.After(20 * time.Second)
			s.Settle()
		}
		client.Connect("/")
		if did.String() != again+", "+again+", "+gone || testparts.Store(s).Rows().Members != 3 {
			t.Errorf("did %s, rows %+v", did, testparts.Store(s).Rows())
		}
	})
}

func TestAClientThatJoinsAgainIsConnectedAfterItsFarewell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, log, did := farewell()
		io.Of("/").OnDisconnecting(func(ctx, sock, socketio.Reason) error { <-time.After(300 * time.Millisecond); return nil })
		io.Of("/").OnConnection(func(ctx, sock) error { return did.add("connected") })
		s := socketiotest.New(t, io)
		client := s.Connect("/")
		go client.Disconnect()
		synctest.Wait()
		client.Connect("/")
		if did.String() != "connected, "+again+", "+gone+", connected" {
			t.Errorf("did %s", did)
		}
		log.nothing(t)
	})
}

func TestADisconnectThatFailsClosesTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, log, did := farewell()
		b := &broken{}
		once := sync.OnceFunc(func() { b.fail("Leave", false, 1, errLasting) })
		io.Of("/").OnDisconnecting(func(ctx, sock, socketio.Reason) error { once(); return nil })
		s := socketiotest.New(t, io, socketiotest.Options{Wrap: hook(b.hook)})
		client := s.Connect("/")
		client.EmitNoAck("kick")
		if client.Disconnected() != "io server disconnect" || testparts.Store(s).Rows().Sessions > 0 {
			t.Errorf("the client is %q, rows %+v", client.Disconnected(), testparts.Store(s).Rows())
		}
		log.want(t, "a handler failed", errLasting.Error(), "kick", client.ID())
		for range 10 {
			<-time.After(25 * time.Second)
			s.Settle()
		}
		noRows(t, s)
		if strings.Count(did.String(), "left / []") != 1 {
			t.Errorf("did %s", did)
		}
	})
}
