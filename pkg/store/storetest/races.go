package storetest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// oneWins lets many goroutines apply transitions of their own to one row and returns the one whose transition holds.
// All of them have to see the row as the winner has made it, or as it was made later.
func (s *sessions) oneWins(a engine.Address, transition func(i int) engine.Transition) int {
	s.t.Helper()
	wins := make([]bool, goroutines)
	together(goroutines, func(i int) { _, wins[i] = s.update(a, transition(i)) })
	winner := slices.Index(wins, true)
	if winner < 0 || slices.Contains(wins[winner+1:], true) {
		s.t.Fatalf("one has to win: %v", wins)
	}
	return winner
}

func beginPollByMany(t *testing.T, s *sessions) {
	row := s.made(s.polling())
	now := s.clock.Now()
	winner := s.oneWins(row.Address, func(i int) engine.Transition {
		return engine.BeginPoll{Lease: engine.Lease{ID: strconv.Itoa(i), Until: now.Add(time.Second)}, Now: now}
	})
	if got := s.get(row.Address).Poll.ID; got != strconv.Itoa(winner) {
		t.Errorf("%d has won, and %s holds the lease", winner, got)
	}
}

func probeByMany(t *testing.T, s *sessions) {
	row := s.made(s.polling())
	winner := s.oneWins(row.Address, func(i int) engine.Transition {
		return engine.Probe{Connection: strconv.Itoa(i), Now: s.clock.Now()}
	})
	if got := s.get(row.Address); got.State != engine.Probing || got.Connection != strconv.Itoa(winner) {
		t.Errorf("%d has won, and the row is %+v", winner, got)
	}
}

func announceByMany(t *testing.T, s *sessions) {
	row := s.made(s.connection())
	winner := s.oneWins(row.Address, func(i int) engine.Transition { return engine.Announce{Op: strconv.Itoa(i)} })
	if got := s.get(row.Address).Opened; got != strconv.Itoa(winner) {
		t.Errorf("%d has won, and %s may announce", winner, got)
	}
}

func closeByMany(t *testing.T, s *sessions) {
	for _, row := range []engine.Session{s.made(s.polling()), s.made(s.connection()), s.polling()} {
		winner := s.oneWins(row.Address, func(i int) engine.Transition { return s.closing(strconv.Itoa(i)) })
		if got := s.get(row.Address); got.State != engine.Closed || got.ClosedBy != strconv.Itoa(winner) {
			t.Errorf("%d has won, and the row is %+v", winner, got)
		}
	}
}

func finishByMany(t *testing.T, s *sessions) {
	row := s.made(s.polling())
	s.update(row.Address, s.closing("x"))
	winner := s.oneWins(row.Address, func(i int) engine.Transition {
		return engine.Finish{Op: strconv.Itoa(i), Before: "x", Expires: s.clock.Now().Add(time.Hour)}
	})
	if got := s.get(row.Address); got.State != engine.Closed || got.ClosedBy != strconv.Itoa(winner) {
		t.Errorf("%d has won, and the row is %+v", winner, got)
	}
}

func closeOrDrain(t *testing.T, s *sessions) {
	for n := range goroutines {
		row := s.made(s.polling())
		s.update(row.Address, engine.Probe{Connection: "c", Now: s.clock.Now()})
		if n%2 == 0 { // then a drain is two steps
			s.update(row.Address, engine.Append{Parcel: engine.Parcel{Op: "p", Packets: [][]byte{[]byte("4")}}})
		}
		var closed, moved bool
		together(2, func(i int) {
			if i == 0 {
				_, closed = s.update(row.Address, s.closing("x"))
				return
			}
			drain := engine.Drain{Connection: "c", Step: "1", Expires: row.Expires}
			drained, ok := s.update(row.Address, drain)
			if moved = ok && drained.State == engine.Moved; ok && !moved {
				drain.Step, drain.After = "2", "1"
				_, moved = s.update(row.Address, drain)
			}
		})
		if got := s.get(row.Address).State; closed == moved || closed != (got == engine.Closed) || moved != (got == engine.Moved) {
			t.Fatalf("closed %t, moved %t, and the row is %q", closed, moved, got)
		}
	}
}

