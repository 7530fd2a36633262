package app

import (
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

func at(board, name string) socketiotest.Option {
	return socketiotest.Auth(map[string]string{"board": board, "name": name})
}

// sits connects somebody, and returns whose cursors rest at the board.
func sits(s *socketiotest.Server, board, name string) (*socketiotest.Client, []cursor) {
	c := s.Connect("/", at(board, name))
	var resting []cursor
	c.Expect("cursors", &resting)
	return c, resting
}

func TestACursorIsSeenByTheOthersAtTheBoard(t *testing.T) {
	s := socketiotest.New(t, New())
	ada, _ := sits(s, "tea", "ada")
	bob, _ := sits(s, "tea", "bob")
	eve, _ := sits(s, "cake", "eve")
	ada.EmitNoAck("move", position{0.25, 0.5, 1})
	bob.Expect("moved", cursor{ada.ID(), "ada", 0.25, 0.5, 1})
	ada.Emit("rest", position{0.5, 1, 2})
	bob.Expect("moved", cursor{ada.ID(), "ada", 0.5, 1, 2})
	ada.ExpectNothing()
	eve.ExpectNothing()
	ada.Vanish()
	bob.Expect("left", ada.ID())
	eve.ExpectNothing()
}

// TestWhoComesLaterSeesWhereCursorsRest, and not where they only passed.
func TestWhoComesLaterSeesWhereCursorsRest(t *testing.T) {
	s := socketiotest.New(t, New())
	ada, _ := sits(s, "tea", "ada")
	sits(s, "tea", "idle")
	ada.Emit("rest", position{0.5, 0.5, 3})
	ada.Emit("move", position{0.9, 0.9, 4})
	if _, resting := sits(s, "tea", "bob"); len(resting) != 1 || resting[0] != (cursor{ada.ID(), "ada", 0.5, 0.5, 3}) {
		t.Errorf("bob sees %v", resting)
	}
}

// TestOnlyARestWaitsForWhoCannotTakeItNow: a client that polls, while no GET of it waits.
func TestOnlyARestWaitsForWhoCannotTakeItNow(t *testing.T) {
	s := socketiotest.New(t, New())
	ada, _ := sits(s, "tea", "ada")
	bob := s.Connect("/", at("tea", "bob"), socketiotest.Polling())
	bob.Expect("cursors")
	ada.Emit("move", position{0.25, 0.25, 1})
	ada.Emit("rest", position{0.5, 0.5, 2})
	bob.Expect("moved", cursor{ada.ID(), "ada", 0.5, 0.5, 2})
	bob.ExpectNothing()
}

func TestARestThatWasOvertakenChangesNothing(t *testing.T) {
	s := socketiotest.New(t, New())
	ada, _ := sits(s, "tea", "ada")
	bob, _ := sits(s, "tea", "bob")
	ada.Emit("rest", position{0.5, 0.5, 7})
	bob.Next()
	ada.Emit("rest", position{0.1, 0.1, 6}) // is acked: the client need not send it again
	bob.ExpectNothing()
	if _, resting := sits(s, "tea", "eve"); len(resting) != 1 || resting[0].N != 7 {
		t.Errorf("eve sees %v", resting)
	}
}

// TestARestThatComesAgainIsPassedOnAgain: the client sends it again when no ack came, and then it may have been kept and
// not passed on.
func TestARestThatComesAgainIsPassedOnAgain(t *testing.T) {
	s := socketiotest.New(t, New())
	ada, _ := sits(s, "tea", "ada")
	bob, _ := sits(s, "tea", "bob")
	for range 2 {
		ada.Emit("rest", position{0.5, 0.5, 7})
		bob.Expect("moved", cursor{ada.ID(), "ada", 0.5, 0.5, 7})
	}
}

func TestWhatIsNoPositionIsRefused(t *testing.T) {
	s := socketiotest.New(t, New())
	ada, _ := sits(s, "tea", "ada")
	bob, _ := sits(s, "tea", "bob")
	for _, p := range []position{{-0.1, 0, 1}, {0, 1.1, 1}, {0.5, 0.5, 0}} {
		for _, event := range []string{"move", "rest"} {
			if ack, ok := ada.Emit(event, p)[0].(map[string]any); !ok || ack["error"] == "" {
				t.Errorf("%s to %v is acked with %v", event, p, ack)
			}
		}
	}
	bob.ExpectNothing()
	for _, o := range []socketiotest.Option{at("", "ada"), at("tea", " "), at("tea", strings.Repeat("a", 25)), socketiotest.Auth(map[string]int{"board": 7, "name": 7})} {
		if refused := s.ConnectError("/", o); refused.Message == "" {
			t.Errorf("refused with %v", refused)
		}
	}
}
