package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/internal/testparts"
	"github.com/dozeio/doze/pkg/acks"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// yes is what a client answers with that answers at once.
func yes(args socketio.Args) socketio.Args { return append(socketio.Args{"yes"}, args...) }

// after answers a while later.
func after(d time.Duration) func(socketio.Args) socketio.Args {
	return func(socketio.Args) socketio.Args { time.Sleep(d); return socketio.Args{d.String()} }
}

// asking returns an application whose event "ask" asks the room "all" without the one who asks, with a time in
// milliseconds, and acks what came of it.
func asking() (*socketio.Server, *logbook) {
	io, log := newServer()
	n := io.Of("/")
	n.OnConnection(func(c ctx, s sock) error { return s.Join(c, "all") })
	n.On("ask", func(c ctx, s sock, ms int) (string, error) {
		began := time.Now()
		answers, err := s.To("all").Timeout(time.Duration(ms)*time.Millisecond).EmitWithAck(c, "question", 7)
		return outcome(answers, err, began), nil
	})
	return io, log
}

func outcome(answers []socketio.Answer, err error, began time.Time) string {
	var all []string
	for _, a := range answers {
		all = append(all, fmt.Sprint(a.Args))
	}
	what := ""
	switch {
	case errors.Is(err, socketio.ErrNoAck):
		what = " ErrNoAck"
	case err != nil:
		what = " " + err.Error()
	}
	return fmt.Sprintf("%s%s in %s", all, what, time.Since(began).Round(100*time.Millisecond))
}

func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func TestAQuestionIsAnsweredByAllInTheOrderOfTheirAnswers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, log := asking()
		s := socketiotest.New(t, io)
		ada, bob, cleo := s.Connect("/"), s.Connect("/"), s.Connect("/")
		bob.Answer("question", after(300*time.Millisecond))
		cleo.Answer("question", yes)
		if got := ada.Emit("ask", 5000); !strings.HasPrefix(got[0].(string), "[[yes 7] [300ms]] in ") {
			t.Errorf("%v", got)
		}
		ada.ExpectNothing()
		log.nothing(t)
	})
}

func TestAQuestionEndsWithTheAnswersThatCameInTime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, log := asking()
		s := socketiotest.New(t, io)
		ada, bob, cleo := s.Connect("/"), s.Connect("/"), s.Connect("/")
		bob.Answer("question", yes)
		cleo.Answer("question", after(time.Minute))
		if got := ada.Emit("ask", 1500); got[0] != "[[yes 7]] ErrNoAck in 1.5s" {
			t.Errorf("%v", got)
		}
		if got := ada.Emit("ask", 0); got[0] != "[[yes 7]] ErrNoAck in 5s" { // the default
			t.Errorf("%v", got)
		}
		log.nothing(t)
	})
}

func TestAQuestionToNobodyReturnsAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, log := asking()
		s := socketiotest.New(t, io)
		ada := s.Connect("/")
		if got := ada.Emit("ask", 5000); got[0] != "[] in 0s" {
			t.Errorf("%v", got)
		}
		answers, err := io.To().EmitWithAck(t.Context(), "question")
		if len(answers) > 0 || err != nil || testparts.Store(s).Rows().Questions != 0 {
			t.Errorf("%v %v, rows %+v", answers, err, testparts.Store(s).Rows())
		}
		log.nothing(t)
	})
}

// Whoever leaves is not waited for: who had been asked, and whose connection was lost by the time of the event.
func TestAQuestionDoesNotWaitForThoseWhoLeave(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		for _, others := range []int{1, 20} { // one by one, and by the rooms
			io, log := asking()
			s := socketiotest.New(t, io)
			ada, bob := s.Connect("/"), s.Connect("/")
			for range others {
				cleo := s.Connect("/")
				cleo.Answer("question", func(socketio.Args) socketio.Args { cleo.Disconnect(); return nil })
			}
			bob.Answer("question", yes)
			got := ada.Emit("ask", 25000)[0].(string)
			if !strings.HasPrefix(got, "[[yes 7]] in ") || got > "[[yes 7]] in 2" {
				t.Errorf("%d leave: %v", others, got)
			}
			log.nothing(t)
			s.Close()
		}
	})
}

