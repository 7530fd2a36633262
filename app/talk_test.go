package app_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/app"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// order returns what messages are ordered by.
func order(t *testing.T, args socketio.Args) (at, seq float64) {
	t.Helper()
	at, timed := field(t, args, "time").(float64)
	seq, counted := field(t, args, "seq").(float64)
	if !timed || !counted {
		t.Fatalf("%v has no time or no number", args)
	}
	return at, seq
}

// TestWhatComesCanBeOrdered looks at what members hear: each is later than what came before it, also while the clock
// stands still, and a sender is told the same as everybody else.
func TestWhatComesCanBeOrdered(t *testing.T) { synctest.Test(t, testOrder) }

func testOrder(t *testing.T) {
	s := socketiotest.New(t, app.New())
	ada, bob := enter(s, "ada"), enter(s, "bob")
	found(t, "tea", ada, bob)
	at, seq := order(t, bob.Emit("join", "tea"))
	later := func(event string, args socketio.Args) {
		t.Helper()
		nextAt, nextSeq := order(t, args)
		if nextAt < at || nextAt == at && nextSeq <= seq {
			t.Fatalf("%s at %.0f, %.0f comes after %.0f, %.0f", event, nextAt, nextSeq, at, seq)
		}
		at, seq = nextAt, nextSeq
	}
	ada.Next() // joined
	for range 20 {
		ada.EmitNoAck("typing", map[string]any{"room": "tea", "typing": true})
		event, args := bob.Next()
		later(event, args)
		receipt := ada.Emit("say", map[string]string{"room": "tea", "text": "hello"})
		later("the receipt", receipt)
		if _, said := bob.Next(); field(t, said, "time") != at || field(t, said, "seq") != seq {
			t.Fatalf("said %v, acked with %v", said, receipt)
		}
		later("a whisper", ada.Emit("whisper", map[string]string{"to": bob.ID(), "text": "psst"}))
		bob.Next()
	}
	ada.Emit("leave", "tea")
	event, args := bob.Next()
	later(event, args)
}

// TestTwoProcessesStampNothingAlike: in one millisecond, two messages have to stand in one order on all pages.
func TestTwoProcessesStampNothingAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stamped := map[string]bool{}
		for range 8 {
			ada := enter(socketiotest.New(t, app.New()), "ada")
			at, seq := order(t, ada.Emit("join", "tea"))
			stamped[fmt.Sprintf("%.0f %.0f", at, seq)] = true
		}
		if len(stamped) != 8 {
			t.Errorf("8 processes, in one millisecond: %v", stamped)
		}
	})
}

// TestAReplyIsLaterThanWhatItsSenderHasSeen stands for processes whose clocks differ.
func TestAReplyIsLaterThanWhatItsSenderHasSeen(t *testing.T) {
	for _, c := range []struct {
		name    string
		ahead   time.Duration
		follows bool
	}{
		{"a clock that is behind by some milliseconds", 500 * time.Millisecond, true},
		{"a client that makes things up", time.Hour, false},
		{"what was seen long ago", -time.Hour, false},
	} {
		s := socketiotest.New(t, app.New()) // a process of its own
		ada := enter(s, "ada")
		found(t, "tea", ada)
		seen := time.Now().Add(c.ahead).UnixMilli()
		at, _ := order(t, ada.Emit("say", map[string]any{"room": "tea", "text": "hello", "seen": seen}))
		if follows := int64(at) == seen+1; follows != c.follows {
			t.Errorf("%s: said at %.0f, having seen %d", c.name, at, seen)
		}
		if at, _ := order(t, ada.Emit("say", map[string]any{"room": "tea", "text": "hello"})); int64(at) > time.Now().Add(2*time.Second).UnixMilli() {
			t.Errorf("%s: others are then said at %.0f", c.name, at)
		}
	}
}

// TestAMessageThatIsSentAgainHasItsName: so that who has it already can tell.
func TestAMessageThatIsSentAgainHasItsName(t *testing.T) {
	s := socketiotest.New(t, app.New())
	ada, bob := enter(s, "ada"), enter(s, "bob")
	found(t, "tea", ada, bob)
	bob.Emit("join", "tea")
	ada.Next()
	for _, c := range []struct {
		id    any
		taken bool
	}{
		{"6fa459ea-ee8a-3ca4-894e-db77e160355e", true},
		{"1", true},
		{"", false},
		{strings.Repeat("1", 37), false},
		{"<b>", false},
		{"ä", false},
	} {
		for range 2 {
			receipt := ada.Emit("say", map[string]any{"room": "tea", "text": "hello", "id": c.id})
			_, said := bob.Next()
			id := field(t, said, "id")
			if id != field(t, receipt, "id") || (id == c.id) != c.taken || id == "" {
				t.Errorf("a message named %q is said as %v and acked with %v", c.id, said, receipt)
			}
		}
	}
}
