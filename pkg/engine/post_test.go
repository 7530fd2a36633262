package engine_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
)

var errServer = errors.New("500 from the gateway")

// pair is a binary packet: two frames that belong together.
func pair(w *world) engine.Parcel {
	p, err := w.e.Parcel(protocol.EnginePacket{Type: protocol.EngineMessage, Data: []byte("51-x")},
		protocol.EnginePacket{Type: protocol.EngineMessage, Binary: true, Data: []byte("abc")})
	if err != nil {
		w.t.Error(err)
	}
	return p
}

func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestRace6PostsThatFail(t *testing.T) {
	for _, test := range []struct {
		name   string
		pair   bool // send two frames that belong together
		fault  func(w *world) func(ctx context.Context, n int, f engine.Frame) error
		err    error
		frames []string
		posts  int
		open   bool // the connection, afterwards
		took   time.Duration
	}{
		{name: "410 for a live connection", err: engine.ErrGone, posts: 1,
			fault: func(*world) func(context.Context, int, engine.Frame) error {
				return func(context.Context, int, engine.Frame) error { return engine.ErrGone }
			}},
		{name: "410 though it arrived", err: engine.ErrGone, posts: 1, frames: []string{"4x"},
			fault: func(w *world) func(context.Context, int, engine.Frame) error {
				return func(_ context.Context, _ int, f engine.Frame) error {
					return errors.Join(w.gateway.deliver("c", f), engine.ErrGone)
				}
			}},
		{name: "410 for a connection that is gone", err: engine.ErrGone, posts: 1,
			fault: func(w *world) func(context.Context, int, engine.Frame) error {
				return func(context.Context, int, engine.Frame) error { w.gateway.drop("c"); return nil }
			}},
		{name: "429, then success", posts: 4, frames: []string{"4x"}, open: true, took: 70 * time.Millisecond,
			fault: func(*world) func(context.Context, int, engine.Frame) error {
				return func(_ context.Context, n int, _ engine.Frame) error {
					if n < 3 {
						return engine.ErrBusy
					}
					return nil
				}
			}},
		{name: "429 forever", err: engine.ErrBusy, posts: 7, open: true, took: 630 * time.Millisecond,
			fault: func(*world) func(context.Context, int, engine.Frame) error {
				return func(context.Context, int, engine.Frame) error { return engine.ErrBusy }
			}},
		{name: "429 forever for the second of a pair", pair: true, err: engine.ErrBusy, posts: 8, frames: []string{"451-x"}, took: 630 * time.Millisecond,
			fault: func(*world) func(context.Context, int, engine.Frame) error {
				return func(_ context.Context, n int, _ engine.Frame) error {
					if n > 0 {
						return engine.ErrBusy
					}
					return nil
				}
			}},
		{name: "5xx", err: errServer, posts: 1,
			fault: func(*world) func(context.Context, int, engine.Frame) error {
				return func(context.Context, int, engine.Frame) error { return errServer }
			}},
		{name: "a hang", err: context.Canceled, posts: 1, took: 5 * time.Second,
			fault: func(*world) func(context.Context, int, engine.Frame) error {
				return func(ctx context.Context, _ int, _ engine.Frame) error { return hang(ctx) }
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
				w.websocket("c")
				w.frame("c", "4join")
				w.gateway.count("")
				n, fault := 0, test.fault(w)
				w.gateway.post = func(ctx context.Context, _ string, f engine.Frame) error {
					n++
					return fault(ctx, n-1, f)
				}
				p := w.parcel("x")
				if test.pair {
					p = pair(w)
				}
				begin := time.Now()
				err := w.e.Deliver(t.Context(), connected("c"), p)
				if !errors.Is(err, test.err) || err != nil && test.err == nil {
					t.Errorf("got %v, want %v", err, test.err)
				}
				if took := time.Since(begin); took != test.took {
					t.Errorf("took %s, want %s", took, test.took)
				}
				if posts := w.gateway.count("post"); posts != test.posts {
					t.Errorf("%d posts, want %d", posts, test.posts)
				}
				if frames := w.gateway.received("c"); !slices.Equal(frames, test.frames) {
					t.Errorf("the client got %q, want %q", frames, test.frames)
				}
				if w.gateway.open("c") != test.open {
					t.Errorf("the connection is open: %t, want %t", !test.open, test.open)
				}
				w.reasonsAre() // what follows comes off the hot path
				w.gateway.post = nil
				if test.open {
					if err := w.e.Deliver(t.Context(), connected("c"), w.parcel("next")); err != nil {
						t.Error(err)
					}
					w.gateway.drop("c")
				}
				w.pass(4 * time.Minute) // and without $disconnect
				if len(w.handler.reasons()) != 1 {
					t.Errorf("closed for %q", w.handler.reasons())
				}
				w.gone()
			})
		})
	}
}

