package socketio_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/testparts"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// poll is the state of a question.
type poll struct {
	Round int    `json:"round"`
	Topic string `json:"topic"`
}

// voting returns an application whose event "ask" asks everybody, with three seconds to answer, and what its OnAck was
// called with, without the sockets' ids.
func voting() (*socketio.Server, *logbook, *diary) {
	io, log := newServer()
	var did diary
	n := io.Of("/")
	n.On("ask", func(c ctx, s sock, round int) error {
		return io.Of("/").Timeout(3*time.Second).Then("voted", poll{round, "tea"}).Emit(c, "vote", "tea")
	})
	n.On("me", func(c ctx, s sock) error {
		return s.Then("voted", poll{0, "me"}).Timeout(3*time.Second).Emit(c, "vote")
	})
	n.OnAck("voted", func(_ ctx, s sock, of poll, missed error, votes ...string) error {
		return did.add(of.Topic, of.Round, " ", votes, why(missed))
	})
	return io, log, &did
}

func why(missed error) string {
	switch {
	case missed == nil:
		return ""
	case errors.Is(missed, socketio.ErrNoAck):
		return " late"
	case errors.Is(missed, socketio.ErrGone):
		return " left"
	}
	return " " + missed.Error()
}

// want checks what was done, in any order when there is more than one.
func (d *diary) want(t *testing.T, what string) {
	t.Helper()
	if got := d.String(); got != what {
		t.Errorf("did %q, want %q", got, what)
	}
}

// later lets time pass and carries out what is due.
func later(s *socketiotest.Server, d time.Duration) {
	for ; d > 0; d -= time.Second {
		time.Sleep(min(d, time.Second))
		s.Settle()
	}
}

// After Then a client answers whatever its transport and its gateway are, in an invocation of its own.
func TestAnAnswerIsHandledWhereItArrives(t *testing.T) {
	for name, options := range map[string]socketiotest.Options{"as AWS": {}, "ordered": ordered} {
		t.Run(name, func(t *testing.T) {
			overBoth(t, func(t *testing.T, transport socketiotest.Option) {
				inBubble(t, func(t *testing.T) {
					io, log, did := voting()
					s := socketiotest.New(t, io, options)
					ada := s.Connect("/", transport)
					ada.Emit("me")
					ada.Expect("vote")
					did.want(t, "")
					ada.Ack("yes", "please")
					did.want(t, "me0 [yes please]")
					later(s, time.Hour)
					did.want(t, "me0 [yes please]")
					log.nothing(t)
				})
			})
		})
	}
}

// Every question ends exactly once for each recipient: with an answer, because its time was over, or because the
// recipient has left.
func TestAQuestionEndsOnceForEachRecipient(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, log, did := voting()
		s := socketiotest.New(t, io)
		ada, bob, cleo := s.Connect("/"), s.Connect("/", polling), s.Connect("/")
		ada.Emit("ask", 1)
		for _, c := range []*socketiotest.Client{ada, bob, cleo} {
			c.Expect("vote", "tea")
		}
		ada.Ack("yes")
		cleo.Close()
		did.want(t, "tea1 [yes]")
		later(s, 2900*time.Millisecond)
		did.want(t, "tea1 [yes]")
		later(s, 200*time.Millisecond)
		got := did.String()
		if got != "tea1 [yes], tea1 [] late, tea1 [] left" && got != "tea1 [yes], tea1 [] left, tea1 [] late" {
			t.Errorf("did %q", got)
		}
		bob.Ack("too late")
		later(s, 50*time.Second)
		did.want(t, got)
		if left := testparts.Store(s).Rows().Questions; left != 1 {
			t.Errorf("%d questions are left", left)
		}
		later(s, 10*time.Second)
		did.want(t, got)
		if left := testparts.Store(s).Rows().Questions; left != 0 {
			t.Errorf("%d questions are left in the end", left)
		}
		log.nothing(t)
	})
}

func TestDuplicateAnswersAreHandledOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, log, did := voting()
		s := socketiotest.New(t, io)
		ada := s.Connect("/")
		ada.Emit("me")
		ada.Expect("vote")
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() { ada.Ack("yes") })
		}
		all.Wait()
		ada.Ack("no")
		did.want(t, "me0 [yes]")
		log.nothing(t)
	})
}

