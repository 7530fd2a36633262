//go:build full

package badtable_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/tests/kit/badtable"
	"github.com/dozeio/doze/tests/kit/dynalite"
)

func isTemporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// A write is one call of the store. Do returns whether it was the one that did it; then what is there is read.
type write struct {
	name string
	make func(*dynamo.Store, names) error // what is there before
	do   func(context.Context, *dynamo.Store, names) (bool, error)
	read func(*dynamo.Store, names) (any, error)
}

// names are those of one run, which nobody else has.
type names struct{ id string }

func (n names) polling() engine.Address    { return engine.Address("p" + n.id) }
func (n names) connection() engine.Address { return engine.Address("w" + n.id) }
func (n names) member() rooms.Member {
	return rooms.Member{Socket: "socket-" + n.id, Address: string(n.polling()), Expires: noon.Add(time.Hour)}
}

func (n names) session(a engine.Address, s engine.State) engine.Session {
	return engine.Session{Address: a, SID: n.id, State: s, Created: noon, Ponged: noon, Expires: noon.Add(time.Hour)}
}

// A transition is tried on a session that others have brought there.
func transition(name string, on func(names) engine.Session, before []engine.Transition, t engine.Transition) write {
	return write{
		name: name,
		make: func(s *dynamo.Store, n names) error {
			if err := s.Create(context.Background(), on(n), []byte("h"), nil); err != nil {
				return err
			}
			for _, b := range before {
				if _, ok, err := s.Update(context.Background(), on(n).Address, b); err != nil || !ok {
					return fmt.Errorf("%T: %t, %w", b, ok, err)
				}
			}
			return nil
		},
		do: func(ctx context.Context, s *dynamo.Store, n names) (bool, error) {
			_, ok, err := s.Update(ctx, on(n).Address, t)
			return ok, err
		},
		read: func(s *dynamo.Store, n names) (any, error) {
			return s.Get(context.Background(), on(n).Address, true)
		},
	}
}

func polling(n names) engine.Session    { return n.session(n.polling(), engine.Open) }
func connection(n names) engine.Session { return n.session(n.connection(), engine.Open) }
func probing(n names) engine.Session {
	s := n.session(n.connection(), engine.Probing)
	s.ProbedAt = noon
	return s
}

// noon is the time at which everything happens.
var noon = time.Now().UTC().Truncate(time.Millisecond)

// anonymous writes down what was read, without names.
func anonymous(t *testing.T, read any, n names) string {
	t.Helper()
	b, err := json.Marshal(read)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(handshakeKey.ReplaceAll(b, nil)), n.id, "ID")
}

var handshakeKey = regexp.MustCompile(`"HandshakeKey":"[^"]*"`) // random

func parcel(op string) engine.Append {
	return engine.Append{Parcel: engine.Parcel{Op: op, Packets: [][]byte{[]byte("4" + op)}}}
}

