package admin_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/pkg/admin"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// What a client waits for pages at most, and how soon a page is told, as docs/admin.md has it.
const (
	heldUp = 200 * time.Millisecond
	told   = 2 * time.Second
)

// far is a network, a queue and a table between a server and a page, in virtual time.
type far struct {
	notesStore
	engine.Poster
	engine.Timers
	rooms.Store
	stale map[string][]rooms.Member // by namespace, what Members goes on to return
	io    *socketio.Server
	post  time.Duration                                // what a post to a page takes
	delay func(connection string) time.Duration        // of one page, if not nil
	wait  func(call string, strong bool) time.Duration // what a call of the admin's part takes, if not nil

	lose bool // ticks, which tell a process of one server that somebody looks

	mu       sync.Mutex    // guards what follows
	answered time.Time     // when the last ack was posted
	late     time.Duration // the most that an event was on its way to a page
	came     int
	ticks    int // scheduled
}

func (f *far) Post(ctx context.Context, connection string, frame engine.Frame) error {
	if !bytes.HasPrefix(frame.Data, []byte("42/admin,")) {
		if bytes.HasPrefix(frame.Data, []byte("43")) {
			f.mu.Lock()
			f.answered = time.Now()
			f.mu.Unlock()
		}
		return f.Poster.Post(ctx, connection, frame)
	}
	takes := f.post
	if f.delay != nil {
		takes = f.delay(connection)
	}
	if err := pause(ctx, takes); err != nil {
		return err
	}
	err := f.Poster.Post(ctx, connection, frame)
	if at, ok := happened(frame.Data); ok && err == nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.late, f.came = max(f.late, time.Since(at)), f.came+1
	}
	return err
}

func (f *far) Members(ctx context.Context, namespace, room, cursor string) ([]rooms.Member, string, error) {
	if all, ok := f.stale[namespace]; ok {
		return all, "", nil
	}
	return f.Store.Members(ctx, namespace, room, cursor)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// takes waits for as long as a call takes.
func (f *far) takes(ctx context.Context, call string, strong bool) error {
	if f.wait == nil {
		return ctx.Err()
	}
	return pause(ctx, f.wait(call, strong))
}

func (f *far) Note(ctx context.Context, key string, strong bool) (string, error) {
	if err := f.takes(ctx, "Note", strong); err != nil {
		return "", err
	}
	return f.notesStore.Note(ctx, key, strong)
}

func (f *far) PutNote(ctx context.Context, key, old, next string, expires time.Time) (bool, error) {
	if err := f.takes(ctx, "PutNote", true); err != nil {
		return false, err
	}
	return f.notesStore.PutNote(ctx, key, old, next, expires)
}

func (f *far) AddCounts(ctx context.Context, key string, counts map[string]int, expires time.Time) error {
	if err := f.takes(ctx, "AddCounts", true); err != nil {
		return err
	}
	return f.notesStore.AddCounts(ctx, key, counts, expires)
}

func (f *far) Schedule(ctx context.Context, job []byte, after time.Duration) error {
	if !bytes.Contains(job, []byte(`"watched"`)) {
		return f.Timers.Schedule(ctx, job, after)
	}
	if err := f.takes(ctx, "Schedule", true); err != nil {
		return err
	}
	if f.lose {
		return nil
	}
	f.mu.Lock()
	f.ticks++
	f.mu.Unlock()
	return f.Timers.Schedule(ctx, job, after)
}

// happened returns the time that an event of a page ends with.
func happened(frame []byte) (at time.Time, ok bool) {
	text := strings.TrimSuffix(string(frame), `"]`)
	at, err := time.Parse("2006-01-02T15:04:05.000Z", text[strings.LastIndex(text, `"`)+1:])
	return at, err == nil
}

// distant is an application behind such a network, which joins many rooms for an event, with a page that has been told
// of all that was before.
func distant(t *testing.T, post time.Duration, logs slog.Handler) (*socketiotest.Server, *far, *socketiotest.Client) {
	t.Helper()
	io := socketio.New(socketio.Options{Logger: slog.New(logs)})
	f := &far{io: io}
	io.Of("/").On("join", func(ctx context.Context, s *socketio.Socket, n int) (string, error) {
		for i := range n {
			if err := s.Join(ctx, fmt.Sprintf("room %03d", i)); err != nil {
				return "", err
			}
		}
		return "ok", nil
	})
	if err := admin.Instrument(io, openToAll); err != nil {
		t.Fatal(err)
	}
	s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
		f.notesStore, f.Poster, f.Timers, f.Store = b.Notes, b.Poster, b.Timers, b.Rooms
		b.Notes, b.Poster, b.Timers, b.Rooms = f, f, f, f
		return b
	}})
	page := s.Connect("/admin")
	s.Settle()
	f.post = post
	return s, f, page
}

// joined returns the rooms that a page was told were joined, without sockets' own.
func (f *far) joined(t *testing.T, page *socketiotest.Client) (all []string) {
	t.Helper()
	if err := f.io.Of("/admin").Emit(t.Context(), "end"); err != nil {
		t.Fatal(err)
	}
	for {
		name, args := page.Next()
		switch {
		case name == "end":
			return all
		case name == "room_joined" && strings.HasPrefix(args[1].(string), "room "):
			all = append(all, args[1].(string))
		}
	}
}

