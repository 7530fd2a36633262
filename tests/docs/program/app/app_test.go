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
