package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/acks"
)

// Acks checks an acks.Store against every sentence of its contract. open returns a store whose rows expire by the time
// that now returns; it may hold the rows of other tests. Subtests run one after the other.
func Acks(t *testing.T, open func(t *testing.T, now func() time.Time) acks.Store) {
	tests := []struct {
		name string
		run  func(t *testing.T, s *questions)
	}{
		{"Ask writes what Read returns, part by part", asks},
		{"a question to nobody is there", asksNobody},
		{"Answer ends the question and returns it", answers},
		{"the first answer of a socket stands", answersTwice},
		{"Answer of a socket that was not asked stores nothing", answersUnasked},
		{"Answer of another's question stores nothing", answersAnothers},
		{"Answer of no question stores nothing", answersNothing},
		{"Answer after the time stores nothing, End does not mind", answersLate},
		{"Answer that had been written in time recognises itself after it", answersAgainLate},
		{"the first of Answer and End stands", endsOnce},
		{"a call that is repeated recognises itself", endsAgain},
		{"Done drops the answer, and keeps the end", done},
		{"Done of another operation does nothing", doneByOther},
		{"an End that comes again after Done undoes nothing", endsAgainAfterDone},
		{"Retake is for one who knows the operation", retakes},
		{"Retake of what is done, or has not ended, does nothing", retakesNothing},
		{"answers hold any bytes", answersAnything},
		{"names, states and sockets are any text", asksAnything},
		{"one of many who end it at once has ended it", endsTogether},
		{"one of many who retake it at once has it", retakesTogether},
		{"a thousand sockets answer at once", answersOfMany},
		{"expired questions and ends are absent", questionsExpired},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			clock := NewClock()
			test.run(t, &questions{t: t, store: open(t, clock.Now), clock: clock, id: ids("q")})
		})
	}
}

// questions is an acks.Store whose calls are retried, and fail the test when they fail.
type questions struct {
	t     *testing.T
	store acks.Store
	clock *Clock
	id    func() string
}

func (s *questions) check(err error) {
	if err != nil {
		s.t.Error(err) // not Fatal: other goroutines than the test's come here
	}
}

func (s *questions) ask(sockets ...string) acks.Question {
	s.t.Helper()
	id, err := acks.NewID(rand.Reader, len(sockets))
	fatal(s.t, err)
	now := s.clock.Now()
	q := acks.Question{ID: id, Name: "voted", State: []byte(`{"poll":7}`), Sockets: sockets, Until: now.Add(5 * time.Second), Expires: now.Add(time.Hour)}
	s.write(q)
	return q
}

func (s *questions) write(q acks.Question) {
	s.check(again(func() error { return s.store.Ask(context.Background(), q) }))
}

func (s *questions) answer(q acks.Question, socket, op, data string) (asked acks.Question, ok bool) {
	e := acks.End{Socket: socket, Op: op, At: s.clock.Now(), Data: []byte(data)}
	s.check(again(func() (err error) { asked, ok, err = s.store.Answer(context.Background(), q.ID, e); return err }))
	return asked, ok
}

func (s *questions) end(q acks.Question, socket, op string, missed acks.Missed) (ok bool) {
	e := acks.End{Socket: socket, Op: op, At: s.clock.Now(), Missed: missed, Expires: q.Expires}
	s.check(again(func() (err error) { ok, err = s.store.End(context.Background(), q.ID, e); return err }))
	return ok
}

func (s *questions) retake(q acks.Question, socket, before, op string) (ok bool) {
	s.check(again(func() (err error) {
		ok, err = s.store.Retake(context.Background(), q.ID, socket, before, op, s.clock.Now())
		return err
	}))
	return ok
}

func (s *questions) done(q acks.Question, socket, op string) {
	s.check(again(func() error { return s.store.Done(context.Background(), q.ID, socket, op) }))
}

// read returns a question as all of its parts have it, and its ends by socket.
func (s *questions) read(id int64) (q acks.Question, ends map[string]acks.End) {
	s.t.Helper()
	ends = map[string]acks.End{}
	for part := range acks.Parts(id) {
		var of acks.Question
		var some []acks.End
		s.check(again(func() (err error) { of, some, err = s.store.Read(context.Background(), id, part, true); return err }))
		for _, socket := range of.Sockets {
			if acks.Part(id, socket) != part {
				s.t.Errorf("%s is in part %d, want %d", socket, part, acks.Part(id, socket))
			}
		}
		of.Sockets = append(q.Sockets, of.Sockets...)
		if of.ID != 0 {
			q = of
		}
		for _, e := range some {
			if _, twice := ends[e.Socket]; twice || acks.Part(id, e.Socket) != part {
				s.t.Errorf("the question has ended for %s twice, or in part %d", e.Socket, part)
			}
			ends[e.Socket] = e
		}
	}
	slices.Sort(q.Sockets)
	return q, ends
}

