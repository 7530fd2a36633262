package app_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/dozeio/doze/app"
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// enter connects somebody under a nickname.
func enter(s *socketiotest.Server, nickname string) *socketiotest.Client {
	c := s.Connect("/", named(nickname))
	if event, _ := c.Next(); event != "welcome" {
		panic("the first event is " + event + ", want welcome")
	}
	return c
}

func named(nickname string) socketiotest.Option {
	return socketiotest.Auth(map[string]string{"nickname": nickname})
}

// found makes somebody the first in a room, and the others hear of it.
func found(t *testing.T, room string, first *socketiotest.Client, others ...*socketiotest.Client) {
	t.Helper()
	if receipt := first.Emit("join", room); field(t, receipt, "members") != 1.0 {
		t.Errorf("the first to join gets %v", receipt)
	}
	for _, other := range others {
		other.Expect("room", map[string]any{"name": room, "members": 1.0})
	}
}

// expect is Expect for an event whose argument has these fields among others.
func expect(t *testing.T, c *socketiotest.Client, event string, fields map[string]any) {
	t.Helper()
	got, args := c.Next()
	if got != event {
		t.Fatalf("got %s %v, want %s", got, args, event)
	}
	for name, want := range fields {
		if value := field(t, args, name); value != want {
			t.Errorf("%s has %s %v, want %v", event, name, value, want)
		}
	}
}

// field returns one field of the first argument.
func field(t *testing.T, args socketio.Args, name string) any {
	t.Helper()
	if len(args) == 0 {
		t.Fatalf("no arguments, want one with %q", name)
	}
	m, ok := args[0].(map[string]any)
	if !ok {
		t.Fatalf("got %v, want an object with %q", args, name)
	}
	return m[name]
}

func TestNicknameIsRequired(t *testing.T) {
	s := socketiotest.New(t, app.New())
	for nickname, code := range map[string]string{
		"":                      "nickname_required",
		"  \t":                  "nickname_required",
		strings.Repeat("ä", 25): "nickname_too_long",
		"ad\x00a":               "nickname_invisible", // control
		"ad\u200da":             "nickname_invisible", // zero-width joiner
		"ad\u202ea":             "nickname_invisible", // right-to-left override
		"ad\u2067a":             "nickname_invisible", // right-to-left isolate
		"ada\u00adb":            "nickname_invisible", // soft hyphen
		"\u3164":                "nickname_invisible", // Hangul filler
		"\u2800":                "nickname_invisible", // blank of Braille
		"ada\ufe0f":             "nickname_invisible", // variation selector
		"ada\u2003b":            "nickname_invisible", // em space
		"ada\xed\xa0\xbd":       "nickname_invisible", // half of a surrogate pair
		"ada\U000e0041":         "nickname_invisible", // tag
	} {
		refused := s.ConnectError("/", named(nickname))
		data, _ := refused.Data.(map[string]any)
		if data["code"] != code || refused.Message == "" {
			t.Errorf("%q: %v %v, want code %s", nickname, refused.Message, refused.Data, code)
		}
	}
	if refused := s.ConnectError("/"); refused.Message == "" {
		t.Error("no nickname at all was let in")
	}
	s.Connect("/", named("  "+strings.Repeat("ä", 24)+" "))
	for _, nickname := range []string{"Ada L.", "Zoë", "Zoe\u0308", "李雷", "עדה", "عادل", "🙂", "O'Neill-5"} {
		s.Connect("/", named(nickname))
	}
}

func TestWhoIsNotInARoomIsNotHeardInIt(t *testing.T) {
	s := socketiotest.New(t, app.New())
	ada, eve := enter(s, "ada"), enter(s, "eve")
	found(t, "tea", ada, eve)
	for range 3 {
		if problem := eve.Emit("say", map[string]string{"room": "tea", "text": "hello"}); field(t, problem, "error") == nil {
			t.Errorf("say was acked with %v", problem)
		}
		if ack := eve.Emit("leave", "tea"); field(t, ack, "room") != "tea" { // as who asks again is answered
			t.Errorf("leave was acked with %v", ack)
		}
		for _, args := range []any{
			map[string]any{"room": "tea", "typing": true},
			map[string]any{"room": "tea", "to": ada.ID(), "typing": true},
			map[string]any{"to": "#tea", "typing": true},
			map[string]any{"typing": true},
		} {
			if problem := eve.Emit("typing", args); field(t, problem, "error") == nil {
				t.Errorf("typing %v was acked with %v", args, problem)
			}
		}
	}
	ada.ExpectNothing()
	eve.Emit("join", "tea")
	ada.Next()
	eve.Emit("leave", "tea")
	expect(t, ada, "left", map[string]any{"room": "tea", "id": eve.ID(), "nickname": "eve"})
	eve.Emit("leave", "tea") // again
	ada.ExpectNothing()
	for _, room := range []string{"te\u200ba", "tea\xed\xa0\xbd"} {
		if problem := ada.Emit("join", room); field(t, problem, "error") == nil {
			t.Errorf("a room that looks like another was acked with %v", problem)
		}
	}
}