// writers is how many goroutines append, parcelsEach how many parcels each of them.
const writers, parcelsEach = 8, 40

// packetOf is the packet of a parcel: some are longer than others, so that a store which keeps long ones elsewhere has
// both. All of them together fit in an outbox.
func packetOf(op string, n int) []byte {
	length := len(op)
	switch {
	case n%11 == 10:
		length = 3 << 10
	case n%7 == 6:
		length = 700
	}
	return []byte(op + strings.Repeat(".", length-len(op)))
}

// write appends parcels until all are there, or until the session has moved.
func (s *sessions) write(a engine.Address, writer int) (accepted int) {
	for n := range parcelsEach {
		op := fmt.Sprintf("%d-%d", writer, n)
		if _, ok := s.remembered(a, engine.Append{Parcel: engine.Parcel{Op: op, Packets: [][]byte{packetOf(op, n)}}}); !ok {
			return n
		}
	}
	return parcelsEach
}

// inOrder checks that the parcels of each writer were read once each, in order, as many as were accepted.
func inOrder(t *testing.T, read []engine.Parcel, accepted [writers]int) {
	t.Helper()
	var next [writers]int
	for _, p := range read {
		var writer, n int
		if _, err := fmt.Sscanf(p.Op, "%d-%d", &writer, &n); err != nil || len(p.Packets) != 1 || !bytes.Equal(p.Packets[0], packetOf(p.Op, n)) {
			t.Fatalf("read %+v", p)
		}
		if n != next[writer] {
			t.Fatalf("parcel %s was read where %d-%d was due", p.Op, writer, next[writer])
		}
		next[writer]++
	}
	if next != accepted {
		t.Errorf("read %v, accepted %v", next, accepted)
	}
}

func appendAndDrain(t *testing.T, s *sessions) {
	row := s.made(s.polling())
	s.update(row.Address, engine.Probe{Connection: "c", Now: s.clock.Now()})
	var accepted [writers]int
	var read []engine.Parcel
	together(writers+1, func(i int) {
		if i < writers {
			accepted[i] = s.write(row.Address, i)
			return
		}
		drain := engine.Drain{Connection: "c", Expires: row.Expires}
		for n := 0; ; n++ {
			drain.Step = "step" + strconv.Itoa(n)
			got, ok := s.update(row.Address, drain)
			if !ok {
				t.Errorf("step %d was refused: %+v", n, got)
				return
			}
			read = append(read, got.Taken.Parcels...)
			if got.State == engine.Moved {
				return
			}
			drain.After = drain.Step
		}
	})
	inOrder(t, read, accepted)
}

func appendAndPoll(t *testing.T, s *sessions) {
	row := s.made(s.polling())
	var accepted [writers]int
	var read []engine.Parcel
	ended := make(chan struct{})
	var writing sync.WaitGroup
	writing.Add(writers)
	go func() { writing.Wait(); close(ended) }()
	together(writers+1, func(i int) {
		if i < writers {
			defer writing.Done()
			accepted[i] = s.write(row.Address, i)
			return
		}
		for n, last := 0, false; !last; n++ {
			select {
			case <-ended:
				last = true // all is there: one more
			default:
			}
			id := "poll" + strconv.Itoa(n)
			now := s.clock.Now()
			if _, ok := s.update(row.Address, engine.BeginPoll{Lease: engine.Lease{ID: id, Until: now.Add(time.Second)}, Now: now}); !ok {
				t.Errorf("poll %d did not get the lease", n)
			}
			got, ok := s.update(row.Address, engine.EndPoll{ID: id})
			if !ok {
				t.Errorf("poll %d lost its lease", n)
			}
			read = append(read, got.Taken.Parcels...)
		}
	})
	inOrder(t, read, accepted)
}

