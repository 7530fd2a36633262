package engine_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// What is volatile is tried once, and its failure ends no connection, but for one that may have half of a packet.
func TestRace6VolatilePostsThatFail(t *testing.T) {
	for _, test := range []struct {
		name   string
		pair   bool // send two frames that belong together
		fault  func(w *world, n int, f engine.Frame) error
		err    error // nil: it arrives
		frames []string
		posts  int
		open   bool // the connection, afterwards
	}{
		{name: "it arrives", frames: []string{"4x"}, posts: 1, open: true,
			fault: func(*world, int, engine.Frame) error { return nil }},
		{name: "a pair arrives", pair: true, frames: []string{"451-x", "bYWJj"}, posts: 2, open: true,
			fault: func(*world, int, engine.Frame) error { return nil }},
		{name: "429", err: engine.ErrBusy, posts: 1, open: true,
			fault: func(*world, int, engine.Frame) error { return engine.ErrBusy }},
		{name: "429 for a pair", pair: true, err: engine.ErrBusy, posts: 1, open: true,
			fault: func(*world, int, engine.Frame) error { return engine.ErrBusy }},
		{name: "429 for the second of a pair, then success", pair: true, frames: []string{"451-x", "bYWJj"}, posts: 3, open: true,
			fault: func(_ *world, n int, _ engine.Frame) error {
				if n == 1 {
					return engine.ErrBusy
				}
				return nil
			}},
		{name: "429 forever for the second of a pair", pair: true, err: engine.ErrBusy, frames: []string{"451-x"}, posts: 8,
			fault: func(_ *world, n int, _ engine.Frame) error {
				if n > 0 {
					return engine.ErrBusy
				}
				return nil
			}},
		{name: "410 for a live connection", err: engine.ErrBusy, posts: 1, open: true,
			fault: func(*world, int, engine.Frame) error { return engine.ErrGone }},
		{name: "410 for a connection that is gone", err: engine.ErrGone, posts: 1,
			fault: func(w *world, _ int, _ engine.Frame) error { w.gateway.drop("c"); return engine.ErrGone }},
		{name: "5xx", err: errServer, posts: 1, open: true,
			fault: func(*world, int, engine.Frame) error { return errServer }},
		{name: "5xx for a pair", pair: true, err: errServer, posts: 1,
			fault: func(*world, int, engine.Frame) error { return errServer }},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
				w.websocket("c")
				w.frame("c", "4join")
				w.gateway.count("")
				n := 0
				w.gateway.post = func(_ context.Context, _ string, f engine.Frame) error {
					n++
					return test.fault(w, n-1, f)
				}
				p := w.parcel("x")
				if test.pair {
					p = pair(w)
				}
				err := w.e.DeliverVolatile(t.Context(), connected("c"), p)
				if !errors.Is(err, test.err) || err != nil && test.err == nil {
					t.Errorf("got %v, want %v", err, test.err)
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
				w.gateway.post = nil
				if test.open {
					if err := w.e.Deliver(t.Context(), connected("c"), w.parcel("next")); err != nil {
						t.Error(err)
					}
					w.gateway.drop("c")
				}
				w.pass(4 * time.Minute)
				w.gone()
			})
		})
	}
}

func TestVolatileWaitsForNobodyElsesPost(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		w.websocket("c")
		w.frame("c", "4join")
		free := make(chan struct{})
		w.gateway.post = func(context.Context, string, engine.Frame) error { <-free; return nil }
		done := make(chan error)
		go func() { done <- w.e.Deliver(context.Background(), connected("c"), w.parcel("slow")) }()
		synctest.Wait()
		if err := w.e.DeliverVolatile(t.Context(), connected("c"), w.parcel("x")); !errors.Is(err, engine.ErrBusy) {
			t.Errorf("beside another post: %v", err)
		}
		close(free)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := w.e.DeliverVolatile(t.Context(), connected("c"), w.parcel("y")); err != nil {
			t.Errorf("after it: %v", err)
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		if err := w.e.DeliverVolatile(over, connected("c"), w.parcel("z")); !errors.Is(err, engine.ErrBusy) {
			t.Errorf("without time: %v", err)
		}
		if err := w.e.Deliver(t.Context(), connected("c"), w.parcel("next")); err != nil {
			t.Error(err)
		}
		if got := w.gateway.received("c"); !slices.Equal(got, []string{"4slow", "4y", "4next"}) {
			t.Errorf("the client got %q", got)
		}
	})
}

func TestVolatileIsForAGETThatWaitsWithNothingElse(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.post(sid, "4join")
		volatile := func(text string) error {
			return w.e.DeliverVolatile(t.Context(), polling(sid), w.parcel(text))
		}
		if err := volatile("nobody waits"); !errors.Is(err, engine.ErrBusy) {
			t.Errorf("without a GET: %v", err)
		}
		if err := w.e.Deliver(t.Context(), polling(sid), w.parcel("kept")); err != nil {
			t.Error(err)
		}
		w.want(w.get(sid), "200 4kept")
		get := w.getting(sid)
		if err := volatile("now"); err != nil {
			t.Errorf("while a GET waits: %v", err)
		}
		if err := volatile("another"); !errors.Is(err, engine.ErrBusy) {
			t.Errorf("where one is on its way: %v", err)
		}
		w.want(<-get, "200 4now")
		dead := w.getting(sid) // its invocation is taken for dead when its lease is over
		w.pass(w.e.Options().PollWait + 6*time.Second)
		<-dead
		if err := volatile("late"); !errors.Is(err, engine.ErrBusy) {
			t.Errorf("after the GET: %v", err)
		}
		w.upgrade("c", sid)
		if err := volatile("over the connection"); err != nil { // at the address of old
			t.Errorf("after the upgrade: %v", err)
		}
		w.want(w.gateway.last("c"), "4over the connection")
		w.leave("c", 1000)
		if err := volatile("gone"); !errors.Is(err, engine.ErrGone) {
			t.Errorf("after the end: %v", err)
		}
	})
}

// What a handler sends to its own client volatile keeps its order, and is left out where something is gathered.
func TestVolatileToTheInvocationsOwnSession(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		var errs []error
		on := func(ctx context.Context, v *engine.Invocation, _ string) error {
			errs = append(errs,
				v.SendVolatile(ctx, w.parcel("first")),
				v.Send(ctx, w.parcel("second")),
				w.e.DeliverVolatile(ctx, v.Address(), w.parcel("third")))
			return nil
		}
		sid := w.poll()
		w.post(sid, "4join")
		get := w.getting(sid)
		w.handler.on = on
		w.post(sid, "4now")
		w.want(<-get, "200 4first\x1e4second")
		if len(errs) != 3 || errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], engine.ErrBusy) {
			t.Errorf("errors: %v", errs)
		}
		w.handler.on = nil
		w.websocket("c")
		w.frame("c", "4join")
		w.handler.on = on
		errs = nil
		w.gateway.received("c")
		w.e.Frame(t.Context(), "c", engine.Frame{Data: []byte("4now")})
		if got := w.gateway.received("c"); errors.Join(errs...) != nil || !slices.Equal(got, []string{"4first", "4second", "4third"}) {
			t.Errorf("the client got %q, %v", got, errs)
		}
	})
}
