package counterpart_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
	"github.com/dozeio/doze/pkg/verify/counterpart"
)

func connect(t *testing.T, n int) []*socketiotest.Client {
	t.Helper()
	io := socketio.New(socketio.Options{})
	counterpart.Register(io)
	s := socketiotest.New(t, io)
	var all []*socketiotest.Client
	for range n {
		all = append(all, s.Connect(counterpart.Namespace))
	}
	return all
}

func TestNumbersAreAckedWithTimeAndProcess(t *testing.T) {
	c := connect(t, 1)[0]
	var w counterpart.Welcome
	c.Expect("welcome", &w)
	n := c.Emit("number", 7)[0].(map[string]any)
	if n["number"] != 7.0 || n["at"].(float64) == 0 || n["process"] != w.Process || w.Process == "" {
		t.Error(n, w)
	}
	if got := c.Emit("length", "four")[0]; got != 4.0 {
		t.Error(got)
	}
	c.EmitNoAck("quiet", 1)
	c.ExpectNothing()
}

func TestAnswersAreBounded(t *testing.T) {
	c := connect(t, 1)[0]
	c.Expect("welcome")
	c.Emit("fill", counterpart.MaxFill)
	var text string
	if c.Expect("filled", &text); len(text) != counterpart.MaxFill {
		t.Error(len(text))
	}
	c.Emit("count", 3)
	for i := range 3 {
		c.Expect("counted", i+1)
	}
	room := rand.Text()
	c.Emit("join", room)
	for _, over := range [][]any{
		{"fill", 0}, {"fill", counterpart.MaxFill + 1}, {"count", -1}, {"count", counterpart.MaxCount + 1},
		{"join", "tea"}, {"join", rand.Text()}, {"tell", "tea", "x"}, {"tell", room, strings.Repeat("x", counterpart.RoomName+1)},
	} {
		ack := c.Emit(over[0].(string), over[1:]...)
		if said, _ := ack[0].(map[string]any); said["error"] == nil {
			t.Errorf("%v was acked with %v", over, ack)
		}
	}
	c.ExpectNothing()
}

func TestRoomsHearTheirMembersAndAreBounded(t *testing.T) {
	all := connect(t, counterpart.MaxMembers+1)
	room := rand.Text()
	for _, c := range all[:counterpart.MaxMembers] {
		if got := c.Emit("join", room)[0]; got != room {
			t.Fatal(got)
		}
	}
	if said, _ := all[counterpart.MaxMembers].Emit("join", room)[0].(map[string]any); said["error"] == nil {
		t.Error("one more than the room has place for is in it")
	}
	all[0].Emit("tell", room, "hello")
	all[1].Expect("welcome")
	all[1].Expect("told", "hello")
	id := all[0].ID()
	all[0].Close()
	all[1].Expect("left", map[string]any{"socket": id, "reason": "transport close"})
}