func TestAnAnswerToAnothersQuestionIsDropped(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, log, did := voting()
		io.Of("/other")
		s := socketiotest.New(t, io)
		ada, bob := s.Connect("/"), s.Connect("/")
		ada.Emit("me")
		ada.Expect("vote")
		bob.Raw(text(fmt.Sprintf(`3%d["bob"]`, ada.AckID())))
		elsewhere := ada.Connect("/other")
		elsewhere.Raw(text(fmt.Sprintf(`3/other,%d["ada, as another socket"]`, ada.AckID())))
		did.want(t, "")
		ada.Ack("ada")
		did.want(t, "me0 [ada]")
		log.nothing(t)
	})
}

func TestAnAnswerThatDoesNotFitIsSaid(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, log, did := voting()
		s := socketiotest.New(t, io)
		ada := s.Connect("/")
		ada.Emit("me")
		ada.Expect("vote")
		ada.Ack(7)
		if got := did.String(); !strings.HasPrefix(got, "me0 [] argument 1 is no string") {
			t.Errorf("did %q", got)
		}
		log.nothing(t)
	})
}

// The socket of an answer is the client's own; that of one who was late can be asked and sent to, and that of one who
// has left has its id.
func TestTheSocketOfAnEnd(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, log := newServer()
		n := io.Of("/")
		n.OnConnection(func(c ctx, s sock) error {
			return socketio.UpdateData(c, s, func(name *string) error { *name = "data of " + s.ID(); return nil })
		})
		n.On("ask", func(c ctx, s sock) error { return n.Then("told", nil).Emit(c, "question") })
		var mu sync.Mutex
		ids := map[string]string{}
		n.OnAck("told", func(c ctx, s sock, _ any, missed error, _ socketio.Args) error {
			var data string
			if err := s.Data(&data); err != nil {
				return err
			}
			mu.Lock()
			ids["told"+why(missed)] = s.ID()
			mu.Unlock()
			if err := s.Emit(c, "thanks", why(missed)); !errors.Is(err, socketio.ErrGone) != (data == "data of "+s.ID()) {
				return fmt.Errorf("%q, data %q: %w", why(missed), data, err)
			}
			return nil
		})
		s := socketiotest.New(t, io)
		ada, bob, cleo := s.Connect("/"), s.Connect("/"), s.Connect("/")
		ada.Emit("ask")
		ada.Expect("question")
		ada.Ack()
		ada.Expect("thanks", "")
		gone := cleo.ID()
		cleo.Close()
		later(s, 5*time.Second)
		bob.Expect("question")
		bob.Expect("thanks", " late")
		if ids["told"] != ada.ID() || ids["told late"] != bob.ID() || ids["told left"] != gone {
			t.Errorf("%v", ids)
		}
		log.nothing(t)
	})
}

func TestAnAnswerIsHandledWhateverItsHandlerDoes(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, log := newServer()
		n := io.Of("/")
		calls := 0
		n.On("ask", func(c ctx, s sock, how string) error { return s.Then("fails", how).Emit(c, "question") })
		n.OnAck("fails", func(c ctx, s sock, how string, _ error) error {
			if calls++; how == "panic" {
				panic("a mistake")
			}
			return errors.New("a fault")
		})
		s := socketiotest.New(t, io)
		ada := s.Connect("/")
		for i, how := range []string{"error", "panic"} {
			ada.Emit("ask", how)
			ada.Expect("question")
			ada.Ack()
			later(s, time.Hour)
			if lines := log.lines(t, "a handler failed"); calls != i+1 || len(lines) != i+1 || lines[i]["event"] != "fails" {
				t.Errorf("%s: %d calls, logged %v", how, calls, lines)
			}
		}
	})
}

func TestThenRefusesWhatCannotBeHandled(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, _, _ := voting()
		s := socketiotest.New(t, io)
		ada := s.Connect("/")
		for what, b := range map[string]socketio.Broadcast{
			"no function of that name": io.Then("nobody", nil),
			"at most 4096 bytes":       io.Then("voted", strings.Repeat("a", 4<<10)),
			"json":                     io.Then("voted", make(chan int)),
		} {
			if err := b.Emit(t.Context(), "vote"); err == nil || !strings.Contains(err.Error(), what) {
				t.Errorf("%v, want one with %q", err, what)
			}
		}
		if _, err := io.Then("voted", nil).EmitWithAck(t.Context(), "vote"); err == nil || !strings.Contains(err.Error(), "OnAck") {
			t.Errorf("%v", err)
		}
		if err := io.To("nobody").Then("voted", nil).Emit(t.Context(), "vote"); err != nil {
			t.Errorf("to nobody: %v", err)
		}
		if rows := testparts.Store(s).Rows(); rows.Questions > 0 {
			t.Errorf("rows %+v", rows)
		}
		ada.ExpectNothing()
	})
}