// ended returns one end, the zero End when there is none.
func (s *questions) ended(q acks.Question, socket string) acks.End {
	s.t.Helper()
	_, ends := s.read(q.ID)
	return ends[socket]
}

func (s *questions) sockets(n int) (all []string) {
	for range n {
		all = append(all, s.id())
	}
	slices.Sort(all)
	return all
}

func asks(t *testing.T, s *questions) {
	for _, n := range []int{1, 64, 65, 300} {
		want := s.ask(s.sockets(n)...)
		got, ends := s.read(want.ID)
		if got.ID != want.ID || got.Name != want.Name || !bytes.Equal(got.State, want.State) || !slices.Equal(got.Sockets, want.Sockets) ||
			!got.Until.Equal(want.Until) || !got.Expires.Equal(want.Expires) || len(ends) > 0 {
			t.Errorf("asked %d: %+v with ends %v, want %+v", n, got, ends, want)
		}
		s.write(want) // again
		if got, _ := s.read(want.ID); !slices.Equal(got.Sockets, want.Sockets) {
			t.Errorf("asked again: %d sockets, want %d", len(got.Sockets), n)
		}
	}
}

func asksNobody(t *testing.T, s *questions) {
	q := s.ask()
	if got, ends := s.read(q.ID); got.ID != q.ID || len(got.Sockets)+len(ends) > 0 {
		t.Errorf("%+v %v", got, ends)
	}
}

func answers(t *testing.T, s *questions) {
	q := s.ask("ada", "bob")
	asked, ok := s.answer(q, "ada", "op1", `["yes"]`)
	if !ok || asked.ID != q.ID || asked.Name != q.Name || !bytes.Equal(asked.State, q.State) || !asked.Expires.Equal(q.Expires) || asked.Sockets != nil {
		t.Errorf("%v %+v", ok, asked)
	}
	want := acks.End{Socket: "ada", Op: "op1", At: s.clock.Now(), Data: []byte(`["yes"]`), Expires: q.Expires}
	_, ends := s.read(q.ID)
	if got := ends["ada"]; fmt.Sprint(got) != fmt.Sprint(want) || len(ends) != 1 {
		t.Errorf("%v, want %v alone", ends, want)
	}
}

func answersTwice(t *testing.T, s *questions) {
	q := s.ask("ada")
	s.answer(q, "ada", "op1", `["yes"]`)
	asked, ok := s.answer(q, "ada", "op2", `["no"]`)
	if ok || asked.Name != q.Name {
		t.Errorf("the second answer counts: %v %+v", ok, asked)
	}
	if e := s.ended(q, "ada"); string(e.Data) != `["yes"]` {
		t.Errorf("the answer is %s", e.Data)
	}
}

// nothing checks that an answer has stored nothing and was told nothing.
func (s *questions) nothing(q acks.Question, socket string) {
	s.t.Helper()
	if asked, ok := s.answer(q, socket, "op", `["yes"]`); ok || asked.ID != 0 || asked.State != nil {
		s.t.Errorf("%s got %+v %v", socket, asked, ok)
	}
	if _, ends := s.read(q.ID); len(ends) > 0 {
		s.t.Errorf("stored %v", ends)
	}
}

func answersUnasked(_ *testing.T, s *questions) { s.nothing(s.ask("ada"), "bob") }
func answersNothing(t *testing.T, s *questions) {
	id, err := acks.NewID(rand.Reader, 100)
	fatal(t, err)
	s.nothing(acks.Question{ID: id}, "ada")
}

func answersAnothers(_ *testing.T, s *questions) {
	of, others := s.ask("ada"), s.ask("bob")
	s.nothing(others, "ada")
	s.nothing(of, "bob")
}

func answersLate(t *testing.T, s *questions) {
	q := s.ask("ada")
	s.clock.Advance(5 * time.Second)
	asked, ok := s.answer(q, "ada", "op1", `["yes"]`)
	if _, ends := s.read(q.ID); ok || asked.ID != q.ID || len(ends) > 0 {
		t.Errorf("%v %+v, stored %v", ok, asked, ends)
	}
	if !s.end(q, "ada", "op2", acks.Late) {
		t.Error("End does not end it")
	}
	if e := s.ended(q, "ada"); e.Missed != acks.Late || e.Data != nil {
		t.Errorf("%+v", e)
	}
}