func TestMembersHearWhoComesAndGoes(t *testing.T) {
	s := socketiotest.New(t, app.New())
	ada, bob, eve := enter(s, "ada"), enter(s, "bob"), enter(s, "eve")
	found(t, "tea", ada, bob, eve)
	if receipt := bob.Emit("join", "tea"); field(t, receipt, "members") != 2.0 {
		t.Errorf("the second to join gets %v", receipt)
	}
	expect(t, ada, "joined", map[string]any{"room": "tea", "id": bob.ID(), "nickname": "bob"})
	bob.Emit("join", "tea") // again: nobody is told twice
	ada.ExpectNothing()
	bob.Emit("leave", "tea")
	expect(t, ada, "left", map[string]any{"room": "tea", "id": bob.ID(), "nickname": "bob"})
	bob.Emit("join", "tea")
	ada.Next()
	bob.Vanish()
	expect(t, ada, "left", map[string]any{"room": "tea", "id": bob.ID(), "nickname": "bob"})
	eve.ExpectNothing()
}

func TestMessagesReachTheRoomAndAreAcknowledged(t *testing.T) {
	s := socketiotest.New(t, app.New())
	ada, bob, eve := enter(s, "ada"), enter(s, "bob"), enter(s, "eve")
	found(t, "tea", ada, bob, eve)
	bob.Emit("join", "tea")
	ada.Next()
	receipt := ada.Emit("say", map[string]string{"room": "tea", "text": "hello"})
	event, said := bob.Next()
	if event != "said" || field(t, said, "text") != "hello" || field(t, said, "id") != field(t, receipt, "id") {
		t.Errorf("%s %v, acked with %v", event, said, receipt)
	}
	ada.ExpectNothing() // the sender has its ack
	eve.ExpectNothing()
	if problem := ada.Emit("say", map[string]string{"room": "tea", "text": ""}); field(t, problem, "error") == nil {
		t.Errorf("an empty message was acked with %v", problem)
	}
}

func TestWhisperReachesOnePerson(t *testing.T) {
	s := socketiotest.New(t, app.New())
	ada, bob, eve := enter(s, "ada"), enter(s, "bob"), enter(s, "eve")
	ada.Emit("whisper", map[string]string{"to": bob.ID(), "text": "psst"})
	if event, args := bob.Next(); event != "whispered" || field(t, args, "text") != "psst" {
		t.Errorf("%s %v", event, args)
	}
	eve.ExpectNothing()
	found(t, bob.ID(), eve, ada, bob) // a room of that name is not bob's own
	ada.Emit("whisper", map[string]string{"to": bob.ID(), "text": "psst"})
	bob.Next()
	eve.ExpectNothing()
	found(t, "tea", eve, ada, bob)
	for _, to := range []string{"", "#tea"} {
		if problem := ada.Emit("whisper", map[string]string{"to": to, "text": "psst"}); field(t, problem, "error") == nil {
			t.Errorf("a whisper to %q was acked with %v", to, problem)
		}
	}
	ada.Emit("say", map[string]string{"text": "to whom?"})
	bob.ExpectNothing()
	eve.ExpectNothing()
	bob.Vanish()
	if problem := ada.Emit("whisper", map[string]string{"to": bob.ID(), "text": "psst"}); field(t, problem, "error") == nil || field(t, problem, "gone") != true {
		t.Errorf("a whisper to somebody who has left was acked with %v", problem)
	}
}

