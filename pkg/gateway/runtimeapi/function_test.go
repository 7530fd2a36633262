package runtimeapi

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/dozeio/doze/pkg/gateway"
)

var _ gateway.Handler = (*Function)(nil)

func TestInvocationSeesLambdasEnvironment(t *testing.T) {
	var logs buffer
	t.Setenv("SECRET_OF_THE_PARENT", "1")
	f := start(t, Options{Env: []string{"COLOUR=green", "TZ=Europe/Berlin"}, Region: "eu-west-1", Handler: "message", Timeout: 20 * time.Second, Logs: &logs})
	a := must(t, f, event{})
	for _, want := range []string{"COLOUR=green", "TZ=Europe/Berlin", "AWS_REGION=eu-west-1", "AWS_LAMBDA_FUNCTION_NAME=greet", "_HANDLER=message",
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128", "LAMBDA_TASK_ROOT=" + filepath.Dir(binary)} {
		if !slices.Contains(a.Env, want) {
			t.Errorf("%s is missing: %q", want, a.Env)
		}
	}
	if slices.ContainsFunc(a.Env, func(e string) bool { return strings.HasPrefix(e, "SECRET") || e == "TZ=:UTC" }) {
		t.Errorf("too much: %q", a.Env)
	}
	if a.Dir != filepath.Dir(binary) || a.ARN != "arn:aws:lambda:eu-west-1:000000000000:function:greet" || !strings.HasPrefix(a.Trace, "Root=1-") {
		t.Errorf("got %+v", a)
	}
	if a.Left <= 0 || a.Left > 20*time.Second {
		t.Errorf("%v are left of 20 s", a.Left)
	}
	until(t, "the log line", func() bool { return strings.Contains(logs.String(), "handled "+a.RequestID+"\n") })
	if s := f.Stats(); s.Starts != 1 || s.Invocations != 1 || s.Copies != 1 {
		t.Errorf("%+v", s)
	}
}

// traced is a context as the gateway's queue gives it to Jobs, and as aws-lambda-go gives it to a function.
type traced struct {
	context.Context
	id string
}

func (c traced) Value(key any) any {
	if key == "x-amzn-trace-id" {
		return c.id
	}
	return c.Context.Value(key)
}

func TestRequestIDIsThatOfTheContext(t *testing.T) {
	f := start(t, Options{Copies: 1})
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "the gateway's"})
	if a, err := invoke(ctx, f, event{}); err != nil || a.RequestID != "the gateway's" {
		t.Errorf("%q %v", a.RequestID, err)
	}
}

func TestTraceIDIsThatOfTheContext(t *testing.T) {
	f := start(t, Options{Copies: 1})
	for _, id := range []string{"Root=1-2-3;Lineage=1:a:7", "Root=1-2-3;Lineage=1:a:8", ""} {
		a, err := invoke(traced{t.Context(), id}, f, event{})
		if err != nil {
			t.Fatal(err)
		}
		if a.Trace != id && (id != "" || !strings.HasPrefix(a.Trace, "Root=1-") || strings.Contains(a.Trace, "Lineage")) {
			t.Errorf("_X_AMZN_TRACE_ID is %q, want %q", a.Trace, id)
		}
	}
}

func TestOneInvocationAtATime(t *testing.T) {
	f := start(t, Options{})
	g := newGate(t)
	first := background(t.Context(), f, event{URL: g.URL})
	second := background(t.Context(), f, event{URL: g.URL})
	<-g.Asked
	<-g.Asked
	if s := f.Stats(); s.Busy != 2 || s.Copies != 2 {
		t.Errorf("%+v", s)
	}
	g.open()
	a, b := <-first, <-second
	if a.err != nil || b.err != nil || a.PID == b.PID {
		t.Errorf("%+v %+v", a, b)
	}
}

func TestIdleCopiesTakeTurns(t *testing.T) {
	for _, latest := range []bool{false, true} {
		f := start(t, Options{ReuseLatest: latest})
		g := newGate(t)
		first := background(t.Context(), f, event{URL: g.URL})
		<-g.Asked
		second := background(t.Context(), f, event{URL: g.URL})
		<-g.Asked
		g.open()
		<-first
		<-second
		pids := map[int]bool{}
		for range 4 {
			idle(t, f, 2)
			pids[must(t, f, event{}).PID] = true
		}
		if want := map[bool]int{false: 2, true: 1}[latest]; len(pids) != want || f.Stats().Starts != 2 {
			t.Errorf("latest %v: %d processes in turn, %+v", latest, len(pids), f.Stats())
		}
	}
}

