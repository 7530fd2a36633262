package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// Sessions checks an engine.Store against every sentence of its contract. open returns a store whose rows expire by
// the time that now returns; it may hold the rows of other tests. Subtests run one after the other.
func Sessions(t *testing.T, open func(t *testing.T, now func() time.Time) engine.Store) {
	tests := []struct {
		name string
		run  func(t *testing.T, s *sessions)
	}{
		{"Create writes the session, its handshake and its liveness row", createWrites},
		{"Create writes no handshake and no liveness row when there is none", createWritesLess},
		{"Create again for the same session succeeds and changes nothing", createAgain},
		{"Create returns ErrExists for another session's row and leaves nothing behind", createOther},
		{"Create returns ErrExists for a tombstone", createTombstone},
		{"Create returns ErrExists for a session that was closed", createClosed},
		{"Create or Close: whichever comes first decides", createOrClose},
		{"Create by many: one wins", createByMany},
		{"Get returns a row with State Absent and its address when there is none", getAbsent},
		{"Get returns everything that a row holds", getEverything},
		{"Get does not share memory with what was written", getShares},
		{"Get may be some time old unless strong", getOld},
		{"Update applies what Apply describes and returns the row", updateApplies},
		{"Update reports false and shows why", updateRefused},
		{"a doubt that is young enough stands", updateRefusedByADoubt},
		{"Update reports true for an earlier attempt and changes nothing", updateAlready},
		{"Update of an absent row leaves a tombstone or nothing", updateAbsent},
		{"BeginPoll by many: one wins", beginPollByMany},
		{"Append and Drain: every parcel exactly once and in order", appendAndDrain},
		{"Append and EndPoll: every parcel exactly once and in order", appendAndPoll},
		{"SetEntry by many: counters are exact", setEntryByMany},
		{"SetEntry of several keys at once: none is lost", setEntryKeys},
		{"Probe by many: one wins", probeByMany},
		{"Announce by many: one wins", announceByMany},
		{"Close by many: one wins", closeByMany},
		{"Finish by many: one wins", finishByMany},
		{"Close or Drain: moved or closed, never both", closeOrDrain},
		{"Handshake returns nil when there is nothing", handshakeAbsent},
		{"Handshake goes with the session: to its connection, and away when it is closed", handshakeKey},
		{"Handshake lasts as long as the liveness row, whenever the session was to expire", handshakeLasts},
		{"PutLive replaces what was there", putLive},
		{"Touch sets Last and Joined and leaves what is not named", touch},
		{"Touch leaves an absent row absent", touchAbsent},
		{"Touch leaves a row dead that is", touchDead},
		{"Touch with Last and with Joined at once: none is lost", touchAtOnce},
		{"Lives returns the rows of the shard and of no other", lives},
		{"Forget deletes the liveness row and nothing else", forgetLive},
		{"Forget of an absent row is fine", forgetAbsent},
		{"Timer and SetTimer", timers},
		{"SetTimer by many: one wins", setTimerByMany},
		{"expired rows are absent", expired},
	}
	for _, test := range append(tests, bounds...) {
		t.Run(test.name, func(t *testing.T) {
			clock := NewClock()
			test.run(t, &sessions{t: t, store: open(t, clock.Now), clock: clock, id: ids("s"), window: newWindow()})
		})
	}
}

func createWrites(t *testing.T, s *sessions) {
	row := s.polling()
	live := s.liveOf(row)
	fatal(t, s.create(row, []byte("hello"), &live))
	if got := s.get(row.Address); got.State != engine.Open || got.SID != row.SID || !got.Created.Equal(row.Created) || !got.Expires.Equal(row.Expires) {
		t.Errorf("session %+v", got)
	}
	if got := s.handshake(row.Address); string(got) != "hello" {
		t.Errorf("handshake %q", got)
	}
	if got, ok := s.live(row.Address); !ok || !sameLive(got, live) {
		t.Errorf("liveness %+v, want %+v", got, live)
	}
}

func sameLive(a, b engine.Live) bool {
	return a.Address == b.Address && a.Created.Equal(b.Created) && a.Last.Equal(b.Last) && a.Joined == b.Joined && a.Expires.Equal(b.Expires)
}

func createWritesLess(t *testing.T, s *sessions) {
	row := s.made(s.connection())
	if got := s.handshake(row.Address); got != nil {
		t.Errorf("handshake %q", got)
	}
	if got, ok := s.live(row.Address); ok {
		t.Errorf("liveness %+v", got)
	}
}

