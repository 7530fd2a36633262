package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dozeio/doze/app"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// nicknames returns those of the people in a receipt, in order.
func nicknames(t *testing.T, receipt socketio.Args) string {
	t.Helper()
	people, ok := field(t, receipt, "people").([]any)
	if !ok {
		t.Fatalf("%v has no list of people", receipt)
	}
	var names []string
	for _, p := range people {
		p, _ := p.(map[string]any)
		if p["id"] == "" || p["tag"] == "" {
			t.Errorf("%v cannot be written to, or not be told apart", p)
		}
		names = append(names, fmt.Sprint(p["nickname"]))
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestWhoJoinsLearnsWhoIsThere(t *testing.T) {
	s := socketiotest.New(t, app.New())
	ada, bob, eve := enter(s, "ada"), enter(s, "bob"), enter(s, "eve")
	if receipt := ada.Emit("join", "tea"); nicknames(t, receipt) != "" {
		t.Errorf("the first to join gets %v", receipt)
	}
	bob.Emit("join", "coffee")
	if receipt := eve.Emit("join", "tea"); nicknames(t, receipt) != "ada" {
		t.Errorf("the second to join gets %v", receipt)
	}
	bob.Emit("join", "tea")
	if receipt := ada.Emit("join", "tea"); nicknames(t, receipt) != "bob eve" || field(t, receipt, "members") != 3.0 { // again: she looks
		t.Errorf("who looks again gets %v", receipt)
	}
	eve.Vanish()
	if receipt := ada.Emit("join", "tea"); nicknames(t, receipt) != "bob" {
		t.Errorf("with eve gone, ada gets %v", receipt)
	}
}

// TestPeopleAreListedWhileTheyAreNotTooMany: each costs a read, and a place in the answer.
func TestPeopleAreListedWhileTheyAreNotTooMany(t *testing.T) {
	s := socketiotest.New(t, app.New())
	ada := enter(s, "ada")
	for i := range 101 {
		if receipt := ada.Emit("join", "tea"); i > 0 && i%50 == 0 && strings.Count(nicknames(t, receipt), "bob") != i {
			t.Errorf("beside %d others, ada gets %v", i, receipt)
		}
		enter(s, fmt.Sprint("bob", i)).Emit("join", "tea")
	}
	if receipt := ada.Emit("join", "tea"); nicknames(t, receipt) != "" || field(t, receipt, "members") != 102.0 {
		t.Errorf("beside 101 others, ada gets %v", receipt)
	}
}

func TestANewRoomIsToldToEverybody(t *testing.T) {
	s := socketiotest.New(t, app.New())
	ada, bob, eve := enter(s, "ada"), enter(s, "bob"), enter(s, "eve")
	found(t, "tea", ada, bob, eve)
	bob.Emit("join", "tea") // it is not new
	ada.Next()
	bob.Emit("join", "tea")
	ada.Emit("leave", "tea")
	ada.ExpectNothing()
	eve.ExpectNothing()
	bob.Emit("leave", "tea")
	found(t, "tea", eve, ada) // it is new again
}

func TestPeopleOfOneNicknameAreToldApart(t *testing.T) {
	s := socketiotest.New(t, app.New())
	tag := func(auth map[string]any) any {
		t.Helper()
		auth["nickname"] = "ada"
		_, me := s.Connect("/", socketiotest.Auth(auth)).Next()
		return field(t, me, "tag")
	}
	first := tag(map[string]any{"secret": "one"})
	if again := tag(map[string]any{"secret": "one"}); again != first {
		t.Errorf("who comes back is %v and was %v", again, first)
	}
	seen := []any{first}
	for _, auth := range []map[string]any{{"secret": "two"}, {}, {}, {"secret": ""}, {"secret": fmt.Sprint(first)}} {
		other := tag(auth)
		if slices.Contains(seen, other) || strings.Contains(fmt.Sprint(other), "one") {
			t.Errorf("another ada with %v is %v, like one of %v", auth, other, seen)
		}
		seen = append(seen, other)
	}
	if refused := s.ConnectError("/", socketiotest.Auth(map[string]any{"nickname": "ada", "secret": 1})); refused.Message == "" {
		t.Error("a secret that is no text was let in")
	}
}
