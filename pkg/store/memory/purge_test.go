package memory

import (
	"fmt"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/acks"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
)

// held counts what a store holds, whether or not it has expired.
func (s *Store) held() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n = len(s.sessions) + len(s.questions) + len(s.notes) + len(s.counts) + len(s.namespaces)
	for _, l := range s.lives {
		n += len(l)
	}
	return n
}

// TestPurgeFreesWhatHasExpired makes one row of each kind that expires, and writes nothing more.
func TestPurgeFreesWhatHasExpired(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	s, ctx := New(func() time.Time { return now }), t.Context()
	fatal := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 6 {
		at := now.Add(time.Duration(i+1) * time.Minute)
		row := engine.Session{Address: engine.Address(fmt.Sprint("p", i)), SID: fmt.Sprint(i), State: engine.Open, Expires: at}
		fatal(s.Create(ctx, row, []byte("hello"), &engine.Live{Address: row.Address, Expires: at}))
		fatal(s.PutLive(ctx, engine.Live{Address: engine.Address(fmt.Sprint("w", i)), Expires: at}))
		fatal(s.Ask(ctx, acks.Question{ID: int64(i), Until: at, Expires: at}))
		fatal(s.AddCounts(ctx, fmt.Sprint(i), map[string]int{"x": 1}, at))
		_, err := s.PutNote(ctx, fmt.Sprint(i), "", "text", at)
		fatal(err)
		_, err = s.Join(ctx, fmt.Sprint("/", i), rooms.Member{Socket: "ada", Expires: at}, "math")
		fatal(err)
	}
	const kinds = 7
	for left := 6; left >= 0; left-- {
		s.Purge()
		if n := s.held(); n != kinds*left {
			t.Errorf("%d rows are held, want %d", n, kinds*left)
		}
		now = now.Add(time.Minute)
	}
}

// TestPurgeOfARowThatLivesLonger shortens the time of one row and lengthens that of another.
func TestPurgeOfARowThatLivesLonger(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	s, ctx := New(func() time.Time { return now }), t.Context()
	for _, a := range []engine.Address{"w1", "w2"} {
		if err := s.Create(ctx, engine.Session{Address: a, SID: string(a), State: engine.Open, Expires: now.Add(time.Minute)}, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	for a, change := range map[engine.Address]engine.Transition{
		"w1": engine.Close{Op: "x", Expires: now.Add(time.Second)},
		"w2": engine.SetEntry{Key: "/", New: []byte("x"), Ops: []string{"y"}, Expires: now.Add(time.Hour)},
	} {
		if _, ok, err := s.Update(ctx, a, change); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	for _, step := range []struct {
		wait time.Duration
		held int
	}{{time.Second, 1}, {time.Minute, 1}, {time.Hour, 0}} {
		now = now.Add(step.wait)
		if s.Purge(); s.held() != step.held {
			t.Errorf("after %v more %d rows are held, want %d", step.wait, s.held(), step.held)
		}
	}
}

// TestANamespaceGoesWithItsLastSocket has clients choose names, as OfFunc lets them, and others read them.
func TestANamespaceGoesWithItsLastSocket(t *testing.T) {
	s, ctx := New(nil), t.Context()
	for i := range 10 {
		name := fmt.Sprint("/", i)
		if _, err := s.Join(ctx, name, rooms.Member{Socket: "ada"}, rooms.Everybody, "math"); err != nil {
			t.Fatal(err)
		}
		for _, room := range []string{"math", rooms.Everybody} {
			if err := s.Leave(ctx, name, "ada", room); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := s.Members(ctx, name, "math", ""); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.held(); n != 0 {
		t.Errorf("%d namespaces without a socket are held", n)
	}
}

// TestAQuestionGoesWhenAllHaveAnswered asks two sockets, of whom one answers and one is done without.
func TestAQuestionGoesWhenAllHaveAnswered(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	s, ctx := New(func() time.Time { return now }), t.Context()
	const id = 7
	if err := s.Ask(ctx, acks.Question{ID: id, Sockets: []string{"a", "b"}, Until: now.Add(time.Second), Expires: now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.Answer(ctx, id, acks.End{Socket: "a", Op: "1"}); !ok || err != nil {
		t.Fatal(ok, err)
	}
	for range 2 { // the second time changes nothing
		if err := s.Done(ctx, id, "a", "1"); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(2 * doneFor)
	if s.Purge(); s.held() != 1 {
		t.Fatal("a question that one has not answered is gone")
	}
	if ok, err := s.End(ctx, id, acks.End{Socket: "b", Op: "2", Missed: acks.Late, Done: true}); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if s.Purge(); s.held() != 1 {
		t.Error("a question is gone at once, and not there for calls that are made again")
	}
	now = now.Add(doneFor)
	if s.Purge(); s.held() != 0 {
		t.Error("a question stays that all have answered")
	}
}