func answersAgainLate(t *testing.T, s *questions) {
	q := s.ask("ada")
	s.answer(q, "ada", "op1", `["yes"]`)
	s.clock.Advance(5 * time.Second)
	_, mine := s.answer(q, "ada", "op1", `["yes"]`)
	_, others := s.answer(q, "ada", "op2", `["yes"]`)
	if !mine || others {
		t.Errorf("the same: %v, another: %v", mine, others)
	}
}

func endsOnce(t *testing.T, s *questions) {
	q := s.ask("ada", "bob")
	s.answer(q, "ada", "op1", `["yes"]`)
	if s.end(q, "ada", "op2", acks.Late) {
		t.Error("it has ended twice")
	}
	s.end(q, "bob", "op3", acks.Left)
	if _, ok := s.answer(q, "bob", "op4", `["yes"]`); ok {
		t.Error("it was answered after its end")
	}
	_, ends := s.read(q.ID)
	if ends["ada"].Missed != "" || ends["ada"].Op != "op1" || ends["bob"].Missed != acks.Left || ends["bob"].Data != nil {
		t.Errorf("%+v", ends)
	}
}

func endsAgain(t *testing.T, s *questions) {
	q := s.ask("ada", "bob")
	for range 2 {
		if _, ok := s.answer(q, "ada", "op1", `["yes"]`); !ok {
			t.Error("an answer does not recognise itself")
		}
		if !s.end(q, "bob", "op2", acks.Late) {
			t.Error("an end does not recognise itself")
		}
		if !s.retake(q, "bob", "op2", "op2") {
			t.Error("it has its operation")
		}
	}
	for range 2 {
		if !s.retake(q, "bob", "op2", "op3") {
			t.Error("one who retakes does not recognise itself")
		}
	}
}

func done(t *testing.T, s *questions) {
	q := s.ask("ada")
	e := acks.End{Socket: "ada", Op: "op1", At: s.clock.Now(), Data: []byte(`[1]`), Buffers: [][]byte{{1, 2}}}
	fatal(t, again(func() error { _, _, err := s.store.Answer(context.Background(), q.ID, e); return err }))
	s.done(q, "ada", "op1")
	s.done(q, "ada", "op1")
	if e := s.ended(q, "ada"); !e.Done || e.Op != "op1" || e.Data != nil || e.Buffers != nil || !e.Expires.Equal(q.Expires) {
		t.Errorf("%+v", e)
	}
	if _, ok := s.answer(q, "ada", "op2", `[2]`); ok || s.ended(q, "ada").Data != nil {
		t.Error("it was answered once more")
	}
	fatal(t, again(func() error {
		_, err := s.store.End(context.Background(), q.ID, acks.End{Socket: "bob", Op: "op3", Missed: acks.Left, Done: true, Expires: q.Expires})
		return err
	}))
	if e := s.ended(q, "bob"); !e.Done || e.Missed != acks.Left {
		t.Errorf("%+v", e)
	}
}

func doneByOther(t *testing.T, s *questions) {
	q := s.ask("ada", "bob")
	s.answer(q, "ada", "op1", `[1]`)
	s.done(q, "ada", "op2")
	s.done(q, "bob", "op2")
	if _, ends := s.read(q.ID); len(ends) != 1 || ends["ada"].Done || ends["ada"].Data == nil {
		t.Errorf("%+v", ends)
	}
}

func endsAgainAfterDone(t *testing.T, s *questions) {
	q := s.ask("ada")
	s.answer(q, "ada", "op1", `[1]`)
	s.done(q, "ada", "op1")
	if _, ok := s.answer(q, "ada", "op1", `[1]`); !ok {
		t.Error("it does not recognise itself")
	}
	if e := s.ended(q, "ada"); !e.Done || e.Data != nil {
		t.Errorf("it is not done any more: %+v", e)
	}
}

func retakes(t *testing.T, s *questions) {
	q := s.ask("ada")
	s.answer(q, "ada", "op1", `[1]`)
	s.clock.Advance(time.Minute)
	if s.retake(q, "ada", "op0", "op2") {
		t.Error("retaken without its operation")
	}
	if !s.retake(q, "ada", "op1", "op2") || s.retake(q, "ada", "op1", "op3") {
		t.Error("not retaken, or twice")
	}
	if e := s.ended(q, "ada"); e.Op != "op2" || !e.At.Equal(s.clock.Now()) || string(e.Data) != `[1]` || e.Done {
		t.Errorf("%+v", e)
	}
	s.done(q, "ada", "op1")
	if s.ended(q, "ada").Done {
		t.Error("it is done for one who has lost it")
	}
}

