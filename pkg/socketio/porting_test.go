package socketio_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// questions are the ways to ask a handler's own client.
var questions = map[string]func(c ctx, s sock) error{
	"EmitWithAck":          func(c ctx, s sock) error { _, err := s.EmitWithAck(c, "q"); return err },
	"EmitWithAck, Timeout": func(c ctx, s sock) error { _, err := s.Timeout(time.Second).EmitWithAck(c, "q"); return err },
	"volatile":             func(c ctx, s sock) error { _, err := s.Volatile().EmitWithAck(c, "q"); return err },
	"Then":                 func(c ctx, s sock) error { return s.Then("answered", 1).Emit(c, "q") },
}

// Whoever joins is in no room yet, so that a question to them would be one to nobody, without a word.
func TestAMiddlewareCannotAskWhoJoins(t *testing.T) {
	for name, ask := range questions {
		t.Run(name, func(t *testing.T) {
			io, _ := newServer()
			var err error
			io.Of("/").OnAck("answered", func(ctx, sock, int, error) error { return nil })
			io.Of("/").Use(func(c ctx, s sock) error { err = ask(c, s); return nil })
			socketiotest.New(t, io).Connect("/").ExpectNothing()
			if err == nil || !strings.Contains(err.Error(), "ask in OnConnection") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestWhoHasLeftCannotBeAsked(t *testing.T) {
	for name, ask := range questions {
		t.Run(name, func(t *testing.T) {
			io, _ := newServer()
			var disconnected, fetched error
			var kept sock
			io.Of("/").OnAck("answered", func(ctx, sock, int, error) error { return nil })
			io.Of("/").OnConnection(func(_ ctx, s sock) error { kept = s; return nil })
			io.Of("/").On("leave", func(c ctx, s sock) error {
				_ = s.Disconnect(c)
				disconnected = ask(c, s)
				return nil
			})
			io.Of("/").On("kick", func(c ctx, s sock, id string) error {
				other, err := io.FetchSocket(c, id)
				if err != nil {
					return err
				}
				if err := other.DisconnectClient(c); err != nil {
					return err
				}
				fetched = ask(c, other)
				return nil
			})
			s := socketiotest.New(t, io)
			ada := s.Connect("/")
			after := ask(t.Context(), kept)
			if !errors.Is(after, socketio.ErrGone) {
				t.Errorf("after its handler: %v", after)
			}
			ada.Emit("kick", s.Connect("/").ID())
			ada.EmitNoAck("leave")
			s.Settle()
			if !errors.Is(disconnected, socketio.ErrGone) || !errors.Is(fetched, socketio.ErrGone) {
				t.Errorf("its own: %v, one that was fetched: %v", disconnected, fetched)
			}
		})
	}
}

// In Node a function at the end asks for an ack, on both sides.
func TestCallbacksAreToldWhatIsInTheirPlace(t *testing.T) {
	io, _ := newServer()
	socketiotest.New(t, io).Connect("/").ExpectNothing()
	callback := func(error, string) {}
	_, asked := io.EmitWithAck(t.Context(), "q", 1, callback)
	for name, err := range map[string]error{"Emit": io.Emit(t.Context(), "q", callback), "EmitWithAck": asked, "To": io.To("r").Emit(t.Context(), "q", 1, callback)} {
		if err == nil || !strings.Contains(err.Error(), "OnAck") {
			t.Errorf("%s: %v", name, err)
		}
	}
	defer func() {
		if what := fmt.Sprint(recover()); !strings.Contains(what, "an ack is the results before the error") {
			t.Errorf("On: %s", what)
		}
	}()
	socketio.New(socketio.Options{}).Of("/").On("say", func(ctx, sock, string, func(string)) error { return nil })
}
