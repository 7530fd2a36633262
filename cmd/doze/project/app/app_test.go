package app_test

import (
	"testing"

	"github.com/dozeio/doze/cmd/doze/project/app"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

func TestAMessageReachesTheOthersInTheRoom(t *testing.T) {
	s := socketiotest.New(t, app.New())
	ada, bob, eve := s.Connect("/"), s.Connect("/"), s.Connect("/")
	ada.Emit("join", "tea")
	if ack := bob.Emit("join", "tea"); ack[0] != 2.0 {
		t.Errorf("the second to join is told %v, want 2", ack)
	}
	if ack := ada.Emit("say", map[string]string{"room": "tea", "text": "hello"}); ack[0] != "delivered" {
		t.Errorf("the ack is %v", ack)
	}
	bob.Expect("said", map[string]any{"room": "tea", "text": "hello"})
	ada.ExpectNothing() // the sender has its ack
	eve.ExpectNothing() // is in no room
}

func TestWhatIsWrongIsAcked(t *testing.T) {
	s := socketiotest.New(t, app.New())
	ada := s.Connect("/")
	for event, argument := range map[string]any{"join": "", "say": map[string]string{"room": "tea"}} {
		ack, ok := ada.Emit(event, argument)[0].(map[string]any)
		if !ok || ack["error"] == "" {
			t.Errorf("%s is acked with %v", event, ack)
		}
	}
}
