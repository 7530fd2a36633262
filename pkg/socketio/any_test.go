package socketio_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// An *AckError of OnAny is the ack, as one of the handler, which does not run then.
func TestAnAckErrorOfOnAnyIsTheAck(t *testing.T) {
	for name, c := range map[string]struct {
		err     error
		ack     socketio.Args
		handled bool
	}{
		"nothing":     {nil, socketio.Args{"done"}, true},
		"an AckError": {&socketio.AckError{Data: "no"}, socketio.Args{"no"}, false},
		"wrapped":     {fmt.Errorf("ada: %w", &socketio.AckError{Data: []byte{1}}), socketio.Args{[]byte{1}}, false},
		"no data":     {&socketio.AckError{}, socketio.Args{nil}, false},
		"an error":    {errors.New("secret"), nil, false},
	} {
		overBoth(t, func(t *testing.T, transport socketiotest.Option) {
			t.Run(name, func(t *testing.T) {
				io, _ := newServer()
				var did diary
				io.Of("/").OnAny(func(ctx, sock, string, socketio.Args) error { _ = did.add("first"); return c.err })
				io.Of("/").OnAny(func(ctx, sock, string, socketio.Args) error { return did.add("second") })
				io.Of("/").On("e", func(ctx, sock) (string, error) { return "done", did.add("handler") })
				client := socketiotest.New(t, io).Connect("/", transport)
				ack, _ := client.TryEmit("e")
				want := "first, second, handler"
				if !c.handled {
					want = "first"
				}
				if !reflect.DeepEqual(ack, c.ack) || did.String() != want {
					t.Errorf("acked %v, did %s", ack, &did)
				}
				wanted := c.ack
				if c.handled { // by nobody, this time
					wanted = nil
				}
				if ack, _ := client.TryEmit("typo"); !reflect.DeepEqual(ack, wanted) {
					t.Errorf("an event without a handler was acked with %v, want %v", ack, wanted)
				}
				client.EmitNoAck("e")
				client.ExpectNothing()
			})
		})
	}
}

// Each event is a line at level Debug, without its arguments.
func TestEachEventIsALineForWhoLooksOn(t *testing.T) {
	io, log := newServer()
	chat := io.Of("/chat")
	chat.On("say", func(_ ctx, _ sock, text string) error { return nil })
	io.Of("/any").OnAny(func(ctx, sock, string, socketio.Args) error { return nil })
	s := socketiotest.New(t, io)
	ada := s.Connect("/chat")
	bob := ada.Connect("/any")
	ada.Emit("say", "the secret")
	ada.EmitNoAck("sya", "the secret")
	ada.EmitNoAck("say", map[string]string{"the": "secret"})
	ada.EmitNoAck(strings.Repeat("é", 10000))
	bob.EmitNoAck("any", "the secret")
	lines := log.lines(t, "event")
	if len(lines) != 5 || strings.Contains(log.text.String(), "secret") {
		t.Fatalf("logged %d lines:\n%s", len(lines), log.text.String())
	}
	for i, want := range []struct{ client, namespace, event, handler string }{
		{ada.ID(), "/chat", "say", "On"},
		{ada.ID(), "/chat", "sya", "none"},
		{ada.ID(), "/chat", "say", "refused"},
		{ada.ID(), "/chat", strings.Repeat("é", 100) + "...", "none"},
		{bob.ID(), "/any", "any", "OnAny"},
	} {
		l := lines[i]
		if l["socket"] != want.client || l["namespace"] != want.namespace || l["event"] != want.event || l["handler"] != want.handler || l["level"] != "DEBUG" {
			t.Errorf("line %d is %v, want %v", i, l, want)
		}
	}
}
