package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// times are PingIntervals and PingTimeouts that a deployment may have: sweeps come less often than a doubt is old enough
// to judge by it, more often, and just as often.
var times = []engine.Options{
	sixty, {PingInterval: 25 * time.Second, PingTimeout: 20 * time.Second}, {PingInterval: 25 * time.Second, PingTimeout: 25 * time.Second},
	{PingInterval: 25 * time.Second, PingTimeout: 40 * time.Second}, {PingInterval: 25 * time.Second, PingTimeout: 300 * time.Second},
}

// passUntil lets time pass until a job of a kind is due that a test wants. The job stays in the queue.
func (w *world) passUntil(kind string, wanted func() bool) {
	w.t.Helper()
	for range 10_000 {
		j, ok := w.queue.next(time.Now().Add(24 * time.Hour))
		if !ok {
			break
		}
		wait(max(0, time.Until(j.due)))
		if kindOf(j.message) == kind && wanted() {
			w.queue.add(j)
			return
		}
		if err := w.e.Job(context.Background(), j.message); err != nil {
			w.t.Error(err)
		}
	}
	w.t.Fatalf("there is no %s", kind)
}

func kindOf(message []byte) string {
	var is struct{ Kind string }
	_ = json.Unmarshal(message, &is)
	return is.Kind
}

// answering lets clients answer the pings that they get.
func (w *world) answering(ids ...string) {
	w.gateway.post = func(ctx context.Context, id string, f engine.Frame) error {
		if slices.Contains(ids, id) && string(f.Data) == "2" {
			w.e.Frame(ctx, id, frameOf("3"))
		}
		return nil
	}
}

// One client is silent, another answers the second ping just in time, and the sweep that doubts both, or the judgement,
// dies at one of its calls, or has that call fail. The one is closed with the next delivery of the sweep, or else by the
// next sweep, which finds what a judgement has begun and marked as dead. The other is not closed.
func TestRace9ASilentClientIsClosedWhateverCallItsSweepOrItsJudgementDiesAt(t *testing.T) {
	const silent, late, other = 0, 1, 2
	ids := []string{inShard(0, silent), inShard(0, late), inShard(0, other)}
	for _, o := range times {
		for _, kind := range []string{"sweep", "judge"} {
			for _, once := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v and %v, a %s, one call fails: %t", o.PingInterval, o.PingTimeout, kind, once), func(t *testing.T) {
					everyDeathWith(t, o, func(t *testing.T, w *world, l *lifeline) {
						l.once = once
						for _, id := range ids {
							w.websocket(id)
							w.frame(id, "4join")
						}
						w.answering(ids[other])
						w.passUntil("sweep", func() bool { return time.Since(w.live(ids[silent]).Last) >= o.PingInterval+o.PingTimeout })
						swept := time.Now()
						dies := func() {
							l.reset()
							w.job(context.Background(), w.victim(l))
						}
						if kind == "sweep" {
							dies()
						}
						w.pass(time.Until(swept.Add(o.PingTimeout - time.Second)))
						w.answering(ids[late], ids[other])
						w.frame(ids[late], "3")
						if kind == "judge" {
							w.passUntil("judge", func() bool { return true })
							dies()
						}
						w.pass(max(5*time.Second, time.Until(swept.Add(o.PingTimeout+5*time.Second)))) // who dies may try for a while
						if once || kind == "judge" {
							w.pass(o.PingInterval)
						}
						if w.gateway.open(ids[silent]) {
							t.Errorf("it is open %v after the sweep that doubted it", time.Since(swept))
						}
						w.pass(3 * (o.PingInterval + o.PingTimeout))
						if n := w.table.Rows(); n.Lives != 2 {
							t.Errorf("%+v", n)
						}
						if !w.gateway.open(ids[late]) || !w.gateway.open(ids[other]) {
							t.Errorf("open: %t, %t", w.gateway.open(ids[late]), w.gateway.open(ids[other]))
						}
					})
				})
			}
		}
	}
}

// live returns the liveness row of a connection.
func (w *world) live(id string) engine.Live {
	w.t.Helper()
	lives, err := w.table.Lives(context.Background(), engine.Shard(connected(id)))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, l := range lives {
		if l.Address == connected(id) {
			return l
		}
	}
	w.t.Fatalf("%s has no liveness row", id)
	return engine.Live{}
}

