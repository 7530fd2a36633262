package engine_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// whileUpgrading posts a body whose first message, "slow", is being handled while the session is upgraded to the
// connection c, and returns the answer.
func whileUpgrading(w *world, body string, then func(context.Context, *engine.Invocation, string) error) string {
	sid := w.poll()
	w.post(sid, "4join")
	begun, moved := make(chan struct{}), make(chan struct{})
	w.handler.on = func(ctx context.Context, v *engine.Invocation, message string) error {
		if message == "slow" {
			close(begun)
			<-moved
			return nil
		}
		return then(ctx, v, message)
	}
	answer := make(chan string)
	go func() { answer <- w.post(sid, body) }()
	<-begun
	w.upgrade("c", sid)
	close(moved)
	return <-answer
}

func TestRace2APostThatBreaksTheProtocolAfterItsSessionHasMovedClosesTheConnection(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		if got := whileUpgrading(w, "4slow\x1ex", nil); got != badRequest {
			t.Errorf("answered with %q", got)
		}
		if w.gateway.open("c") {
			t.Error("the connection is still open")
		}
		w.reasonsAre(engine.ParseError)
	})
}

func TestRace2AHandlerThatClosesItsSessionAfterItHasMovedClosesTheConnection(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		whileUpgrading(w, "4slow\x1e4close", func(ctx context.Context, v *engine.Invocation, _ string) error {
			v.Close(ctx, engine.ForcedClose)
			return nil
		})
		if w.gateway.open("c") {
			t.Error("the connection is still open")
		}
		w.reasonsAre(engine.ForcedClose)
	})
}

func TestRace2PartsOfABinaryPacketAreKeptWhereTheSessionHasMoved(t *testing.T) {
	inWorld(t, engine.Options{OrderedFrames: true, BinaryFrames: true}, func(t *testing.T, w *world) {
		whileUpgrading(w, "4slow\x1e4part", func(ctx context.Context, v *engine.Invocation, message string) error {
			return v.Keep(ctx, [][]byte{[]byte(message)})
		})
		if kept := w.row(connected("c")).Pending; len(kept) != 1 || string(kept[0]) != "part" {
			t.Errorf("the connection's row has kept %q", kept)
		}
	})
}

func TestRace1WhatAClientSentBeforeItClosedIsHandledFirst(t *testing.T) {
	for _, c := range []struct {
		name    string
		ordered bool
		code    int
		waits   time.Duration
	}{
		{"a client that closes", false, 1005, 200 * time.Millisecond},
		{"a connection that breaks", false, 1006, 0},
		{"a gateway that keeps the order", true, 1005, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, engine.Options{OrderedFrames: c.ordered}, func(t *testing.T, w *world) {
				w.websocket("c")
				begin := time.Now()
				closed := make(chan struct{})
				go func() {
					w.leave("c", c.code)
					close(closed)
				}()
				if c.waits > 0 {
					wait(c.waits / 2)
					w.frame("c", "4late") // its invocation comes after that of $disconnect
				}
				<-closed
				if took := time.Since(begin); took != c.waits {
					t.Errorf("waited for %s, want %s", took, c.waits)
				}
				if got := w.handler.got(); (len(got) == 1) != (c.waits > 0) {
					t.Errorf("handled %q", got)
				}
				w.reasonsAre(engine.TransportClose)
			})
		})
	}
}

func TestRace2ADrainEndsHoweverFastPacketsCome(t *testing.T) {
	s := engine.Session{Address: polling("sid"), SID: "sid", State: engine.Probing, Connection: "c"}
	parcel := func(op string) engine.Append {
		return engine.Append{Parcel: engine.Parcel{Op: op, Packets: [][]byte{{'4'}}}}
	}
	step := func(step, after string, seal bool) engine.Drain {
		return engine.Drain{Connection: "c", Step: step, After: after, Seal: seal}
	}
	for i, c := range []struct {
		transition engine.Transition
		outcome    engine.Outcome
		state      engine.State
	}{
		{parcel("0"), engine.Applied, engine.Probing},
		{step("1", "", false), engine.Applied, engine.Draining},
		{parcel("a"), engine.Applied, engine.Draining},
		{step("2", "1", true), engine.Applied, engine.Draining},
		{parcel("b"), engine.Refused, engine.Draining},
		{parcel("a"), engine.Already, engine.Draining}, // a retry of what was taken
		{step("3", "2", true), engine.Applied, engine.Moved},
	} {
		if outcome := c.transition.Apply(&s); outcome != c.outcome || s.State != c.state {
			t.Errorf("step %d, %+v: %v %s, want %v %s", i, c.transition, outcome, s.State, c.outcome, c.state)
		}
	}
}