func TestRace6TheClientIsToldByACloseThatIsTriedAgain(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		w.websocket("c")
		w.gateway.post = func(context.Context, string, engine.Frame) error { return errServer }
		tries := 0
		w.gateway.disconnect = func(context.Context, string) error {
			if tries++; tries < 4 {
				return engine.ErrBusy
			}
			return nil
		}
		if err := w.e.Deliver(t.Context(), connected("c"), w.parcel("x")); !errors.Is(err, errServer) {
			t.Error(err)
		}
		if w.gateway.open("c") {
			t.Error("the connection is open, and the client does not know that a packet is lost")
		}
	})
}

func TestRace6AConnectionThatCannotBeClosedIsLeftToTheSweep(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		w.websocket("c")
		w.frame("c", "4join")
		w.gateway.post = func(context.Context, string, engine.Frame) error { return errServer }
		w.gateway.disconnect = func(ctx context.Context, _ string) error { return hang(ctx) }
		if err := w.e.Deliver(t.Context(), connected("c"), w.parcel("x")); !errors.Is(err, errServer) {
			t.Error(err)
		}
		w.gateway.post, w.gateway.disconnect = nil, nil
		w.pass(26 * time.Second)
		if w.gateway.open("c") {
			t.Error("the connection is open")
		}
		w.reasonsAre(engine.TransportError)
	})
}

func TestRace6APingIsSentAgain(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		w.websocket("c")
		w.frame("c", "4join")
		tries := 0
		w.gateway.post = func(context.Context, string, engine.Frame) error {
			if tries++; tries < 3 {
				return errServer
			}
			return nil
		}
		w.pass(26 * time.Second)
		if got := w.gateway.received("c"); !slices.Equal(got, []string{"2"}) {
			t.Errorf("got %q", got)
		}
	})
}

func TestRace6AQuestionThatHangsIsGivenUp(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		w.websocket("c")
		w.gateway.post = func(context.Context, string, engine.Frame) error { return engine.ErrGone }
		w.gateway.exists = func(ctx context.Context, _ string) error { return hang(ctx) }
		begin := time.Now()
		if err := w.e.Deliver(t.Context(), connected("c"), w.parcel("x")); !errors.Is(err, engine.ErrGone) {
			t.Error(err)
		}
		if took := time.Since(begin); took != 5*time.Second || w.gateway.open("c") {
			t.Errorf("took %s, open: %t", took, w.gateway.open("c"))
		}
	})
}

func TestASlowClientDelaysNobodyElse(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		w.websocket("slow")
		w.websocket("quick")
		w.gateway.post = func(ctx context.Context, id string, _ engine.Frame) error {
			if id == "slow" {
				return hang(ctx)
			}
			return nil
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = w.e.Deliver(context.Background(), connected("slow"), w.parcel("x"))
		}()
		begin := time.Now()
		if err := w.e.Deliver(t.Context(), connected("quick"), w.parcel("x")); err != nil || time.Since(begin) > 0 {
			t.Errorf("%v after %s", err, time.Since(begin))
		}
		<-done
	})
}

