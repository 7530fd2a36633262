package socketio_test

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// seen is what the function for errors was called with.
type seen struct {
	socket, event string
	err           error
}

func TestOnErrorSeesWhatGoesWrong(t *testing.T) {
	secret := errors.New("secret")
	fails := func(ctx, sock) error { return secret }
	for name, c := range map[string]struct {
		register func(n *socketio.Namespace)
		args     []any
		event    string
		want     string // the error's text begins so
	}{
		"a handler":         {func(n *socketio.Namespace) { n.On("e", fails) }, nil, "e", "secret"},
		"a panic":           {func(n *socketio.Namespace) { n.On("e", func(ctx, sock) error { panic("oh no") }) }, nil, "e", "panic: oh no"},
		"a wrong argument":  {func(n *socketio.Namespace) { n.On("e", func(ctx, sock, int) error { return nil }) }, []any{"x"}, "e", "argument 1 is no int: "},
		"a missing one":     {func(n *socketio.Namespace) { n.On("e", func(ctx, sock, int) error { return nil }) }, nil, "e", "argument 1 (int) is missing"},
		"a bad result":      {func(n *socketio.Namespace) { n.On("e", func(ctx, sock) (any, error) { return make(chan int), nil }) }, nil, "e", "what the handler has returned cannot be an ack"},
		"OnAny":             {func(n *socketio.Namespace) { n.OnAny(func(ctx, sock, string, socketio.Args) error { return secret }) }, nil, "e", "secret"},
		"a nested argument": {func(n *socketio.Namespace) { n.On("e", func(ctx, sock, any) error { return nil }) }, []any{deep(1001)}, "e", "the arguments: nested more than 1,000 deep"},
	} {
		t.Run(name, func(t *testing.T) {
			io, log := newServer()
			c.register(io.Of("/chat"))
			var saw []seen
			io.OnError(func(_ ctx, s sock, event string, err error) error {
				saw = append(saw, seen{s.ID(), event, err})
				return &socketio.AckError{Data: fmt.Sprint("internal error, id ", len(saw))}
			})
			client := socketiotest.New(t, io).Connect("/chat")
			if ack := client.Emit("e", c.args...); !reflect.DeepEqual(ack, socketio.Args{"internal error, id 1"}) {
				t.Errorf("acked %v", ack)
			}
			client.EmitNoAck("e", c.args...)
			client.ExpectNothing()
			want := 2
			if name == "a bad result" { // nobody waits for it
				want = 1
			}
			if len(saw) != want || saw[0].socket != client.ID() || saw[0].event != c.event || !strings.HasPrefix(saw[0].err.Error(), c.want) {
				t.Errorf("saw %v, want %q", saw, c.want)
			}
			log.nothing(t)
			if client.Disconnected() != "" {
				t.Error("the client is disconnected")
			}
		})
	}
}

// deep returns an array in arrays.
func deep(levels int) any {
	v := any([]any{})
	for range levels - 1 {
		v = []any{v}
	}
	return v
}