func TestDeliverPollingPostsNothing(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.post(sid, "4join")
		deliver := func(want engine.Address, wantErr error) {
			t.Helper()
			moved, err := w.e.DeliverPolling(t.Context(), polling(sid), w.parcel("x"))
			if moved != want || !errors.Is(err, wantErr) || err != nil && wantErr == nil {
				t.Errorf("got %q, %v, want %q, %v", moved, err, want, wantErr)
			}
		}
		deliver("", nil)
		w.want(w.get(sid), "200 4x")
		w.upgrade("c", sid)
		w.gateway.count("")
		deliver(connected("c"), nil)
		if n := w.gateway.count("post"); n != 0 {
			t.Errorf("%d posts", n)
		}
		sid = w.poll()
		w.post(sid, "1")
		deliver("", engine.ErrGone)
	})
}

func TestRace8NoPongBringsAConnectionBackThatWasGivenUp(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		w.websocket("c")
		w.frame("c", "4join")
		if err := w.table.Touch(t.Context(), connected("c"), engine.Dead, false); err != nil {
			t.Fatal(err)
		}
		w.frame("c", "3")
		w.pass(26 * time.Second)
		if w.gateway.open("c") {
			t.Error("the connection is still open")
		}
		w.reasonsAre(engine.TransportError)
	})
}

func TestPingIntervalsThatNoQueueCanDelayAreRefused(t *testing.T) {
	_, err := engine.New(nil, nil, nil, nil, engine.Options{PingInterval: 16 * time.Minute})
	if err == nil {
		t.Error("a ping interval of 16 minutes was taken")
	}
}

// An invocation that still works for the session as it polled follows the move to a connection whose closing has failed
// half-way: what a sweep needs to finish it must stay.
func TestRace8WhoFollowsAMoveLeavesAClosedConnectionToTheSweep(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		var result error
		whileUpgrading(w, "4slow\x1e4late", func(ctx context.Context, v *engine.Invocation, _ string) error {
			e := w.process(w.table, w.gateway, w.queue, &failing{handler: w.handler, times: 1})
			w.gateway.drop("c")
			e.Disconnect(t.Context(), "c", 1006)
			if n := w.table.Rows(); n.Members == 0 || n.Lives == 0 {
				t.Errorf("closing did not fail: rows %+v", n)
			}
			_, result = v.SetEntry(ctx, namespace, nil, []byte("too late"))
			return result
		})
		if !errors.Is(result, engine.ErrGone) {
			t.Errorf("SetEntry: %v", result)
		}
		if n := w.table.Rows(); n.Lives == 0 {
			t.Error("the liveness row of a connection that is not cleaned up is gone")
		}
		w.pass(3 * time.Minute)
		w.reasonsAre(engine.TransportClose)
		w.gone()
	})
}

// Between the two rows of a move there is a moment in which only the old one has the entries.
func TestRace2OpeningASessionThatIsAboutToOpenOnItsConnection(t *testing.T) {
	inWorld(t, engine.Options{}, func(t *testing.T, w *world) {
		sid := w.poll()
		w.post(sid, "4join")
		w.connect("c", sid)
		update := func(transition engine.Transition) {
			if _, ok, err := w.table.Update(t.Context(), polling(sid), transition); err != nil || !ok {
				t.Fatalf("%T: %t, %v", transition, ok, err)
			}
		}
		update(engine.Drain{Connection: "c", Step: "1", Now: time.Now(), Expires: time.Now().Add(time.Minute)})
		if s := w.row(polling(sid)); s.State != engine.Moved {
			t.Fatalf("the session is %s", s.State)
		}
		for _, strong := range []bool{false, true} {
			v, err := w.e.Open(t.Context(), polling(sid), strong)
			if err != nil || string(v.Entries()[namespace]) != "socket" {
				t.Errorf("its session is %v, %v", v, err)
			}
		}
	})
}