func TestOnAckPanics(t *testing.T) {
	for name, f := range map[string]any{
		"nothing":          nil,
		"no function":      7,
		"no state":         func(ctx, sock, error) error { return nil },
		"no missed":        func(ctx, sock, int, string) error { return nil },
		"a state, untaken": func(ctx, sock, chan int, error) error { return nil },
		"an argument":      func(ctx, sock, int, error, func()) error { return nil },
		"a result":         func(ctx, sock, int, error) (int, error) { return 0, nil },
		"variadic missed":  func(ctx, sock, int, ...error) error { return nil },
		"twice":            func(ctx, sock, int, error) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			io, _ := newServer()
			if name == "twice" {
				io.Of("/").OnAck("a", f)
			}
			defer func() {
				if text := fmt.Sprint(recover()); !strings.Contains(text, "OnAck(\"a\")") {
					t.Errorf("panicked with %s", text)
				}
			}()
			io.Of("/").OnAck("a", f)
		})
	}
}

// An emit to one socket that fails is its caller's: OnAck does not hear of it, too.
func TestWhatEmitReturnsIsNotHandledToo(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, _, did := voting()
		network := &failing{posts: map[string]error{}}
		s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
			network.Poster = b.Poster
			b.Poster = network
			return b
		}})
		ada := s.Connect("/")
		network.posts["connection1"] = engine.ErrBusy
		if err := io.To(ada.ID()).Then("voted", poll{}).Emit(t.Context(), "vote"); !errors.Is(err, socketio.ErrBusy) {
			t.Errorf("%v", err)
		}
		later(s, time.Hour)
		did.want(t, "")
	})
}

// jobs keeps what goes to the job queue, and lets it be delivered by the test.
type jobs struct {
	engine.Timers
	mu   sync.Mutex
	kept []string
}

func (j *jobs) Schedule(ctx context.Context, job []byte, after time.Duration) error {
	var work struct{ Work json.RawMessage }
	if err := json.Unmarshal(job, &work); err == nil && strings.Contains(string(work.Work), `"ack"`) {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.kept = append(j.kept, string(job))
		return nil
	}
	return j.Timers.Schedule(ctx, job, after)
}

// take returns the jobs that have been sent since.
func (j *jobs) take() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	kept := j.kept
	j.kept = nil
	return kept
}

// withJobs runs an application whose jobs of questions are the test's to deliver, with a hook around the store.
func withJobs(t *testing.T, io *socketio.Server, f func(op string, after bool) error) (*socketiotest.Server, *jobs, *engine.Engine) {
	var j jobs
	s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
		j.Timers = b.Timers
		b.Timers = &j
		if f != nil {
			b = hook(f)(b)
		}
		return b
	}})
	return s, &j, testparts.Engine(s)
}

// A job may come twice, at the same time or one after the other: nobody hears of an end twice.
func TestTheJobOfAQuestionMayComeTwice(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, log, did := voting()
		s, jobs, e := withJobs(t, io, nil)
		ada := s.Connect("/")
		for range 20 {
			s.Connect("/")
		}
		ada.Emit("ask", 1)
		sent := jobs.take()
		if len(sent) != 1 {
			t.Fatalf("%d jobs", len(sent))
		}
		time.Sleep(3 * time.Second)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if err := e.Job(t.Context(), []byte(sent[0])); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := strings.Count(did.String(), "tea1 [] late"); n != 21 {
			t.Errorf("%d of 21 ends were handled", n)
		}
		for range 3 { // and those that came second look once more, later
			time.Sleep(time.Minute)
			for _, job := range append(jobs.take(), sent...) {
				if err := e.Job(t.Context(), []byte(job)); err != nil {
					t.Error(err)
				}
			}
		}
		if n := strings.Count(did.String(), "tea1"); n != 21 || len(jobs.take()) > 0 {
			t.Errorf("%d of 21 ends were handled in the end", n)
		}
		log.nothing(t)
	})
}

func TestAJobThatComesEarlyComesAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, _, did := voting()
		io.Of("/").On("hours", func(c ctx, s sock) error { return s.Timeout(time.Hour).Then("voted", poll{}).Emit(c, "vote") })
		s := socketiotest.New(t, io)
		ada := s.Connect("/")
		ada.Emit("hours") // the queue's delays end at 15 minutes
		for range 6 {
			did.want(t, "")
			later(s, 10*time.Minute-time.Second)
		}
		later(s, 7*time.Second)
		did.want(t, "0 [] late")
	})
}

// unhurriedAt is unhurried for as long as it is to be.
type unhurriedAt struct {
	engine.Poster
	now *atomic.Bool
}

func (u unhurriedAt) Post(c ctx, connection string, f engine.Frame) error {
	if u.now.Load() {
		return unhurried{u.Poster}.Post(c, connection, f)
	}
	return u.Poster.Post(c, connection, f)
}

// Sending to many takes its time, which is not theirs: whoever answers at once has answered in time, and who does not has
// had all of it.
func TestThenGivesEachOfManyTheTime(t *testing.T) {
	for name, test := range map[string]struct {
		many  int
		limit time.Duration // of the one who emits, 0: none
		after time.Duration // given with Timeout, 0: not given
	}{
		"few":                    {many: 64},
		"many":                   {many: 400},
		"many, in a handler":     {many: 400, limit: 26 * time.Second},
		"many, at the last":      {many: 400, limit: 10 * time.Second},
		"many, with little time": {many: 400, after: 2 * time.Second},
		"many, with a long time": {many: 400, after: 20 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				io, _ := newServer()
				var mu sync.Mutex
				var emitting atomic.Bool
				var answered int
				var late []time.Duration
				var began time.Time
				io.Of("/").OnAck("voted", func(_ ctx, _ sock, _ int, missed error, _ ...string) error {
					mu.Lock()
					defer mu.Unlock()
					switch {
					case missed == nil:
						answered++
					case errors.Is(missed, socketio.ErrNoAck):
						late = append(late, time.Since(began))
					default:
						return missed
					}
					return nil
				})
				s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
					b.Poster = unhurriedAt{b.Poster, &emitting}
					return b
				}})
				for i := range test.many {
					if c := s.Connect("/"); i > 0 {
						c.Answer("vote", yes)
					}
				}
				c := t.Context()
				if test.limit > 0 {
					limited, cancel := context.WithTimeout(c, test.limit)
					defer cancel()
					c = limited
				}
				b := io.Then("voted", 1)
				if test.after > 0 {
					b = b.Timeout(test.after)
				}
				began = time.Now()
				emitting.Store(true)
				var deliveries sync.WaitGroup
				deliveries.Go(func() { later(s, 30*time.Minute) })
				err := b.Emit(c, "vote")
				took := time.Since(began)
				if err != nil || test.many > 64 && took < 6*time.Second {
					t.Errorf("%v after %s", err, took)
				}
				emitting.Store(false)
				deliveries.Wait()
				over := cmp.Or(test.after, 5*time.Second)
				if answered != test.many-1 || len(late) != 1 || late[0] < over || late[0] > took+over+2*time.Second {
					t.Errorf("%d have answered, and %s after the emit some were late; sending took %s", answered, late, took)
				}
			})
		})
	}
}

// dies is a store that is of no use any more from some call on, as to an invocation that is killed there.
type dies struct {
	mu   sync.Mutex
	at   string
	dead bool
}

func (d *dies) hook(op string, after bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at == fmt.Sprintf("%s %v", op, after) {
		d.dead = true
	}
	if d.dead {
		return errLasting
	}
	return nil
}

func (d *dies) set(at string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at, d.dead = at, false
}

// The invocation that gets an answer dies at one of its steps. What was answered is handled once it was written: by the
// job, a minute after, and with the answer.
func TestTheInvocationOfAnAnswerDies(t *testing.T) {
	for at, want := range map[string]string{
		"Answer false": "me0 [] late",          // nothing was written: the ack is lost, and its client is disconnected
		"Answer true":  "me0 [yes]",            // before the handler
		"Done false":   "me0 [yes], me0 [yes]", // after the handler: again
		"Done true":    "me0 [yes]",            // after all
	} {
		t.Run(at, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				io, _, did := voting()
				var d dies
				s, jobs, e := withJobs(t, io, d.hook)
				ada := s.Connect("/")
				ada.Emit("me")
				ada.Expect("vote")
				d.set(at)
				ada.Ack("yes")
				d.set("")
				s.Settle()
				for range 4 {
					time.Sleep(40 * time.Second)
					for _, job := range jobs.take() {
						if err := e.Job(t.Context(), []byte(job)); err != nil {
							t.Error(err)
						}
					}
				}
				if got := strings.ReplaceAll(did.String(), " left", " late"); got != want {
					t.Errorf("did %q, want %q", got, want)
				}
			})
		})
	}
}

