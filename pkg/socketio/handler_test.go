package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

type ctx = context.Context
type sock = *socketio.Socket

type point struct {
	X int    `json:"x"`
	Y *int   `json:"y,omitempty"`
	B []byte `json:"b,omitempty"`
}

func TestOnTakesEveryShapeOfHandler(t *testing.T) {
	seven := 7
	for name, c := range map[string]struct {
		handler any
		args    []any
		want    socketio.Args
	}{
		"nothing":         {func(ctx, sock) error { return nil }, nil, socketio.Args{}},
		"extra arguments": {func(ctx, sock) error { return nil }, []any{1, "x"}, socketio.Args{}},
		"one result":      {func(ctx, sock) (int, error) { return 1, nil }, nil, socketio.Args{1.0}},
		"three results":   {func(ctx, sock) (int, string, any, error) { return 1, "b", nil, nil }, nil, socketio.Args{1.0, "b", nil}},
		"basic types": {func(_ ctx, _ sock, a int8, b string, c bool, d float32) (string, error) {
			return fmt.Sprint(a, b, c, d), nil
		}, []any{1, "b", true, 1.5}, socketio.Args{"1btrue 1.5"}},
		"struct":             {func(_ ctx, _ sock, p point) (point, error) { p.X++; return p, nil }, []any{point{X: 1, Y: &seven}}, socketio.Args{map[string]any{"x": 2.0, "y": 7.0}}},
		"map":                {func(_ ctx, _ sock, m map[string]int) (int, error) { return m["a"], nil }, []any{map[string]int{"a": 4}}, socketio.Args{4.0}},
		"slice":              {func(_ ctx, _ sock, v []string) (int, error) { return len(v), nil }, []any{[]string{"a", "b"}}, socketio.Args{2.0}},
		"any":                {func(_ ctx, _ sock, v any) (any, error) { return v, nil }, []any{map[string]any{"a": []any{nil, true}}}, socketio.Args{map[string]any{"a": []any{nil, true}}}},
		"raw JSON":           {func(_ ctx, _ sock, v json.RawMessage) (json.RawMessage, error) { return v, nil }, []any{point{X: 1}}, socketio.Args{map[string]any{"x": 1.0}}},
		"pointer":            {func(_ ctx, _ sock, v *int) (bool, error) { return v != nil, nil }, []any{1}, socketio.Args{true}},
		"pointer missing":    {func(_ ctx, _ sock, v *int) (bool, error) { return v != nil, nil }, nil, socketio.Args{false}},
		"pointer null":       {func(_ ctx, _ sock, v *int) (bool, error) { return v != nil, nil }, []any{nil}, socketio.Args{false}},
		"variadic":           {func(_ ctx, _ sock, a int, more ...int) (int, error) { return a + len(more), nil }, []any{1, 2, 3}, socketio.Args{3.0}},
		"variadic none":      {func(_ ctx, _ sock, more ...string) (int, error) { return len(more), nil }, nil, socketio.Args{0.0}},
		"Args":               {func(_ ctx, _ sock, a socketio.Args) (socketio.Args, error) { return a, nil }, []any{1, "b", nil}, socketio.Args{1.0, "b", nil}},
		"Args in only":       {func(_ ctx, _ sock, a socketio.Args) (int, error) { return len(a), nil }, []any{1, "b"}, socketio.Args{2.0}},
		"Args out only":      {func(_ ctx, _ sock, n int) (socketio.Args, error) { return socketio.Args{n, n}, nil }, []any{1}, socketio.Args{1.0, 1.0}},
		"no Args":            {func(ctx, sock, socketio.Args) (socketio.Args, error) { return nil, nil }, []any{1}, socketio.Args{}},
		"binary":             {func(_ ctx, _ sock, b []byte) ([]byte, error) { return append(b, 9), nil }, []any{[]byte{1}}, socketio.Args{[]byte{1, 9}}},
		"binary in a struct": {func(_ ctx, _ sock, p point) (int, error) { return len(p.B), nil }, []any{point{B: []byte{1, 2}}}, socketio.Args{2.0}},
		"binary in a map":    {func(_ ctx, _ sock, m map[string][]byte) (map[string][]byte, error) { return m, nil }, []any{map[string][]byte{"a": {1}, "b": {2, 3}}}, socketio.Args{map[string]any{"a": []byte{1}, "b": []byte{2, 3}}}},
		"binary in Args":     {func(_ ctx, _ sock, a socketio.Args) (socketio.Args, error) { return a, nil }, []any{[]byte{1}, []any{[]byte{2}}}, socketio.Args{[]byte{1}, []any{[]byte{2}}}},
	} {
		t.Run(name, func(t *testing.T) {
			io, log := newServer()
			io.Of("/").On("e", c.handler)
			s := socketiotest.New(t, io)
			if got := s.Connect("/", polling).Emit("e", c.args...); !reflect.DeepEqual(got, c.want) {
				t.Errorf("acked %v, want %v", got, c.want)
			}
			log.nothing(t)
		})
	}
}

