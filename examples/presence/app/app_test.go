package app

import (
	"slices"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

func named(name string) socketiotest.Option {
	return socketiotest.Auth(map[string]string{"name": name})
}

// enter opens a tab, and checks whom it is told to be online.
func enter(t *testing.T, s *socketiotest.Server, name string, online ...string) *socketiotest.Client {
	t.Helper()
	c := s.Connect("/", named(name))
	var got people
	if c.Expect("people", &got); got.You != name || !slices.Equal(got.Online, online) {
		t.Errorf("%s is told %+v, want %q", name, got, online)
	}
	return c
}

func confirm(c *socketiotest.Client) {
	c.Answer("message", func(socketio.Args) socketio.Args { return nil })
}

func TestAPersonIsOnlineFromTheFirstTabToTheLast(t *testing.T) {
	s := socketiotest.New(t, New())
	ada := enter(t, s, "ada", "ada")
	first := enter(t, s, "bob", "ada", "bob")
	ada.Expect("online", "bob")
	second := enter(t, s, "bob", "ada", "bob")
	ada.Expect("online", "bob")
	first.Vanish()
	ada.ExpectNothing()
	second.Close()
	ada.Expect("offline", "bob")
	ada.ExpectNothing()
	enter(t, s, "eve", "ada", "eve")
}

func TestAMessageReachesEachTabAndIsConfirmed(t *testing.T) {
	s := socketiotest.New(t, New())
	ada, desk := enter(t, s, "ada", "ada"), enter(t, s, "ada", "ada")
	bob, phone := enter(t, s, "bob", "ada", "bob"), enter(t, s, "bob", "ada", "bob")
	eve := enter(t, s, "eve", "ada", "bob", "eve")
	drain(ada, desk, bob, phone)
	confirm(bob)
	confirm(phone)
	ack := ada.Emit("message", letter{From: "eve", To: "bob", Text: "hello"})
	if got := ack[0].(map[string]any)["delivered"]; got != true {
		t.Errorf("ada's receipt is %v", ack)
	}
	want := map[string]any{"from": "ada", "to": "bob", "text": "hello"} // whatever ada says
	bob.Expect("message", want)
	phone.Expect("message", want)
	desk.Expect("message", want)
	ada.ExpectNothing()
	eve.ExpectNothing()
}

// drain takes who came online after these.
func drain(clients ...*socketiotest.Client) {
	for i, c := range clients {
		for range len(clients) - i {
			c.Next()
		}
	}
}

func TestWhatCannotBeSentIsSaid(t *testing.T) {
	s := socketiotest.New(t, New())
	ada := enter(t, s, "ada", "ada")
	for _, l := range []letter{{To: "bob", Text: "hello"}, {To: "ada", Text: "hello"}, {To: "bob"}, {To: ada.ID(), Text: "hello"},
		{To: "bob", Text: strings.Repeat("ä", 4001)}} {
		ack, ok := ada.Emit("message", l)[0].(map[string]any)
		if !ok || ack["error"] == "" {
			t.Errorf("the message to %s is acked with %v", l.To, ack)
		}
	}
	ada.ExpectNothing()
}

func TestTypingIsToldToOnePerson(t *testing.T) {
	s := socketiotest.New(t, New())
	ada := enter(t, s, "ada", "ada")
	bob := enter(t, s, "bob", "ada", "bob")
	eve := enter(t, s, "eve", "ada", "bob", "eve")
	bob.Expect("online", "eve")
	ada.Emit("typing", notice{To: "bob", Typing: true})
	bob.Expect("typing", map[string]any{"from": "ada", "to": "bob", "typing": true})
	eve.ExpectNothing()
}

func TestANameIsNeeded(t *testing.T) {
	s := socketiotest.New(t, New())
	for _, name := range []string{"", "  ", "@ada", "a\u202eda", strings.Repeat("a", 25)} {
		if refused := s.ConnectError("/", named(name)); refused.Message == "" {
			t.Errorf("%q is refused with %v", name, refused)
		}
	}
	s.Connect("/", named("Zoë B."))
}