func TestFramesOfABinaryPacketStayTogether(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		w.websocket("c")
		w.gateway.post = func(context.Context, string, engine.Frame) error { wait(time.Millisecond); return nil }
		done := make(chan error, 8)
		for range cap(done) {
			go func() { done <- w.e.Deliver(context.Background(), connected("c"), pair(w)) }()
		}
		for range cap(done) {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		for i, frame := range w.gateway.received("c") {
			if want := []string{"451-x", "bYWJj"}[i%2]; frame != want {
				t.Fatalf("frame %d is %q, want %q", i, frame, want)
			}
		}
	})
}

func TestWhoWaitsForALaneGivesUpWithTheContext(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		w.websocket("c")
		w.gateway.post = func(context.Context, string, engine.Frame) error { wait(3 * time.Second); return nil }
		done := make(chan error)
		go func() { done <- w.e.Deliver(context.Background(), connected("c"), w.parcel("first")) }()
		wait(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.e.Deliver(ctx, connected("c"), w.parcel("second")); !errors.Is(err, engine.ErrBusy) {
			t.Errorf("got %v: nothing was sent, which is what ErrBusy says", err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got := w.gateway.received("c"); !slices.Equal(got, []string{"4first"}) {
			t.Errorf("got %q", got)
		}
	})
}

func TestDeliverToASessionThatIsGone(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.post(sid, "1")
		for _, a := range []engine.Address{polling(sid), polling("never was"), connected("never was")} {
			if err := w.e.Deliver(t.Context(), a, w.parcel("x")); !errors.Is(err, engine.ErrGone) {
				t.Errorf("%s: %v", a, err)
			}
		}
	})
}

// knowing is a gateway of the same process that has no such connection.
type knowing struct {
	engine.Poster
	asked int
}

func (k *knowing) Unblocking() {}

func (k *knowing) Disconnect(context.Context, string) error { k.asked++; return engine.ErrGone }

// TestAGatewayOfTheSameProcessIsAskedOnce has a connection closed that is gone. On AWS the gateway may only not know it
// yet.
func TestAGatewayOfTheSameProcessIsAskedOnce(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		k := &knowing{Poster: w.gateway}
		w.process(w.table, k, w.queue, w.handler).DropConnection(t.Context(), "c")
		if k.asked != 1 {
			t.Errorf("it is asked %d times", k.asked)
		}
		theirs := struct{ engine.Poster }{&knowing{Poster: w.gateway}}
		w.process(w.table, theirs, w.queue, w.handler).DropConnection(t.Context(), "c")
		if n := theirs.Poster.(*knowing).asked; n < 2 {
			t.Errorf("another one is asked %d times", n)
		}
	})
}

// full is a queue that takes nothing.
type full struct{}

func (full) Schedule(context.Context, []byte, time.Duration) error { return errors.New("full") }

// TestADropWaitsForNoHandler drops a session of a process whose posts do not wait, once without a queue.
func TestADropWaitsForNoHandler(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		want := []engine.Reason{engine.TransportError}
		e := w.process(w.table, &knowing{Poster: w.gateway}, w.queue, w.handler)
		e.Drop(t.Context(), polling(w.poll()))
		if got := w.handler.reasons(); len(got) > 0 {
			t.Errorf("the handler has been called: %v", got)
		}
		w.pass(time.Second)
		if got := w.handler.reasons(); !slices.Equal(got, want) {
			t.Errorf("the handler has been called: %v, want %v", got, want)
		}
		e = w.process(w.table, &knowing{Poster: w.gateway}, full{}, w.handler)
		e.Drop(t.Context(), polling(w.poll()))
		if got := w.handler.reasons(); !slices.Equal(got, append(want, want...)) {
			t.Errorf("without a queue the handler has been called: %v", got)
		}
	})
}
