package shiftclock_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/dozeio/doze/tests/kit/shiftclock"
)

func TestJumpRunsWhatFallsDueAndNothingElse(t *testing.T) {
	var c shiftclock.Clock
	ran := make(chan string, 10)
	c.AfterFunc(time.Hour, func() { ran <- "hour" })
	c.AfterFunc(3*time.Hour, func() { ran <- "three hours" })
	stop := c.AfterFunc(time.Minute, func() { ran <- "stopped" })
	if !stop() || stop() {
		t.Error("a waiting function can be stopped, once")
	}
	before := c.Now()
	c.Jump(2 * time.Hour)
	if got := <-ran; got != "hour" {
		t.Errorf("%s ran", got)
	}
	if d := c.Now().Sub(before); d < 2*time.Hour {
		t.Errorf("the clock has moved by %v", d)
	}
	if n := c.Waiting(); n != 1 || len(ran) != 0 {
		t.Errorf("%d wait, %d ran", n, len(ran))
	}
	c.Jump(time.Hour)
	if got := <-ran; got != "three hours" {
		t.Errorf("%s ran", got)
	}
}

func TestItRunsByItself(t *testing.T) {
	var c shiftclock.Clock
	ran := make(chan struct{})
	stop := c.AfterFunc(time.Millisecond, func() { close(ran) })
	<-ran
	if stop() || c.Waiting() != 0 {
		t.Error("it still waits")
	}
	early := make(chan struct{})
	c.AfterFunc(-time.Second, func() { close(early) })
	<-early
}

func TestEachFunctionRunsOnce(t *testing.T) {
	var c shiftclock.Clock
	const n = 1000
	var ran atomic.Int64
	done := make(chan struct{})
	for i := range n {
		c.AfterFunc(time.Duration(i%5)*time.Millisecond, func() {
			if ran.Add(1) == n {
				close(done)
			}
		})
		if i%100 == 0 {
			c.Jump(time.Millisecond)
		}
	}
	<-done
	c.Jump(time.Hour)
	if got := ran.Load(); got != n || c.Waiting() != 0 {
		t.Errorf("%d calls, %d wait", got, c.Waiting())
	}
}
