package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// slow is a gateway that takes its time for each request, in which it may be told that there is no more of it.
type slow struct {
	engine.Poster
	takes time.Duration
}

func (s *slow) wait(ctx context.Context) error {
	timer := time.NewTimer(s.takes)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *slow) Post(ctx context.Context, connection string, f engine.Frame) error {
	if err := s.wait(ctx); err != nil {
		return err
	}
	return s.Poster.Post(ctx, connection, f)
}

func (s *slow) Disconnect(ctx context.Context, connection string) error {
	if err := s.wait(ctx); err != nil {
		return err
	}
	return s.Poster.Disconnect(ctx, connection)
}

// pages is a store whose pages hold 100 members, in the order of their ids, and which reads rooms in ten parts. Its
// cursors are no UTF-8.
type pages struct{ rooms.Store }

func (p pages) Members(ctx context.Context, namespace, room, cursor string) ([]rooms.Member, string, error) {
	all, _, err := p.Store.Members(ctx, namespace, room, "")
	slices.SortFunc(all, func(a, b rooms.Member) int { return strings.Compare(a.Socket, b.Socket) })
	from, to := 0, len(all)
	if cursor != "" {
		after, last, _ := strings.Cut(cursor, "\xff")
		from, _ = slices.BinarySearchFunc(all, after+"\x00", func(m rooms.Member, id string) int { return strings.Compare(m.Socket, id) })
		to, _ = slices.BinarySearchFunc(all, last, func(m rooms.Member, id string) int { return strings.Compare(m.Socket, id) })
	}
	if to <= from+100 {
		return all[from:max(from, to)], "", err
	}
	_, last, _ := strings.Cut(cursor, "\xff")
	if cursor == "" {
		last = "~"
	}
	return all[from : from+100], all[from+99].Socket + "\xff" + last, err
}

func (pages) Split(_, cursor string) (parts []string) {
	after, last, _ := strings.Cut(cursor, "\xff")
	for i := range 10 {
		if to := string(rune('0' + 6*i)); to > after {
			parts = append(parts, after+"\xff"+to)
			after = to
		}
	}
	return append(parts, after+"\xff"+last)
}

// held is a queue whose jobs come no sooner than they are let go.
type held struct {
	engine.Timers
	holds bool
	jobs  [][]byte
}

func (h *held) Schedule(ctx context.Context, job []byte, after time.Duration) error {
	if h.holds {
		h.jobs = append(h.jobs, job)
		return nil
	}
	return h.Timers.Schedule(ctx, job, after)
}

func (h *held) letGo(t *testing.T) {
	h.holds = false
	for _, job := range h.jobs {
		if err := h.Schedule(t.Context(), job, 0); err != nil {
			t.Error(err)
		}
	}
}

// A broadcast that its invocation has no time for says so, and nobody misses it without being disconnected. Who was
// served is not, nor who came later, nor who was not to receive.
func TestWhoABroadcastHasNoTimeForIsCountedAndDisconnected(t *testing.T) {
	for name, paged := range map[string]bool{"in one page": false, "in pages": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const members = 3000
				io := roomy()
				gateway, queue := &slow{}, &held{}
				s := socketiotest.New(t, io, socketiotest.Options{
					Engine: engine.Options{PingInterval: 10 * time.Minute},
					Wrap: func(b socketio.Backend) socketio.Backend {
						gateway.Poster, b.Poster = b.Poster, gateway
						queue.Timers, b.Timers = b.Timers, queue
						if paged {
							b.Rooms = pages{b.Rooms}
						}
						return b
					},
				})
				hall := make([]*socketiotest.Client, members)
				for i := range hall {
					hall[i] = s.Connect("/", []socketiotest.Option{websocket, websocket, polling}[i%3])
					hall[i].Emit("join", "hall")
				}
				shunned, elsewhere := hall[0], s.Connect("/")
				shunned.Emit("join", "shunned")

				gateway.takes, queue.holds = 100*time.Millisecond, true
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				began := time.Now()
				err := io.To("hall").Except("shunned").Emit(ctx, "news")
				if took := time.Since(began); took >= 2*time.Second || ctx.Err() != nil {
					t.Errorf("the emit took %v, which leaves no time to say that it was cut off", took)
				}
				var unserved *socketio.UnservedError
				if !errors.As(err, &unserved) || !errors.Is(err, context.DeadlineExceeded) {
					t.Fatalf("Emit returned %v", err)
				}
				if all := unserved.Served + unserved.Unserved; unserved.More != paged || !paged && all != members-1 || unserved.Served < 500 || unserved.Unserved < 100 {
					t.Fatalf("%+v", unserved)
				}
				if want := strconv.Itoa(unserved.Unserved) + " of "; !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "at least") != paged {
					t.Errorf("Emit returned %v", err)
				}

				<-time.After(2 * time.Second)
				gateway.takes = 0
				late := s.Connect("/", polling)
				late.Emit("join", "hall")
				gateway.takes = 300 * time.Millisecond
				begin := time.Now()
				queue.letGo(t)
				s.Settle()
				t.Logf("%v; they were disconnected within %v", err, time.Since(begin))
				if took := time.Since(begin); took < 15*time.Second {
					t.Errorf("it took %v, which is one job's time: so no job has gone on in another", took)
				}
				gateway.takes = 0

				served := 0
				for i, c := range hall[1:] {
					if c.Disconnected() != "" {
						continue
					}
					served++
					if event, _ := c.Next(); event != "news" {
						t.Fatalf("client %d got %s", i+1, event)
					}
				}
				if served != unserved.Served {
					t.Errorf("%d of %d were served and are connected, want %d", served, members-1, unserved.Served)
				}
				for name, c := range map[string]*socketiotest.Client{"late": late, "shunned": shunned, "elsewhere": elsewhere} {
					c.ExpectNothing()
					if why := c.Disconnected(); why != "" {
						t.Errorf("the client that was %s was disconnected: %s", name, why)
					}
				}
			})
		})
	}
}