// setEntryByMany counts in an entry that, like any, never has a value twice: the count comes first, then who wrote.
func setEntryByMany(t *testing.T, s *sessions) {
	row := s.made(s.polling())
	const n, each = goroutines, 2
	id := ids("change")
	together(n, func(int) {
		for range each {
			for seen := s.get(row.Address); ; {
				old := seen.Entries["/"]
				count := uint64(1)
				if old != nil {
					count += binary.BigEndian.Uint64(old)
				}
				op := id()
				set := engine.SetEntry{Key: "/", Old: old, New: append(binary.BigEndian.AppendUint64(nil, count), op...),
					Ops: append([]string{op}, seen.Changes["/"]...)}
				var ok bool
				if seen, ok = s.remembered(row.Address, set); ok {
					break
				}
			}
		}
	})
	if got := binary.BigEndian.Uint64(s.get(row.Address).Entries["/"]); got != n*each {
		t.Errorf("counted %d, want %d", got, n*each)
	}
}

func setEntryKeys(t *testing.T, s *sessions) {
	row := s.made(s.connection())
	together(goroutines, func(i int) {
		key := "/" + strconv.Itoa(i)
		if _, ok := s.update(row.Address, engine.SetEntry{Key: key, New: []byte(key), Ops: []string{key}}); !ok {
			t.Errorf("%s was refused", key)
		}
	})
	if got := s.get(row.Address).Entries; len(got) != goroutines {
		t.Errorf("%d entries are left of %d", len(got), goroutines)
	}
}

func handshakeAbsent(t *testing.T, s *sessions) {
	if got := s.handshake(s.polling().Address); got != nil {
		t.Errorf("of an absent session: %q", got)
	}
	if got := s.handshake(s.made(s.polling()).Address); got != nil {
		t.Errorf("of a session without one: %q", got)
	}
}

func handshakeKey(t *testing.T, s *sessions) {
	row := s.polling()
	fatal(t, s.create(row, []byte("hello"), nil))
	row, _ = s.update(row.Address, engine.Probe{Connection: "c", Now: s.clock.Now()})
	connection := s.connection()
	connection.SID, connection.State, connection.HandshakeKey = row.SID, engine.Probing, row.HandshakeKey
	s.made(connection)
	check := func(when, polling, connected string) {
		t.Helper()
		if p, c := string(s.handshake(row.Address)), string(s.handshake(connection.Address)); p != polling || c != connected {
			t.Errorf("%s the polling row shows %q and the connection's %q", when, p, c)
		}
	}
	check("while it is probed", "hello", "hello")
	end := s.clock.Now().Add(time.Hour)
	s.update(row.Address, engine.Drain{Connection: "c", Step: "1", Expires: end})
	s.update(row.Address, engine.Drain{Connection: "c", Step: "2", After: "1", Expires: end})
	s.update(connection.Address, engine.Settle{Expires: end})
	check("after an upgrade", "", "hello")
	s.update(connection.Address, s.closing("x"))
	check("once closed", "", "")
}

func handshakeLasts(t *testing.T, s *sessions) {
	row := s.polling()
	live := s.liveOf(row)
	row.Expires = row.Created.Add(time.Minute) // it is in no namespace yet
	fatal(t, s.create(row, []byte("hello"), &live))
	s.update(row.Address, engine.SetEntry{Key: "/", New: []byte("socket"), Ops: []string{"1"}, Expires: live.Expires})
	s.clock.Advance(2 * time.Minute)
	if got := s.handshake(row.Address); string(got) != "hello" {
		t.Errorf("handshake %q", got)
	}
}

