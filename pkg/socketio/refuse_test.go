package socketio_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/dozeio/doze/internal/testparts"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

func TestWhatAClientThatIsKeptOutIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		want   socketio.ConnectError
		logged string
	}{
		"message":              {&socketio.ConnectError{Message: "no <entry>"}, socketio.ConnectError{Message: "no <entry>"}, ""},
		"with data":            {&socketio.ConnectError{Message: "no", Data: map[string]any{"code": 7}}, socketio.ConnectError{Message: "no", Data: map[string]any{"code": 7.0}}, ""},
		"false data":           {&socketio.ConnectError{Message: "no", Data: false}, socketio.ConnectError{Message: "no", Data: false}, ""},
		"wrapped":              {fmt.Errorf("about ada: %w", &socketio.ConnectError{Message: "no"}), socketio.ConnectError{Message: "no"}, ""},
		"plain error":          {errors.New("password of the database"), socketio.ConnectError{Message: "Connection refused"}, "password of the database"},
		"nil ConnectError":     {(*socketio.ConnectError)(nil), socketio.ConnectError{Message: "Connection refused"}, ""},
		"data that is no JSON": {&socketio.ConnectError{Message: "no", Data: make(chan int)}, socketio.ConnectError{Message: "Connection refused"}, "cannot be sent"},
		"data that panics":     {&socketio.ConnectError{Message: "no", Data: panicking{}}, socketio.ConnectError{Message: "Connection refused"}, "in MarshalJSON"},
		"huge data":            {&socketio.ConnectError{Message: "no", Data: strings.Repeat("x", 1<<18)}, socketio.ConnectError{Message: "Connection refused"}, engine.ErrTooLarge.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			io, log := newServer()
			io.Of("/").Use(func(ctx, sock) error { return c.err })
			if got := socketiotest.New(t, io).ConnectError("/"); !reflect.DeepEqual(*got, c.want) {
				t.Errorf("told %+v, want %+v", *got, c.want)
			}
			if lines := fmt.Sprint(log.lines(t, "a middleware failed"), log.lines(t, "a ConnectError cannot be sent")); !strings.Contains(lines, c.logged) {
				t.Errorf("logged %s, want %q", lines, c.logged)
			}
			if c.logged == "" && name != "nil ConnectError" {
				log.nothing(t)
			}
		})
	}
}

func TestASocketThatIsKeptOutLeavesNoRowsAndMayTryAgain(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		io, _ := newServer()
		io.Of("/").Use(func(c ctx, s sock) error {
			if err := s.Join(c, "room"); err != nil {
				return err
			}
			var let bool
			if s.Auth(&let); !let {
				return errors.New("no")
			}
			return nil
		})
		io.Of("/other")
		s := socketiotest.New(t, io)
		client := s.Connect("/other", transport)
		client.ConnectError("/")
		if rows := testparts.Store(s).Rows(); rows.Members != 1 {
			t.Errorf("rows: %+v", rows)
		}
	})
}

func TestAMiddlewareMayCloseTheSessionButNotDisconnectTheSocket(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		io, log := newServer()
		var disconnected error
		var left []string
		io.Of("/").Use(func(c ctx, s sock) error {
			disconnected = s.Disconnect(c)
			return s.DisconnectClient(c)
		})
		io.Of("/").Use(func(ctx, sock) error { t.Error("ran after the session was closed"); return nil })
		io.Of("/").OnConnection(func(ctx, sock) error { t.Error("connected"); return nil })
		for _, n := range []string{"/", "/other"} {
			io.Of(n).OnDisconnect(func(_ ctx, s sock, r socketio.Reason) error {
				left = append(left, fmt.Sprint(s.Namespace().Name(), " ", r))
				return nil
			})
		}
		s := socketiotest.New(t, io)
		other := s.Connect("/other", transport)
		other.Raw(text("0"), text(`2/other,["dropped"]`))
		if other.Disconnected() != "io server disconnect" || fmt.Sprint(left) != "[/other server namespace disconnect]" {
			t.Errorf("client %q, left %q", other.Disconnected(), left)
		}
		if disconnected == nil || !strings.Contains(disconnected.Error(), "return an error to keep the socket out") {
			t.Errorf("Disconnect(false) returned %v", disconnected)
		}
		log.nothing(t)
		noRows(t, s)
	})
}

func TestAnUnknownNamespaceIsRefusedAndTheSessionLivesOn(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		io, _ := newServer()
		io.Of("known") // without its slash
		s := socketiotest.New(t, io)
		client := s.Connect("/", transport)
		if refused := client.ConnectError("/unknown"); refused.Message != "Invalid namespace" || refused.Data != nil {
			t.Errorf("told %+v", refused)
		}
		client.Connect("/known")
	})
}

func TestMaxNamespacesCountsThoseThatAClientIsIn(t *testing.T) {
	io := socketio.New(socketio.Options{MaxNamespaces: 2})
	for _, name := range []string{"/a", "/b", "/c"} {
		io.Of(name)
	}
	a := socketiotest.New(t, io).Connect("/a")
	b := a.Connect("/b")
	if refused := a.ConnectError("/c"); refused.Message != "Too many namespaces" {
		t.Errorf("told %+v", refused)
	}
	b.Disconnect()
	a.Connect("/c").Disconnect()
	a.Connect("/b").Disconnect()
	a.Connect("/b")
}
