package socketio_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// sentTo notes who was sent what.
type sentTo struct {
	mu   sync.Mutex
	seen []string
}

func (s *sentTo) note(names map[string]string) func(ctx, socketio.Outgoing) error {
	return func(_ ctx, o socketio.Outgoing) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.seen = append(s.seen, fmt.Sprint(names[o.Socket], " ", o.Namespace.Name(), " ", o.Event, " ", o.Args))
		return nil
	}
}

// take returns what was noted since the last call, sorted.
func (s *sentTo) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.seen)
	all := strings.Join(s.seen, ", ")
	s.seen = nil
	return all
}

func TestOnAnyOutgoingSeesWhatEachSocketIsSent(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		io, log := newServer()
		var sent sentTo
		names := map[string]string{}
		chat := io.OfFunc(func(name string) bool { return name == "/chat" || name == "/other" })
		chat.OnAnyOutgoing(sent.note(names))
		chat.On("join", func(c ctx, s sock) error { return s.Join(c, "#r") })
		chat.On("me", func(c ctx, s sock) (string, error) { return "ack", s.Emit(c, "one", 1, []byte{2}) })
		chat.On("others", func(c ctx, s sock) error { return s.Broadcast().Emit(c, "all") })
		chat.On("room", func(c ctx, s sock) error { return s.Namespace().To("#r").Emit(c, "r", "x") })
		chat.On("gone", func(c ctx, s sock) error { return s.To("nobody").Emit(c, "e") })
		chat.On("reserved", func(c ctx, s sock) error { _ = s.Emit(c, "connect"); _ = s.Emit(c, "e", func() {}); return nil })
		s := socketiotest.New(t, io)
		clients := map[string]*socketiotest.Client{"ada": s.Connect("/chat", transport), "bob": s.Connect("/chat", transport), "eve": s.Connect("/other", transport)}
		for name, c := range clients {
			names[c.ID()] = name
		}
		clients["ada"].Emit("join")
		clients["bob"].Emit("join")
		for event, want := range map[string]string{
			"me":     "ada /chat one [1 [2]]",
			"others": "bob /chat all []",
			"room":   "ada /chat r [x], bob /chat r [x]",
			"gone":   "", "reserved": "", "none": "",
		} {
			clients["ada"].EmitNoAck(event)
			if got := sent.take(); got != want {
				t.Errorf("%s: sent %q, want %q", event, got, want)
			}
		}
		if err := io.Of("/other").To(clients["eve"].ID()).Emit(t.Context(), "by id"); err != nil {
			t.Fatal(err)
		}
		if got := sent.take(); got != "eve /other by id []" {
			t.Errorf("from elsewhere: sent %q", got)
		}
		log.nothing(t)
	})
}

// What is wrong with the function is in the log, and does not keep anything from anybody.
func TestAFunctionOfOnAnyOutgoingThatFails(t *testing.T) {
	io, log := newServer()
	main := io.Of("/")
	fails := map[string]error{"error": errors.New("secret"), "ack": &socketio.AckError{Data: 1}}
	main.OnAnyOutgoing(func(_ ctx, o socketio.Outgoing) error {
		if o.Event == "panic" {
			panic("as asked")
		}
		return fails[o.Event]
	})
	var second diary
	main.OnAnyOutgoing(func(_ ctx, o socketio.Outgoing) error { return second.add(o.Event) })
	main.On("send", func(c ctx, s sock, event string) (string, error) { return "sent", s.Emit(c, event) })
	client := socketiotest.New(t, io).Connect("/")
	for _, event := range []string{"error", "ack", "panic"} {
		if ack := client.Emit("send", event); !reflect.DeepEqual(ack, socketio.Args{"sent"}) {
			t.Errorf("%s: acked %v", event, ack)
		}
		client.Expect(event)
	}
	if second.String() != "error, ack, panic" {
		t.Errorf("the second function saw %s", &second)
	}
	lines := log.lines(t, "a function of OnAnyOutgoing failed")
	got := map[string]string{}
	for _, l := range lines {
		got[fmt.Sprint(l["event"])] = strings.Fields(fmt.Sprint(l["error"]))[0]
	}
	if want := map[string]string{"error": "secret", "ack": "acked", "panic": "panic:"}; !maps.Equal(got, want) {
		t.Errorf("logged %v", lines)
	}
}

func TestServerOnErrorSeesWhatOnAnyOutgoingReturns(t *testing.T) {
	io, log := newServer()
	io.OnError(func(_ ctx, s sock, event string, err error) error {
		if event == "e" && s.ID() != "" && err.Error() == "secret" {
			return nil
		}
		return err
	})
	io.Of("/").OnAnyOutgoing(func(ctx, socketio.Outgoing) error { return errors.New("secret") })
	client := socketiotest.New(t, io).Connect("/")
	if err := io.Emit(t.Context(), "e"); err != nil {
		t.Fatal(err)
	}
	client.Expect("e")
	log.nothing(t)
}

// A function that emits is not called for that, for ever.
func TestWhatOnAnyOutgoingEmitsIsNotSeen(t *testing.T) {
	io, _ := newServer()
	io.Of("/").OnAnyOutgoing(func(c ctx, o socketio.Outgoing) error {
		return o.Namespace.To(o.Socket).Emit(c, "copy of "+o.Event)
	})
	io.Of("/").On("send", func(c ctx, s sock) error { return s.Emit(c, "e") })
	client := socketiotest.New(t, io).Connect("/")
	client.Emit("send")
	client.Expect("e")
	client.Expect("copy of e")
	client.ExpectNothing()
}
