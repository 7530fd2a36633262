package socketio_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

const closedForAck = "an ack cannot be sent, so its session is closed"

// A client that waits for an ack gets it, or sees its session close: never nothing.
func TestAnAckThatCannotBeMadeClosesTheSession(t *testing.T) {
	cycle := map[string]any{}
	cycle["self"] = cycle
	eleven := make([]any, 11)
	for i := range eleven {
		eleven[i] = []byte{1}
	}
	values := map[string]any{
		"140,000 characters": strings.Repeat("x", 140_000),
		"a large attachment": make([]byte, 100<<10),
		"large together":     [][]byte{make([]byte, 90<<10), make([]byte, 90<<10), make([]byte, 90<<10)},
		"11 attachments":     eleven,
		"a channel":          make(chan int),
		"a function":         map[string]any{"f": func() {}},
		"NaN":                math.NaN(),
		"infinite":           []float64{math.Inf(1)},
		"a cycle":            cycle,
		"a panic":            panicking{},
		"no JSON":            badJSON{},
	}
	returned := map[string]func(v any) any{
		"a result":        func(v any) any { return func(ctx, sock) (any, error) { return v, nil } },
		"a second result": func(v any) any { return func(ctx, sock) (int, any, error) { return 1, v, nil } },
		"Args": func(v any) any {
			return func(ctx, sock, socketio.Args) (socketio.Args, error) { return socketio.Args{v}, nil }
		},
		"an AckError": func(v any) any { return func(ctx, sock) error { return &socketio.AckError{Data: v} } },
		"OnAny":       func(v any) any { return nil },
	}
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		for name, v := range values {
			for way, handler := range returned {
				t.Run(name+" as "+way, func(t *testing.T) {
					io, log := newServer()
					if h := handler(v); h != nil {
						io.Of("/").On("e", h)
					} else {
						io.Of("/").OnAny(func(ctx, sock, string, socketio.Args) error { return &socketio.AckError{Data: v} })
					}
					var reasons []socketio.Reason
					io.Of("/").OnDisconnect(func(_ ctx, _ sock, r socketio.Reason) error { reasons = append(reasons, r); return nil })
					s := socketiotest.New(t, io)
					client := s.Connect("/", transport)
					client.EmitNoAck("e")
					if client.Disconnected() != "" || len(log.lines(t, closedForAck)) > 0 {
						t.Fatal("an event without an ack closed the session")
					}
					if ack, ok := client.TryEmit("e"); ok {
						t.Errorf("acked %.80v", ack)
					}
					if client.Disconnected() == "" || fmt.Sprint(reasons) != "[transport error]" {
						t.Errorf("the client is %q, OnDisconnect ran with %v", client.Disconnected(), reasons)
					}
					if lines := log.lines(t, closedForAck); len(lines) != 1 || lines[0]["event"] != "e" || lines[0]["socket"] != client.ID() {
						t.Errorf("logged %v", lines)
					}
					noRows(t, s)
				})
			}
		}
	})
}

// What has no end must not be printed without one either: that would end the process.
func TestTheTextOfAnAckError(t *testing.T) {
	cycle := map[string]any{}
	cycle["self"] = cycle
	for want, data := range map[string]any{
		"acked with 7":          7,
		`acked with {"code":7}`: map[string]int{"code": 7},
		"acked with null":       nil,
		"acked with a map[string]interface {} that cannot be encoded": cycle,
		"acked with a socketio_test.panicking that cannot be encoded": panicking{},
		`acked with "` + strings.Repeat("x", 199) + "...":             strings.Repeat("x", 1<<20),
	} {
		if text := (&socketio.AckError{Data: data}).Error(); text != want {
			t.Errorf("%.300s, want %s", text, want)
		}
	}
}

// badJSON is a value that encodes itself as what is no JSON.
type badJSON struct{}

func (badJSON) MarshalJSON() ([]byte, error) { return []byte("{"), nil }

// What other clients and events of the same session wait for goes on until the ack that cannot be made.
func TestAcksBeforeOneThatCannotBeMadeArrive(t *testing.T) {
	io, _ := newServer()
	io.Of("/").On("ok", func(ctx, sock) (int, error) { return 1, nil })
	io.Of("/").On("bad", func(ctx, sock) (any, error) { return make(chan int), nil })
	s := socketiotest.New(t, io)
	client, other := s.Connect("/", polling), s.Connect("/")
	client.Raw(text(`20["ok"]`), text(`21["bad"]`), text(`22["ok"]`))
	if client.Disconnected() == "" {
		t.Error("the session is open")
	}
	other.Emit("ok")
}

// A client whose CONNECT cannot be answered does not wait for ever, and that is no error of the server.
func TestANamespaceWhoseNameIsTooLongForAnAnswer(t *testing.T) {
	io, log := newServer()
	client := socketiotest.New(t, io).Connect("/", polling)
	client.Raw(text("0/" + strings.Repeat("x", 128<<10)))
	if client.Disconnected() == "" || strings.Contains(log.text.String(), `"level":"ERROR"`) {
		t.Errorf("client %q, logged %s", client.Disconnected(), log.text.String())
	}
}

// Who cannot be told that it was disconnected from a namespace sees its session close.
func TestADisconnectThatCannotBeToldClosesTheSession(t *testing.T) {
	io, log := newServer()
	busy := false
	o := socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
		b.Poster = busyPoster{b.Poster, &busy}
		return b
	}}
	var why []socketio.Reason
	for _, name := range []string{"/", "/other"} {
		io.Of(name).On("kick", func(c ctx, s sock) error { busy = true; return s.Disconnect(c) })
		io.Of(name).OnDisconnect(func(_ ctx, _ sock, r socketio.Reason) error { why = append(why, r); return nil })
	}
	client := socketiotest.New(t, io, o).Connect("/")
	client.Connect("/other")
	client.EmitNoAck("kick")
	if client.Disconnected() == "" || len(why) != 2 {
		t.Errorf("client %q, sockets left by %v, logged %s", client.Disconnected(), why, log.text.String())
	}
}

// busyPoster takes no posts while it is busy.
type busyPoster struct {
	engine.Poster
	busy *bool
}

func (p busyPoster) Post(c ctx, connection string, f engine.Frame) error {
	if *p.busy {
		return engine.ErrBusy
	}
	return p.Poster.Post(c, connection, f)
}