func TestAnAnswerThatCameBeforeItsClientLeftCounts(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, log := asking()
		s := socketiotest.New(t, io)
		ada, bob := s.Connect("/"), s.Connect("/")
		bob.Answer("question", func(socketio.Args) socketio.Args {
			go func() { time.Sleep(990 * time.Millisecond); bob.Disconnect() }()
			time.Sleep(980 * time.Millisecond)
			return socketio.Args{"bye"}
		})
		if got := ada.Emit("ask", 5000)[0].(string); !strings.HasPrefix(got, "[[bye]] in ") {
			t.Errorf("%v", got)
		}
		log.nothing(t)
	})
}

func TestOneClientIsAskedByItsSocket(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, log := newServer()
		io.Of("/").On("ask", func(c ctx, s sock) (socketio.Args, error) { return s.EmitWithAck(c, "question", "you") })
		io.Of("/").On("asks", func(c ctx, s sock) (string, error) {
			_, err := s.EmitWithAck(c, "other")
			return fmt.Sprint(errors.Is(err, socketio.ErrNoAck)), nil
		})
		s := socketiotest.New(t, io)
		ada := s.Connect("/")
		ada.Answer("question", yes)
		if got := ada.Emit("ask"); fmt.Sprint(got) != "[yes you]" {
			t.Errorf("%v", got)
		}
		if got := ada.Emit("asks"); got[0] != "true" {
			t.Errorf("%v", got)
		}
		log.nothing(t)
	})
}

func TestAClientThatIsGoneIsErrGone(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, _ := newServer()
		var kept sock
		io.Of("/").OnConnection(func(_ ctx, s sock) error { kept = s; return nil })
		io.Of("/").On("ask", func(c ctx, s sock) (string, error) {
			all, err := io.Of("/").To("lost").FetchSockets(c)
			if err != nil || len(all) != 1 {
				return "", fmt.Errorf("%v %w", all, err)
			}
			_, err = all[0].EmitWithAck(c, "question")
			return fmt.Sprint(errors.Is(err, socketio.ErrGone)), nil
		})
		io.Of("/").On("join", func(c ctx, s sock) error { return s.Join(c, "lost") })
		s := socketiotest.New(t, io)
		ada, bob := s.Connect("/"), s.Connect("/")
		bob.Emit("join")
		bob.Answer("question", func(socketio.Args) socketio.Args { bob.Disconnect(); return nil })
		if got := ada.Emit("ask"); got[0] != "true" {
			t.Errorf("%v", got)
		}
		if _, err := kept.EmitWithAck(t.Context(), "question"); !errors.Is(err, socketio.ErrGone) {
			t.Errorf("after its invocation: %v", err)
		}
	})
}

// A client that polls answers only after the handler has returned, and so does one whose gateway keeps the order: that
// is said at once, and nobody is asked.
func TestAHandlerCannotWaitForItsOwnClientWhereMessagesAreInOrder(t *testing.T) {
	for name, test := range map[string]struct {
		transport socketiotest.Option
		options   socketiotest.Options
	}{
		"polling":           {polling, socketiotest.Options{}},
		"an ordered socket": {websocket, ordered},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				io, log := newServer()
				n := io.Of("/")
				n.On("me", func(c ctx, s sock) (string, error) {
					_, err := s.EmitWithAck(c, "question")
					_, err2 := s.EmitWithAck(context.WithoutCancel(context.Background()), "question")
					return fmt.Sprint(err, err2), nil
				})
				n.On("all", func(c ctx, s sock) (string, error) {
					_, err := io.EmitWithAck(c, "question")
					return fmt.Sprint(err), nil
				})
				n.On("others", func(c ctx, s sock) (string, error) {
					answers, err := s.Broadcast().EmitWithAck(c, "question")
					return fmt.Sprint(answers, err), nil
				})
				s := socketiotest.New(t, io, test.options)
				ada, bob := s.Connect("/", test.transport), s.Connect("/")
				bob.Answer("question", yes)
				for _, event := range []string{"me", "all"} {
					began := time.Now()
					if got := ada.Emit(event)[0].(string); !strings.Contains(got, "use Then") || time.Since(began) > 200*time.Millisecond {
						t.Errorf("%s: %s after %s", event, got, time.Since(began))
					}
				}
				ada.ExpectNothing()
				bob.ExpectNothing()
				if got := ada.Emit("others")[0].(string); !strings.Contains(got, "[yes]") {
					t.Errorf("%s", got)
				}
				log.nothing(t)
			})
		})
	}
}

func TestAQuestionInAMiddlewareIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, _ := newServer()
		var got error
		io.Of("/").Use(func(c ctx, s sock) error { _, got = s.EmitWithAck(c, "question"); return nil })
		s := socketiotest.New(t, io)
		if s.Connect("/"); got == nil || !strings.Contains(got.Error(), "OnConnection") {
			t.Errorf("%v", got)
		}
	})
}

