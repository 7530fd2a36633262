package oneprocess_test

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"
	"weak"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/store/memory"
	"github.com/dozeio/doze/tests/kit/rawclient"
	"github.com/dozeio/doze/tests/kit/shiftclock"
)

// interval is that of the pings, and as long clients have for the pong, for their CONNECT and for an upgrade.
const interval = 2 * time.Second

// site is a server without events of AWS whose clock the test moves on, and a client of it.
type site struct {
	*testing.T
	*oneprocess.Server
	*rawclient.Client
	clock *shiftclock.Clock
}

func startSite(t *testing.T, more ...func(*engine.Options)) *site {
	io := socketio.New(socketio.Options{})
	io.Of("/").OnConnection(func(ctx context.Context, s *socketio.Socket) error { return s.Join(ctx, "all") })
	io.Of("/").On("remove", func(ctx context.Context, s *socketio.Socket) error { return s.DisconnectClient(ctx) })
	io.Of("/").OnDisconnecting(func(ctx context.Context, s *socketio.Socket, _ socketio.Reason) error {
		return s.To("all").Emit(ctx, "left", s.ID())
	})
	clock := &shiftclock.Clock{}
	o := engine.Options{
		Clock: clock, PingInterval: interval, PingTimeout: interval, ConnectTimeout: interval, UpgradeTimeout: interval,
		Logger: slog.New(slog.DiscardHandler),
	}
	for _, f := range more {
		f(&o)
	}
	s, err := oneprocess.Start(oneprocess.Options{Direct: true, Engine: o, Gateway: gateway.Options{Clock: clock}}, io.Bind)
	if err != nil {
		t.Fatal(err)
	}
	client := rawclient.New(s.URL)
	t.Cleanup(func() {
		client.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return &site{t, s, client, clock}
}

// within lets time pass until something is so, in steps by which no timer is overdue, and reports whether it was so in
// time.
func (s *site) within(d time.Duration, is func() bool) bool {
	for end := s.clock.Now().Add(d); s.clock.Now().Before(end); {
		s.clock.Jump(interval / 8)
		time.Sleep(5 * time.Millisecond) // what has begun with that goes on in real time
		if is() {
			return true
		}
	}
	return false
}

func (s *site) check(err error) {
	s.Helper()
	if err != nil {
		s.Error(err)
	}
}

// dial opens a WebSocket, says something, and waits for what that is answered with.
func (s *site) dial(query, says, hears string) *rawclient.Conn {
	c, err := s.Dial(s.Context(), query)
	if err != nil {
		s.Fatal(err)
	}
	s.check(c.Send(s.Context(), says))
	for {
		m, err := c.Next(s.Context())
		if s.check(err); err != nil || strings.HasPrefix(m, hears) {
			return c
		}
	}
}

// open begins a session that polls, and posts packets.
func (s *site) open(packets ...string) (sid string) {
	sid, err := s.Open(s.Context())
	s.check(err)
	for _, p := range packets {
		s.post(sid, p)
	}
	return sid
}

func (s *site) post(sid, packets string) {
	a, err := s.Do(s.Context(), http.MethodPost, rawclient.Session(sid), packets)
	if s.check(err); a.Status != http.StatusOK {
		s.Errorf("the POST of %s is answered %d %s", packets, a.Status, a.Body)
	}
}

// visits are how clients come and leave.
var visits = map[string]func(s *site){
	"a WebSocket that says goodbye": func(s *site) {
		c := s.dial(rawclient.WebSocket, "40", "40{")
		s.check(c.Send(s.Context(), "41"))
		s.check(c.Close(1000))
	},
	"a WebSocket that breaks":        func(s *site) { s.dial(rawclient.WebSocket, "40", "40{").Reset() },
	"a WebSocket that joins nothing": func(s *site) { s.dial(rawclient.WebSocket, "3", "0{").Reset() },
	"a WebSocket that is removed": func(s *site) {
		c := s.dial(rawclient.WebSocket, "40", "40{")
		s.check(c.Send(s.Context(), `42["remove"]`))
		for err := error(nil); err == nil; {
			_, err = c.Next(s.Context())
		}
		c.Reset()
	},
	"a poller that says goodbye":  func(s *site) { s.open("40", "1") },
	"a poller that vanishes":      func(s *site) { s.open("40") },
	"a poller that joins nothing": func(s *site) { s.open() },
	"a poller that is removed":    func(s *site) { s.open("40", `42["remove"]`) },
	"an upgrade that breaks": func(s *site) {
		c := s.dial(rawclient.Probe(s.open("40")), "2probe", "3probe")
		s.check(c.Send(s.Context(), "5"))
		c.Reset()
	},
	"an upgrade that says goodbye": func(s *site) {
		c := s.dial(rawclient.Probe(s.open("40")), "2probe", "3probe")
		s.check(c.Send(s.Context(), "5", "41"))
		s.check(c.Close(1000))
	},
	"an upgrade that is given up": func(s *site) {
		sid := s.open("40")
		s.dial(rawclient.Probe(sid), "2probe", "3probe").Reset()
		s.post(sid, "1")
	},
	"a poller that leaves during an upgrade": func(s *site) {
		sid := s.open("40")
		c := s.dial(rawclient.Probe(sid), "2probe", "3probe")
		s.post(sid, "1")
		c.Reset()
	},
	"an upgrade of nobody": func(s *site) {
		_, err := s.Dial(s.Context(), rawclient.Probe("AAAAAAAAAAAAAAAAAAAAAAAAAAA"))
		if err == nil {
			s.Error("an upgrade of nobody is accepted")
		}
	},
}

// forMinutes is what may pass until nothing is left: more than it takes, as the clock does not wait for a busy machine.
const forMinutes = 2 * time.Minute

// TestNothingIsLeftOfClientsMinutesLater has some clients come and leave in each way.
func TestNothingIsLeftOfClientsMinutesLater(t *testing.T) {
	s := startSite(t)
	var all sync.WaitGroup
	for name, visit := range visits {
		for range 5 {
			all.Go(func() {
				visit(s)
				if t.Failed() {
					t.Log("failed by the end of", name)
				}
			})
		}
	}
	all.Wait()
	if s.Store.Rows() == (memory.Rows{}) {
		t.Error("nothing is there while late requests may still come")
	}
	if !s.within(forMinutes, func() bool { return s.Store.Rows() == memory.Rows{} }) {
		t.Errorf("%v later there are %+v", forMinutes, s.Store.Rows())
	}
}

// TestWhatAClientHadIsFreed looks at the memory, and has nobody ask the store anything: each of its calls could be what
// frees it.
func TestWhatAClientHadIsFreed(t *testing.T) {
	s := startSite(t)
	c := s.dial(rawclient.WebSocket, "40", "40{")
	entry := func() weak.Pointer[byte] {
		for shard := range engine.Shards {
			lives, err := s.Store.Lives(t.Context(), shard)
			s.check(err)
			for _, l := range lives {
				session, err := s.Store.Get(t.Context(), l.Address, true)
				s.check(err)
				return weak.Make(&session.Entries["/"][0])
			}
		}
		t.Fatal("there is no session")
		panic("unreachable")
	}()
	if runtime.GC(); entry.Value() == nil {
		t.Fatal("the entry of a client that is there is freed")
	}
	c.Reset()
	if !s.within(forMinutes, func() bool { runtime.GC(); return entry.Value() == nil }) {
		t.Errorf("%v later the entry of a client that has left is held", forMinutes)
	}
}

// TestABroadcastHasNoGoroutines sends to many from one handler. When all clients leave at once there are as many such
// handlers, each of which sends to those of its rooms.
func TestABroadcastHasNoGoroutines(t *testing.T) {
	sent := make(chan string, 10)
	io := socketio.New(socketio.Options{Logger: slog.New(slog.DiscardHandler)})
	io.Of("/").On("say", sayToAll)
	io.Of("/").OnAnyOutgoing(func(context.Context, socketio.Outgoing) error {
		sent <- string(debug.Stack())
		return nil
	})
	s, err := oneprocess.Start(oneprocess.Options{Direct: true}, io.Bind)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	client := rawclient.New(s.URL)
	defer client.Close()
	all := &site{t, s, client, nil}
	var speaker *rawclient.Conn
	for range 3 {
		speaker = all.dial(rawclient.WebSocket, "40", "40{")
		defer speaker.Reset()
	}
	all.open("40")
	all.check(speaker.Send(t.Context(), `42["say"]`))
	for range 4 {
		if stack := <-sent; !strings.Contains(stack, "sayToAll") {
			t.Errorf("a recipient is served by another goroutine than the handler's:\n%s", stack)
		}
	}
}

func sayToAll(ctx context.Context, s *socketio.Socket) error { return s.Namespace().Emit(ctx, "said") }