// The job dies at one of its steps, and comes again.
func TestTheJobOfAQuestionDies(t *testing.T) {
	for at, want := range map[string]string{
		"Read false": "me0 [] late",
		"End false":  "me0 [] late",
		"End true":   "me0 [] late",
		"Done false": "me0 [] late, me0 [] late",
		"Done true":  "me0 [] late",
	} {
		t.Run(at, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				io, _, did := voting()
				var d dies
				s, jobs, e := withJobs(t, io, d.hook)
				ada := s.Connect("/")
				ada.Emit("me")
				ada.Expect("vote")
				sent := jobs.take()
				time.Sleep(3 * time.Second)
				d.set(at)
				_ = e.Job(t.Context(), []byte(sent[0]))
				d.set("")
				for range 4 {
					for _, job := range append(jobs.take(), sent...) {
						if err := e.Job(t.Context(), []byte(job)); err != nil {
							t.Error(err)
						}
					}
					time.Sleep(40 * time.Second)
				}
				did.want(t, want)
			})
		})
	}
}

// A store that is busy, or loses its answers, changes nothing.
func TestQuestionsOnABusyStore(t *testing.T) {
	for _, op := range []string{"Ask", "Answer", "End", "Done", "Read", "Members"} {
		for _, lost := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, lost %v", op, lost), func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					io, log, did := voting()
					var b broken
					s := socketiotest.New(t, io, socketiotest.Options{Wrap: hook(b.hook)})
					ada, bob := s.Connect("/"), s.Connect("/")
					b.fail(op, lost, 3, errTemporary)
					ada.Emit("ask", 1)
					ada.Expect("vote")
					bob.Expect("vote")
					ada.Ack("yes")
					did.want(t, "tea1 [yes]")
					b.fail(op, lost, 3, errTemporary)
					later(s, 3*time.Second)
					later(s, time.Hour)
					did.want(t, "tea1 [yes], tea1 [] late")
					b.fail(op, lost, 3, errTemporary)
					ada.Answer("question", yes)
					answers, err := io.To(ada.ID()).EmitWithAck(t.Context(), "question")
					if err != nil || len(answers) != 1 {
						t.Errorf("%v %v", answers, err)
					}
					log.nothing(t)
				})
			})
		}
	}
}

// A store that fails for good is an error of the emit, and of the client whose answer is lost.
func TestQuestionsOnABrokenStore(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, _, did := voting()
		var b broken
		s := socketiotest.New(t, io, socketiotest.Options{Wrap: hook(b.hook)})
		ada := s.Connect("/")
		b.fail("Ask", false, 2, errLasting)
		if _, err := io.EmitWithAck(t.Context(), "question"); !errors.Is(err, errLasting) {
			t.Errorf("%v", err)
		}
		if err := io.Then("voted", poll{}).Emit(t.Context(), "vote"); !errors.Is(err, errLasting) {
			t.Errorf("%v", err)
		}
		ada.ExpectNothing()
		b.fail("Read", false, 1, errLasting)
		ada.Answer("question", yes)
		if _, err := io.EmitWithAck(t.Context(), "question"); !errors.Is(err, errLasting) {
			t.Errorf("%v", err)
		}
		ada.Next()
		ada.Emit("me")
		ada.Expect("vote")
		b.fail("Answer", false, 1, errLasting)
		ada.Ack("yes")
		if ada.Disconnected() == "" {
			t.Error("an answer was lost, and its client is not told")
		}
		later(s, time.Minute)
		did.want(t, "me0 [] left")
	})
}

// An answer that comes to an older version of the application, which has no function for it, is handled by the job,
// with what was answered.
func TestAnAnswerThatAnOlderVersionGets(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, _, did := voting()
		older, log := newServer()
		var old *engine.Engine
		s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
			var err error
			if old, err = older.Bind(b); err != nil {
				t.Fatal(err)
			}
			return b
		}})
		ada := s.Connect("/")
		ada.Emit("me")
		ada.Expect("vote")
		answer := text(fmt.Sprintf(`3%d["yes"]`, ada.AckID()))
		old.Frame(t.Context(), "connection1", engine.Frame{Data: answer.Append(nil)})
		did.want(t, "")
		log.want(t, "an ack cannot be handled", "was it emitted by another version", "voted", ada.ID())
		if ada.Disconnected() != "" {
			t.Error("the client was disconnected")
		}
		later(s, 2*time.Minute)
		did.want(t, "me0 [yes]")
	})
}