// A judgement that comes before its time, by the clock of its process, closes nobody, and a later sweep has another.
func TestAJudgementThatComesTooEarlyClosesNobody(t *testing.T) {
	for _, o := range times {
		for _, early := range []time.Duration{o.PingTimeout, time.Second, time.Millisecond} {
			inWorld(t, o, func(t *testing.T, w *world) {
				judge := w.judgement()
				wait(time.Until(judge.due) - early)
				if err := w.e.Job(t.Context(), judge.message); err != nil {
					t.Error(err)
				}
				w.reasonsAre()
				w.pass(early + o.PingInterval + o.PingTimeout + time.Second)
				w.reasonsAre(engine.PingTimeout)
			}, "ping interval", o.PingInterval, "ping timeout", o.PingTimeout, "early", early)
		}
	}
}

// judgement makes a connection, c, which is silent until a sweep has doubted it, and takes the judgement's job out of the
// queue.
func (w *world) judgement() scheduled {
	w.t.Helper()
	w.websocket("c")
	w.frame("c", "4join")
	w.passUntil("sweep", func() bool {
		return time.Since(w.live("c").Last) >= w.e.Options().PingInterval+w.e.Options().PingTimeout
	})
	w.job(context.Background(), w.e)
	for _, j := range w.queue.all() {
		if kindOf(j.message) == "judge" {
			w.queue.lose(func(message string) bool { return message == string(j.message) })
			return j
		}
	}
	w.t.Fatal("nobody is to be judged")
	return scheduled{}
}

// The judgement has read the liveness row before the second ping's time was over, and comes to the connection after it:
// a pong in between is not in the row.
func TestAPongThatComesWhileAJudgementRunsIsASign(t *testing.T) {
	inWorld(t, sixty, func(t *testing.T, w *world) {
		judge := w.judgement()
		wait(time.Until(judge.due) - time.Second)
		slow := &slowGet{store: w.table, before: func() {
			w.frame("c", "3")
			wait(2 * time.Second)
		}}
		if err := w.process(slow, w.gateway, w.queue, w.handler).Job(t.Context(), judge.message); err != nil {
			t.Error(err)
		}
		w.reasonsAre()
	})
}

// slowGet is a store in which something happens before a row is read.
type slowGet struct {
	store
	before func()
}

func (s *slowGet) Get(ctx context.Context, a engine.Address, strong bool) (engine.Session, error) {
	s.before()
	return s.store.Get(ctx, a, strong)
}

// ahead is the clock of a process whose time is so far ahead.
type ahead time.Duration

func (a ahead) Now() time.Time { return time.Now().Add(time.Duration(a)) }
func (ahead) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d, f).Stop
}

// ahead is a process whose clock is so far ahead.
func (w *world) ahead(d time.Duration) *engine.Engine {
	was := w.options.Clock
	defer func() { w.options.Clock = was }()
	w.options.Clock = ahead(d)
	return w.process(w.table, w.gateway, w.queue, w.handler)
}

// A pong right after a doubt is noted by a process whose clock is behind, as if it had come before. The sweep after
// PingInterval + PingTimeout doubts anew all the same.
func TestADoubtBeforeAPongIsReplacedThoughItsClockWasAhead(t *testing.T) {
	o := engine.Options{PingInterval: 25 * time.Second, PingTimeout: 25 * time.Second}
	inWorld(t, o, func(t *testing.T, w *world) {
		behind := w.ahead(-900 * time.Millisecond)
		w.gateway.post = func(context.Context, string, engine.Frame) error { // so that the doubt is later than its sweep
			wait(500 * time.Millisecond)
			return nil
		}
		judge := w.judgement()
		doubted := w.row(connected("c")).Doubted
		behind.Frame(t.Context(), "c", frameOf("3"))
		if last := w.live("c").Last; !last.Before(doubted) {
			t.Fatalf("the pong is of %v, the doubt of %v", last, doubted)
		}
		w.gateway.post = nil
		w.queue.add(judge)
		w.pass(50 * time.Second)
		w.reasonsAre()
		if again := w.row(connected("c")).Doubted; !again.After(doubted) {
			t.Errorf("the doubt of %v stands", again)
		}
		w.pass(25*time.Second + time.Second)
		w.reasonsAre(engine.PingTimeout)
	})
}