func TestWhispersThatAreTooManyAreTheSendersProblem(t *testing.T) {
	s := socketiotest.New(t, app.New())
	ada, bob := s.Connect("/", named("ada"), socketiotest.Polling()), s.Connect("/", named("bob"), socketiotest.Polling())
	bob.Next()
	in, err := json.Marshal(map[string]string{"to": bob.ID(), "text": strings.Repeat("🙂", 4000)})
	if err != nil {
		t.Fatal(err)
	}
	whispers := make([]protocol.EnginePacket, 40)
	for i := range whispers {
		whispers[i] = protocol.EnginePacket{Type: protocol.EngineMessage, Data: fmt.Appendf(nil, `2["whisper",%s]`, in)}
	}
	ada.Raw(whispers...) // in one POST
	for range 15 {
		if event, _ := bob.Next(); event != "whispered" {
			t.Errorf("bob got %s", event)
		}
	}
	if why := bob.Disconnected(); why != "" {
		t.Errorf("bob, who polls all the time, is disconnected: %s", why)
	}
}

func TestTypingIsShownToTheOthers(t *testing.T) {
	s := socketiotest.New(t, app.New())
	ada, bob := enter(s, "ada"), enter(s, "bob")
	found(t, "tea", ada, bob)
	bob.Emit("join", "tea")
	ada.Next()
	ada.EmitNoAck("typing", map[string]any{"room": "tea", "typing": true})
	event, args := bob.Next()
	if event != "typing" || field(t, args, "typing") != true {
		t.Errorf("%s %v", event, args)
	}
	if from, _ := field(t, args, "from").(map[string]any); from["nickname"] != "ada" {
		t.Errorf("typing comes from %v", from)
	}
	eve := enter(s, "eve")
	eve.EmitNoAck("typing", map[string]any{"to": bob.ID(), "typing": true, "from": map[string]any{"nickname": "ada"}})
	event, args = bob.Next()
	if from, _ := field(t, args, "from").(map[string]any); event != "typing" || from["nickname"] != "eve" || field(t, args, "room") != nil {
		t.Errorf("typing in private is %s %v", event, args)
	}
	ada.ExpectNothing()
}

func TestRoomsAreListedWithTheirMembers(t *testing.T) {
	s := socketiotest.New(t, app.New())
	ada, bob := enter(s, "ada"), enter(s, "bob")
	ada.Emit("join", "tea")
	ada.Emit("join", "coffee")
	bob.Emit("join", "tea")
	list, _ := ada.Emit("rooms")[0].([]any)
	if len(list) != 2 {
		t.Fatalf("rooms: %v", list)
	}
	for i, want := range []struct {
		name    string
		members float64
	}{{"coffee", 1}, {"tea", 2}} {
		if room, _ := list[i].(map[string]any); room["name"] != want.name || room["members"] != want.members {
			t.Errorf("room %d is %v, want %v", i, room, want)
		}
	}
	if problem := ada.Emit("join", "  "); field(t, problem, "error") == nil {
		t.Errorf("a room without a name was acked with %v", problem)
	}
}

// The list is for everybody, and anybody can make rooms.
func TestTheListOfRoomsStaysSmallEnoughToBeSent(t *testing.T) {
	s := socketiotest.New(t, app.New())
	ada, bob := enter(s, "ada"), enter(s, "bob")
	ada.Emit("join", "z: the fullest")
	bob.Emit("join", "z: the fullest")
	for i := range 12 {
		c := enter(s, fmt.Sprint("eve", i))
		for j := range 50 {
			name := fmt.Sprintf("%02d%02d", i, j)
			name += strings.Repeat("🙂", (100-len(name))/4)
			if j%2 == 0 {
				name = name[:4] + strings.Repeat("<", 36)
			}
			if receipt := c.Emit("join", name); field(t, receipt, "room") != name {
				t.Fatalf("joining %q is acked with %v", name, receipt)
			}
		}
	}
	list, _ := ada.Emit("rooms")[0].([]any)
	if len(list) != 200 {
		t.Fatalf("%d rooms are listed", len(list))
	}
	if last, _ := list[199].(map[string]any); last["name"] != "z: the fullest" || last["members"] != 2.0 {
		t.Errorf("the last room is %v", last)
	}
	for _, name := range []string{strings.Repeat("🙂", 26), strings.Repeat("x", 41)} {
		if problem := ada.Emit("join", name); field(t, problem, "error") == nil {
			t.Errorf("a room named %q was acked with %v", name, problem)
		}
	}
}