// The time of a question ends well before that of the invocation, so that the handler can use the answers.
func TestAQuestionLeavesItsHandlerTime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, _ := newServer()
		s := socketiotest.New(t, io)
		s.Connect("/")
		for given, want := range map[time.Duration]time.Duration{26 * time.Second: 24 * time.Second, 4 * time.Second: 3 * time.Second} {
			c, cancel := context.WithTimeout(t.Context(), given)
			began := time.Now()
			_, err := io.Timeout(time.Minute).EmitWithAck(c, "question")
			if took := time.Since(began); !errors.Is(err, socketio.ErrNoAck) || took != want {
				t.Errorf("with %s: %v after %s, want %s", given, err, took, want)
			}
			cancel()
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := io.EmitWithAck(over, "question"); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}

func TestAContextThatEndsEndsAQuestion(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, _ := newServer()
		s := socketiotest.New(t, io)
		ada := s.Connect("/")
		s.Connect("/")
		ada.Answer("question", yes)
		c, cancel := context.WithCancel(t.Context())
		go func() { time.Sleep(time.Second); cancel() }()
		answers, err := io.EmitWithAck(c, "question")
		if len(answers) != 1 || !errors.Is(err, context.Canceled) || errors.Is(err, socketio.ErrNoAck) {
			t.Errorf("%v %v", answers, err)
		}
	})
}

// What is no answer to the question leaves no trace: one that comes twice, from one who was not asked, with an id of
// nobody's, after the time.
func TestWhatIsNoAnswerIsDropped(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, log := newServer()
		s := socketiotest.New(t, io)
		ada, bob := s.Connect("/"), s.Connect("/")
		ada.Answer("question", func(args socketio.Args) socketio.Args {
			time.Sleep(100 * time.Millisecond)
			return socketio.Args{"first"}
		})
		var answers []socketio.Answer
		var err error
		done := make(chan struct{})
		go func() {
			defer close(done)
			answers, err = io.To(ada.ID()).EmitWithAck(t.Context(), "question")
		}()
		synctest.Wait()
		ada.Expect("question")
		bob.Raw(text(fmt.Sprintf(`3%d["bob"]`, ada.AckID()))) // was not asked
		bob.Raw(text(`37["nobody's"]`), text(`3999999999999999999["too large"]`))
		<-done
		ada.Ack("second")
		if err != nil || len(answers) != 1 || fmt.Sprint(answers[0].Args) != "[first]" || answers[0].Socket != ada.ID() {
			t.Errorf("%v %v", answers, err)
		}
		time.Sleep(5 * time.Second)
		ada.Ack("late")
		if ada.Disconnected()+bob.Disconnected() != "" {
			t.Error("a client was disconnected")
		}
		log.nothing(t)
	})
}

// An ack that cannot be an answer costs the ack alone, and the log says so.
func TestAnAckThatCannotBeAnAnswerIsRefused(t *testing.T) {
	for name, data := range map[string]string{
		"too large": `["` + strings.Repeat("a", 128<<10) + `"]`,
		"too deep":  strings.Repeat("[", 1200) + strings.Repeat("]", 1200),
		"no number": `[1e999]`,
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				io, log := newServer()
				s := socketiotest.New(t, io)
				ada := s.Connect("/")
				go func() { _, _ = io.EmitWithAck(t.Context(), "question") }()
				synctest.Wait()
				ada.Expect("question")
				ada.Raw(text(fmt.Sprintf("3%d%s", ada.AckID(), data)))
				if len(log.lines(t, "a client's ack was refused")) != 1 || ada.Disconnected() != "" {
					t.Errorf("the log has %s", log.text.String())
				}
				time.Sleep(5 * time.Second)
			})
		})
	}
}

func TestBinaryAnswers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, _ := newServer()
		s := socketiotest.New(t, io, ordered)
		ada, bob := s.Connect("/"), s.Connect("/", polling)
		for _, c := range []*socketiotest.Client{ada, bob} {
			c.Answer("question", func(args socketio.Args) socketio.Args {
				return socketio.Args{map[string]any{"echo": args[0]}, []byte{}}
			})
		}
		go func() { time.Sleep(500 * time.Millisecond); bob.Disconnected() }() // fetches
		answers, err := io.EmitWithAck(t.Context(), "question", []byte{1, 2})
		if err != nil || len(answers) != 2 {
			t.Fatal(answers, err)
		}
		for _, a := range answers {
			if got := fmt.Sprint(a.Args); got != "[map[echo:[1 2]] []]" {
				t.Errorf("%s", got)
			}
		}
	})
}

