package socketio_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// reluctant is a gateway that takes nothing for connections while it is told so.
type reluctant struct {
	engine.Poster
	shut  atomic.Bool
	tries atomic.Int64
}

func (p *reluctant) Post(ctx context.Context, connection string, f engine.Frame) error {
	p.tries.Add(1)
	if p.shut.Load() {
		return engine.ErrBusy
	}
	return p.Poster.Post(ctx, connection, f)
}

func TestVolatileIsTriedOnceAndDisconnectsNobody(t *testing.T) {
	io, log := newServer()
	main := io.Of("/")
	main.OnConnection(func(c ctx, s sock) error { return s.Join(c, "room") })
	p := &reluctant{}
	s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
		p.Poster, b.Poster = b.Poster, p
		return b
	}})
	ada, bob, polls := s.Connect("/"), s.Connect("/"), s.Connect("/", polling)
	ways := map[string]func(c ctx, event string) error{
		"to a room":      func(c ctx, event string) error { return io.In("room").Volatile().Emit(c, event) },
		"to everybody":   func(c ctx, event string) error { return io.Volatile().Emit(c, event) },
		"to a namespace": func(c ctx, event string) error { return main.Volatile().In("room").Emit(c, event) },
		"one by id":      func(c ctx, event string) error { return io.To(ada.ID()).Volatile().Emit(c, event) },
		"a socket":       func(c ctx, event string) error { return fetch(t, main, ada).Volatile().Emit(c, event) },
		"its others":     func(c ctx, event string) error { return fetch(t, main, bob).Volatile().To("room").Emit(c, event) },
		"all others":     func(c ctx, event string) error { return fetch(t, main, bob).Volatile().Except("none").Emit(c, event) },
		"broadcast":      func(c ctx, event string) error { return fetch(t, main, bob).Broadcast().Volatile().Emit(c, event) },
	}
	for name, emit := range ways {
		t.Run(name, func(t *testing.T) {
			p.shut.Store(true)
			p.tries.Store(0)
			begin := time.Now()
			if err := emit(t.Context(), "lost"); err != nil {
				t.Errorf("where nobody takes it: %v", err)
			}
			if n := p.tries.Load(); n < 1 || n > 2 {
				t.Errorf("%d tries in %s, want one for each connection", n, time.Since(begin))
			}
			p.shut.Store(false)
			if err := emit(t.Context(), "taken"); err != nil {
				t.Error(err)
			}
			ada.Expect("taken")
			ada.ExpectNothing()
			if strings.HasPrefix(name, "to ") {
				bob.Expect("taken")
			}
			bob.ExpectNothing()
			polls.ExpectNothing() // no GET of it waits
			if err := emit(t.Context(), "disconnect"); err == nil {
				t.Error("a reserved name is taken")
			}
		})
	}
	if ada.Disconnected() != "" || bob.Disconnected() != "" || polls.Disconnected() != "" {
		t.Errorf("disconnected: %q, %q, %q", ada.Disconnected(), bob.Disconnected(), polls.Disconnected())
	}
	if err := io.Emit(t.Context(), "kept"); err != nil {
		t.Error(err)
	}
	polls.Expect("kept")
	gone := fetch(t, main, polls)
	polls.Close()
	if err := gone.Volatile().Emit(t.Context(), "x"); !errors.Is(err, socketio.ErrGone) {
		t.Errorf("to who is gone: %v", err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := io.Volatile().Emit(over, "late"); err != nil {
		t.Errorf("without time: %v", err)
	}
	log.nothing(t)
}

func TestVolatileThatCannotReadWhoReceivesSaysSo(t *testing.T) {
	io, _ := newServer()
	b := &broken{}
	s := socketiotest.New(t, io, socketiotest.Options{Wrap: hook(b.hook)})
	ada := s.Connect("/")
	b.fail("Members", false, 1, errLasting)
	if err := io.Volatile().Emit(t.Context(), "x"); !errors.Is(err, errLasting) || errors.As(err, new(*socketio.UnservedError)) {
		t.Errorf("%v, want the store's error", err)
	}
	if ada.ExpectNothing(); ada.Disconnected() != "" {
		t.Errorf("disconnected: %q", ada.Disconnected())
	}
}

// What is volatile disconnects nobody either when it is a question, and the time is over before all have been asked.
func TestVolatileQuestionsThatAreCutOffDisconnectNobody(t *testing.T) {
	for name, ask := range map[string]func(ctx, socketio.Broadcast) error{
		"EmitWithAck": func(c ctx, b socketio.Broadcast) error { _, err := b.EmitWithAck(c, "asked"); return err },
		"Then":        func(c ctx, b socketio.Broadcast) error { return b.Then("answered", 1).Emit(c, "asked") },
	} {
		t.Run(name, func(t *testing.T) {
			io, log := newServer()
			io.Of("/").OnAck("answered", func(ctx, sock, int, error) error { return nil })
			p := &ender{end: make(chan func(), 1)}
			s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
				p.Poster, b.Poster = b.Poster, p
				return b
			}})
			var hall []*socketiotest.Client
			for range 150 { // more than are served at a time
				hall = append(hall, s.Connect("/"))
			}
			over, cancel := context.WithCancel(t.Context())
			p.posts.Store(0)
			p.end <- cancel
			if err := ask(over, io.Volatile().Timeout(time.Minute)); errors.As(err, new(*socketio.UnservedError)) {
				t.Error(err)
			}
			if n := p.posts.Load(); n == 0 || n >= int64(len(hall)) {
				t.Errorf("%d of %d were tried: nothing was cut off", n, len(hall))
			}
			s.Settle()
			for i, c := range hall {
				if why := c.Disconnected(); why != "" {
					t.Fatalf("client %d is disconnected: %s", i, why)
				}
			}
			log.nothing(t)
		})
	}
}