func TestOnErrorSeesMiddlewaresAndTheRest(t *testing.T) {
	secret := errors.New("secret")
	io, log := newServer()
	io.Of("/middleware").Use(func(ctx, sock) error { return secret })
	io.Of("/payload").Use(func(_ ctx, s sock) error { return s.Auth(new(struct{ Age int })) })
	io.Of("/unsendable").Use(func(ctx, sock) error { return &socketio.ConnectError{Message: "no", Data: make(chan int)} })
	io.Of("/refused").Use(func(ctx, sock) error { return &socketio.ConnectError{Message: "no"} })
	io.Of("/connection").OnConnection(func(ctx, sock) error { return secret })
	io.Of("/leaving").OnDisconnecting(func(ctx, sock, socketio.Reason) error { panic("oh no") })
	io.Of("/leaving").OnDisconnect(func(ctx, sock, socketio.Reason) error { return secret })
	var saw []string
	io.OnError(func(_ ctx, s sock, event string, err error) error {
		text := strings.SplitN(err.Error(), "\n", 2)[0]
		if wrong := (*socketio.ArgumentError)(nil); errors.As(err, &wrong) {
			text = fmt.Sprint(wrong.Argument, wrong.Type)
		}
		saw = append(saw, s.Namespace().Name()+" "+event+" "+text)
		if event == "connect" {
			return &socketio.ConnectError{Message: "id 7", Data: 7}
		}
		return nil
	})
	s := socketiotest.New(t, io)
	for namespace, want := range map[string]string{"/middleware": "id 7", "/payload": "id 7", "/unsendable": "id 7", "/refused": "no"} {
		if got := s.ConnectError(namespace, socketiotest.Auth(map[string]any{"age": "x"})); got.Message != want {
			t.Errorf("%s: told %v", namespace, got)
		}
	}
	if s.Connect("/connection").Disconnected() != "io server disconnect" {
		t.Error("OnConnection's error left the client connected")
	}
	s.Connect("/leaving").Disconnect()
	for _, want := range []string{
		"/middleware connect secret", "/payload connect 0 struct { Age int }", "/unsendable connect socketio: the ConnectError cannot be sent",
		"/connection connection secret", "/leaving disconnecting panic: oh no", "/leaving disconnect secret",
	} {
		if !strings.Contains(strings.Join(saw, "\n")+"\n", want) {
			t.Errorf("did not see %q in %q", want, saw)
		}
	}
	if len(saw) != 6 {
		t.Errorf("saw %q", saw)
	}
	log.nothing(t)
}

func TestWhatOnErrorReturnsTakesTheErrorsPlace(t *testing.T) {
	secret := errors.New("secret")
	for name, c := range map[string]struct {
		returned func(err error) error
		ack      socketio.Args
		logged   string // part of the error in the log, "" for no line
		message  string
		closed   bool
	}{
		"itself":            {func(err error) error { return err }, nil, "secret", "a handler failed", false},
		"wrapped":           {func(err error) error { return fmt.Errorf("id 7: %w", err) }, nil, "id 7: secret", "a handler failed", false},
		"nothing":           {func(error) error { return nil }, nil, "", "", false},
		"an answer":         {func(error) error { return &socketio.AckError{Data: 7} }, socketio.Args{7.0}, "", "", false},
		"a wrapped answer":  {func(error) error { return fmt.Errorf("x: %w", &socketio.AckError{Data: 7}) }, socketio.Args{7.0}, "", "", false},
		"a nil answer":      {func(error) error { return (*socketio.AckError)(nil) }, nil, "", "a handler failed", false},
		"a ConnectError":    {func(error) error { return &socketio.ConnectError{Message: "no"} }, nil, "no", "a handler failed", false},
		"a panic":           {func(error) error { panic("oh no") }, nil, "secret\npanic: oh no", "a handler failed", false},
		"an answer no JSON": {func(error) error { return &socketio.AckError{Data: make(chan int)} }, nil, "cannot be an ack", closedForAck, true},
	} {
		t.Run(name, func(t *testing.T) {
			io, log := newServer()
			io.Of("/").On("e", func(ctx, sock) error { return secret })
			io.OnError(func(_ ctx, _ sock, _ string, err error) error { return c.returned(err) })
			client := socketiotest.New(t, io).Connect("/")
			ack, _ := client.TryEmit("e")
			if !reflect.DeepEqual(ack, c.ack) || (client.Disconnected() != "") != c.closed {
				t.Errorf("acked %v, client %q", ack, client.Disconnected())
			}
			if c.message == "" {
				log.nothing(t)
				return
			}
			log.want(t, c.message, c.logged, "e", client.ID())
		})
	}
}

