package socketio_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
	"github.com/dozeio/doze/tests/kit/fakeclock"
	"github.com/dozeio/doze/tests/kit/figures"
)

func metered() (*figures.Meter, socketiotest.Options) {
	m := &figures.Meter{}
	return m, socketiotest.Options{Engine: engine.Options{Meter: m}}
}

// TestWhatClientsDoIsCounted does each thing once or so.
func TestWhatClientsDoIsCounted(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		io, _ := newServer()
		n := io.Of("/")
		n.On("join", func(c ctx, s sock) error { return s.Join(c, "room") })
		n.On("say", func(c ctx, s sock) error { return io.To("room").Emit(c, "said") })
		n.On("me", func(c ctx, s sock) error { return s.Emit(c, "you") })
		n.On("nobody", func(c ctx, s sock) error { return io.To("none").Emit(c, "x") })
		n.On("ask", func(c ctx, s sock) error { return io.To("room").Then("answered", nil).Emit(c, "q") })
		n.OnAck("answered", func(ctx, sock, any, error) error { return nil })
		n.On("fail", func(ctx, sock) error { return errors.New("failed") })
		n.On("panic", func(ctx, sock) error { panic("x") })
		n.On("refuse", func(ctx, sock) error { return &socketio.AckError{Data: "no"} })
		n.On("typed", func(ctx, sock, int) error { return nil })
		n.On("leave", func(c ctx, s sock) error { return s.Disconnect(c) })
		n.OnDisconnect(func(ctx, sock, socketio.Reason) error { return errors.New("failed") })
		m, o := metered()
		server := socketiotest.New(t, io, o)
		ada, bob := server.Connect("/", transport), server.Connect("/", transport)
		for _, event := range []string{"join", "say", "say", "me", "nobody", "refuse"} {
			ada.Emit(event)
		}
		bob.Emit("join")
		bob.Emit("ask")
		for _, event := range []string{"fail", "panic", "typed", "unknown", observe.Other, "leave"} {
			ada.EmitNoAck(event)
		}
		bob.Close()
		server.Settle()
		for _, c := range []struct {
			want string
			of   *observe.Figure
		}{
			{"Connects 2", observe.Connects},
			{"Disconnects/server namespace disconnect 1, Disconnects/transport close 1", observe.Disconnects},
			{"Events/ask 1, Events/fail 1, Events/join 2, Events/leave 1, Events/me 1, Events/nobody 1, Events/other 2, Events/panic 1, Events/refuse 1, Events/say 2, Events/typed 1", observe.Events},
			{"HandlerErrors 4", observe.HandlerErrors}, // fail, panic and OnDisconnect twice
		} {
			if got := m.Counts(c.of); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		}
		if got := fmt.Sprint(m.Values(observe.Recipients)); got != "[1 1 1 0 2]" {
			t.Errorf("recipients %s", got)
		}
		if got := len(m.Values(observe.EventTime)); got != 14 {
			t.Errorf("%d times of events, want 14", got)
		}
	})
}

// TestEventTimeIsThatOfTheHandler lets a clock pass in it.
func TestEventTimeIsThatOfTheHandler(t *testing.T) {
	io, _ := newServer()
	m, o := metered()
	clock := fakeclock.New(time.Unix(1e9, 0))
	o.Engine.Clock = clock
	io.Of("/").On("slow", func(ctx, sock) error { clock.Advance(250 * time.Millisecond); return nil })
	socketiotest.New(t, io, o).Connect("/").Emit("slow")
	if got := fmt.Sprint(m.Values(observe.EventTime)); got != "[250]" {
		t.Errorf("took %s ms, want 250", got)
	}
}

// TestClientsCannotMakeFigures sends events of random names, to an application that has more handlers than have a
// figure of their own, in namespaces of their own choice.
func TestClientsCannotMakeFigures(t *testing.T) {
	io, _ := newServer()
	other := io.OfFunc(regexp.MustCompile(`^/other-`).MatchString)
	for i := range 30 {
		io.Of("/").On(fmt.Sprint("event ", i), func(ctx, sock) error { return nil })
		other.On(fmt.Sprint("more ", i), func(ctx, sock) error { return nil })
	}
	for _, odd := range []string{"ä", " a", "\n", "a\x00", strings.Repeat("a", 256)} { // which are no labels, and would be among the first
		io.Of("/").On(odd, func(ctx, sock) error { return nil })
	}
	m, o := metered()
	server := socketiotest.New(t, io, o)
	r := rand.New(rand.NewPCG(1, 2))
	total := 0
	for range 10 {
		for _, c := range []*socketiotest.Client{server.Connect("/"), server.Connect(fmt.Sprint("/other-", r.Int()))} {
			for range 200 {
				total++
				switch r.IntN(3) {
				case 0:
					c.EmitNoAck(fmt.Sprint("event ", r.IntN(30)))
				case 1:
					c.EmitNoAck(fmt.Sprint("more ", r.IntN(30)))
				default:
					b := make([]rune, r.IntN(20))
					for i := range b {
						b[i] = rune(r.IntN(0x3000))
					}
					c.EmitNoAck(string(b))
				}
			}
		}
	}
	server.Settle()
	all := strings.Split(m.Counts(observe.Events), ", ")
	sum := 0
	for _, line := range all {
		var n int
		_, _ = fmt.Sscan(line[strings.LastIndex(line, " "):], &n)
		sum += n
		if !strings.HasPrefix(line, "Events/event ") && !strings.HasPrefix(line, "Events/other ") {
			t.Errorf("counted by %s", line)
		}
	}
	if len(all) != 21 || sum != total {
		t.Errorf("%d figures of %d events, want 21 of %d: %q", len(all), sum, total, all)
	}
}
