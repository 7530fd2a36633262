package socketio_test

import (
	"errors"
	"fmt"
	"strings"
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

// A question whose function is registered nowhere ends with its time. One line of the log says which function is missing,
// however many were asked.
func TestAnEmittersQuestionThatNobodyHandlesEnds(t *testing.T) {
	for _, many := range []int{1, 200} {
		inBubble(t, func(t *testing.T) {
			io, log, did := voting()
			s, emitter := elsewhere(t, io)
			for range many {
				s.Connect("/")
			}
			if err := emitter.Then("noted", poll{7, "tea"}).Emit(t.Context(), "vote"); err != nil {
				t.Fatal(err)
			}
			later(s, 2*time.Hour)
			lines := log.lines(t, "a question ends without its function")
			if len(lines) != 1 || lines[0]["name"] != "noted" || lines[0]["namespace"] != "/" || !strings.Contains(fmt.Sprint(lines[0]["error"]), "register one with OnAck") {
				t.Errorf("of %d: logged %v", many, lines)
			}
			if all := strings.Count(log.text.String(), `"level":"ERROR"`) + strings.Count(log.text.String(), `"level":"WARN"`); all != 1 {
				t.Errorf("of %d: %d lines: %s", many, all, log.text.String())
			}
			did.want(t, "")
		})
	}
}
