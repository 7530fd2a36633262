package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
	"github.com/dozeio/doze/pkg/store/memory"
	"github.com/dozeio/doze/tests/kit/fakeclock"
	"github.com/dozeio/doze/tests/kit/figures"
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
		"OfFunc":          func() { io.OfFunc(func(string) bool { return true }) },
		"Use":             func() { n.Use(nil) },
		"OnConnection":    func() { n.OnConnection(nil) },
		"OnDisconnecting": func() { n.OnDisconnecting(nil) },
		"OnDisconnect":    func() { n.OnDisconnect(nil) },
		"OnAny":           func() { n.OnAny(nil) },
		"OnAnyOutgoing":   func() { n.OnAnyOutgoing(nil) },
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

// TestOptionsThatAreSetGoFirst sets each of the engine's options in each of the places where it can be set, in all
// combinations: what was set for a deployment goes before what the application says, and that before the deployment's
// own defaults.
func TestOptionsThatAreSetGoFirst(t *testing.T) {
	at := func(seconds ...time.Duration) (all [3]any) {
		for i, n := range seconds {
			all[i] = n * time.Second
		}
		return all
	}
	var loggers [3]any
	for i := range loggers {
		loggers[i] = observe.Logger(slog.New(slog.DiscardHandler))
	}
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	slog.SetDefault(observe.Logger(slog.New(slog.DiscardHandler))) // else the engine makes one of it, each time
	values := map[string][3]any{                                   // set, the application's, the default
		"PingInterval": at(7, 8, 9), "PingTimeout": at(7, 8, 9), "ConnectTimeout": at(7, 8, 9), "UpgradeTimeout": at(7, 8, 9),
		"PollWait": at(7, 8, 9), "MaxAge": at(7, 8, 9),
		"MaxPayload": {7, 8, 9}, "MaxMessage": {7, 8, 9}, "Polls": {7, 8, 9}, "ClientRate": {7, 8, 9},
		"BinaryFrames": {true, true, true}, "OrderedFrames": {true, true, true}, "BinaryMessages": {true, true, true}, "HandlersElsewhere": {true, true, true},
		"PublicOrigin": {"https://a.example", "https://b.example", "https://c.example"},
		"Clock":        {fakeclock.New(time.Unix(7, 0)), fakeclock.New(time.Unix(8, 0)), fakeclock.New(time.Unix(9, 0))},
		"Rand":         {strings.NewReader("a"), strings.NewReader("b"), strings.NewReader("c")},
		"Logger":       loggers,
		"Meter":        {&figures.Meter{}, &figures.Meter{}, &figures.Meter{}},
		"Tracer":       {&spans{}, &spans{}, &spans{}},
		"Watch":        {&watch{1}, &watch{2}, &watch{3}},
		"Transports":   {[]string{"polling"}, []string{"websocket"}, []string{"websocket", "polling"}},
		"NoUpgrades":   {true, true, true},
		"Path":         {"/a/", "/b/", "/c/"},
	}
	var allow, headers [3]any
	for i, name := range []string{"set", "app", "default"} {
		allow[i] = func(context.Context, socketio.Request) error { return errors.New(name) }
		headers[i] = func(_ context.Context, _ socketio.Request, h http.Header) { h.Set("X-By", name) }
	}
	values["AllowRequest"], values["InitialHeaders"], values["Headers"] = allow, headers, headers
	said := 0
	for field := range reflect.TypeFor[engine.Options]().Fields() {
		if field.Name == "AllowOrigins" { // these are added up: see below
			continue
		}
		if values[field.Name][0] == nil {
			t.Errorf("engine.Options has %s, which this test does not", field.Name)
			continue
		}
		_, can := reflect.TypeFor[socketio.Options]().FieldByName(field.Name)
		if can {
			said++
		}
		for places := range 8 {
			var set, fallback engine.Options
			var app socketio.Options
			var want any
			for i, o := range []any{&set, &app, &fallback} {
				if places>>i&1 == 0 || i == 1 && !can {
					continue
				}
				v := values[field.Name][i]
				reflect.ValueOf(o).Elem().FieldByName(field.Name).Set(reflect.ValueOf(v))
				if want == nil {
					want = v
				}
			}
			got := reflect.ValueOf(bound(t, app, set, fallback)).FieldByName(field.Name)
			if want == nil {
				want = reflect.ValueOf(bound(t, socketio.Options{}, engine.Options{}, engine.Options{})).FieldByName(field.Name).Interface()
			}
			if told(got.Interface()) != told(want) {
				t.Errorf("%s, set %v, the application's %v, the default %v: got %v, want %v", field.Name, places&1 > 0, places&2 > 0, places&4 > 0, got, want)
			}
		}
	}
	if said != 13 {
		t.Errorf("%d options of the engine are the application's too, want 13", said)
	}
}

// told returns what can be compared of an option: what a function says, the text of a list.
func told(option any) any {
	switch f := option.(type) {
	case []string:
		return fmt.Sprint(f)
	case func(context.Context, socketio.Request) error:
		if f == nil {
			return "nobody"
		}
		return f(context.Background(), socketio.Request{}).Error()
	case func(context.Context, socketio.Request, http.Header):
		if f == nil {
			return "nobody"
		}
		h := http.Header{}
		f(context.Background(), socketio.Request{}, h)
		return h.Get("X-By")
	}
	return option
}

// bound returns the options of an engine, with their defaults filled in.
func bound(t *testing.T, app socketio.Options, set, fallback engine.Options) engine.Options {
	t.Helper()
	store := memory.New(nil)
	e, err := socketio.New(app).Bind(socketio.Backend{Sessions: store, Rooms: store, Poster: &gonePoster{}, Timers: noTimers{}, Options: set, Defaults: fallback})
	if err != nil {
		t.Fatal(err)
	}
	return e.Options()
}

type noTimers struct{ engine.Timers }

func TestOriginsAreAddedUp(t *testing.T) {
	mine := make([]string, 1, 4)
	mine[0] = "https://a.example"
	o := bound(t, socketio.Options{AllowOrigins: []string{"https://b.example"}}, engine.Options{AllowOrigins: mine}, engine.Options{AllowOrigins: []string{"https://c.example"}})
	if fmt.Sprint(o.AllowOrigins) != "[https://a.example https://b.example https://c.example]" || mine[:2][1] != "" {
		t.Errorf("origins %v, the caller's %v", o.AllowOrigins, mine[:2])
	}
}

// watch is nobody's.
type watch struct{ n int }

func (*watch) Began(context.Context)                {}
func (*watch) Ended(context.Context, engine.Reason) {}
func (*watch) Sent(context.Context, int, int)       {}
func (*watch) Done(context.Context, bool)           {}
