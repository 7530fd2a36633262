package rooms_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/store/memory"
)

// paged is a store whose pages hold two members, and some of whose rooms cannot be read.
type paged struct {
	rooms.Store
	fails string
	reads []string
}

var errRead = errors.New("cannot be read")

func (p *paged) Members(ctx context.Context, namespace, room, cursor string) ([]rooms.Member, string, error) {
	p.reads = append(p.reads, room)
	if room == p.fails && p.fails != "" {
		return nil, "", errRead
	}
	all, _, err := p.Store.Members(ctx, namespace, room, "")
	slices.SortFunc(all, func(a, b rooms.Member) int { return slices.Compare([]byte(a.Socket), []byte(b.Socket)) })
	from := 0
	if cursor != "" {
		fmt.Sscan(cursor, &from)
	}
	if from+2 < len(all) {
		return all[from : from+2], fmt.Sprint(from + 2), err
	}
	return all[min(from, len(all)):], "", err
}

// town has sockets a to e in the namespace, the first three in red, c and d in blue.
func town(t *testing.T) *paged {
	store := memory.New(nil)
	for socket, names := range map[string][]string{
		"a": {"", "red"}, "b": {"", "red"}, "c": {"", "red", "blue"}, "d": {"", "blue"}, "e": {""},
	} {
		if _, err := store.Join(t.Context(), "/", rooms.Member{Socket: socket, Address: "at " + socket}, names...); err != nil {
			t.Fatal(err)
		}
	}
	return &paged{Store: store}
}

// recipients records who is served, and how often.
type recipients struct {
	mu sync.Mutex
	at map[string]int
}

func (r *recipients) deliver(_ context.Context, m rooms.Member) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at == nil {
		r.at = map[string]int{}
	}
	r.at[m.Address]++
	return nil
}

var everybody = []string{rooms.Everybody}

func TestBroadcastServesEachRecipientOnce(t *testing.T) {
	for _, test := range []struct {
		name   string
		target rooms.Target
		want   string
	}{
		{"everybody", rooms.Target{Rooms: everybody}, "abcde"},
		{"no rooms", rooms.Target{}, ""},
		{"an empty list of rooms", rooms.Target{Rooms: []string{}}, ""},
		{"no rooms except one", rooms.Target{Except: []string{"red"}}, ""},
		{"everybody except nobody", rooms.Target{Rooms: everybody, Except: []string{}}, "abcde"},
		{"everybody except everybody", rooms.Target{Rooms: everybody, Except: everybody}, ""},
		{"a room", rooms.Target{Rooms: []string{"red"}}, "abc"},
		{"two rooms, one socket in both", rooms.Target{Rooms: []string{"red", "blue"}}, "abcd"},
		{"a room twice", rooms.Target{Rooms: []string{"blue", "blue"}}, "cd"},
		{"a socket's own room", rooms.Target{Rooms: []string{"e"}}, "e"},
		{"a socket's own room and a room it is in", rooms.Target{Rooms: []string{"a", "red"}}, "abc"},
		{"a room that nobody is in", rooms.Target{Rooms: []string{"green"}}, ""},
		{"everybody except a room", rooms.Target{Rooms: everybody, Except: []string{"red"}}, "de"},
		{"everybody except two rooms", rooms.Target{Rooms: everybody, Except: []string{"red", "blue"}}, "e"},
		{"a room except another", rooms.Target{Rooms: []string{"red"}, Except: []string{"blue"}}, "ab"},
		{"except one socket, by its own room", rooms.Target{Rooms: []string{"blue"}, Except: []string{"d"}}, "c"},
		{"but not the one that emits", rooms.Target{Rooms: []string{"red"}, Skip: "b"}, "ac"},
		{"only the one that emits", rooms.Target{Rooms: []string{"b"}, Skip: "b"}, ""},
		{"another namespace", rooms.Target{Namespace: "/other", Rooms: everybody}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.target.Namespace == "" {
				test.target.Namespace = "/"
			}
			var r recipients
			if _, err := (rooms.Adapter{Store: town(t)}).Broadcast(t.Context(), test.target, r.deliver); err != nil {
				t.Fatal(err)
			}
			want := map[string]int{}
			for _, socket := range test.want {
				want["at "+string(socket)] = 1
			}
			if !maps.Equal(r.at, want) {
				t.Errorf("served %v, want %v", r.at, want)
			}
		})
	}
}

func TestOneRecipientsErrorDoesNotStopOthers(t *testing.T) {
	var r recipients
	bad := errors.New("bad line")
	_, err := rooms.Adapter{Store: town(t)}.Broadcast(t.Context(), rooms.Target{Namespace: "/", Rooms: everybody}, func(ctx context.Context, m rooms.Member) error {
		_ = r.deliver(ctx, m)
		if m.Socket < "c" {
			return fmt.Errorf("%s: %w", m.Socket, bad)
		}
		return nil
	})
	if len(r.at) != 5 || !errors.Is(err, bad) {
		t.Errorf("served %v, error %v", r.at, err)
	}
	if joined, ok := err.(interface{ Unwrap() []error }); !ok || len(joined.Unwrap()) != 2 {
		t.Errorf("%v does not hold both errors", err)
	}
}

func TestARoomThatCannotBeReadDoesNotStopOthers(t *testing.T) {
	var r recipients
	store := town(t)
	store.fails = "red"
	_, err := rooms.Adapter{Store: store}.Broadcast(t.Context(), rooms.Target{Namespace: "/", Rooms: []string{"red", "blue"}}, r.deliver)
	if !errors.Is(err, errRead) || !maps.Equal(r.at, map[string]int{"at c": 1, "at d": 1}) {
		t.Errorf("served %v, error %v", r.at, err)
	}
}

