package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

func TestAHandlersErrorSendsNoAckAndIsLogged(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		io, log := newServer()
		io.Of("/chat").On("e", func(ctx, sock) (int, error) { return 1, errors.New("secret reason") })
		client := socketiotest.New(t, io).Connect("/chat", transport)
		if ack, ok := client.TryEmit("e"); ok {
			t.Errorf("acked %v", ack)
		}
		client.ExpectNothing()
		if client.Disconnected() != "" {
			t.Error("the client is disconnected")
		}
		log.want(t, "a handler failed", "secret reason", "e", client.ID())
	})
}

func TestAnAckErrorsDataIsTheAcksOnlyArgument(t *testing.T) {
	io, log := newServer()
	io.Of("/").On("e", func(ctx, sock) (int, error) {
		return 1, fmt.Errorf("wrapped: %w", &socketio.AckError{Data: map[string]any{"code": 7, "b": []byte{1}}})
	})
	client := socketiotest.New(t, io).Connect("/")
	want := socketio.Args{map[string]any{"code": 7.0, "b": []byte{1}}}
	if ack := client.Emit("e"); !reflect.DeepEqual(ack, want) {
		t.Errorf("acked %v, want %v", ack, want)
	}
	client.EmitNoAck("e") // nobody to tell
	client.ExpectNothing()
	log.nothing(t)
	if text := (&socketio.AckError{Data: 7}).Error(); text != "acked with 7" {
		t.Errorf("its text is %q", text)
	}
}

// panicking is a value whose encoding panics.
type panicking struct{}

func (panicking) MarshalJSON() ([]byte, error) { panic("in MarshalJSON") }
func (*panicking) UnmarshalJSON([]byte) error  { panic("in UnmarshalJSON") }

func TestAPanicIsLoggedAndTheConnectionLivesOn(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		for name, c := range map[string]struct {
			handler any
			want    string
		}{
			"handler":         {func(ctx, sock) error { panic("oh no") }, "panic: oh no"},
			"a bad index":     {func(_ ctx, _ sock, n int) (int, error) { return []int{1}[n], nil }, "panic: runtime error: index out of range [1]"},
			"its arguments":   {func(ctx, sock, panicking) error { return nil }, "panic: in UnmarshalJSON"},
			"a nil AckError":  {func(ctx, sock) error { return (*socketio.AckError)(nil) }, ""},
			"a panicked Emit": {func(c ctx, s sock) error { return s.Emit(c, "x", panicking{}) }, "panic: in MarshalJSON"},
		} {
			t.Run(name, func(t *testing.T) {
				io, log := newServer()
				io.Of("/").On("e", c.handler)
				io.Of("/").On("alive", func(ctx, sock) error { return nil })
				client := socketiotest.New(t, io).Connect("/", transport)
				if ack, ok := client.TryEmit("e", 1); ok {
					t.Errorf("acked %v", ack)
				}
				log.want(t, "a handler failed", c.want, "e", client.ID())
				if strings.HasPrefix(c.want, "panic") && !strings.Contains(fmt.Sprint(log.lines(t, "a handler failed")), "ack_test.go") {
					t.Error("the stack is not logged")
				}
				client.Emit("alive")
			})
		}
	})
}

func TestPanicsOutsideOfEventsAreLoggedToo(t *testing.T) {
	io, log := newServer()
	io.Of("/middleware").Use(func(ctx, sock) error { panic("oh no") })
	io.Of("/connection").OnConnection(func(ctx, sock) error { panic("oh no") })
	io.Of("/leaving").OnDisconnecting(func(ctx, sock, socketio.Reason) error { panic("oh no") })
	io.Of("/leaving").OnDisconnect(func(ctx, sock, socketio.Reason) error { panic("oh no") })
	io.Of("/any").OnAny(func(ctx, sock, string, socketio.Args) error { panic("oh no") })
	s := socketiotest.New(t, io)

	if refused := s.ConnectError("/middleware"); refused.Message != "Connection refused" || refused.Data != nil {
		t.Errorf("told %v", refused)
	}
	client := s.Connect("/connection")
	if client.Disconnected() != "io server disconnect" {
		t.Error("a panic of OnConnection left the client connected")
	}
	s.Connect("/leaving").Disconnect()
	s.Connect("/any").EmitNoAck("e")
	for _, message := range []string{"a middleware failed", "OnConnection failed, so the socket is disconnected"} {
		if lines := log.lines(t, message); len(lines) != 1 || !strings.HasPrefix(lines[0]["error"].(string), "panic: oh no") {
			t.Errorf("%q is logged %v", message, lines)
		}
	}
	if lines := log.lines(t, "a handler failed"); len(lines) != 3 {
		t.Errorf("logged %v", lines)
	}
}

func TestAckIDsAreTheClients(t *testing.T) {
	io, _ := newServer()
	io.Of("/").On("e", func(_ ctx, _ sock, n int) (int, error) { return n, nil })
	client := socketiotest.New(t, io).Connect("/")
	for i := range 3 {
		if ack := client.Emit("e", i); ack[0] != float64(i) {
			t.Errorf("event %d was acked with %v", i, ack)
		}
	}
	client.Raw(text(`39007199254740991["nobody waits"]`), text(`3["no id"]`))
	if client.Disconnected() == "" {
		t.Error("an ack without an id did not close the session")
	}
}

func TestAHandlersContextEndsWithTheInvocationsTime(t *testing.T) {
	io, log := newServer()
	main := io.Of("/")
	c, cancel := context.WithCancel(t.Context())
	var handled []int
	main.On("e", func(c ctx, s sock, n int) (int, error) {
		if handled = append(handled, n); n == 2 {
			if err := s.Join(c, "room"); err != nil {
				return 0, err
			}
			cancel()
		}
		return n, c.Err()
	})
	s := socketiotest.New(t, io, socketiotest.Options{Context: c})
	client := s.Connect("/", polling)
	client.Raw(text(`20["e",1]`), text(`21["e",2]`), text(`22["e",3]`))
	// The third event is not handled, which must not stay unknown to the client.
	if client.Disconnected() != "transport error" || fmt.Sprint(handled) != "[1 2]" {
		t.Errorf("the client is %q, %v were handled", client.Disconnected(), handled)
	}
	log.want(t, "a handler failed", "context canceled", "e", client.ID())
	noRows(t, s)
}

func TestALongNameOfAnEventIsLoggedInPart(t *testing.T) {
	io, log := newServer()
	io.Of("/").OnAny(func(ctx, sock, string, socketio.Args) error { return errors.New("no") })
	client := socketiotest.New(t, io).Connect("/")
	client.EmitNoAck(strings.Repeat("é", 10000))
	log.want(t, "a handler failed", "no", strings.Repeat("é", 100)+"...", client.ID())
}
