package socketio_test

import (
	"errors"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/socketio"
)

func TestAnEmitterAsks(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, _ := newServer()
		s, emitter := elsewhere(t, io)
		ada, bob := s.Connect("/"), s.Connect("/")
		ada.Answer("ready?", func(args socketio.Args) socketio.Args { return socketio.Args{args[0], "yes"} })
		answers, err := emitter.EmitWithAck(t.Context(), "ready?", 1)
		if !errors.Is(err, socketio.ErrNoAck) || len(answers) != 1 || answers[0].Socket != ada.ID() || answers[0].Args[1] != "yes" {
			t.Errorf("%v, %v, want ada's answer and that one is missing", answers, err)
		}
		bob.Expect("ready?", 1)
		one, err := emitter.FetchSocket(t.Context(), ada.ID())
		if err != nil {
			t.Fatal(err)
		}
		if args, err := one.EmitWithAck(t.Context(), "ready?", 2); err != nil || len(args) != 2 || args[0] != 2.0 {
			t.Errorf("%v, %v", args, err)
		}
	})
}

// An emitter's questions are answered by the function of the deployment, whether an ack comes or not.
func TestAnEmittersQuestionsAreAnsweredWhereTheHandlersAre(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, log, did := voting()
		s, emitter := elsewhere(t, io)
		ada, bob := s.Connect("/"), s.Connect("/")
		if err := emitter.Then("voted", poll{7, "tea"}).Emit(t.Context(), "vote"); err != nil {
			t.Fatal(err)
		}
		ada.Expect("vote")
		bob.Expect("vote")
		ada.Ack("yes")
		did.want(t, "tea7 [yes]")
		later(s, 6*time.Second)
		did.want(t, "tea7 [yes], tea7 [] late")
		log.nothing(t)
	})
}