func TestNobodyIsServedWhenWhoIsExceptedCannotBeRead(t *testing.T) {
	var r recipients
	store := town(t)
	store.fails = "red"
	_, err := rooms.Adapter{Store: store}.Broadcast(t.Context(), rooms.Target{Namespace: "/", Rooms: everybody, Except: []string{"red"}}, r.deliver)
	if !errors.Is(err, errRead) || len(r.at) > 0 {
		t.Errorf("served %v, error %v", r.at, err)
	}
}

func TestDeliveriesAreBoundedAndASlowOneDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		for i := range 500 {
			if _, err := store.Join(t.Context(), "/", rooms.Member{Socket: fmt.Sprint(i)}, ""); err != nil {
				t.Fatal(err)
			}
		}
		var mu sync.Mutex
		now, most, served := 0, 0, 0
		begin := time.Now()
		_, err := rooms.Adapter{Store: store}.Broadcast(t.Context(), rooms.Target{Namespace: "/", Rooms: everybody}, func(_ context.Context, m rooms.Member) error {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			if m.Socket == "0" {
				<-time.After(time.Minute)
			} else {
				<-time.After(10 * time.Millisecond)
				if time.Since(begin) > time.Second {
					t.Errorf("%s was served after %s", m.Socket, time.Since(begin))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			now--
			served++
			return nil
		})
		if err != nil || served != 500 || most != 64 || now != 0 {
			t.Errorf("%v: served %d, %d at a time, %d still running", err, served, most, now)
		}
	})
}

func TestARoomOfOneIsServedWithoutAnyReadTwice(t *testing.T) {
	store := town(t)
	var r recipients
	if _, err := (rooms.Adapter{Store: store}).Broadcast(t.Context(), rooms.Target{Namespace: "/", Rooms: []string{"e"}}, r.deliver); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(store.reads, []string{"e"}) {
		t.Errorf("read %q", store.reads)
	}
}

// parts is a store of one room whose first page ends where four parts begin, of which one has two pages and one fails.
type parts struct{ rooms.Store }

func (parts) Members(_ context.Context, _, _, cursor string) (page []rooms.Member, next string, err error) {
	switch cursor {
	case "":
		return []rooms.Member{{Socket: "a"}, {Socket: "b"}}, "rest", nil
	case "1":
		return []rooms.Member{{Socket: "c"}}, "1, page 2", nil
	case "1, page 2":
		return []rooms.Member{{Socket: "d"}}, "", nil
	case "2":
		return []rooms.Member{{Socket: "e"}}, "", nil
	case "3":
		return nil, "", nil
	}
	return nil, "", errRead
}

func (parts) Split(room, cursor string) []string { return []string{"1", "2", "3", room + cursor} }

func TestALargeRoomIsReadInParts(t *testing.T) {
	var mu sync.Mutex
	var served []string
	_, err := rooms.Adapter{Store: parts{}}.Broadcast(t.Context(), rooms.Target{Rooms: []string{"r"}}, func(_ context.Context, m rooms.Member) error {
		mu.Lock()
		defer mu.Unlock()
		served = append(served, m.Socket)
		return nil
	})
	slices.Sort(served)
	if !errors.Is(err, errRead) || !slices.Equal(served, []string{"a", "b", "c", "d", "e"}) {
		t.Errorf("served %q, error %v", served, err)
	}
}

// What a broadcast leaves when its time is over is what another serves, and nobody is left out or served twice:
// whatever had been served when it ended, and however often that happens.
func TestABroadcastThatIsCutOffCanBeResumed(t *testing.T) {
	for _, target := range []rooms.Target{{Rooms: everybody}, {Rooms: []string{"red"}}, {Rooms: []string{"a", "blue", "e"}}, {Rooms: everybody, Except: []string{"blue"}}, {Rooms: everybody, Skip: "b"}} {
		for atATime := 1; atATime <= 3; atATime++ {
			for each := 1; each < 6; each++ {
				target.Namespace = "/"
				var once, again recipients
				adapter := rooms.Adapter{Store: town(t), AtATime: atATime}
				if _, err := adapter.Broadcast(t.Context(), target, once.deliver); err != nil {
					t.Fatal(err)
				}
				var rest rooms.Rest
				for try := 0; ; try++ {
					ctx, cancel := context.WithCancelCause(t.Context())
					var mu sync.Mutex
					n := 0
					deliver := func(ctx context.Context, m rooms.Member) error {
						mu.Lock()
						defer mu.Unlock()
						if n++; n == each {
							cancel(errRead)
						}
						return again.deliver(ctx, m)
					}
					var err error
					if try == 0 {
						rest, err = adapter.Broadcast(ctx, target, deliver)
					} else {
						rest, err = adapter.Resume(ctx, target, rest.Parts, deliver)
					}
					if (len(rest.Parts) > 0) != errors.Is(err, errRead) || try > 6 {
						t.Fatalf("%+v, %d: %+v %v", target, try, rest, err)
					}
					if len(rest.Parts) == 0 {
						break
					}
					if served := len(again.at); served+rest.Known > len(once.at) || !rest.More && served+rest.Known != len(once.at) {
						t.Errorf("%+v: %d were served and %+v is left of %d", target, served, rest, len(once.at))
					}
				}
				if !maps.Equal(once.at, again.at) {
					t.Errorf("%+v, %d at a time, cut off after %d: served %v, want %v", target, atATime, each, again.at, once.at)
				}
			}
		}
	}
}
