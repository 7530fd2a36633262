package admin_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/internal/testparts"
	"github.com/dozeio/doze/pkg/admin"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// What a client's answer waits for pages at most, and how soon a page is told, as docs/admin.md has it.
const (
	heldUp = 150 * time.Millisecond
	told   = 2 * time.Second
)

// far is a network and a queue between a server and a page, in virtual time.
type far struct {
	engine.Poster
	engine.Timers
	post time.Duration // what a post to a page takes

	mu   sync.Mutex // guards what follows
	jobs [][]byte   // what the page has not been sent, if they are kept back
	keep bool
	late time.Duration // the most that an event was on its way to a page
	came int
}

func (f *far) Post(ctx context.Context, connection string, frame engine.Frame) error {
	if !bytes.HasPrefix(frame.Data, []byte("42/admin,")) {
		return f.Poster.Post(ctx, connection, frame)
	}
	select {
	case <-time.After(f.post):
	case <-ctx.Done():
		return ctx.Err()
	}
	err := f.Poster.Post(ctx, connection, frame)
	if at, ok := happened(frame.Data); ok && err == nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.late, f.came = max(f.late, time.Since(at)), f.came+1
	}
	return err
}

// happened returns the time that an event of a page ends with.
func happened(frame []byte) (at time.Time, ok bool) {
	text := strings.TrimSuffix(string(frame), `"]`)
	at, err := time.Parse("2006-01-02T15:04:05.000Z", text[strings.LastIndex(text, `"`)+1:])
	return at, err == nil
}

func (f *far) Schedule(ctx context.Context, job []byte, after time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.keep && bytes.Contains(job, []byte(`"left"`)) {
		f.jobs = append(f.jobs, job)
		return nil
	}
	return f.Timers.Schedule(ctx, job, after)
}

// distant is an application behind such a network, which joins many rooms for an event, with a page that has been told
// of all that was before.
func distant(t *testing.T, post time.Duration, logs slog.Handler) (*socketiotest.Server, *far, *socketiotest.Client) {
	t.Helper()
	f := &far{}
	io := socketio.New(socketio.Options{Logger: slog.New(logs)})
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
		f.Poster, f.Timers = b.Poster, b.Timers
		b.Poster, b.Timers = f, f
		return b
	}})
	page := s.Connect("/admin")
	s.Settle()
	f.post = post
	return s, f, page
}

// joinedRooms returns the rooms that a page was told were joined, without sockets' own.
func joinedRooms(page *socketiotest.Client, n int) (all []string) {
	for len(all) < n {
		if name, args := page.Next(); name == "room_joined" && strings.HasPrefix(args[1].(string), "room ") {
			all = append(all, args[1].(string))
		}
	}
	return all
}

func TestAnAnswerWaitsForPagesNoLongerThanIsPromised(t *testing.T) {
	const joined = 60
	for _, c := range []struct {
		post time.Duration
		lost int // on its way when the time was over
	}{{time.Millisecond, 0}, {30 * time.Millisecond, 1}, {time.Hour, 1}} {
		for _, transport := range []socketiotest.Option{socketiotest.Polling(), socketiotest.Header("X", "websocket")} {
			synctest.Test(t, func(t *testing.T) {
				logs := &records{}
				s, f, page := distant(t, c.post, logs)
				f.post = 0
				ada := s.Connect("/", transport)
				f.post, f.keep = c.post, true
				began := time.Now()
				ada.Emit("join", joined)
				if took := time.Since(began); took > heldUp {
					t.Errorf("a post to the page takes %v, and the answer %v", c.post, took)
				}
				f.post, f.keep = 0, false
				for _, job := range f.jobs {
					if err := testparts.Engine(s).Job(t.Context(), job); err != nil {
						t.Error(err)
					}
				}
				if page.Disconnected() != "" {
					t.Fatalf("the page is disconnected: %s", page.Disconnected())
				}
				all := joinedRooms(page, joined-c.lost)
				for i := range all[1:] {
					if all[i] >= all[i+1] {
						t.Errorf("%s before %s", all[i], all[i+1])
					}
				}
				if lines := logs.lines("the admin page"); len(lines) > 0 {
					t.Errorf("%q", lines)
				}
			})
		}
	}
}

// A table that does not answer holds nobody up on account of pages either.
func TestAnAnswerDoesNotWaitForAMarkThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := &hanging{}
		io := socketio.New(socketio.Options{Logger: slog.New(&records{})})
		io.Of("/").On("join", func(ctx context.Context, s *socketio.Socket) (string, error) {
			for i := range 20 {
				if err := s.Join(ctx, fmt.Sprint("room ", i)); err != nil {
					return "", err
				}
			}
			return "ok", nil
		})
		if err := admin.Instrument(io, openToAll); err != nil {
			t.Fatal(err)
		}
		s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
			hung.notesStore, b.Notes = b.Notes, hung
			return b
		}})
		ada := s.Connect("/", socketiotest.Polling())
		time.Sleep(10 * time.Second) // what is known is old
		hung.hangs = true
		began := time.Now()
		ada.Emit("join")
		if took := time.Since(began); took > heldUp {
			t.Errorf("the answer takes %v", took)
		}
	})
}

// hanging is a store of notes that may not answer.
type hanging struct {
	notesStore
	hangs bool
}

func (h *hanging) Note(ctx context.Context, key string, strong bool) (string, error) {
	if h.hangs {
		<-ctx.Done()
		return "", ctx.Err()
	}
	return h.notesStore.Note(ctx, key, strong)
}

// Posts of 20 ms are slow ones of API Gateway. What there was no time for goes with a job, at once here.
func TestAPageIsToldWithinTwoSeconds(t *testing.T) {
	for _, joins := range []int{1, 60} {
		synctest.Test(t, func(t *testing.T) {
			s, f, page := distant(t, 20*time.Millisecond, &records{})
			ada := s.Connect("/")
			for range 20 {
				time.Sleep(313 * time.Millisecond) // at any time between two ticks
				s.Settle()
				ada.Emit("join", joins)
			}
			if f.late > told || f.came < 20+joins || page.Disconnected() != "" {
				t.Errorf("%d events came, the latest after %v", f.came, f.late)
			}
		})
	}
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
