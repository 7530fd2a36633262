package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/internal/control"
	"github.com/dozeio/doze/pkg/devserver"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
)

// crowd is a deployment whose clients go when they are told to, and may come back.
type crowd struct {
	mu      sync.Mutex
	there   []control.Client
	told    []time.Duration // since the start, of each End
	ended   map[string]int
	start   time.Time
	stay    string // the name of one who does not go
	returns bool   // who goes comes back, as somebody else
	fail    error
	takes   time.Duration // to end one
	onEnd   func(n int)
}

func newCrowd(n int) *crowd {
	c := &crowd{start: time.Now(), ended: map[string]int{}}
	for i := range n {
		c.there = append(c.there, control.Client{Name: fmt.Sprint("c", i), Since: c.start.Add(-time.Hour)})
	}
	return c
}

func (c *crowd) Clients(ctx context.Context, _ control.Asked) ([]control.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.there), ctx.Err()
}

func (c *crowd) End(_ context.Context, who control.Client) error {
	time.Sleep(c.takes)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = append(c.told, time.Since(c.start))
	c.ended[who.Name]++
	if c.onEnd != nil {
		c.onEnd(len(c.told))
	}
	if who.Name == c.stay || c.fail != nil {
		return c.fail
	}
	c.there = slices.DeleteFunc(c.there, func(o control.Client) bool { return o.Name == who.Name })
	if c.returns {
		c.there = append(c.there, control.Client{Name: who.Name + "again", Since: time.Now()})
	}
	return nil
}

// drainOf returns a drainer and what it says.
func drainOf(c *crowd, rate float64) (dr drainer, said func() []drained, log *bytes.Buffer) {
	var all []drained
	log = &bytes.Buffer{}
	return drainer{d: c, rate: rate, before: c.start, log: log, said: func(p drained) error {
		all = append(all, p)
		return nil
	}}, func() []drained { return all }, log
}

func TestADrainKeepsToItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(250)
		c.returns = true
		dr, said, _ := drainOf(c, 10)
		if err := dr.drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, at := range c.told {
			if want := time.Duration(i+1) * 100 * time.Millisecond; at != want {
				t.Fatalf("client %d is ended after %v, want %v", i, at, want)
			}
		}
		for name, n := range c.ended {
			if n != 1 || strings.HasSuffix(name, "again") {
				t.Errorf("%s was ended %d times", name, n)
			}
		}
		all := said()
		if last := all[len(all)-1]; last.Ended != 250 || last.Left != 0 || last.Came != 250 || !last.Done {
			t.Errorf("at the end: %+v", last)
		}
		if len(all) != 4 { // at first, after 10 s and 20 s, at the end
			t.Errorf("said %v", all)
		}
	})
}

func TestADrainIsStoppedAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(100)
		ctx, cancel := context.WithCancel(t.Context())
		c.onEnd = func(n int) {
			if n == 40 {
				cancel()
			}
		}
		dr, said, log := drainOf(c, 50)
		if err := dr.drain(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		all := said()
		last := all[len(all)-1]
		if last.Ended+last.Left != 100 || last.Ended != len(c.told) || last.Done {
			t.Errorf("stopped after %d: %+v", len(c.told), last)
		}
		if want := "-before " + c.start.Format(time.RFC3339Nano); !strings.Contains(log.String(), want) {
			t.Errorf("%q does not say %s", log, want)
		}
		c.onEnd = nil
		dr, said, _ = drainOf(c, 50)
		if err := dr.drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		all = said()
		if got := all[len(all)-1]; got.Ended != last.Left || len(c.there) != 0 || len(c.told) != 100 {
			t.Errorf("gone on: %+v, %d were told in all", got, len(c.told))
		}
	})
}

func TestADrainSaysWhoDoesNotGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(5)
		c.stay = "c3"
		dr, said, _ := drainOf(c, 50)
		err := dr.drain(t.Context())
		if err == nil || !strings.Contains(err.Error(), "1 clients are still there") {
			t.Errorf("%v", err)
		}
		all := said()
		if last := all[len(all)-1]; last.Ended != 5 || last.Left != 1 || last.Done || c.ended["c3"] < 2 {
			t.Errorf("%+v, told %d times", last, c.ended["c3"])
		}
	})
}

// TestADrainEndsWithTheFirstFailure has somebody drain who may not, and whom API Gateway tells so after a while.
func TestADrainEndsWithTheFirstFailure(t *testing.T) {
	for _, takes := range []time.Duration{0, 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			c := newCrowd(500)
			c.takes, c.fail = takes, errors.New("no rights")
			dr, said, _ := drainOf(c, 50)
			err := dr.drain(t.Context())
			if !errors.Is(err, c.fail) || !strings.Contains(err.Error(), " could not be ended: ") || !strings.Contains(err.Error(), "-before ") {
				t.Errorf("%v", err)
			}
			all := said()
			if last := all[len(all)-1]; last.Ended != 0 || last.Left != 500 || last.Done || len(c.told) > drainsAtOnce {
				t.Errorf("%+v, %d were told", last, len(c.told))
			}
		})
	}
}