func TestWhoCannotBeAskedIsNotWaitedFor(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, log := newServer()
		network := &failing{posts: map[string]error{}}
		s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
			network.Poster = b.Poster
			b.Poster = network
			return b
		}})
		ada, bob, cleo := s.Connect("/"), s.Connect("/"), s.Connect("/")
		ada.Answer("question", yes)
		network.posts["connection2"], network.posts["connection3"] = errLasting, engine.ErrGone
		began := time.Now()
		answers, err := io.EmitWithAck(t.Context(), "question")
		if took := time.Since(began); err != nil || len(answers) != 1 || took > time.Second {
			t.Errorf("%v %v after %s", answers, err, took)
		}
		if len(log.lines(t, "a recipient did not get an event and is disconnected")) != 1 || bob.Disconnected() == "" || cleo.Disconnected() == "" {
			t.Errorf("bob is %q, cleo is %q; the log: %s", bob.Disconnected(), cleo.Disconnected(), log.text.String())
		}
	})
}

// failing is a Poster whose posts to some connections fail.
type failing struct {
	engine.Poster
	posts map[string]error
}

func (f *failing) Post(ctx context.Context, connection string, frame engine.Frame) error {
	if err := f.posts[connection]; err != nil {
		return err
	}
	return f.Poster.Post(ctx, connection, frame)
}

func TestQuestionsWithoutARowAreErrors(t *testing.T) {
	io, _ := newServer()
	if _, err := io.EmitWithAck(t.Context(), "question"); !errors.Is(err, socketio.ErrUnbound) {
		t.Errorf("%v", err)
	}
	s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend { b.Acks = nil; return b }})
	ada := s.Connect("/")
	if _, err := io.EmitWithAck(t.Context(), "question"); err == nil || !strings.Contains(err.Error(), "Backend.Acks") {
		t.Errorf("%v", err)
	}
	ada.Raw(text(`37["nobody's"]`))
	if ada.Disconnected() != "" {
		t.Error("a client was disconnected")
	}
	for what, err := range map[string]error{
		"reserved":   second(io.EmitWithAck(t.Context(), "disconnect")),
		"unsendable": second(io.EmitWithAck(t.Context(), "question", make(chan int))),
		"large":      second(io.EmitWithAck(t.Context(), "question", strings.Repeat("a", 256<<10))),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestALargeQuestion(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, log := newServer()
		s := socketiotest.New(t, io)
		want := []string{}
		for range 200 {
			c := s.Connect("/")
			c.Answer("question", yes)
			want = append(want, c.ID())
		}
		answers, err := io.EmitWithAck(t.Context(), "question")
		got := []string{}
		for _, a := range answers {
			got = append(got, a.Socket)
		}
		slices.Sort(got)
		slices.Sort(want)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%d answers, %v", len(got), err)
		}
		log.nothing(t)
	})
}

// stale is a store whose eventual reads know nothing yet.
type stale struct{ acks.Store }

func (s stale) Read(ctx context.Context, id int64, part int, strong bool) (acks.Question, []acks.End, error) {
	if !strong {
		return acks.Question{}, nil, nil
	}
	return s.Store.Read(ctx, id, part, strong)
}

// Cheap reads may be old. The last one is not, nor is one before somebody is given up who has left.
func TestOldReadsLoseNoAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, log := newServer()
		s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
			b.Acks = stale{b.Acks}
			return b
		}})
		ada, bob := s.Connect("/"), s.Connect("/")
		ada.Answer("question", yes)
		bob.Answer("question", func(socketio.Args) socketio.Args {
			go func() { time.Sleep(10 * time.Millisecond); bob.Disconnect() }()
			return socketio.Args{"bye"}
		})
		began := time.Now()
		answers, err := io.To(ada.ID()).EmitWithAck(t.Context(), "question")
		if len(answers) != 1 || err != nil || time.Since(began) != 5*time.Second {
			t.Errorf("of one who stays: %v %v after %s", answers, err, time.Since(began))
		}
		began = time.Now()
		answers, err = io.To(bob.ID()).EmitWithAck(t.Context(), "question")
		if len(answers) != 1 || err != nil || time.Since(began) > 2*time.Second {
			t.Errorf("of one who leaves: %v %v after %s", answers, err, time.Since(began))
		}
		log.nothing(t)
	})
}
