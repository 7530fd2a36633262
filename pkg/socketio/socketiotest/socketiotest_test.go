package socketiotest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/internal/testparts"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
	"github.com/dozeio/doze/pkg/store/memory"
)

// recorder is a testing.TB that keeps what a failing test would have said.
type recorder struct {
	testing.TB
	said    []string
	cleanup []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanup = append(r.cleanup, f) }
func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// run runs a test to its end and returns what made it fail.
func run(test func(t testing.TB)) string {
	r := &recorder{}
	var wg sync.WaitGroup
	wg.Go(func() { test(r) })
	wg.Wait()
	wg.Go(func() {
		for _, f := range r.cleanup {
			f()
		}
	})
	wg.Wait()
	return strings.Join(r.said, "\n")
}

func TestWhatGoesWrongFailsTheTestAndSaysWhat(t *testing.T) {
	ada := socketiotest.Auth(map[string]string{"nickname": "ada"})
	for what, c := range map[string]struct {
		test func(s *socketiotest.Server)
		want string
	}{
		"refused":          {func(s *socketiotest.Server) { s.Connect("/") }, "kept out of /: a nickname, please"},
		"unknown":          {func(s *socketiotest.Server) { s.Connect("/x") }, "kept out of /x: Invalid namespace"},
		"not refused":      {func(s *socketiotest.Server) { s.ConnectError("/", ada) }, "not kept out of /"},
		"no handler":       {func(s *socketiotest.Server) { s.Connect("/", ada).Emit("nope") }, `"nope" was not acked`},
		"nothing to take":  {func(s *socketiotest.Server) { s.Connect("/", ada).Next() }, "got nothing, want an event"},
		"nothing expected": {func(s *socketiotest.Server) { s.Connect("/", ada).Expect("x") }, `got nothing, want "x"`},
		"session closed": {func(s *socketiotest.Server) {
			c := s.Connect("/", ada)
			c.Close()
			c.Next()
		}, "disconnected: io client disconnect"},
		"binary":        {func(s *socketiotest.Server) { s.Connect("/", ada).Emit("join", []byte{1}) }, "was not acked, the client is disconnected: transport close"},
		"another event": {joined(func(c *socketiotest.Client) { c.Expect("left") }), `got event ["joined","bob"], want "left"`},
		"another value": {joined(func(c *socketiotest.Client) { c.Expect("joined", "eve") }), `is "bob", want "eve"`},
		"another type":  {joined(func(c *socketiotest.Client) { c.Expect("joined", new(int)) }), `argument 1 of event ["joined","bob"]: `},
		"one too few":   {joined(func(c *socketiotest.Client) { c.Expect("joined", "bob", 1) }), "with 1 arguments, want 2"},
		"one too many":  {joined(func(c *socketiotest.Client) { c.ExpectNothing() }), `got event ["joined","bob"], want nothing`},
		"bound before":  {func(*socketiotest.Server) {}, "has a backend already"},
		"rows left over": {func(s *socketiotest.Server) {
			testparts.Store(s).PutLive(t.Context(), engine.Live{Address: "wx", Expires: time.Now().Add(time.Hour)})
		}, "rows were left behind"},
	} {
		said := run(func(t testing.TB) {
			io := newChat()
			s := socketiotest.New(t, io)
			c.test(s)
			if what == "bound before" {
				socketiotest.New(t, io)
			}
		})
		if !strings.Contains(said, c.want) {
			t.Errorf("%s: said %q, want %q", what, said, c.want)
		}
	}
}

// joined returns a test of a client that has just got an event.
func joined(test func(*socketiotest.Client)) func(*socketiotest.Server) {
	return func(s *socketiotest.Server) {
		ada := s.Connect("/", socketiotest.Auth(map[string]string{"nickname": "ada"}))
		ada.Emit("join", "go")
		s.Connect("/", socketiotest.Auth(map[string]string{"nickname": "bob"})).Emit("join", "go")
		test(ada)
	}
}

func TestNilPanicsForExamples(t *testing.T) {
	defer func() {
		if p := recover(); p == nil || !strings.Contains(p.(string), "Invalid namespace") {
			t.Errorf("panic: %v", p)
		}
	}()
	s := socketiotest.New(nil, newChat())
	defer s.Close()
	s.Connect("/x")
}

func TestAClientThatPollsAndVanishesIsMissedOnceTheClockHasPassedItsPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var left socketio.Reason
		io := newChat()
		io.Of("/").OnDisconnect(func(_ context.Context, _ *socketio.Socket, reason socketio.Reason) error {
			left = reason
			return nil
		})
		s := socketiotest.New(t, io)
		quiet := s.Connect("/", socketiotest.Auth(map[string]string{"nickname": "q"}), socketiotest.Polling())
		live := s.Connect("/", socketiotest.Auth(map[string]string{"nickname": "l"}))
		quiet.Vanish()
		if s.Settle(); left != "" {
			t.Fatalf("left at once: %s", left)
		}
		for range 6 {
			<-time.After(25 * time.Second) // in a bubble of synctest: it costs nothing
			s.Settle()
		}
		if left != "ping timeout" || live.Disconnected() != "" {
			t.Fatalf("left: %q, the other one is %q", left, live.Disconnected())
		}
	})
}

func TestIDsAreTheSameInEveryRun(t *testing.T) {
	id := func() string {
		return socketiotest.New(t, newChat()).Connect("/", socketiotest.Auth(map[string]string{"nickname": "ada"})).ID()
	}
	if a, b := id(), id(); a != b || len(a) != 20 {
		t.Errorf("%q, then %q", a, b)
	}
}

func TestWrapComesBetweenTheApplicationAndItsBackend(t *testing.T) {
	var store *memory.Store
	s := socketiotest.New(t, newChat(), socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
		store = b.Sessions.(*memory.Store)
		return b
	}})
	if store == nil || store != testparts.Store(s) {
		t.Error("Wrap did not see the store")
	}
}

// failing is a Poster that cannot tell whether a connection is there.
type failing struct{ engine.Poster }

func (failing) Exists(context.Context, string) error { return errors.New("no answer") }

func TestAJobThatKeepsFailingFailsTheTest(t *testing.T) {
	said := run(func(t testing.TB) {
		s := socketiotest.New(t, newChat(), socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
			b.Poster = failing{b.Poster}
			return b
		}})
		s.Connect("/")
	})
	for _, want := range []string{"a job failed 5 times: no answer", "CONNECT to / was not answered"} {
		if !strings.Contains(said, want) {
			t.Errorf("said %q, want %q", said, want)
		}
	}
}