func writes() []write {
	probe := engine.Probe{Connection: "c", Now: noon}
	drain := engine.Drain{Connection: "c", Step: "step1", Now: noon}
	lease := engine.BeginPoll{Lease: engine.Lease{ID: "lease", Until: noon.Add(2 * time.Hour)}, Now: noon}
	entry := engine.SetEntry{Key: "/", New: []byte("one"), Ops: []string{"op1"}}
	all := []write{
		transition("Announce", connection, nil, engine.Announce{Op: "op"}),
		transition("Greet", connection, nil, engine.Greet{}),
		transition("Count, the first", connection, nil, engine.Count{Op: "op", Messages: 5, Now: noon, Over: time.Second}),
		transition("Count, another", connection, []engine.Transition{engine.Count{Op: "op", Messages: 5, Now: noon, Over: time.Second}},
			engine.Count{Op: "op2", Messages: 2, Now: noon, Over: time.Second}),
		transition("Doubt", connection, nil, engine.Doubt{At: noon}),
		transition("Doubt taken back", connection, []engine.Transition{engine.Doubt{At: noon}}, engine.Doubt{}),
		transition("SetEntry, the first", connection, nil, entry),
		transition("SetEntry, another", polling, []engine.Transition{entry}, engine.SetEntry{Key: "/", Old: []byte("one"), New: []byte("two"), Ops: []string{"op2", "op1"}}),
		transition("Keep", polling, nil, engine.Keep{Op: "op", Pending: [][]byte{[]byte("51-")}}),
		transition("Close", polling, []engine.Transition{parcel("a")}, engine.Close{Op: "op", Reason: engine.TransportClose, Expires: noon.Add(2 * time.Hour)}),
		transition("Finish", polling, []engine.Transition{engine.Close{Op: "op", Expires: noon.Add(2 * time.Hour)}}, engine.Finish{Op: "op2", Before: "op", Expires: noon.Add(2 * time.Hour)}),
		transition("Append", polling, []engine.Transition{parcel("a")}, parcel("b")),
		transition("BeginPoll", polling, nil, lease),
		transition("EndPoll", polling, []engine.Transition{parcel("a"), lease}, engine.EndPoll{ID: "lease"}),
		transition("Tell", polling, []engine.Transition{parcel("a"), engine.Close{Op: "op", Expires: noon.Add(2 * time.Hour)}}, engine.Tell{ID: "tell"}),
		transition("Probe", polling, nil, probe),
		transition("Unprobe", polling, []engine.Transition{probe}, engine.Unprobe{Connection: "c"}),
		transition("Drain, the first step", polling, []engine.Transition{parcel("a"), probe}, drain),
		transition("Drain, the only step", polling, []engine.Transition{probe}, drain),
		transition("Drain, the last step", polling, []engine.Transition{parcel("a"), probe, drain},
			engine.Drain{Connection: "c", Step: "step2", After: "step1", Now: noon, Expires: noon.Add(2 * time.Hour)}),
		transition("Drain, a step that finds packets", polling, []engine.Transition{parcel("0"), probe, drain, parcel("a")},
			engine.Drain{Connection: "c", Step: "step2", After: "step1", Now: noon, Expires: noon.Add(2 * time.Hour)}),
		transition("Settle", probing, nil, engine.Settle{Entries: map[string][]byte{"/": []byte("e")}, Changes: map[string][]string{"/": {"op1"}}, Expires: noon.Add(2 * time.Hour)}),
	}
	nothing := func(*dynamo.Store, names) error { return nil }
	joined := func(s *dynamo.Store, n names) error {
		_, err := s.Join(context.Background(), n.id, n.member(), "", "a", "b")
		return err
	}
	members := func(s *dynamo.Store, n names) (any, error) {
		var found [][]rooms.Member
		for _, room := range []string{"", "a", "b", "c"} {
			page, _, err := s.Members(context.Background(), n.id, room, "")
			if err != nil {
				return nil, err
			}
			found = append(found, page)
		}
		listed, err := s.Rooms(context.Background(), n.id, n.member().Socket)
		return []any{found, listed}, err
	}
	timer := func(s *dynamo.Store, _ names) (any, error) { return s.Timer(context.Background(), 1, true) }
	set := func(generation int64, t engine.Timer) func(context.Context, *dynamo.Store, names) (bool, error) {
		return func(ctx context.Context, s *dynamo.Store, _ names) (bool, error) {
			return s.SetTimer(ctx, 1, generation, t)
		}
	}
	timers := func(generation int64) func(*dynamo.Store, names) error {
		return func(s *dynamo.Store, _ names) error {
			t, err := s.Timer(context.Background(), 1, true)
			if err != nil {
				return err
			}
			if _, err = s.SetTimer(context.Background(), 1, t.Generation, engine.Timer{}); generation > 0 && err == nil {
				_, err = s.SetTimer(context.Background(), 1, 0, engine.Timer{Generation: generation, Due: noon, By: "earlier"})
			}
			return err
		}
	}
	return append(all,
		write{"SetTimer, the first", timers(0), set(0, engine.Timer{Generation: 1, Due: noon, By: "me"}), timer},
		write{"SetTimer, another", timers(1), set(1, engine.Timer{Generation: 2, Due: noon, By: "me"}), timer},
		write{"SetTimer to none", timers(1), set(1, engine.Timer{}), timer},
		write{"Create", nothing, func(ctx context.Context, s *dynamo.Store, n names) (bool, error) {
			live := engine.Live{Address: n.polling(), Created: noon, Last: noon, Expires: noon.Add(time.Hour)}
			return true, s.Create(ctx, polling(n), []byte("handshake"), &live)
		}, func(s *dynamo.Store, n names) (any, error) {
			row, err := s.Get(context.Background(), n.polling(), true)
			h, err2 := s.Handshake(context.Background(), row)
			lives, err3 := s.Lives(context.Background(), engine.Shard(n.polling()))
			found := 0
			for _, l := range lives {
				if l.Address == n.polling() {
					found++
				}
			}
			return []any{row, string(h), found}, errors.Join(err, err2, err3)
		}},
		write{"Join", joined, func(ctx context.Context, s *dynamo.Store, n names) (bool, error) {
			_, err := s.Join(ctx, n.id, n.member(), "b", "c")
			return true, err
		}, members},
		write{"Leave", joined, func(ctx context.Context, s *dynamo.Store, n names) (bool, error) {
			return true, s.Leave(ctx, n.id, n.member().Socket, "a", "c", "")
		}, members},
		write{"Move", joined, func(ctx context.Context, s *dynamo.Store, n names) (bool, error) {
			return true, s.Move(ctx, n.id, n.member().Socket, "elsewhere")
		}, members},
	)
}