// When nobody had been served, it is as if there had been no emit.
func TestABroadcastThatFailsBeforeItsFirstRecipientDisconnectsNobody(t *testing.T) {
	io := roomy()
	b := &broken{}
	o := ordered
	o.Wrap = hook(b.hook)
	s := socketiotest.New(t, io, o)
	clients := []*socketiotest.Client{s.Connect("/"), s.Connect("/", polling)}
	for i, broadcast := range []socketio.Broadcast{io.To("r"), io.Of("/").Except("r")} {
		b.fail("Members", false, -1, errLasting)
		var unserved *socketio.UnservedError
		if err := broadcast.Emit(t.Context(), "news"); !errors.Is(err, errLasting) || errors.As(err, &unserved) {
			t.Errorf("%d: Emit returned %v", i, err)
		}
		b.fail("", false, 0, nil)
	}
	s.Settle()
	for i, c := range clients {
		if why := c.Disconnected(); why != "" {
			t.Errorf("client %d was disconnected: %s", i, why)
		}
	}
}

// A store that fails on the way leaves recipients unserved as the end of the time does; a queue that fails, too, is
// told.
func TestABroadcastThatAStoreCutsOffDisconnectsTheOthers(t *testing.T) {
	for _, queueFails := range []bool{false, true} {
		t.Run(fmt.Sprint("the queue fails: ", queueFails), func(t *testing.T) {
			io := roomy()
			unreadable := &unreadable{}
			s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
				unreadable.Store, b.Rooms = b.Rooms, unreadable
				b.Timers = &stubborn{b.Timers, unreadable}
				return b
			}})
			a, b := s.Connect("/"), s.Connect("/")
			a.Emit("join", "a")
			b.Emit("join", "b")
			unreadable.room, unreadable.queue = "b", queueFails
			err := io.To("a", "b").Emit(t.Context(), "news")
			unreadable.room, unreadable.queue = "", false
			var unserved *socketio.UnservedError
			if !errors.As(err, &unserved) || !errors.Is(err, errLasting) || unserved.Served != 1 || !unserved.More {
				t.Errorf("Emit returned %v", err)
			}
			if strings.Contains(err.Error(), "not all of them can be") != queueFails {
				t.Errorf("Emit returned %v", err)
			}
			s.Settle()
			a.Expect("news")
			if why := b.Disconnected(); (why != "") == queueFails {
				t.Errorf("the one that was not served is disconnected: %q", why)
			}
		})
	}
}

// unreadable is a store one of whose rooms cannot be read.
type unreadable struct {
	rooms.Store
	room  string
	queue bool // that fails
}

func (u *unreadable) Members(ctx context.Context, namespace, room, cursor string) ([]rooms.Member, string, error) {
	if u.room == room && room != "" {
		return nil, "", errLasting
	}
	return u.Store.Members(ctx, namespace, room, cursor)
}

type stubborn struct {
	engine.Timers
	fails *unreadable
}

func (s *stubborn) Schedule(ctx context.Context, job []byte, after time.Duration) error {
	if s.fails.queue {
		return errLasting
	}
	return s.Timers.Schedule(ctx, job, after)
}
