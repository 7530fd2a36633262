package socketio_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

func TestBeforeBindNothingCanBeSent(t *testing.T) {
	io, _ := newServer()
	c := t.Context()
	_, counted := io.Of("/").Rooms(c)
	for what, err := range map[string]error{
		"Server.Emit":     io.Emit(c, "e"),
		"Server.To":       io.To("r").Emit(c, "e"),
		"Server.In":       io.In("r").Emit(c, "e"),
		"Server.Except":   io.Except("r").Emit(c, "e"),
		"Namespace.Emit":  io.Of("/n").Emit(c, "e"),
		"Namespace.Rooms": counted,
	} {
		if !errors.Is(err, socketio.ErrUnbound) {
			t.Errorf("%s returned %v", what, err)
		}
	}
}

func TestRegistrationAfterBindPanics(t *testing.T) {
	io, _ := newServer()
	n := io.Of("/")
	socketiotest.New(t, io)
	for what, register := range map[string]func(){
		`Of("/late")`:     func() { io.Of("late") },
		"Use":             func() { n.Use(nil) },
		"OnConnection":    func() { n.OnConnection(nil) },
		"OnDisconnecting": func() { n.OnDisconnecting(nil) },
		"OnDisconnect":    func() { n.OnDisconnect(nil) },
		"OnAny":           func() { n.OnAny(nil) },
		`On("e")`:         func() { n.On("e", func(ctx, sock) error { return nil }) },
	} {
		func() {
			defer func() {
				if p := fmt.Sprint(recover()); p != "socketio: "+what+" after Bind: namespaces and handlers are registered once, at start-up" {
					t.Errorf("%s: panic %q", what, p)
				}
			}()
			register()
		}()
	}
	if io.Of("/") != n || n.Name() != "/" {
		t.Error("the namespace is not found any more")
	}
}

func TestNamespacesThatTheProtocolCannotCarryPanic(t *testing.T) {
	for _, name := range []string{"/a,b", "/a?b", "/a\x1eb", "/\xff"} {
		func() {
			defer func() {
				if p := fmt.Sprint(recover()); !strings.Contains(p, "is UTF-8 without comma") {
					t.Errorf("Of(%q): panic %q", name, p)
				}
			}()
			io, _ := newServer()
			io.Of(name)
		}()
	}
}

func TestBindSaysWhatIsMissing(t *testing.T) {
	io, _ := newServer()
	if _, err := io.Bind(socketio.Backend{}); err == nil || !strings.Contains(err.Error(), "Bind needs all of") {
		t.Errorf("Bind returned %v", err)
	}
	var b socketio.Backend
	other, _ := newServer()
	socketiotest.New(t, other, socketiotest.Options{Wrap: func(whole socketio.Backend) socketio.Backend { b = whole; return whole }})
	b.Options.PingInterval = time.Nanosecond
	if _, err := io.Bind(b); err == nil || !strings.Contains(err.Error(), "at least a millisecond") {
		t.Errorf("Bind returned %v", err)
	}
	b.Options.PingInterval = 0
	if _, err := io.Bind(b); err != nil { // a Bind that failed does not count
		t.Errorf("Bind returned %v", err)
	}
	if _, err := io.Bind(b); err == nil || !strings.Contains(err.Error(), "has a backend already") {
		t.Errorf("Bind returned %v", err)
	}
}

func TestTheBackendsOptionsGoFirst(t *testing.T) {
	io := socketio.New(socketio.Options{AllowOrigins: []string{"https://a.example"}, PingInterval: time.Second, PingTimeout: 2 * time.Second,
		ConnectTimeout: 3 * time.Second, UpgradeTimeout: 4 * time.Second})
	mine := make([]string, 1, 2)
	mine[0] = "https://b.example"
	s := socketiotest.New(t, io, socketiotest.Options{Engine: engine.Options{PingTimeout: 7 * time.Second, AllowOrigins: mine}})
	o := s.Engine.Options()
	if o.PingInterval != time.Second || o.PingTimeout != 7*time.Second || o.ConnectTimeout != 3*time.Second || o.UpgradeTimeout != 4*time.Second {
		t.Errorf("options %+v", o)
	}
	if fmt.Sprint(o.AllowOrigins) != "[https://b.example https://a.example]" || mine[:2][1] != "" {
		t.Errorf("origins %v, the caller's %v", o.AllowOrigins, mine[:2])
	}
}