func createAgain(t *testing.T, s *sessions) {
	row := s.polling()
	live := s.liveOf(row)
	fatal(t, s.create(row, []byte("hello"), &live))
	_, ok := s.update(row.Address, engine.Probe{Connection: "c", Now: s.clock.Now()})
	if !ok {
		t.Fatal("an open session refuses a probe")
	}
	fatal(t, s.create(row, []byte("hello"), &live))
	if got := s.get(row.Address); got.State != engine.Probing {
		t.Errorf("the session has been written over: %+v", got)
	}
}

func createOther(t *testing.T, s *sessions) {
	row := s.made(s.connection())
	other := row
	other.SID = s.id()
	live := s.liveOf(other)
	live.Joined = true
	if err := s.create(other, []byte("other"), &live); !errors.Is(err, engine.ErrExists) {
		t.Fatalf("got %v, want ErrExists", err)
	}
	if got := s.get(row.Address); got.SID != row.SID {
		t.Errorf("session %+v", got)
	}
	if got := s.handshake(other.Address); got != nil {
		t.Errorf("a handshake was left behind: %q", got)
	}
	if got, ok := s.live(row.Address); ok {
		t.Errorf("a liveness row was left behind: %+v", got)
	}
}

func createTombstone(t *testing.T, s *sessions) {
	row := s.connection()
	s.update(row.Address, s.closing("late"))
	live := s.liveOf(row)
	if err := s.create(row, []byte("hello"), &live); !errors.Is(err, engine.ErrExists) {
		t.Fatalf("got %v, want ErrExists", err)
	}
	if _, ok := s.live(row.Address); ok || s.handshake(row.Address) != nil {
		t.Error("rows were left behind")
	}
}

func createClosed(t *testing.T, s *sessions) {
	row := s.made(s.connection())
	s.update(row.Address, s.closing("a"))
	if err := s.create(row, nil, nil); !errors.Is(err, engine.ErrExists) {
		t.Fatalf("got %v, want ErrExists", err)
	}
}

func (s *sessions) closing(op string) engine.Close {
	return engine.Close{Op: op, Reason: engine.TransportClose, Told: true, At: s.clock.Now(), Expires: s.clock.Now().Add(5 * time.Minute)}
}

func createOrClose(t *testing.T, s *sessions) {
	for range goroutines {
		row := s.connection()
		live := s.liveOf(row)
		var created error
		var closed engine.Session
		together(2, func(i int) {
			if i == 0 {
				created = s.create(row, []byte("hello"), &live)
			} else {
				closed, _ = s.update(row.Address, s.closing("x"))
			}
		})
		got := s.get(row.Address)
		switch {
		case got.State != engine.Closed || closed.State != engine.Closed:
			t.Fatalf("after both the session is %q, Close returned %q", got.State, closed.State)
		case errors.Is(created, engine.ErrExists) && closed.SID == "":
			if _, ok := s.live(row.Address); ok || s.handshake(row.Address) != nil {
				t.Fatal("Close came first, and Create has left rows behind")
			}
		case closed.SID == "":
			t.Fatalf("Close has not seen the session, and Create returned %v", created)
		}
	}
}

func createByMany(t *testing.T, s *sessions) {
	row := s.connection()
	errs := make([]error, goroutines)
	together(goroutines, func(i int) {
		mine := row
		mine.SID = fmt.Sprintf("%s-%d", row.SID, i)
		errs[i] = s.create(mine, []byte(mine.SID), nil)
	})
	got, won := s.get(row.Address), 0
	for i, err := range errs {
		sid := fmt.Sprintf("%s-%d", row.SID, i)
		switch {
		case err == nil && got.SID == sid && string(s.handshakeOf(got)) == sid:
			won++
		case !errors.Is(err, engine.ErrExists):
			t.Errorf("%d: %v", i, err)
		}
	}
	if won != 1 {
		t.Errorf("%d have won", won)
	}
}

func getAbsent(t *testing.T, s *sessions) {
	a := s.polling().Address
	if got := s.get(a); got.State != engine.Absent || got.Address != a || got.SID != "" {
		t.Errorf("%+v", got)
	}
}

