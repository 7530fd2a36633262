package app_test

import (
	"testing"

	"github.com/dozeio/doze/pkg/socketio/socketiotest"
	"github.com/dozeio/doze/tests/docs/program/app"
)

func TestSaying(t *testing.T) {
	s := socketiotest.New(t, app.New())
	ada, bob := s.Connect("/"), s.Connect("/")
	ada.Emit("join", "tea")
	bob.Emit("join", "tea")
	ada.Emit("say", map[string]string{"room": "tea", "text": "hello"})
	bob.Expect("said", map[string]any{"room": "tea", "text": "hello"})
}

func TestNobodyHearsWhatIsMeantForAnother(t *testing.T) {
	io := app.New()
	s := socketiotest.New(t, io)
	ada, eve := s.Connect("/"), s.Connect("/")
	eve.TryEmit("join", ada.ID())
	if err := io.To(ada.ID()).Emit(t.Context(), "secret"); err != nil {
		t.Fatal(err)
	}
	ada.Expect("secret")
	eve.ExpectNothing()
}