func TestWarmCopiesAreThereBefore(t *testing.T) {
	f := start(t, Options{Copies: 3})
	for _, n := range []int{2, 1, 5} {
		if err := f.Warm(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	if s := f.Stats(); s.Copies != 3 || s.Busy != 0 || s.Freezes != 3 {
		t.Errorf("%+v", s)
	}
	pids := map[int]bool{}
	for range 3 {
		pids[must(t, f, event{}).PID] = true
		idle(t, f, 3)
	}
	if len(pids) != 3 || f.Stats().Starts != 3 {
		t.Errorf("%d processes in turn, %+v", len(pids), f.Stats())
	}
	f = start(t, Options{Env: []string{"START=fail"}})
	functionError(t, f.Warm(t.Context(), 2), "Runtime.ExitError")
}

func TestWaitsForAFreeCopy(t *testing.T) {
	f := start(t, Options{Copies: 1})
	g := newGate(t)
	first := background(t.Context(), f, event{URL: g.URL})
	<-g.Asked
	second := background(t.Context(), f, event{})
	until(t, "the second waits", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.waiting) == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	third := background(ctx, f, event{})
	until(t, "the third waits", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.waiting) == 2 })
	cancel()
	if o := <-third; !errors.Is(o.err, context.Canceled) {
		t.Errorf("got %v", o.err)
	}
	g.open()
	a, b := <-first, <-second
	if a.err != nil || b.err != nil || a.PID != b.PID {
		t.Errorf("%+v %+v", a, b)
	}
}

func TestThrottles(t *testing.T) {
	f := start(t, Options{Copies: 1, Throttle: true})
	g := newGate(t)
	first := background(t.Context(), f, event{URL: g.URL})
	<-g.Asked
	if _, err := invoke(t.Context(), f, event{}); !errors.Is(err, ErrThrottled) {
		t.Errorf("got %v", err)
	}
	g.open()
	if o := <-first; o.err != nil || f.Stats().Throttled != 1 {
		t.Errorf("%v %+v", o.err, f.Stats())
	}
}

func TestFunctionErrors(t *testing.T) {
	f := start(t, Options{Copies: 1})
	first := must(t, f, event{})
	_, err := invoke(t.Context(), f, event{Do: "error"})
	if e := functionError(t, err, "errorString"); e.Message != "no luck" || e.RequestID == "" {
		t.Errorf("got %+v", e)
	}
	if a := must(t, f, event{}); a.PID != first.PID {
		t.Error("an error cost the process")
	}
	_, err = invoke(t.Context(), f, event{Do: "panic"})
	if e := functionError(t, err, "string"); e.Message != "boom" {
		t.Errorf("got %+v", e)
	}
	_, err = invoke(t.Context(), f, event{Do: "exit"}) // in a new process, because a panic has ended the first
	if e := functionError(t, err, "Runtime.ExitError"); !strings.Contains(e.Message, "exit status 3") {
		t.Errorf("got %+v", e)
	}
	_, err = invoke(t.Context(), f, event{Size: maxPayload})
	functionError(t, err, "Function.ResponseSizeTooLarge")
	if _, err := f.Invoke(t.Context(), make([]byte, maxPayload+1)); err == nil {
		t.Error("an event over 6 MB was taken")
	}
	must(t, f, event{})
	if s := f.Stats(); s.Errors != 4 {
		t.Errorf("%+v", s)
	}
}

func TestTimeKillsTheProcess(t *testing.T) {
	f := start(t, Options{Copies: 1, Timeout: time.Second})
	before := must(t, f, event{})
	g := newGate(t)
	_, err := invoke(t.Context(), f, event{URL: g.URL})
	if e := functionError(t, err, "Sandbox.Timedout"); e.Message != "Task timed out after 1.00 seconds" {
		t.Errorf("got %+v", e)
	}
	g.open()
	if after := must(t, f, event{}); after.PID == before.PID {
		t.Error("the process lives on")
	}
	if s := f.Stats(); s.Timeouts != 1 || s.Errors != 1 || s.Starts != 2 {
		t.Errorf("%+v", s)
	}
}

