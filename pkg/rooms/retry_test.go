package rooms_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/store/memory"
)

// shaky is a Store each of whose calls fails first, and is made when it comes again.
type shaky struct {
	store  rooms.Store
	failed bool
}

var errShaky = errors.New("try again")

func (s *shaky) fails() bool { s.failed = !s.failed; return s.failed }

func (s *shaky) Join(ctx context.Context, namespace string, m rooms.Member, names ...string) (int, error) {
	if s.fails() {
		return 0, errShaky
	}
	return s.store.Join(ctx, namespace, m, names...)
}

func (s *shaky) Leave(ctx context.Context, namespace, socket string, names ...string) error {
	if s.fails() {
		return errShaky
	}
	return s.store.Leave(ctx, namespace, socket, names...)
}

func (s *shaky) Move(ctx context.Context, namespace, socket, address string) error {
	if s.fails() {
		return errShaky
	}
	return s.store.Move(ctx, namespace, socket, address)
}

func (s *shaky) Members(ctx context.Context, namespace, room, cursor string) ([]rooms.Member, string, error) {
	if s.fails() {
		return nil, "", errShaky
	}
	return s.store.Members(ctx, namespace, room, cursor)
}

func (s *shaky) Rooms(ctx context.Context, namespace, socket string) ([]string, error) {
	if s.fails() {
		return nil, errShaky
	}
	return s.store.Rooms(ctx, namespace, socket)
}

func (s *shaky) Counts(ctx context.Context, namespace string) (map[string]int, error) {
	if s.fails() {
		return nil, errShaky
	}
	return s.store.Counts(ctx, namespace)
}

// twice calls a function once more after an error, and counts the calls.
func twice(calls *int) func(context.Context, func() error) error {
	return func(_ context.Context, f func() error) error {
		*calls++
		if f() == nil {
			return nil
		}
		*calls++
		return f()
	}
}

// Every method is tried again, with the same arguments, and what it returns is the last call's.
func TestRetryingTriesEveryMethodAgain(t *testing.T) {
	ctx, calls := t.Context(), 0
	store := rooms.Retrying(&shaky{store: memory.New(nil)}, twice(&calls))
	did := func(err error) {
		t.Helper()
		if err != nil || calls != 2 {
			t.Errorf("%d calls, and %v", calls, err)
		}
		calls = 0
	}
	ada := rooms.Member{Socket: "ada", Address: "at home", Expires: time.Now().Add(time.Hour)}
	_, err := store.Join(ctx, "/", ada, "", "red", "blue")
	did(err)
	did(store.Leave(ctx, "/", "ada", "blue"))
	did(store.Move(ctx, "/", "ada", "at work"))
	page, next, err := store.Members(ctx, "/", "red", "")
	did(err)
	if len(page) != 1 || page[0].Address != "at work" || next != "" {
		t.Errorf("in red are %v, and more at %q", page, next)
	}
	names, err := store.Rooms(ctx, "/", "ada")
	did(err)
	if !slices.Equal(names, []string{"red"}) {
		t.Errorf("she is in %q", names)
	}
	counts, err := store.Counts(ctx, "/")
	did(err)
	if fmt.Sprint(counts) != "map[red:1]" {
		t.Errorf("counted %v", counts)
	}
}

func TestRetryingReturnsTheLastError(t *testing.T) {
	once := func(_ context.Context, f func() error) error { return f() }
	store := rooms.Retrying(&shaky{store: memory.New(nil)}, once)
	if err := store.Leave(t.Context(), "/", "ada", "red"); !errors.Is(err, errShaky) {
		t.Errorf("got %v", err)
	}
}

// Retrying splits as the store does, reading nothing: in one part where the store has none.
func TestRetryingSplits(t *testing.T) {
	calls := 0
	for want, store := range map[string]rooms.Store{"[x]": &shaky{}, "[1 2 3 rx]": parts{}} {
		split := rooms.Retrying(store, twice(&calls)).(rooms.Splitter).Split("r", "x")
		if got := fmt.Sprint(split); got != want || calls != 0 {
			t.Errorf("%T in %s with %d calls, want %s", store, got, calls, want)
		}
	}
}
