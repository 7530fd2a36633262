package socketio_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// watched returns an application whose event "watch" joins the room of another socket's own.
func watched() (*socketio.Server, *logbook) {
	io, log := newServer()
	io.Of("/").On("watch", func(c ctx, s sock, id string) error { return s.JoinSocketRoom(c, id) })
	return io, log
}

// Whoever looks on gets what is sent to another by its id. What is asked of a Socket is asked of that one alone.
func TestWhoLooksOnDoesNotAnswerForASocket(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, log := watched()
		var did diary
		io.Of("/").OnAck("told", func(_ ctx, s sock, _ int, missed error, said string) error {
			return did.add(s.ID(), " ", said, why(missed))
		})
		s := socketiotest.New(t, io)
		ada, eve := s.Connect("/"), s.Connect("/")
		eve.Emit("watch", ada.ID())
		eve.Answer("secret", func(socketio.Args) socketio.Args { return socketio.Args{"eve"} })
		ada.Answer("secret", func(socketio.Args) socketio.Args { time.Sleep(time.Second); return socketio.Args{"ada"} })
		one, err := io.FetchSocket(t.Context(), ada.ID())
		if err != nil {
			t.Fatal(err)
		}
		if args, err := one.EmitWithAck(t.Context(), "secret"); err != nil || len(args) != 1 || args[0] != "ada" {
			t.Errorf("answered %v %v", args, err)
		}
		if err := one.Then("told", 1).Emit(t.Context(), "secret"); err != nil {
			t.Error(err)
		}
		later(s, time.Minute)
		did.want(t, ada.ID()+" ada")
		for name, b := range map[string]socketio.Broadcast{"Timeout": one.Timeout(time.Second), "Volatile": one.Volatile()} {
			ids, err := b.SocketIDs(t.Context())
			all, err2 := b.FetchSockets(t.Context())
			if errors.Join(err, err2) != nil || !slices.Equal(ids, []string{ada.ID()}) || len(all) != 1 || all[0].ID() != ada.ID() {
				t.Errorf("%s: %v %v %v %v", name, ids, err, all, err2)
			}
		}
		log.nothing(t)
	})
}

// An emitter has others disconnect: the one that is meant, and not who looks on, nor the one that broadcasts.
func TestAnEmitterDisconnectsWhomADeploymentWould(t *testing.T) {
	for name, test := range map[string]struct {
		disconnect func(context.Context, *socketio.Socket) error
		left       []int // of the clients 0 to 2
	}{
		"Disconnect":        {func(c context.Context, s *socketio.Socket) error { return s.Disconnect(c) }, []int{1, 2}},
		"DisconnectClient":  {func(c context.Context, s *socketio.Socket) error { return s.DisconnectClient(c) }, []int{1, 2}},
		"of all but itself": {func(c context.Context, s *socketio.Socket) error { return s.Broadcast().DisconnectSockets(c, false) }, []int{0}},
		"of a room of its own": {func(c context.Context, s *socketio.Socket) error {
			return s.To(s.ID()).DisconnectSockets(c, false)
		}, []int{0, 2}},
	} {
		for where, there := range map[string]func(io, emitter *socketio.Server) *socketio.Server{
			"deployment": func(io, _ *socketio.Server) *socketio.Server { return io },
			"emitter":    func(_, emitter *socketio.Server) *socketio.Server { return emitter },
		} {
			t.Run(name+" by the "+where, func(t *testing.T) {
				io, _ := watched()
				s, emitter := elsewhere(t, io)
				clients := []*socketiotest.Client{s.Connect("/"), s.Connect("/"), s.Connect("/")}
				clients[1].Emit("watch", clients[0].ID())
				one, err := there(io, emitter).FetchSocket(t.Context(), clients[0].ID())
				if err == nil {
					err = test.disconnect(t.Context(), one)
				}
				if err != nil {
					t.Fatal(err)
				}
				s.Settle()
				var want []string
				for _, i := range test.left {
					want = append(want, clients[i].ID())
				}
				left, err := io.SocketIDs(t.Context())
				if slices.Sort(want); err != nil || !slices.Equal(slices.Sorted(slices.Values(left)), want) {
					t.Errorf("left are %v, want %v: %v", left, want, err)
				}
			})
		}
	}
}