// ender is a gateway at whose next post the time of an invocation is over.
type ender struct {
	engine.Poster
	end   chan func()
	posts atomic.Int64
}

func (p *ender) Post(c context.Context, connection string, f engine.Frame) error {
	p.posts.Add(1)
	select {
	case end := <-p.end:
		end()
	default:
	}
	return p.Poster.Post(c, connection, f)
}

// A Broadcast is a value: what is made of it changes nothing of it, in whatever order its methods are called.
func TestBroadcastsAreNeverChangedByWhatIsMadeOfThem(t *testing.T) {
	io, _ := newServer()
	main := io.Of("/")
	main.On("join", func(c ctx, s sock, rooms ...string) error { return s.Join(c, rooms...) })
	p := &reluctant{}
	s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
		p.Poster, b.Poster = b.Poster, p
		return b
	}})
	ada, bob, eve := s.Connect("/"), s.Connect("/"), s.Connect("/")
	names := map[string]string{ada.ID(): "ada", bob.ID(): "bob", eve.ID(): "eve"}
	ada.Emit("join", "red", "blue")
	bob.Emit("join", "blue")
	one := fetch(t, main, ada)
	rooms := make([]string, 1, 8) // with room for more, which nobody may write to
	rooms[0] = "red"
	base := main.To(rooms...)
	own := one.Volatile()
	made := map[string]socketio.Broadcast{
		"ada bob":     base.To("blue", "red", "blue"), // each once
		"bob":         base.In("blue").Except("red"),
		"ada":         base.Volatile(),
		"":            base.Except("red").Volatile(),
		"bob eve":     own.Except(),
		"eve":         own.Except("blue"),
		"ada bob eve": main.Except(),
	}
	_ = own.To("blue")
	for want, b := range made {
		if got := whoIs(t, b, names); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := whoIs(t, base, names); got != "ada" {
		t.Errorf("the first is now to %q", got)
	}
	if got := whoIs(t, own, names); got != "ada" {
		t.Errorf("its own is now to %q", got)
	}
	if err := base.To("blue", "red").Emit(t.Context(), "once"); err != nil {
		t.Error(err)
	}
	ada.Expect("once")
	bob.Expect("once")
	ada.ExpectNothing()
	p.shut.Store(true)
	p.tries.Store(0)
	_ = base.Volatile().Emit(t.Context(), "x")
	volatile := p.tries.Swap(0)
	if err := base.Emit(t.Context(), "y"); err == nil && p.tries.Load() <= volatile {
		t.Errorf("%d tries of what is not volatile, as of what is", p.tries.Load())
	}
	p.shut.Store(false)
}