// everything is a row in which all that a session can hold is set.
func everything(s *sessions) engine.Session {
	row := s.polling()
	at := func(n int) time.Time { return row.Created.Add(time.Duration(n) * time.Millisecond) }
	parcel := func(op string) engine.Parcel {
		return engine.Parcel{Op: op, Packets: [][]byte{[]byte("4" + op), []byte("bAQID")}}
	}
	row.State = engine.Draining
	row.Entries = map[string][]byte{"/": []byte("c\x00\xff"), "/empty": {}}
	row.Changes = map[string][]string{"/": {"b", "a"}}
	row.Pending, row.Kept = [][]byte{[]byte("451-"), {1, 2}}, "kept"
	row.Connection, row.ProbedAt = "conn=", at(1)
	row.Reason, row.ClosedBy, row.ClosedAt, row.Opened = engine.PingTimeout, "closer", at(7), "opener"
	row.Poll = engine.Lease{ID: "lease", Until: at(2)}
	row.Outbox = []engine.Parcel{parcel("3"), parcel("4")}
	row.Taken = engine.Taken{By: "taker", Parcels: []engine.Parcel{parcel("1"), parcel("2")}}
	row.Recent = []string{"4", "3", "2", "1"}
	row.Ponged, row.Pinged, row.Told = at(3), at(4), true
	row.Greeted, row.Doubted, row.Sealed, row.Counted, row.CountedSince, row.CountedBy = true, at(5), true, 9, at(6), "counter"
	row.HandshakeKey = []byte("\x00key of 16 bytes")
	return row
}

func getEverything(t *testing.T, s *sessions) {
	row := s.made(everything(s))
	if got := describe(s.get(row.Address)); got != describe(row) {
		t.Errorf("got\n%s\nwant\n%s", got, describe(row))
	}
}

// describe makes rows comparable: times by their value, and no content as no list.
func describe(s engine.Session) string {
	ms := func(t time.Time) string {
		if t.IsZero() {
			return "-"
		}
		return strconv.FormatInt(t.UnixMilli(), 10)
	}
	times := fmt.Sprint(ms(s.Created), ms(s.Expires), ms(s.ProbedAt), ms(s.Poll.Until), ms(s.Ponged), ms(s.Pinged), ms(s.Doubted), s.Counted, ms(s.CountedSince), s.CountedBy, ms(s.ClosedAt))
	return fmt.Sprintf("%q %q %q %q %q %q %q %q %q %q %q %q %q %q %q %q %t %t %t %q %s", s.Address, s.SID, s.State, s.Entries, s.Changes, s.Pending,
		s.Kept, s.Connection, s.Reason, s.ClosedBy, s.Opened, s.Poll.ID, s.Outbox, s.Taken.By, s.Taken.Parcels, s.Recent, s.Told, s.Greeted, s.Sealed, s.HandshakeKey, times)
}

