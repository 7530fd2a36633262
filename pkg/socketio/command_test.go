package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/dozeio/doze/internal/testparts"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// queued has a deployment handle a message of its job queue.
func queued(t *testing.T, s *socketiotest.Server, message string) error {
	t.Helper()
	e, _ := testparts.Of(s)
	err := e.Job(t.Context(), []byte(message))
	s.Settle()
	return err
}

// tea is an application whose sockets join a room, and which notes who leaves.
func tea() (*socketio.Server, *diary) {
	io, _ := newServer()
	notes := &diary{}
	for _, name := range []string{"/", "/admin"} {
		n := io.Of(name)
		n.OnConnection(func(ctx context.Context, s *socketio.Socket) error { return s.Join(ctx, "tea") })
		n.OnDisconnecting(func(ctx context.Context, s *socketio.Socket, reason socketio.Reason) error {
			rooms, err := s.Rooms(ctx)
			notes.add(reason, rooms)
			return err
		})
	}
	return io, notes
}

func TestMessagesOfTheQueueEmit(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		io, _ := tea()
		s := socketiotest.New(t, io)
		ada, bob, eve := s.Connect("/", transport), s.Connect("/", transport), s.Connect("/admin", transport)
		for _, message := range []string{
			`{"emit":"a"}`, // to all
			`{"emit":"b","to":["tea"],"args":["text",{"z":1,"a":12345678901234567890},null]}`,
			`{"emit":"c","to":[],"args":[1]}`, // to nobody
			`{"emit":"d","to":["` + ada.ID() + `"]}`,
			`{"emit":"e","except":["` + ada.ID() + `"],"namespace":"/"}`,
			`{"emit":"f","namespace":"admin","to":["tea","other"]}`,
			`{"emit":"g","to":["tea"],"args":[[{"$binary":"aGVsbG8="}],{"$binary":"","more":1}]}`,
			`{"emit":"h"}`,
		} {
			if err := queued(t, s, message); err != nil {
				t.Errorf("%s: %v", message, err)
			}
		}
		for _, want := range []struct {
			who    *socketiotest.Client
			events []string
		}{{ada, []string{"a", "b", "d", "g", "h"}}, {bob, []string{"a", "b", "e", "g", "h"}}, {eve, []string{"f"}}} {
			for _, event := range want.events {
				switch event {
				case "b":
					want.who.Expect("b", "text", json.RawMessage(`{"z":1,"a":12345678901234567890}`), nil)
				case "g":
					want.who.Expect("g", []any{[]byte("hello")}, map[string]any{"$binary": "", "more": 1.0})
				default:
					want.who.Expect(event)
				}
			}
		}
	})
}

func TestMessagesOfTheQueueJoinLeaveAndDisconnect(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		io, notes := tea()
		s := socketiotest.New(t, io)
		ada, bob := s.Connect("/", transport), s.Connect("/", transport)
		do := func(message string) {
			t.Helper()
			for range 2 { // a message may come twice
				if err := queued(t, s, message); err != nil {
					t.Errorf("%s: %v", message, err)
				}
			}
		}
		do(`{"join":["vip","cake"],"to":["` + ada.ID() + `"]}`)
		do(`{"leave":["cake"],"to":["tea"]}`)
		rooms, err := io.Of("/").Rooms(t.Context())
		if err != nil || !slices.Equal(rooms, []socketio.Room{{Name: "tea", Members: 2}, {Name: "vip", Members: 1}}) {
			t.Errorf("%v %v", rooms, err)
		}
		do(`{"disconnect":true,"to":["vip"]}`)
		if got := notes.String(); !strings.Contains(got, "server namespace disconnect") || !strings.Contains(got, "vip") || strings.Count(got, "tea") != 1 {
			t.Errorf("OnDisconnecting: %s", got)
		}
		do(`{"disconnect":true,"closeConnection":true}`)
		if there, err := io.Of("/").In("tea").SocketIDs(t.Context()); err != nil || len(there) != 0 {
			t.Errorf("%v %v, %s is there", there, err, bob.ID())
		}
		if got := notes.String(); strings.Count(got, "tea") != 2 {
			t.Errorf("OnDisconnecting: %s", got)
		}
	})
}

// TestMessagesThatAreNoneAreNotJobs shows that none comes again, and that each error says what to write.
func TestMessagesThatAreNoneAreNotJobs(t *testing.T) {
	io, _ := tea()
	s := socketiotest.New(t, io)
	ada := s.Connect("/")
	for message, want := range map[string]string{
		``:                                      "no JSON object: write {",
		`news`:                                  "no JSON object: write {",
		`null`:                                  "no JSON object: write {",
		`["emit","news"]`:                       "no JSON object: write {",
		`{}`:                                    `has 0 of "emit", "join"`,
		`{"to":["tea"]}`:                        `has 0 of "emit"`,
		`{"emit":"a","join":["b"]}`:             `has 2 of "emit"`,
		`{"emit":5}`:                            `"emit" is 5: write "news"`,
		`{"emit":null}`:                         `"emit" is null`,
		`{"emit":"connect"}`:                    "is reserved",
		`{"emit":"a","to":"tea"}`:               `"to" is "tea": write ["room"]`,
		`{"emit":"a","to":null}`:                `"to" is null: write ["room"], or leave it out`,
		`{"emit":"a","to":[null]}`:              `"to" is [null]`,
		`{"emit":"a","rooms":["tea"]}`:          `there is no "rooms" in a message`,
		`{"emit":"a","To":["tea"]}`:             `there is no "To" in a message`,
		`{"emit":"a","except":"tea"}`:           `"except" is "tea"`,
		`{"emit":"a","namespace":[]}`:           `"namespace" is []`,
		`{"emit":"a","args":"text"}`:            `"args" is "text": write [`,
		`{"emit":"a","args":null}`:              `"args" is null`,
		`{"emit":"a","args":[{"$binary":"?"}]}`: "is not base64",
		`{"emit":"a","args":[{"$binary":1}]}`:   "is not base64",
		`{"emit":"a","args":["` + strings.Repeat("x", 200_000) + `"]}`: "larger than",
		`{"join":[]}`:                          `"join" is empty`,
		`{"join":"tea"}`:                       `"join" is "tea"`,
		`{"join":[""]}`:                        `"join": socketio: a room's name`,
		`{"leave":["` + ada.ID() + `"]}`:       "could be another socket's id",
		`{"join":["a"],"args":[]}`:             `"args" are those of an event`,
		`{"disconnect":false}`:                 `"disconnect" is false: write true`,
		`{"disconnect":"yes"}`:                 `"disconnect" is "yes"`,
		`{"emit":"a","closeConnection":false}`: `"closeConnection" goes with "disconnect"`,
		`{"emit":"a","reason":"spam"}`:         `"reason" goes with "disconnect"`,
		`{"disconnect":true,"reason":5}`:       `"reason" is 5`,
		`{"kind":"tomorrow"}`:                  `"tomorrow"`,
	} {
		if err := queued(t, s, message); !errors.Is(err, engine.ErrNotAJob) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.100s: got %v, want %s", message, err, want)
		}
	}
	if err := queued(t, s, `{"emit":"last"}`); err != nil {
		t.Error(err)
	}
	ada.Expect("last") // and nothing before
}