func TestContextsDeadlineKillsTheProcess(t *testing.T) {
	f := start(t, Options{Copies: 1})
	before := must(t, f, event{})
	idle(t, f, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := invoke(ctx, f, event{URL: newGate(t).URL})
	functionError(t, err, "Sandbox.Timedout")
	if after := must(t, f, event{}); after.PID == before.PID {
		t.Error("the process lives on")
	}
}

// farAway is a context whose deadline is on a clock of its own.
type farAway struct{ context.Context }

func (farAway) Deadline() (time.Time, bool) { return time.Unix(10, 0), true }

func TestWaitingIsNotTheCopysTime(t *testing.T) {
	f := start(t, Options{Copies: 1})
	g := newGate(t)
	first := background(t.Context(), f, event{URL: g.URL})
	<-g.Asked
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	second := background(ctx, f, event{})
	<-ctx.Done()
	if o := <-second; !errors.Is(o.err, context.DeadlineExceeded) {
		t.Errorf("got %v", o.err)
	}
	g.open()
	if o := <-first; o.err != nil || f.Stats().Timeouts != 0 {
		t.Errorf("%v %+v", o.err, f.Stats())
	}
}

func TestDeadlineIsOnTheCallersClock(t *testing.T) {
	f := start(t, Options{Now: func() time.Time { return time.Unix(3, 0) }})
	a, err := invoke(farAway{t.Context()}, f, event{})
	if err != nil || a.Left <= 0 || a.Left > 7*time.Second {
		t.Errorf("%v left, %v", a.Left, err)
	}
}

func TestCallerLeavesAndTheInvocationGoesOn(t *testing.T) {
	f := start(t, Options{Copies: 1})
	g := newGate(t)
	ctx, cancel := context.WithCancel(t.Context())
	first := background(ctx, f, event{URL: g.URL})
	<-g.Asked
	cancel()
	if o := <-first; !errors.Is(o.err, context.Canceled) {
		t.Errorf("got %v", o.err)
	}
	if s := f.Stats(); s.Busy != 1 {
		t.Errorf("%+v", s)
	}
	g.open()
	must(t, f, event{})
	if s := f.Stats(); s.Starts != 1 || s.Errors != 0 {
		t.Errorf("%+v", s)
	}
}

func TestFailedStartSaysWhy(t *testing.T) {
	f := start(t, Options{Env: []string{"START=fail"}})
	_, err := invoke(t.Context(), f, event{})
	if e := functionError(t, err, "Runtime.ExitError"); !strings.Contains(e.Message, "exit status 1") || !strings.Contains(e.Message, "the table is missing") {
		t.Errorf("got %+v", e)
	}
	f = start(t, Options{Env: []string{"START=report"}})
	_, err = invoke(t.Context(), f, event{})
	if e := functionError(t, err, "App.Init"); e.Message != "no table" {
		t.Errorf("got %+v", e)
	}
	g := newGate(t)
	f = start(t, Options{Env: []string{"START=hang", "HANG=" + g.URL}, InitTimeout: 200 * time.Millisecond})
	_, err = invoke(t.Context(), f, event{})
	functionError(t, err, "Sandbox.InitTimedout")
	if _, err := New(Options{Binary: "nowhere/bootstrap"}); err == nil {
		t.Error("a missing binary was taken")
	}
	if f, err = New(Options{Binary: "function.go"}); err != nil {
		t.Fatal(err)
	}
	_, err = invoke(t.Context(), f, event{})
	if e := functionError(t, err, "Runtime.ExitError"); !strings.Contains(e.Message, "permission denied") {
		t.Errorf("got %+v", e)
	}
	if err := f.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestKills(t *testing.T) {
	f := start(t, Options{Copies: 2})
	if f.Kill(func(int) int { return 0 }) || f.KillAll() != 0 {
		t.Error("killed what is not there")
	}
	g := newGate(t)
	busy := background(t.Context(), f, event{URL: g.URL})
	<-g.Asked
	must(t, f, event{}) // and another is idle
	idle(t, f, 1)
	if !f.Kill(func(n int) int { return n - 1 }) {
		t.Error("no copy to kill")
	}
	until(t, "the idle copy has ended", func() bool { return f.Stats().Copies == 1 })
	must(t, f, event{})
	if n := f.KillAll(); n != 2 {
		t.Errorf("killed %d", n)
	}
	o := <-busy
	if e := functionError(t, o.err, "Runtime.ExitError"); e.Message != "Runtime exited with error: signal: killed" {
		t.Errorf("got %+v", e)
	}
	must(t, f, event{})
	if s := f.Stats(); s.Kills != 3 || s.Errors != 1 || s.Starts != 4 {
		t.Errorf("%+v", s)
	}
}

func TestKilledAtItsStart(t *testing.T) {
	g := newGate(t)
	f := start(t, Options{Env: []string{"START=hang", "HANG=" + g.URL}})
	first := background(t.Context(), f, event{})
	<-g.Asked
	f.KillAll()
	o := <-first
	functionError(t, o.err, "Runtime.ExitError")
}

func TestCloseWaitsAndCutsOff(t *testing.T) {
	f := start(t, Options{Copies: 1})
	g := newGate(t)
	first := background(t.Context(), f, event{URL: g.URL})
	<-g.Asked
	second := background(t.Context(), f, event{})
	until(t, "the second waits", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.waiting) == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	closed := make(chan error, 1)
	go func() { closed <- f.Close(ctx) }()
	if o := <-second; !errors.Is(o.err, ErrClosed) {
		t.Errorf("who waited got %v", o.err)
	}
	if _, err := invoke(t.Context(), f, event{}); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	select {
	case err := <-closed:
		t.Fatalf("Close returned %v in mid-invocation", err)
	default:
	}
	cancel()
	if err := <-closed; !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "1 invocations of greet") {
		t.Errorf("got %v", err)
	}
	o := <-first
	functionError(t, o.err, "Runtime.ExitError")
}
