package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/tests/kit/fakeclock"
)

// All that waits, waits on the injected clock: also the deadline of a post that hangs.
func TestTheClockIsInjected(t *testing.T) {
	clock := fakeclock.New(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	w := newWorld(t, engine.Options{Clock: clock})
	sid := w.poll()
	w.post(sid, "4join")
	answers := make(chan string)
	go func() { answers <- w.get(sid) }()
	for begin := clock.Now(); ; {
		clock.Await(1)
		due, _ := clock.Next()
		clock.Advance(due.Sub(clock.Now()))
		if clock.Now().Sub(begin) == 20*time.Second {
			break
		}
	}
	w.want(<-answers, "200 6")

	w.gateway.accept("c")
	w.gateway.post = func(ctx context.Context, _ string, _ engine.Frame) error { return hang(ctx) }
	failed := make(chan error)
	go func() { failed <- w.e.Deliver(context.Background(), connected("c"), w.parcel("x")) }()
	clock.Await(1)
	clock.Advance(5 * time.Second)
	if err := <-failed; err == nil {
		t.Error("the post has not failed")
	}
}