// TestARetryAfterALostResponseRecognisesItsOwnWrite loses the answer to each request of each write, in turn, and tries
// again: the request, as the client does, or the whole write, as the engine does. It has to succeed as if nothing had
// been, and to have happened once.
func TestARetryAfterALostResponseRecognisesItsOwnWrite(t *testing.T) {
	t.Run("by the client", func(t *testing.T) { loseAnswers(t, badtable.Impatient(time.Minute)) })
	t.Run("by the engine", func(t *testing.T) { loseAnswers(t, badtable.Impatient(time.Minute), once) })
}

func loseAnswers(t *testing.T, options ...func(*dynamodb.Options)) {
	p := bad(t, badtable.Options{})
	mine, direct := dynamo.New(dynalite.Client(p.URL, options...), table, nil), dynamo.New(dynalite.Client(endpoint), table, nil)
	for _, w := range writes() {
		t.Run(w.name, func(t *testing.T) {
			// run lets the write suffer and returns what is read then, by names that do not matter.
			run := func(script ...badtable.Fault) (state string, lost int) {
				n := names{rand.Text()}
				if err := w.make(direct, n); err != nil {
					t.Fatal(err)
				}
				before := p.Counts()[badtable.Lost]
				p.Script(script...)
				ok, err := false, error(nil)
				for range 5 {
					if ok, err = w.do(t.Context(), mine, n); !isTemporary(err) {
						break
					}
				}
				p.Script()
				if err != nil || !ok {
					t.Errorf("%q: it reports %t, %v", script, ok, err)
				}
				read, err := w.read(direct, n)
				if err != nil {
					t.Fatal(err)
				}
				return anonymous(t, read, n), p.Counts()[badtable.Lost] - before
			}
			want, _ := run()
			for k := 0; ; k++ {
				script := append(make([]badtable.Fault, k), badtable.Lost)
				got, lost := run(script...)
				if lost == 0 {
					if k == 0 {
						t.Error("no answer was lost")
					}
					break
				}
				if got != want {
					t.Errorf("without the answer to request %d:\n%s\nwant\n%s", k+1, got, want)
				}
				if got, _ = run(append(script, badtable.Lost, badtable.Throttled)...); got != want { // and to the one after it
					t.Errorf("without the answers to requests %d and %d:\n%s\nwant\n%s", k+1, k+2, got, want)
				}
			}
		})
	}
}
