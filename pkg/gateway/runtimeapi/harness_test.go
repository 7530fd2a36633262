package runtimeapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

var binary string // of testdata/function

func TestMain(m *testing.M) {
	if binary = os.Getenv("RUNTIMEAPI_PARENT"); binary != "" {
		os.Exit(parent())
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "runtimeapi")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "greet", "bootstrap")
		cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", binary, "./testdata/function")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v: %s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// parent is another program that has a function, whose process it names, and that leaves it to itself.
func parent() int {
	f, err := New(Options{Binary: binary})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	a, err := invoke(context.Background(), f, event{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(a.PID)
	_, _ = os.Stdin.Read(make([]byte, 1))
	return 0
}

// event and answer are those of testdata/function.
type event struct {
	Do, URL, After string
	Size           int
}

type answer struct {
	PID                   int
	RequestID, ARN, Trace string
	Left                  time.Duration
	Env                   []string
	Dir, Padding          string
}

// start returns a function that is closed with the test, after which none of its processes is there.
func start(t *testing.T, o Options) *Function {
	t.Helper()
	o.Binary = binary
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := f.Close(ctx); err != nil {
			t.Error(err)
		}
		if s := f.Stats(); s.Copies != 0 || s.Busy != 0 {
			t.Errorf("after Close: %+v", s)
		}
	})
	return f
}

func invoke(ctx context.Context, f *Function, e event) (a answer, err error) {
	b, err := json.Marshal(e)
	if err != nil {
		return a, err
	}
	if b, err = f.Invoke(ctx, b); err != nil {
		return a, err
	}
	return a, json.Unmarshal(b, &a)
}

func must(t *testing.T, f *Function, e event) answer {
	t.Helper()
	a, err := invoke(t.Context(), f, e)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// functionError demands that an error is a function error of a type.
func functionError(t *testing.T, err error, kind string) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Type != kind {
		t.Fatalf("want a function error %s, got %v", kind, err)
	}
	return e
}

// outcome is what an invocation on another goroutine came to.
type outcome struct {
	answer
	err error
}

func background(ctx context.Context, f *Function, e event) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		a, err := invoke(ctx, f, e)
		done <- outcome{a, err}
	}()
	return done
}

// gate is a server whose answers wait until it is opened.
type gate struct {
	URL     string
	Asked   chan struct{} // gets one for each request
	opening sync.Once
	opened  chan struct{}
}

func newGate(t *testing.T) *gate {
	g := &gate{Asked: make(chan struct{}, 100), opened: make(chan struct{})}
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		g.Asked <- struct{}{}
		select {
		case <-g.opened:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(s.Close)
	t.Cleanup(g.open)
	g.URL = s.URL
	return g
}

func (g *gate) open() { g.opening.Do(func() { close(g.opened) }) }

// until looks again and again until a condition holds.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	timeout := time.After(20 * time.Second)
	for !condition() {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatal("it never happened: " + what)
		}
	}
}

// buffer is a bytes.Buffer for many.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// idle waits until that many copies are.
func idle(t *testing.T, f *Function, n int) {
	t.Helper()
	until(t, "copies are idle", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.idle) == n
	})
}