// OnError sees what OnAck's functions return, under their name.
func TestOnErrorSeesWhatOnAckReturns(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, log := newServer()
		var seen diary
		io.OnError(func(_ ctx, _ sock, event string, err error) error { _ = seen.add(event, ": ", err); return nil })
		io.Of("/").On("ask", func(c ctx, s sock) error { return s.Then("fails", nil).Emit(c, "question") })
		io.Of("/").OnAck("fails", func(ctx, sock, any, error) error { return errors.New("a fault") })
		s := socketiotest.New(t, io)
		ada := s.Connect("/")
		ada.Emit("ask")
		ada.Expect("question")
		ada.Ack()
		seen.want(t, "fails: a fault")
		log.nothing(t)
	})
}

// The job comes several times at once for an end whose process has died: one of them handles it.
func TestJobsAtOnceTakeOverAnEndOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, _, did := voting()
		var d dies
		s, jobs, e := withJobs(t, io, func(op string, after bool) error {
			if op == "Read" && after { // all have read before one of them writes
				time.Sleep(time.Second)
			}
			return d.hook(op, after)
		})
		ada := s.Connect("/")
		ada.Emit("me")
		ada.Expect("vote")
		sent := jobs.take()
		d.set("Answer true")
		ada.Ack("yes")
		d.set("")
		s.Settle()
		did.want(t, "")
		for range 3 {
			time.Sleep(time.Minute)
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					if err := e.Job(t.Context(), []byte(sent[0])); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
		}
		did.want(t, "me0 [yes]")
	})
}

// A function that is still at an answer when the time is over is left at it: the job looks again later.
func TestTheJobOfAQuestionLeavesAloneWhatIsBeingHandled(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, log := newServer()
		var did diary
		io.Of("/").On("ask", func(c ctx, s sock) error { return s.Timeout(3*time.Second).Then("slow", nil).Emit(c, "question") })
		io.Of("/").OnAck("slow", func(_ ctx, _ sock, _ any, missed error) error {
			_ = did.add("begins", why(missed))
			time.Sleep(20 * time.Second)
			return did.add("ends")
		})
		s, jobs, e := withJobs(t, io, nil)
		ada := s.Connect("/")
		ada.Emit("ask")
		ada.Expect("question")
		time.Sleep(2900 * time.Millisecond)
		go ada.Ack()
		for range 10 {
			time.Sleep(10 * time.Second)
			for _, job := range jobs.take() {
				if err := e.Job(t.Context(), []byte(job)); err != nil {
					t.Error(err)
				}
			}
		}
		did.want(t, "begins, ends")
		log.nothing(t)
	})
}

// What one job has no time for, the next ones do: each recipient once.
func TestTheJobOfAQuestionGoesOnInAnother(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		io, log := newServer()
		n := io.Of("/")
		var mu sync.Mutex
		ends := map[string]int{}
		n.On("ask", func(c ctx, s sock) error { return n.Then("slow", nil).Emit(c, "question") })
		n.OnAck("slow", func(_ ctx, s sock, _ any, missed error) error {
			time.Sleep(4 * time.Second)
			mu.Lock()
			defer mu.Unlock()
			ends[s.ID()]++
			return nil
		})
		s, jobs, e := withJobs(t, io, nil)
		clients := []*socketiotest.Client{}
		for range 100 { // two parts
			clients = append(clients, s.Connect("/"))
		}
		clients[0].Emit("ask")
		time.Sleep(7 * time.Second)
		deliveries := 0
		for sent := jobs.take(); len(sent) > 0 && deliveries < 20; sent = jobs.take() {
			for _, job := range sent {
				deliveries++
				if err := e.Job(t.Context(), []byte(job)); err != nil {
					t.Error(err)
				}
			}
		}
		for id, times := range ends {
			if times != 1 {
				t.Errorf("%s: %d times", id, times)
			}
		}
		if len(ends) != len(clients) || deliveries < 4 || deliveries > 8 {
			t.Errorf("%d of %d ends were handled in %d deliveries", len(ends), len(clients), deliveries)
		}
		log.nothing(t)
	})
}