// blind is a crowd that nobody can look at any more once one has been ended.
type blind struct{ *crowd }

func (b blind) Clients(ctx context.Context, a control.Asked) ([]control.Client, error) {
	there, err := b.crowd.Clients(ctx, a)
	if len(b.ended) > 0 {
		return nil, errors.New("the table is throttled")
	}
	return there, err
}

// TestADrainThatSeesNobodySaysWhomItHasEnded has the table fail when all are ended, some of whom may be back.
func TestADrainThatSeesNobodySaysWhomItHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(5)
		dr, said, _ := drainOf(c, 50)
		dr.d = blind{c}
		err := dr.drain(t.Context())
		if err == nil || !strings.Contains(err.Error(), "the table is throttled") || !strings.Contains(err.Error(), "-before "+dr.before.Format(time.RFC3339Nano)) {
			t.Errorf("%v", err)
		}
		all := said()
		if last := all[len(all)-1]; last.Ended != 5 || last.Done {
			t.Errorf("%+v", last)
		}
	})
}

// TestADrainBesideAnotherAPI has API Gateway know none of the table's clients, and the table one that is dead.
func TestADrainBesideAnotherAPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(5)
		c.fail = fmt.Errorf("c1: %w", control.ErrUnknown)
		dr, said, _ := drainOf(c, 50)
		err := dr.drain(t.Context())
		if err == nil || !strings.Contains(err.Error(), "5 clients are still there, of whom 5") || !strings.Contains(err.Error(), "-connections") {
			t.Errorf("%v", err)
		}
		all := said()
		if last := all[len(all)-1]; last.Ended != 0 || last.Left != 5 || last.Done {
			t.Errorf("%+v", last)
		}
	})
}

// testDraining drains a deployment that flags find, of one client that comes back as a stock one would and two that
// poll.
func testDraining(t *testing.T, server string, at ...string) {
	with := func(more ...string) []string { return slices.Concat([]string{"drain"}, at, more) }
	says(t, with("-rate", "500")...) // of other tests
	_, _, ended := tailing(t, slices.Concat(at, []string{"-auth", `{"name":"bob"}`})...)
	polling(t, server, `{"name":"ada"}`)
	polling(t, server, "")
	var p drained
	if err := json.Unmarshal([]byte(says(t, with("-dry-run", "-json")...)), &p); err != nil || p.Left != 3 || p.Ended != 0 {
		t.Fatalf("%+v %v", p, err)
	}
	if got := says(t, with("-dry-run", "-before", "2026-01-01T00:00:00Z")...); !strings.HasPrefix(got, "0 ended, 0 left of those who came before 2026-01-01T00:00:00Z; 3 since then") {
		t.Errorf("%q", got)
	}
	lines := strings.Split(strings.TrimSpace(says(t, with("-rate", "100", "-json")...)), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &p); err != nil || p.Ended != 3 || p.Left != 0 || !p.Done {
		t.Errorf("%+v %v", p, err)
	}
	if err := <-ended; err == nil || strings.Contains(err.Error(), "disconnected this client") {
		t.Errorf("bob's tail ends with %v: a client that is told so does not come back", err)
	}
}

func TestDozeDevIsDrained(t *testing.T) {
	io, _ := visited()
	s := serving(t, devserver.Options{}, io)
	testDraining(t, s.URL, "-dev", s.URL)
}

// refusing is an API Gateway that closes no connection.
type refusing struct {
	engine.Poster
	err error
}

func (r refusing) Disconnect(context.Context, string) error { return r.err }

// TestADrainThatAPIGatewayRefuses ends a client that is there, without the right to, and beside an API that is not its
// own.
func TestADrainThatAPIGatewayRefuses(t *testing.T) {
	app, _ := visited()
	var b socketio.Backend
	s := serving(t, devserver.Options{Wrap: func(of socketio.Backend) socketio.Backend {
		b = of
		return of
	}}, app)
	tailing(t, "-dev", s.URL, "-auth", `{"name":"ada"}`)
	b.Options.HandlersElsewhere = true
	poster := b.Poster
	for refusal, want := range map[error]error{errors.New("no right"): nil, engine.ErrGone: control.ErrUnknown} {
		b.Poster = refusing{poster, refusal}
		d, err := control.Of(b, socketio.Options{})
		if err != nil {
			t.Fatal(err)
		}
		all, err := d.Clients(t.Context(), control.Asked{})
		if err != nil || len(all) != 1 {
			t.Fatalf("%+v %v", all, err)
		}
		if want == nil {
			want = refusal
		}
		if err := d.End(t.Context(), all[0]); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
		known, err := d.Client(t.Context(), all[0].Name)
		if err != nil || known.State != engine.Open || known.Pong.Equal(engine.Dead) {
			t.Errorf("after %v: %+v %v", refusal, known, err)
		}
	}
}