// What is not told is counted in the log, whatever it is that has no time.
func TestAClientWaitsForPagesNoLongerThanIsPromised(t *testing.T) {
	const joined = 60
	hang := func(calls ...string) func(string, bool) time.Duration {
		return func(call string, strong bool) time.Duration {
			if slices.Contains(calls, call) {
				return time.Hour
			}
			return 0
		}
	}
	for name, c := range map[string]struct {
		post time.Duration
		wait func(string, bool) time.Duration
		all  bool // are told, however the client comes
		lost bool // are all
	}{
		"nothing is slow":       {post: time.Millisecond, all: true},
		"posts are":             {post: 30 * time.Millisecond},
		"posts hang":            {post: time.Hour, lost: true},
		"the mark hangs":        {post: 0, wait: hang("Note")},
		"counts hang":           {post: 0, wait: hang("AddCounts"), lost: true},
		"the table hangs":       {post: 0, wait: hang("Note", "PutNote", "AddCounts"), lost: true},
		"all hangs":             {post: time.Hour, wait: hang("Note", "PutNote", "AddCounts", "Schedule"), lost: true},
		"the mark is slow":      {post: time.Millisecond, wait: func(string, bool) time.Duration { return 60 * time.Millisecond }},
		"the mark is very slow": {post: 30 * time.Millisecond, wait: func(string, bool) time.Duration { return 190 * time.Millisecond }},
	} {
		for _, polls := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				transport := socketiotest.Header("X", "websocket")
				if polls {
					transport = socketiotest.Polling()
				}
				logs := &records{}
				s, f, page := distant(t, 0, logs)
				ada := s.Connect("/", transport)
				f.lose = true
				time.Sleep(2 * time.Second)
				s.Settle()
				time.Sleep(7 * time.Second) // what is known is old, and the tick is not lost yet
				f.post, f.wait = c.post, c.wait
				began := time.Now()
				ada.Emit("join", joined)
				took := f.answered.Sub(began)
				if polls {
					took = time.Since(began)
				}
				if took > heldUp || time.Since(began) > told {
					t.Errorf("%s: the client waited for %v, and the invocation took %v", name, took, time.Since(began))
				}
				if page.Disconnected() != "" {
					t.Fatalf("%s: the page is disconnected: %s", name, page.Disconnected())
				}
				f.post, f.wait = 0, nil
				all := f.joined(t, page)
				if !slices.IsSorted(all) {
					t.Errorf("%s: the page is told in the order %q", name, all)
				}
				out := logs.number("the admin page is not told of all", "left out")
				if told := len(all); told+out < joined || told+out > joined+1 || c.all && told != joined || c.lost && told > 0 {
					t.Errorf("%s, polling %t: the page is told of %d of %d, and the log says that %d were left out", name, polls, told, joined, out)
				}
			})
		}
	}
}

// Posts of 20 ms are slow ones of API Gateway.
func TestAPageIsToldWithinTwoSeconds(t *testing.T) {
	for _, joins := range []int{1, 60} {
		synctest.Test(t, func(t *testing.T) {
			s, f, page := distant(t, 0, &records{})
			pages := []*socketiotest.Client{page, s.Connect("/admin"), s.Connect("/admin")}
			s.Settle()
			f.post = 20 * time.Millisecond
			ada := s.Connect("/")
			for range 20 {
				time.Sleep(313 * time.Millisecond) // at any time between two ticks
				s.Settle()
				ada.Emit("join", joins)
			}
			if f.late > told || f.came < len(pages)*(20+joins) {
				t.Errorf("%d events came, the latest after %v", f.came, f.late)
			}
			for _, page := range pages {
				if page.Disconnected() != "" {
					t.Errorf("a page is disconnected: %s", page.Disconnected())
				}
			}
		})
	}
}

// A page that takes nothing is a matter of its own.
func TestAPageThatHangsHoldsNoOtherUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs := &records{}
		s, f, page := distant(t, 0, logs)
		hangs := s.Connect("/admin")
		ada := s.Connect("/")
		s.Settle()
		first := ""
		hang := func(connection string) time.Duration {
			f.mu.Lock()
			defer f.mu.Unlock()
			if first == "" || first == connection { // whichever is posted to first
				first = connection
				return time.Hour
			}
			return 20 * time.Millisecond
		}
		f.lose = true
		time.Sleep(2 * time.Second)
		s.Settle()
		f.delay = hang
		before := f.came
		ada.Emit("join", 60)
		if n := f.came - before; n != 61 || f.late > told {
			t.Errorf("the other page is told of %d happenings, the latest after %v", n, f.late)
		}
		if n := logs.number("the admin page is not told of all", "left out"); n != 61 {
			t.Errorf("the log says that %d were left out: %q", n, logs.lines("the admin page"))
		}
		if page.Disconnected() != "" || hangs.Disconnected() != "" {
			t.Error("a page is disconnected")
		}
	})
}

