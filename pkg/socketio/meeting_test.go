package socketio_test

import (
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/testparts"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// An emitter asks the clients of a namespace that only OfFunc knows. One goes over to WebSocket between the question
// and its answer, which has binary; one never answers; one leaves. OnAck, registered for all such namespaces, hears of
// each.
func TestAnEmittersQuestionToANamespaceOfOfFunc(t *testing.T) {
	for name, msgPack := range map[string]bool{"text": false, "msgpack": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				l := &logbook{}
				io := socketio.New(socketio.Options{Logger: l.logger(), MsgPack: msgPack})
				var did diary
				var sent atomic.Int64
				n := io.OfFunc(regexp.MustCompile(`^/room-\d+$`).MatchString)
				n.OnAck("told", func(_ ctx, s sock, of string, missed error, answer []byte) error {
					return did.add(s.Namespace().Name(), " ", of, " ", string(answer), why(missed))
				})
				n.OnAnyOutgoing(func(_ ctx, o socketio.Outgoing) error { sent.Add(1); return nil })
				emitter := socketio.New(socketio.Options{MsgPack: msgPack})
				s := socketiotest.New(t, io, socketiotest.Options{Engine: ordered.Engine, Wrap: func(b socketio.Backend) socketio.Backend {
					other := b
					other.Options.HandlersElsewhere = true
					if _, err := emitter.Bind(other); err != nil {
						t.Fatal(err)
					}
					return b
				}})
				moves, silent, leaves := s.Connect("/room-1", socketiotest.Polling()), s.Connect("/room-1"), s.Connect("/room-1")
				s.Connect("/room-2")
				if err := emitter.Of("/room-1").Then("told", "secret").Timeout(3*time.Second).Emit(t.Context(), "question", []byte{1}); err != nil {
					t.Fatal(err)
				}
				for _, c := range []*socketiotest.Client{moves, silent, leaves} {
					c.Expect("question", []byte{1})
				}
				moves.Upgrade()
				moves.Ack([]byte("answer"))
				leaves.Close()
				later(s, time.Minute)
				got := did.String()
				for _, want := range []string{"/room-1 secret answer", "/room-1 secret  late", "/room-1 secret  left"} {
					if strings.Count(got, want) != 1 {
						t.Errorf("did %q, want %q once", got, want)
					}
				}
				answers, err := emitter.Of("/room-1").To(silent.ID()).Timeout(time.Second).EmitWithAck(t.Context(), "again")
				if len(answers) > 0 || err == nil {
					t.Errorf("%v %v", answers, err)
				}
				if err := io.Of("/room-1").Emit(t.Context(), "event"); err != nil || sent.Load() != 2 {
					t.Errorf("OnAnyOutgoing has seen %d: %v", sent.Load(), err)
				}
				l.nothing(t)
			})
		})
	}
}

// What was waited for nobody reads again, so that it does not lie about for as long as what jobs take care of.
func TestTheRowsOfAQuestionThatWasWaitedForGoSoon(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, _ := newServer()
		s := socketiotest.New(t, io)
		ada := s.Connect("/")
		ada.Answer("question", yes)
		if _, err := io.EmitWithAck(t.Context(), "question"); err != nil {
			t.Fatal(err)
		}
		later(s, 2*time.Minute)
		if left := testparts.Store(s).Rows().Questions; left != 0 {
			t.Errorf("%d questions are left", left)
		}
	})
}

// A client that polls has left one namespace, and its handler asks all of another that the client is in, too: which can
// answer only once the handler has returned.
func TestALeavingClientIsNotWaitedForInAnotherNamespace(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, _ := newServer()
		io.Of("/other")
		var got error
		io.Of("/").OnDisconnect(func(c ctx, s sock, _ socketio.Reason) error {
			_, got = io.Of("/other").EmitWithAck(c, "question")
			return nil
		})
		s := socketiotest.New(t, io)
		ada := s.Connect("/", socketiotest.Polling())
		ada.Connect("/other")
		ada.Disconnect()
		if got == nil || !strings.Contains(got.Error(), "use Then and OnAck") {
			t.Errorf("%v, want that it would wait in vain", got)
		}
	})
}

// What stands for many namespaces is one of an emitter's as little as of any other server's.
func TestAnEmittersNamespaceOfOfFuncDisconnectsNobody(t *testing.T) {
	io, _ := newServer()
	emitter := socketio.New(socketio.Options{})
	all := emitter.OfFunc(func(string) bool { return true })
	socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
		other := b
		other.Options.HandlersElsewhere = true
		if _, err := emitter.Bind(other); err != nil {
			t.Fatal(err)
		}
		return b
	}})
	if err := all.DisconnectSockets(t.Context(), false); err == nil || !strings.Contains(err.Error(), "use that of one name") {
		t.Errorf("%v, want that it stands for many", err)
	}
}