func retakesNothing(t *testing.T, s *questions) {
	q := s.ask("ada", "bob")
	s.answer(q, "ada", "op1", `[1]`)
	s.done(q, "ada", "op1")
	if s.retake(q, "ada", "op1", "op2") || s.retake(q, "bob", "op1", "op2") {
		t.Error("retaken")
	}
	if _, ends := s.read(q.ID); len(ends) != 1 || ends["ada"].Op != "op1" {
		t.Errorf("%+v", ends)
	}
}

func answersAnything(t *testing.T, s *questions) {
	q := s.ask("ada")
	data, buffers := []byte("[\"\xed\xa0\xbd\",{}]"), [][]byte{{}, {0, 255}, bytes.Repeat([]byte{7}, 100<<10)}
	e := acks.End{Socket: "ada", Op: "op1", At: s.clock.Now(), Data: data, Buffers: buffers}
	fatal(t, again(func() error { _, _, err := s.store.Answer(context.Background(), q.ID, e); return err }))
	got := s.ended(q, "ada")
	if !bytes.Equal(got.Data, data) || !slices.EqualFunc(got.Buffers, buffers, bytes.Equal) {
		t.Errorf("%d bytes and %d buffers", len(got.Data), len(got.Buffers))
	}
}

func asksAnything(t *testing.T, s *questions) {
	for _, name := range []string{"q", "r", "a#b", "%23", "\xff\xfe", "ü", "MmNoaWxkcmVuYXJlcGxh", "MmNoaWxkcmVuYXJlcGxhA"} {
		q := s.ask(name)
		q.Name, q.State = name, []byte{0, 255}
		s.write(q)
		s.answer(q, name, "op1", `[1]`)
		got, ends := s.read(q.ID)
		if !slices.Equal(got.Sockets, []string{name}) || len(ends) != 1 || string(ends[name].Data) != `[1]` {
			t.Errorf("%q: %+v %+v", name, got, ends)
		}
	}
}

func endsTogether(t *testing.T, s *questions) {
	q := s.ask("ada")
	var won atomic.Int64
	together(goroutines, func(i int) {
		ok := false
		if i%2 == 0 {
			ok = s.end(q, "ada", fmt.Sprint("op", i), acks.Late)
		} else {
			_, ok = s.answer(q, "ada", fmt.Sprint("op", i), `[1]`)
		}
		if ok {
			won.Add(1)
		}
	})
	if won.Load() != 1 {
		t.Errorf("%d have ended it", won.Load())
	}
}

func retakesTogether(t *testing.T, s *questions) {
	q := s.ask("ada")
	s.answer(q, "ada", "op", `[1]`)
	var won atomic.Int64
	together(goroutines, func(i int) {
		if s.retake(q, "ada", "op", fmt.Sprint("op", i)) {
			won.Add(1)
		}
	})
	if won.Load() != 1 {
		t.Errorf("%d have retaken it", won.Load())
	}
}

func answersOfMany(t *testing.T, s *questions) {
	q := s.ask(s.sockets(1000)...)
	var mu sync.Mutex
	lost := 0
	together(goroutines, func(i int) {
		for n := i; n < len(q.Sockets); n += goroutines {
			if _, ok := s.answer(q, q.Sockets[n], fmt.Sprint("op", n), fmt.Sprintf(`[%d]`, n)); !ok {
				mu.Lock()
				lost++
				mu.Unlock()
			}
		}
	})
	_, ends := s.read(q.ID)
	for n, socket := range q.Sockets {
		if string(ends[socket].Data) != fmt.Sprintf(`[%d]`, n) {
			lost++
		}
	}
	if lost > 0 || len(ends) != 1000 {
		t.Errorf("%d answers, %d are lost", len(ends), lost)
	}
}

func questionsExpired(t *testing.T, s *questions) {
	q := s.ask("ada", "bob")
	s.answer(q, "ada", "op1", `[1]`)
	s.clock.Advance(time.Hour)
	got, ends := s.read(q.ID)
	if got.ID != 0 || got.Sockets != nil || len(ends) > 0 {
		t.Errorf("%+v %+v", got, ends)
	}
	s.nothing(q, "bob")
}