func TestOnPanicsForOtherFunctionsAndShowsTheRightOne(t *testing.T) {
	for name, f := range map[string]any{
		"nil":             nil,
		"no function":     "handler",
		"nil function":    (func(ctx, sock) error)(nil),
		"nothing":         func() {},
		"no socket":       func(ctx) error { return nil },
		"no context":      func(sock) error { return nil },
		"wrong order":     func(sock, ctx) error { return nil },
		"socket by value": func(ctx, int) error { return nil },
		"no result":       func(ctx, sock) {},
		"no error":        func(ctx, sock) int { return 0 },
		//lint:ignore ST1008 On refuses it
		"error first":         func(ctx, sock) (error, int) { return nil, 0 },
		"two errors":          func(ctx, sock) (error, error) { return nil, nil },
		"function in":         func(ctx, sock, func()) error { return nil },
		"functions in":        func(ctx, sock, ...func()) error { return nil },
		"channel in":          func(ctx, sock, chan int) error { return nil },
		"complex in":          func(ctx, sock, complex128) error { return nil },
		"interface in":        func(ctx, sock, io.Reader) error { return nil },
		"another context":     func(ctx, sock, ctx) error { return nil },
		"channel out":         func(ctx, sock) (chan int, error) { return nil, nil },
		"function out":        func(ctx, sock) (func(), error) { return nil, nil },
		"Args and more":       func(ctx, sock, socketio.Args, int) error { return nil },
		"more and Args":       func(ctx, sock, int, socketio.Args) error { return nil },
		"Args and a result":   func(ctx, sock) (socketio.Args, int, error) { return nil, 0, nil },
		"a result and Args":   func(ctx, sock) (int, socketio.Args, error) { return 0, nil, nil },
		"a middleware's form": func(ctx, sock, func(error)) {},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				text := fmt.Sprint(recover())
				for _, want := range []string{`On("e")`, "want func(context.Context, *socketio.Socket, arguments...) (results..., error)", fmt.Sprint("have ", reflect.TypeOf(f))} {
					if !strings.Contains(text, want) {
						t.Errorf("panic %q, want %q in it", text, want)
					}
				}
			}()
			io, _ := newServer()
			io.Of("/").On("e", f)
		})
	}
}

func TestOnPanicsForReservedNamesAndSecondHandlers(t *testing.T) {
	f := func(ctx, sock) error { return nil }
	for _, name := range []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener", "twice"} {
		func() {
			defer func() {
				if p := fmt.Sprint(recover()); !strings.Contains(p, `On("`+name+`"): the name`) {
					t.Errorf("On(%q): panic %q", name, p)
				}
			}()
			io, _ := newServer()
			if name == "twice" {
				io.Of("/").On(name, f)
			}
			io.Of("/").On(name, f)
		}()
	}
}

func TestArgumentsThatDoNotFitAreLoggedAndNotAcked(t *testing.T) {
	for name, c := range map[string]struct {
		handler any
		args    []any
		want    string
	}{
		"missing":          {func(ctx, sock, int) error { return nil }, nil, "argument 1 (int) is missing"},
		"second missing":   {func(ctx, sock, int, string) error { return nil }, []any{1}, "argument 2 (string) is missing"},
		"another type":     {func(ctx, sock, int) error { return nil }, []any{"x"}, "argument 1 is no int: "},
		"in the variadic":  {func(ctx, sock, ...int) error { return nil }, []any{1, "x"}, "argument 2 is no int: "},
		"text for binary":  {func(ctx, sock, []byte) error { return nil }, []any{"AQ=="}, "argument 1 is no []byte: a string, not an attachment"},
		"texts for binary": {func(ctx, sock, [][]byte) error { return nil }, []any{[]string{"AQ=="}}, `argument 1 is no [][]byte: a string, not an attachment, within "/0"`},
		"a fraction":       {func(ctx, sock, int) error { return nil }, []any{1.5}, "unmarshal JSON number 1.5 into Go int: not an integer"},
		"inside a struct":  {func(ctx, sock, point) error { return nil }, []any{map[string]any{"x": "secret"}}, `unmarshal JSON string into Go int within "/x"`},
		"a huge number":    {func(ctx, sock, socketio.Args) error { return nil }, []any{json.RawMessage("1e999")}, "argument 1: "},
	} {
		t.Run(name, func(t *testing.T) {
			io, log := newServer()
			io.Of("/").On("e", c.handler)
			io.Of("/").On("alive", func(ctx, sock) error { return nil })
			client := socketiotest.New(t, io).Connect("/")
			if ack, ok := client.TryEmit("e", c.args...); ok {
				t.Errorf("acked %v", ack)
			}
			log.want(t, refusedEvent, c.want, "e", client.ID())
			client.Emit("alive")
		})
	}
}

func TestOnAnyRunsForEveryEventBeforeItsHandler(t *testing.T) {
	io, log := newServer()
	var order []string
	for _, name := range []string{"first", "second"} {
		io.Of("/").OnAny(func(_ ctx, _ sock, event string, args socketio.Args) error {
			order = append(order, fmt.Sprint(name, " ", event, args))
			args[0] = "changed" // its own copy
			if event == "stop" && name == "first" {
				return errors.New("stopped")
			}
			return nil
		})
	}
	handler := func(_ ctx, _ sock, arg string) (string, error) {
		order = append(order, "handler "+arg)
		return arg, nil
	}
	io.Of("/").On("go", handler)
	io.Of("/").On("stop", handler)
	client := socketiotest.New(t, io).Connect("/")
	client.Emit("go", "x")
	if _, ok := client.TryEmit("stop", "x"); ok {
		t.Error("acked although OnAny failed")
	}
	if _, ok := client.TryEmit("unknown", "x"); ok {
		t.Error("an event without a handler was acked")
	}
	want := "first go[x];second go[x];handler x;first stop[x];first unknown[x];second unknown[x]"
	if got := strings.Join(order, ";"); got != want {
		t.Errorf("ran %s, want %s", got, want)
	}
	log.want(t, "a handler failed", "stopped", "stop", client.ID())
}

func TestAnEventMayBeNamedByANumber(t *testing.T) {
	io, _ := newServer()
	io.Of("/").On("5", func(ctx, sock) (string, error) { return "five", nil })
	client := socketiotest.New(t, io).Connect("/")
	client.Raw(text(`2[5]`))
	if got := client.Emit("5"); got[0] != "five" {
		t.Errorf("acked %v", got)
	}
}