// TestAMessageForANamespaceThatThereIsNot is done with when nobody is in that, and comes again when somebody is: by
// another version of the application, which the store cannot tell from this one.
func TestAMessageForANamespaceThatThereIsNot(t *testing.T) {
	io, log := newServer()
	s := socketiotest.New(t, io)
	const message = "nothing is done in a namespace that does not exist and that nobody is in: is its name right?"
	jobs := []string{
		`{"emit":"a","namespace":"/nowhere"}`,
		`{"join":["a"],"namespace":"/nowhere"}`,
		`{"leave":["a"],"namespace":"nowhere"}`,
		`{"disconnect":true,"namespace":"/nowhere"}`,
		`{"kind":"work","id":"x","work":{"disconnect":{"namespace":"/nowhere","all":true}}}`,
	}
	for i, job := range jobs {
		if err := queued(t, s, job); err != nil {
			t.Errorf("%s: %v", job, err)
		}
		if lines := log.lines(t, message); len(lines) != i+1 || lines[i]["namespace"] != "/nowhere" || lines[i]["level"] != "ERROR" {
			t.Errorf("%s: logged %v", job, lines)
		}
	}
	if _, err := testparts.Store(s).Join(t.Context(), "/nowhere", rooms.Member{Socket: "abcdefghijklmnopqrst", Address: "cother"}, ""); err != nil {
		t.Fatal(err)
	}
	defer testparts.Store(s).Leave(t.Context(), "/nowhere", "abcdefghijklmnopqrst", "")
	jobs = append(jobs, `{"kind":"work","id":"x","work":{"ack":1,"namespace":"/nowhere"}}`) // a question says that somebody was
	for _, job := range jobs {
		if err := queued(t, s, job); err == nil || errors.Is(err, engine.ErrNotAJob) || !strings.Contains(err.Error(), `the namespace "/nowhere"`) && !strings.Contains(err.Error(), `no namespace "/nowhere"`) {
			t.Errorf("%s: %v", job, err)
		}
	}
}

// TestAJoinThatMaxRoomsRefusesComesOnce shows that a message which would be refused again is not a job.
func TestAJoinThatMaxRoomsRefusesComesOnce(t *testing.T) {
	io := socketio.New(socketio.Options{MaxRooms: 1})
	s := socketiotest.New(t, io)
	s.Connect("/")
	if err := queued(t, s, `{"join":["a","b"]}`); !errors.Is(err, engine.ErrNotAJob) || !strings.Contains(err.Error(), "Options.MaxRooms") {
		t.Error(err)
	}
}

// TestAnEmittersDisconnectsRunTheHandlers shows both ways to disconnect.
func TestAnEmittersDisconnectsRunTheHandlers(t *testing.T) {
	for name, disconnect := range map[string]func(context.Context, *socketio.Server) error{
		"DisconnectSockets": func(ctx context.Context, emitter *socketio.Server) error {
			return emitter.To("half \xed\xa0\xbd").DisconnectSockets(ctx, false) // no UTF-8, which JSON would change
		},
		"DisconnectClient of one that was fetched": func(ctx context.Context, emitter *socketio.Server) error {
			all, err := emitter.To("vip").FetchSockets(ctx)
			for _, s := range all {
				err = errors.Join(err, s.DisconnectClient(ctx))
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			overBoth(t, func(t *testing.T, transport socketiotest.Option) {
				io, notes := tea()
				s, emitter := elsewhere(t, io)
				ada, bob := s.Connect("/", transport), s.Connect("/", transport)
				ctx := t.Context()
				if err := emitter.To(ada.ID()).SocketsJoin(ctx, "vip", "half \xed\xa0\xbd"); err != nil {
					t.Fatal(err)
				}
				if err := disconnect(ctx, emitter); err != nil {
					t.Fatal(err)
				}
				s.Settle()
				if got := notes.String(); !strings.Contains(got, "server namespace disconnect") || strings.Count(got, "vip") != 1 {
					t.Errorf("OnDisconnecting: %s", got)
				}
				there, err := emitter.In("tea").SocketIDs(ctx)
				if err != nil || !slices.Equal(there, []string{bob.ID()}) {
					t.Errorf("%v %v", there, err)
				}
			})
		})
	}
}