func putLive(t *testing.T, s *sessions) {
	live := s.liveOf(s.connection())
	s.putLive(live)
	live.Last, live.Joined = live.Last.Add(time.Second), true
	s.putLive(live)
	if got, ok := s.live(live.Address); !ok || !sameLive(got, live) {
		t.Errorf("%+v, want %+v", got, live)
	}
}

func touch(t *testing.T, s *sessions) {
	live := s.liveOf(s.connection())
	s.putLive(live)
	for _, step := range []struct {
		last   time.Time
		joined bool
	}{{live.Last.Add(time.Second), false}, {time.Time{}, true}, {time.Unix(0, 0).UTC(), false}, {time.Time{}, false}} {
		if !step.last.IsZero() {
			live.Last = step.last
		}
		live.Joined = live.Joined || step.joined
		s.touch(live.Address, step.last, step.joined)
		if got, ok := s.live(live.Address); !ok || !sameLive(got, live) {
			t.Errorf("after %v %t: %+v, want %+v", step.last, step.joined, got, live)
		}
	}
}

func touchAbsent(t *testing.T, s *sessions) {
	a := s.connection().Address
	s.touch(a, s.clock.Now(), true)
	if got, ok := s.live(a); ok {
		t.Errorf("%+v", got)
	}
}

func touchDead(t *testing.T, s *sessions) {
	live := s.liveOf(s.connection())
	s.putLive(live)
	s.touch(live.Address, engine.Dead, false)
	s.touch(live.Address, s.clock.Now(), true)
	if got, ok := s.live(live.Address); !ok || !got.Last.Equal(engine.Dead) || !got.Joined {
		t.Errorf("%+v", got)
	}
}

func touchAtOnce(t *testing.T, s *sessions) {
	for range goroutines {
		live := s.liveOf(s.connection())
		s.putLive(live)
		live.Last, live.Joined = live.Last.Add(time.Second), true
		together(2, func(i int) {
			if i == 0 {
				s.touch(live.Address, live.Last, false)
			} else {
				s.touch(live.Address, time.Time{}, true)
			}
		})
		if got, _ := s.live(live.Address); !sameLive(got, live) {
			t.Fatalf("%+v, want %+v", got, live)
		}
	}
}