// A page begins to poll and moves to a connection, and for a moment its socket's row has the address of before.
func TestAPageThatHasJustMovedIsNotCut(t *testing.T) {
	for _, post := range []time.Duration{0, 30 * time.Millisecond, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			logs := &records{}
			s, f, first := distant(t, 0, logs)
			first.Close()
			page := s.Connect("/admin", socketiotest.Polling())
			ada := s.Connect("/", socketiotest.Polling())
			s.Settle()
			f.lose = true
			time.Sleep(2 * time.Second)
			s.Settle()
			before, _, err := f.Store.Members(t.Context(), "/admin", rooms.Everybody, "")
			if err != nil || len(before) != 1 {
				t.Fatalf("%v, %v", before, err)
			}
			page.Upgrade()
			f.stale = map[string][]rooms.Member{"/admin": before}
			f.post = post
			ada.Emit("join", 60)
			f.post = 0
			joins := len(f.joined(t, page))
			if joins == 60 != (post == 0) || joins == 0 != (post == time.Hour) || page.Disconnected() != "" {
				t.Errorf("posts take %v: the page is told of %d joins of 60, and is disconnected by %q", post, joins, page.Disconnected())
			}
		})
	}
}

// A table of 15 ms a call, a queue of 60 ms, and clients that wait for their answers.
func TestALostTickIsBegunAgainBySlowCalls(t *testing.T) {
	for _, c := range []struct {
		table, queue time.Duration
		fails        int // of the queue, before
	}{{15 * time.Millisecond, 60 * time.Millisecond, 0}, {150 * time.Millisecond, 400 * time.Millisecond, 0}, {15 * time.Millisecond, 60 * time.Millisecond, 1}} {
		synctest.Test(t, func(t *testing.T) {
			logs := &records{}
			s, f, page := distant(t, 0, logs)
			ada := s.Connect("/", socketiotest.Polling())
			f.lose = true
			time.Sleep(2 * time.Second)
			s.Settle()
			time.Sleep(15 * time.Second)
			f.lose = false
			fails := c.fails
			f.wait = func(call string, _ bool) time.Duration {
				if call != "Schedule" {
					return c.table
				}
				if fails--; fails >= 0 {
					return time.Hour
				}
				return c.queue
			}
			f.ticks = 0
			began := time.Now()
			for f.ticks == 0 && time.Since(began) < time.Minute {
				ada.Emit("join", 1)
				time.Sleep(time.Second)
				s.Settle()
			}
			if took := time.Since(began); took > time.Duration(1+c.fails)*8*time.Second {
				t.Errorf("%+v: %d ticks after %v: %q", c, f.ticks, took, logs.lines("the "))
			}
			if page.Disconnected() != "" {
				t.Error("the page is disconnected")
			}
		})
	}
}

// A table that cannot be read is one line for each process, and says why.
func TestAMarkThatCannotBeReadIsOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs := &records{}
		s, f, _ := distant(t, 0, logs)
		ada := s.Connect("/", socketiotest.Polling())
		f.lose = true
		time.Sleep(2 * time.Second)
		s.Settle()
		for n := 1; n <= 2; n++ {
			f.wait = func(call string, strong bool) time.Duration {
				if call == "Note" && !strong {
					return time.Hour
				}
				return 0
			}
			for range 30 {
				ada.Emit("join", 1)
				time.Sleep(time.Second)
			}
			lines := logs.lines("whether the admin page is open")
			if len(lines) != n || !strings.HasSuffix(lines[n-1], "error=it takes longer than 200ms") {
				t.Fatalf("%q", lines)
			}
			f.wait = nil
			time.Sleep(5 * time.Second)
			ada.Emit("join", 1)
		}
	})
}

// A process that knows that nobody looks asks again before five seconds are over.
func TestAnotherProcessLearnsOfAPageWithinFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var shared socketio.Backend
		process := func(o socketiotest.Options) *socketiotest.Server {
			io := socketio.New(socketio.Options{Logger: slog.New(&records{})})
			io.Of("/").On("nothing", func(context.Context, *socketio.Socket) (string, error) { return "ok", nil })
			if err := admin.Instrument(io, openToAll); err != nil {
				t.Fatal(err)
			}
			o.Wrap = func(b socketio.Backend) socketio.Backend {
				if shared.Sessions == nil {
					shared = b
				}
				return shared
			}
			return socketiotest.New(t, io, o)
		}
		first := process(socketiotest.Options{})
		second := process(socketiotest.Options{Engine: engine.Options{Rand: rand.Reader}}) // whose ids are others
		ada := second.Connect("/", socketiotest.Polling())
		ada.Emit("nothing") // by which the second process knows that nobody looks
		page := first.Connect("/admin")
		first.Settle()
		ada.Emit("nothing")
		time.Sleep(5 * time.Second)
		ada.Emit("nothing")
		for name := ""; name != "event_received"; { // else there is nothing more to come, which fails
			name, _ = page.Next()
		}
	})
}