// A lost ack closes the session whatever the function for errors says of it, unless that answers.
func TestOnErrorAndAnAckThatCannotBeMade(t *testing.T) {
	for name, c := range map[string]struct {
		returned error
		ack      bool
	}{
		"nothing":    {nil, false},
		"other":      {errors.New("other"), false},
		"an answer":  {&socketio.AckError{Data: 7}, true},
		"a bad one":  {&socketio.AckError{Data: make(chan int)}, false},
		"a ConnectE": {&socketio.ConnectError{Message: "no"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			io, _ := newServer()
			io.Of("/").On("e", func(ctx, sock) (any, error) { return make(chan int), nil })
			io.OnError(func(ctx, sock, string, error) error { return c.returned })
			client := socketiotest.New(t, io).Connect("/")
			if _, ok := client.TryEmit("e"); ok != c.ack || (client.Disconnected() == "") != c.ack {
				t.Errorf("acked %v, client %q", ok, client.Disconnected())
			}
		})
	}
}

func TestAnswersAreNoErrors(t *testing.T) {
	io, log := newServer()
	io.Of("/").On("e", func(ctx, sock) error { return &socketio.AckError{Data: 1} })
	io.Of("/").On("ok", func(ctx, sock) error { return nil })
	io.OnError(func(ctx, sock, string, error) error { t.Error("OnError was called"); return nil })
	client := socketiotest.New(t, io).Connect("/")
	client.Emit("e")
	client.Emit("ok")
	client.EmitNoAck("nobody")
	log.nothing(t)
}

// An *AckError of a function that nobody waits for is an error like any other.
func TestAnswersToNobodyAreLogged(t *testing.T) {
	fails := func(ctx, sock) error { return &socketio.AckError{Data: "nobody hears this"} }
	late := func(ctx, sock, socketio.Reason) error { return &socketio.AckError{Data: "nobody hears this"} }
	for name, register := range map[string]func(n *socketio.Namespace){
		"Use":             func(n *socketio.Namespace) { n.Use(fails) },
		"OnConnection":    func(n *socketio.Namespace) { n.OnConnection(fails) },
		"OnDisconnecting": func(n *socketio.Namespace) { n.OnDisconnecting(late) },
		"OnDisconnect":    func(n *socketio.Namespace) { n.OnDisconnect(late) },
	} {
		t.Run(name, func(t *testing.T) {
			io, log := newServer()
			register(io.Of("/"))
			s := socketiotest.New(t, io)
			switch name {
			case "Use":
				s.ConnectError("/")
			case "OnConnection":
				if reason := s.Connect("/").Disconnected(); reason != "io server disconnect" {
					t.Errorf("disconnected by %q", reason)
				}
			default:
				s.Connect("/").Close()
			}
			message := map[string]string{"Use": "a middleware failed", "OnConnection": "OnConnection failed, so the socket is disconnected"}[name]
			if lines := log.lines(t, cmp.Or(message, "a handler failed")); len(lines) != 1 || !strings.Contains(fmt.Sprint(lines[0]["error"]), "nobody hears this") {
				t.Errorf("the log has %v", lines)
			}
		})
	}
}

// OnError for a middleware runs before the socket is given up.
func TestOnErrorOfAMiddlewareMayUseTheSocket(t *testing.T) {
	io, _ := newServer()
	io.Of("/").Use(func(ctx, sock) error { return errors.New("no") })
	var emitted error
	io.OnError(func(ctx ctx, s sock, _ string, err error) error {
		emitted = s.Emit(ctx, "why", err.Error())
		return nil
	})
	socketiotest.New(t, io).ConnectError("/")
	if emitted != nil {
		t.Error(emitted)
	}
}

func TestThereIsOneOnError(t *testing.T) {
	f := func(ctx, sock, string, error) error { return nil }
	for name, act := range map[string]func(io *socketio.Server){
		"two":        func(io *socketio.Server) { io.OnError(f); io.OnError(f) },
		"after Bind": func(io *socketio.Server) { socketiotest.New(t, io); io.OnError(f) },
	} {
		func() {
			defer func() {
				if p := fmt.Sprint(recover()); !strings.Contains(p, "socketio: OnError") {
					t.Errorf("%s: panic %q", name, p)
				}
			}()
			io, _ := newServer()
			act(io)
		}()
	}
}