func lives(t *testing.T, s *sessions) {
	want := map[engine.Address]int{}
	for range 5 * engine.Shards {
		live := s.liveOf(s.connection())
		s.putLive(live)
		want[live.Address] = engine.Shard(live.Address)
	}
	for shard := range engine.Shards {
		var all []engine.Live
		s.check(again(func() (err error) { all, err = s.store.Lives(t.Context(), shard); return err }))
		for _, l := range all {
			if n, mine := want[l.Address]; mine && n != shard {
				t.Errorf("%s of shard %d is in shard %d", l.Address, n, shard)
			} else if mine {
				delete(want, l.Address)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

func forgetLive(t *testing.T, s *sessions) {
	row := s.connection()
	live := s.liveOf(row)
	fatal(t, s.create(row, []byte("hello"), &live))
	s.forget(row.Address)
	if _, ok := s.live(row.Address); ok || string(s.handshake(row.Address)) != "hello" || s.get(row.Address).State != engine.Open {
		t.Errorf("liveness %t, handshake %q, session %q", ok, s.handshake(row.Address), s.get(row.Address).State)
	}
}

func forgetAbsent(_ *testing.T, s *sessions) {
	row := s.connection()
	s.forget(row.Address)
}

// clearTimer deletes the timer of a shard, which tests share, as a sweep of an empty shard does.
func (s *sessions) clearTimer(shard int) {
	if now := s.timer(shard); now.Generation != 0 {
		s.setTimer(shard, now.Generation, engine.Timer{})
	}
}

func sameTimer(a, b engine.Timer) bool {
	return a.Generation == b.Generation && a.Due.Equal(b.Due) && a.By == b.By
}

func timers(t *testing.T, s *sessions) {
	const shard = 3
	s.clearTimer(shard)
	defer s.clearTimer(shard)
	now := s.clock.Now()
	a := engine.Timer{Generation: 1, Due: now, By: s.id()}
	b := engine.Timer{Generation: 2, Due: now.Add(time.Second), By: s.id()}
	for i, step := range []struct {
		generation int64
		set        engine.Timer
		ok         bool
		is         engine.Timer
	}{
		{1, a, false, engine.Timer{}},                              // there is none of that generation
		{0, a, true, a},                                            // the first
		{0, a, true, a},                                            // a retry: By is its own
		{0, b, false, a},                                           // somebody else's turn is over
		{1, b, true, b},                                            // the next
		{0, a, false, b},                                           // an old retry
		{1, engine.Timer{}, false, b},                              // deletes what is not there any more
		{2, engine.Timer{}, true, engine.Timer{}},                  // deletes
		{2, engine.Timer{}, true, engine.Timer{}},                  // a retry
		{0, a, true, a}, {1, engine.Timer{}, true, engine.Timer{}}, // and from the start
	} {
		ok := s.setTimer(shard, step.generation, step.set)
		if got := s.timer(shard); ok != step.ok || !sameTimer(got, step.is) {
			t.Errorf("step %d: %t, %+v; want %t, %+v", i, ok, got, step.ok, step.is)
		}
	}
}

func setTimerByMany(t *testing.T, s *sessions) {
	const shard = 5
	s.clearTimer(shard)
	defer s.clearTimer(shard)
	for generation := range int64(5) {
		ids := make([]string, goroutines)
		wins := make([]bool, goroutines)
		for i := range ids {
			ids[i] = s.id()
		}
		together(goroutines, func(i int) {
			wins[i] = s.setTimer(shard, generation, engine.Timer{Generation: generation + 1, Due: s.clock.Now(), By: ids[i]})
		})
		winner := slices.Index(wins, true)
		if winner < 0 || slices.Contains(wins[winner+1:], true) {
			t.Fatalf("one has to win: %v", wins)
		}
		if got := s.timer(shard); got.Generation != generation+1 || got.By != ids[winner] {
			t.Fatalf("%s has won, and the timer is %+v", ids[winner], got)
		}
	}
}

func expired(t *testing.T, s *sessions) {
	row := s.polling()
	row.Expires = row.Created.Add(time.Minute)
	live := s.liveOf(row)
	fatal(t, s.create(row, []byte("hello"), &live))
	s.clock.Advance(time.Minute - time.Millisecond)
	if _, ok := s.live(row.Address); !ok || s.get(row.Address).State != engine.Open || s.handshake(row.Address) == nil {
		t.Fatal("a row is absent before its time")
	}
	s.clock.Advance(time.Millisecond)
	if got := s.get(row.Address); got.State != engine.Absent || got.Address != row.Address || got.SID != "" {
		t.Errorf("session %+v", got)
	}
	if got, ok := s.update(row.Address, engine.Pong{At: s.clock.Now()}); ok || got.State != engine.Absent {
		t.Errorf("a transition of an expired row: %t %+v", ok, got)
	}
	if got := s.handshake(row.Address); got != nil {
		t.Errorf("handshake %q", got)
	}
	s.touch(row.Address, s.clock.Now(), true)
	if got, ok := s.live(row.Address); ok {
		t.Errorf("liveness %+v", got)
	}
	other := s.row(row.Address, s.id())
	if err := s.create(other, nil, nil); err != nil || s.get(row.Address).SID != other.SID {
		t.Errorf("an expired row keeps another from being created: %v", err)
	}
	tomb := s.connection()
	s.update(tomb.Address, s.closing("x"))
	s.clock.Advance(5 * time.Minute)
	if err := s.create(s.row(tomb.Address, tomb.SID), nil, nil); errors.Is(err, engine.ErrExists) {
		t.Error("a tombstone does not expire")
	}
}
