package faults

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

// busy is how often a post is tried while the gateway answers 429.
const busy = 7

var mishaps = []struct {
	name   string
	faults gateway.Faults
}{
	{"no fault", gateway.Faults{}},
	{"410, lost", gateway.Faults{PostGone: 1, Max: 1}},
	{"410, arrived", gateway.Faults{PostGoneDelivered: 1, Max: 1}},
	{"429", gateway.Faults{PostThrottled: 1, Max: 1}},
	{"429 for as long as it is tried", gateway.Faults{PostThrottled: 1, Max: busy}},
	{"500", gateway.Faults{PostFailed: 1, Max: 1}},
	{"no answer", gateway.Faults{PostHangs: 1, Max: 1}},
	{"early posts arrive", gateway.Faults{EarlyPostArrives: 1}},
}

// A delivery is something that is posted. run calls inject, which begins the faults, brings the post about, and
// returns who gets it and the packet that is last.
type delivery struct {
	name  string
	run   func(w *world, inject func()) (to *peer, last string)
	whole []string // packets that arrive in this order, or the first some of them
	told  bool     // the application may be told with engine.ErrBusy instead
}

var deliveries = []delivery{
	{"the open packet", func(w *world, inject func()) (*peer, string) {
		inject()
		return w.peer(w.Dial(w.ctx, rawclient.WebSocket)), "0{"
	}, []string{"0{"}, false},
	{"the answer to CONNECT", func(w *world, inject func()) (*peer, string) {
		p := w.join()
		inject()
		p.send("40/greeting,")
		return p, `42/greeting,["hello"]`
	}, []string{"40/greeting,{", `42/greeting,["hello"]`}, false},
	{"an emit to the sender", func(w *world, inject func()) (*peer, string) {
		p := w.join()
		inject()
		p.send(`42["burst",3]`)
		return p, `42["burst",3]`
	}, []string{`42["burst",1]`, `42["burst",2]`, `42["burst",3]`}, true},
	{"an emit before an ack", func(w *world, inject func()) (*peer, string) {
		p := w.join()
		inject()
		p.send(`428["burst",1]`)
		return p, `438[`
	}, []string{`42["burst",1]`, `438[`}, true},
	{"a broadcast", func(w *world, inject func()) (*peer, string) {
		p := w.join()
		p.send(`427["join","r"]`)
		w.wants(p, "437[")
		inject()
		w.bystander.send(`42["say","r",1]`)
		return p, `42["said",1]`
	}, []string{`42["said",1]`}, true},
	{"an emit of a handler that goes on", func(w *world, inject func()) (*peer, string) {
		p := w.join()
		inject()
		before := w.server.Gateway.Stats().Posts
		p.send(`42["later"]`)
		w.Settle("no posts", func() bool { return w.server.Gateway.Stats().Posts > before }, func() any { return "none" })
		close(w.app.release)
		return p, `42["later"]`
	}, []string{`42["later"]`}, true},
	{"what waits when an upgrade is confirmed", func(w *world, inject func()) (*peer, string) {
		sid, p := w.probing()
		w.pushed(sid, `427["join","r"]`)
		for i := range 3 {
			w.bystander.send(fmt.Sprintf(`42%d["say","r",%d]`, 90+i, i+1))
			w.wants(w.bystander, fmt.Sprintf("43%d[", 90+i))
		}
		inject()
		p.send("5")
		return p, `42["said",3]`
	}, []string{"437[", `42["said",1]`, `42["said",2]`, `42["said",3]`}, false},
	{"a ping", func(w *world, inject func()) (*peer, string) {
		p := w.join()
		p.send(`427["echo"]`)
		w.wants(p, "437[")
		inject()
		return p, "2"
	}, nil, false},
}

// TestPosts lets each kind of post go wrong in each way.
func TestPosts(t *testing.T) {
	noGoroutines(t)
	for _, d := range deliveries {
		for _, m := range mishaps {
			t.Run(d.name+"/"+m.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, asAWS)
				before := w.server.Gateway.Stats()
				p, last := d.run(w, func() { w.faults(m.faults) })
				got, seen := w.watch(p, last)
				told := w.app.told()
				t.Logf("%s; packets %q; the application was told %v", got, seen, told)

				stats := w.server.Gateway.Stats()
				if want := uint64(m.faults.Max); stats.Faults-before.Faults != want {
					t.Errorf("%d faults, want %d", stats.Faults-before.Faults, want)
				}
				switch {
				case m.name == "no fault" || m.name == "429" || m.name == "early posts arrive":
					if got != delivered || len(told) > 0 {
						t.Errorf("%s, want it delivered", got)
					}
				case got == delivered || got == closed:
				case got == timedOut && d.name == "a ping":
				case d.name == "the answer to CONNECT" && slices.Contains(seen, "41/greeting,"): // closed, too
				case d.told && slices.ContainsFunc(told, func(err error) bool { return errors.Is(err, engine.ErrBusy) }):
				default:
					t.Errorf("the client sees %s", got)
				}
				if d.whole != nil {
					inOrder(t, d.whole, seen)
				}
				if got == delivered { // and then?
					p.send(`425["echo"]`)
					if strings.HasPrefix(last, "0{") {
						p.send("40")
					}
					if after, more := w.watch(p, ""); after != delivered && after != closed {
						t.Errorf("%s afterwards: %q", after, more)
					}
				}
			})
		}
	}
}

// inOrder expects of the packets the first some, in order, each once.
func inOrder(t *testing.T, want, seen []string) {
	t.Helper()
	next := 0
	for _, f := range seen {
		i := slices.IndexFunc(want, func(prefix string) bool { return strings.HasPrefix(f, prefix) })
		if i < 0 {
			continue
		}
		if i != next {
			t.Errorf("%q: %s came as number %d", seen, f, next+1)
		}
		next++
	}
}

// probing opens a session over HTTP with a connection that has probed.
func (w *world) probing() (sid string, p *peer) {
	w.Helper()
	sid, err := w.Open(w.ctx)
	if err != nil {
		w.Fatal(err)
	}
	w.pushed(sid, "40")
	if a, err := w.Do(w.ctx, http.MethodGet, rawclient.Session(sid), ""); err != nil || !strings.HasPrefix(a.Body, "40{") {
		w.Fatalf("%+v, %v; want an answer to CONNECT", a, err)
	}
	p = w.peer(w.Dial(w.ctx, rawclient.Probe(sid)))
	p.send("2probe")
	w.wants(p, "3probe")
	return sid, p
}

// pushed expects a polling request to be taken.
func (w *world) pushed(sid, body string) {
	w.Helper()
	if a, err := w.Do(w.ctx, http.MethodPost, rawclient.Session(sid), body); err != nil || a.Status != http.StatusOK {
		w.Fatalf("POST %q: %+v, %v", body, a, err)
	}
}