func getShares(t *testing.T, s *sessions) {
	row := everything(s)
	want := describe(row)
	s.made(row)
	row.Entries["/"] = []byte("changed")
	row.Outbox[0] = engine.Parcel{}
	got := s.get(row.Address)
	got.Outbox[1], got.Taken.Parcels[0], got.Recent[0] = engine.Parcel{}, engine.Parcel{}, "changed"
	if got := describe(s.get(row.Address)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func getOld(t *testing.T, s *sessions) {
	row := s.made(s.polling())
	var seen engine.Session
	for range 20 {
		s.check(again(func() (err error) { seen, err = s.store.Get(t.Context(), row.Address, false); return err }))
		if seen.Address != row.Address || seen.State != engine.Absent && seen.SID != row.SID {
			t.Fatalf("%+v is no state that the row was in", seen)
		}
	}
}

func updateApplies(t *testing.T, s *sessions) {
	// Rows that follow from each other, each by one transition, next to the same steps on a value.
	now := s.clock.Now()
	packets := [][]byte{[]byte("4a"), []byte("4b")}
	row := s.made(s.polling())
	steps := []engine.Transition{
		engine.SetEntry{Key: "/", New: []byte("one"), Ops: []string{"o1"}},
		engine.SetEntry{Key: "/", Old: []byte("one"), New: []byte{}, Ops: []string{"o2", "o1"}},
		engine.SetEntry{Key: "/x", New: []byte("x"), Ops: []string{"o3"}},
		engine.SetEntry{Key: "/x", Old: []byte("x"), Ops: []string{"o4", "o3"}},
		engine.Keep{Op: "k1", Pending: packets},
		engine.Append{Parcel: engine.Parcel{Op: "a1", Packets: packets}},
		engine.BeginPoll{Lease: engine.Lease{ID: "l1", Until: now.Add(time.Second)}, Now: now},
		engine.Append{Parcel: engine.Parcel{Op: "a2", Packets: packets[:1]}},
		engine.EndPoll{ID: "l1", Pinged: now.Add(time.Millisecond)},
		engine.Pong{At: now.Add(2 * time.Millisecond)},
		engine.Probe{Connection: "c1", Now: now},
		engine.Unprobe{Connection: "c1"},
		engine.Probe{Connection: "c2", Now: now},
		engine.Append{Parcel: engine.Parcel{Op: "a3", Packets: packets}},
		engine.Drain{Connection: "c2", Step: "d1", Now: now.Add(time.Second), Expires: now.Add(time.Minute)},
		engine.Append{Parcel: engine.Parcel{Op: "a4", Packets: packets}},
		engine.Drain{Connection: "c2", Step: "d2", After: "d1", Expires: now.Add(time.Minute)},
		engine.Drain{Connection: "c2", Step: "d3", After: "d2", Expires: now.Add(time.Minute)},
	}
	for i, step := range steps {
		if got := step.Apply(&row); got != engine.Applied {
			t.Fatalf("step %d, %T, is not even applied to a value: %v", i, step, got)
		}
		got, ok := s.update(row.Address, step)
		if !ok || describe(got) != describe(row) {
			t.Fatalf("step %d, %T: %t\n%s\nwant\n%s", i, step, ok, describe(got), describe(row))
		}
		if read := s.get(row.Address); describe(read) != describe(row) {
			t.Fatalf("step %d, %T: read\n%s\nwant\n%s", i, step, describe(read), describe(row))
		}
	}
	c := s.connection()
	c.State = engine.Probing
	c = s.made(c)
	other := s.made(s.polling())
	for i, step := range []struct {
		row *engine.Session
		t   engine.Transition
	}{
		{&c, engine.Settle{Entries: row.Entries, Changes: row.Changes, Pending: row.Pending, Kept: row.Kept, Expires: now.Add(2 * time.Hour)}},
		{&c, engine.Announce{Op: "open"}},
		{&c, engine.Announce{Op: "again", Before: "open"}},
		{&c, engine.Greet{}},
		{&c, engine.Doubt{At: now.Add(-time.Second)}},
		{&c, engine.Doubt{At: now, Since: now.Add(-time.Second + time.Millisecond)}},
		{&c, engine.Count{Op: "n1", Messages: 50, Now: now, Over: 10 * time.Second}},
		{&c, engine.Count{Op: "n2", Messages: 7, Now: now.Add(9 * time.Second), Over: 10 * time.Second}},
		{&c, engine.Count{Op: "n3", Messages: 3, Now: now.Add(10 * time.Second), Over: 10 * time.Second}},
		{&c, engine.Doubt{}},
		{&c, engine.SetEntry{Key: "/y", New: []byte("y"), Ops: []string{"o5"}, Expires: now.Add(3 * time.Hour)}},
		{&c, s.closing("x")},
		{&c, engine.Finish{Op: "f", Before: "x", At: now.Add(time.Minute), Expires: now.Add(4 * time.Hour)}},
		{&other, engine.Append{Parcel: engine.Parcel{Op: "a1", Packets: packets}}},
		{&other, engine.Close{Op: "y", Reason: engine.ForcedClose, At: now, Expires: now.Add(time.Minute)}},
		{&other, engine.Tell{ID: "t1"}},
		{&other, engine.Tell{ID: "t2"}},
	} {
		if got := step.t.Apply(step.row); got != engine.Applied {
			t.Fatalf("second row, step %d, %T, is not even applied to a value: %v", i, step.t, got)
		}
		got, ok := s.update(step.row.Address, step.t)
		if !ok || describe(got) != describe(*step.row) || describe(s.get(step.row.Address)) != describe(*step.row) {
			t.Fatalf("second row, step %d, %T: %t\n%s\nwant\n%s", i, step.t, ok, describe(got), describe(*step.row))
		}
	}
}

func updateRefused(t *testing.T, s *sessions) {
	row := everything(s)
	row.Outbox = []engine.Parcel{{Op: "big", Packets: [][]byte{bytes.Repeat([]byte("4"), 100<<10)}}}
	row.Taken.Parcels = row.Outbox
	s.made(row)
	for _, refused := range []engine.Transition{
		engine.Append{Parcel: engine.Parcel{Op: "new", Packets: row.Outbox[0].Packets}},
		engine.BeginPoll{Lease: engine.Lease{ID: "other"}, Now: row.Created},
		engine.EndPoll{ID: "other"}, engine.Tell{ID: "other"},
		engine.Probe{Connection: "other"}, engine.Unprobe{Connection: row.Connection},
		engine.Drain{Connection: row.Connection, Step: "zombie", After: "other"},
		engine.Drain{Connection: row.Connection, Step: "zombie"},
		engine.Settle{}, engine.Announce{Op: "other"}, engine.Announce{Op: "other", Before: "opener"}, engine.Doubt{}, engine.Doubt{At: s.clock.Now()},
		engine.SetEntry{Key: "/", Old: row.Entries["/"], New: []byte("x"), Ops: []string{"c"}},
		engine.Keep{Op: "new", Before: "not this"},
		engine.Close{Op: "empty", Empty: true, Expires: row.Expires},
		engine.Close{Op: "before", Before: row.Ponged, Expires: row.Expires},
		engine.Finish{Op: "of an open one", Before: row.ClosedBy, Expires: row.Expires},
	} {
		got, ok := s.update(row.Address, refused)
		if ok || describe(got) != describe(row) {
			t.Errorf("%T: %t\n%s\nwant\n%s", refused, ok, describe(got), describe(row))
		}
	}
}

func updateRefusedByADoubt(t *testing.T, s *sessions) {
	now := s.clock.Now()
	row := s.connection()
	row.Doubted = now
	s.made(row)
	for _, since := range []time.Time{now.Add(-time.Millisecond), now} {
		refused := engine.Doubt{At: now.Add(time.Minute), Since: since}
		if got, ok := s.update(row.Address, refused); ok || describe(got) != describe(row) {
			t.Errorf("an earlier doubt that is not before Since does not stand: %t %s", ok, describe(got))
		}
	}
}

func updateAlready(t *testing.T, s *sessions) {
	row := everything(s)
	s.made(row)
	for _, again := range []engine.Transition{
		engine.Append{Parcel: engine.Parcel{Op: "2"}}, engine.Append{Parcel: engine.Parcel{Op: "3"}},
		engine.BeginPoll{Lease: row.Poll, Now: row.Created},
		engine.EndPoll{ID: "taker"}, engine.Tell{ID: "taker"}, engine.Drain{Step: "taker"},
		engine.Announce{Op: "opener"}, engine.Greet{}, engine.Count{Op: "counter"}, engine.Keep{Op: "kept"}, engine.Pong{At: row.Ponged},
		engine.SetEntry{Key: "/", New: []byte("x"), Ops: []string{"a"}},
	} {
		got, ok := s.update(row.Address, again)
		if !ok || describe(got) != describe(row) {
			t.Errorf("%T: %t\n%s\nwant\n%s", again, ok, describe(got), describe(row))
		}
	}
}

func updateAbsent(t *testing.T, s *sessions) {
	a := s.polling().Address
	for _, refused := range []engine.Transition{
		engine.Append{Parcel: engine.Parcel{Op: "x"}}, engine.BeginPoll{Lease: engine.Lease{ID: "x"}}, engine.EndPoll{ID: "x"},
		engine.Tell{ID: "x"}, engine.Pong{At: s.clock.Now()}, engine.Probe{Connection: "x"}, engine.Unprobe{Connection: "x"},
		engine.Drain{Step: "x"}, engine.Settle{}, engine.Announce{Op: "x"}, engine.Greet{}, engine.Doubt{At: s.clock.Now()}, engine.Count{Op: "x", Messages: 1, Now: s.clock.Now(), Over: time.Second}, engine.Keep{Op: "x"}, engine.Finish{Op: "x", Expires: s.clock.Now().Add(time.Hour)},
		engine.SetEntry{Key: "x", New: []byte("x"), Ops: []string{"x"}},
	} {
		if got, ok := s.update(a, refused); ok || got.State != engine.Absent || got.Address != a {
			t.Errorf("%T: %t %+v", refused, ok, got)
		}
	}
	if got, ok := s.update(a, s.closing("x")); !ok || got.State != engine.Closed || got.Address != a {
		t.Errorf("Close: %t %+v", ok, got)
	}
}
