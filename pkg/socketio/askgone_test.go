package socketio_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// A question to one socket that nobody can hear is an error, however it is asked: it would be lost otherwise, because
// OnAck runs for those who were asked.
func TestAQuestionToOneWhoCannotBeAskedIsAnError(t *testing.T) {
	for name, ask := range map[string]func(ctx, sock) error{
		"EmitWithAck": func(c ctx, s sock) error {
			_, err := s.EmitWithAck(c, "question")
			return err
		},
		"Timeout and EmitWithAck": func(c ctx, s sock) error {
			_, err := s.Timeout(time.Second).EmitWithAck(c, "question")
			return err
		},
		"Then":              func(c ctx, s sock) error { return s.Then("done", 1).Emit(c, "question") },
		"Volatile and Then": func(c ctx, s sock) error { return s.Volatile().Then("done", 1).Emit(c, "question") },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				io, _ := newServer()
				var joining, leaving error
				var kept sock
				n := io.Of("/")
				n.Use(func(c ctx, s sock) error { joining = ask(c, s); return nil })
				n.OnConnection(func(_ ctx, s sock) error { kept = s; return nil })
				n.OnDisconnecting(func(c ctx, s sock, _ socketio.Reason) error { leaving = ask(c, s); return nil })
				n.OnAck("done", func(ctx, sock, int, error) error { return nil })
				s := socketiotest.New(t, io)
				ada := s.Connect("/")
				if joining == nil || !strings.Contains(joining.Error(), "ask in OnConnection") {
					t.Errorf("in a middleware: %v", joining)
				}
				if err := ask(t.Context(), kept); !errors.Is(err, socketio.ErrGone) {
					t.Errorf("after its handler: %v", err)
				}
				fetched := fetch(t, n, ada)
				ada.Close()
				if !errors.Is(leaving, socketio.ErrGone) {
					t.Errorf("in OnDisconnecting: %v", leaving)
				}
				if err := ask(t.Context(), fetched); !errors.Is(err, socketio.ErrGone) {
					t.Errorf("once it has left: %v", err)
				}
			})
		})
	}
}
