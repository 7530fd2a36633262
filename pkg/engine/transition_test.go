package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

func parcelOf(op string, size int) engine.Parcel {
	return engine.Parcel{Op: op, Packets: [][]byte{make([]byte, size)}}
}

// with returns a row of a state after changes.
func with(a engine.Address, state engine.State, changes ...func(*engine.Session)) engine.Session {
	s := engine.Session{Address: a, SID: "sid", State: state, Created: epoch, Ponged: epoch, Expires: at(3600)}
	for _, change := range changes {
		change(&s)
	}
	return s
}

const (
	pollingRow    = engine.Address("psid")
	connectionRow = engine.Address("wc")
)

// appliedIn runs a transition on a row of every state and returns those in which it is applied.
func appliedIn(a engine.Address, t engine.Transition, changes ...func(*engine.Session)) (states []engine.State) {
	for _, state := range []engine.State{engine.Absent, engine.Open, engine.Probing, engine.Draining, engine.Moved, engine.Closed} {
		s := with(a, state, changes...)
		if state == engine.Absent {
			s = engine.Session{Address: a}
		}
		if t.Apply(&s) == engine.Applied {
			states = append(states, state)
		}
	}
	return states
}

func TestTransitionsApplyInTheseStates(t *testing.T) {
	connection := func(s *engine.Session) { s.Connection = "c" }
	lease := func(s *engine.Session) { s.Poll = engine.Lease{ID: "l", Until: at(25)} }
	taken := func(s *engine.Session) { s.Taken.By = "step" }
	for _, test := range []struct {
		name string
		row  engine.Address
		t    engine.Transition
		with []func(*engine.Session)
		want string
	}{
		{"Append", pollingRow, engine.Append{Parcel: parcelOf("a", 1)}, nil, "[open probing draining]"},
		{"BeginPoll", pollingRow, engine.BeginPoll{Lease: engine.Lease{ID: "l", Until: at(25)}, Now: epoch}, nil, "[open probing]"},
		{"EndPoll", pollingRow, engine.EndPoll{ID: "l"}, []func(*engine.Session){lease}, "[open probing draining moved closed]"},
		{"Tell", pollingRow, engine.Tell{ID: "l"}, nil, "[closed]"},
		{"Pong", pollingRow, engine.Pong{At: at(1)}, nil, "[open probing draining]"},
		{"Probe", pollingRow, engine.Probe{Connection: "c", Now: at(1)}, nil, "[open]"},
		{"Unprobe", pollingRow, engine.Unprobe{Connection: "c"}, []func(*engine.Session){connection}, "[probing]"},
		{"first Drain", pollingRow, engine.Drain{Connection: "c", Step: "s"}, []func(*engine.Session){connection}, "[probing]"},
		{"next Drain", pollingRow, engine.Drain{Connection: "c", Step: "s", After: "step"}, []func(*engine.Session){connection, taken}, "[draining]"},
		{"Settle", connectionRow, engine.Settle{}, nil, "[probing]"},
		{"Announce", connectionRow, engine.Announce{Op: "a"}, nil, "[open]"},
		{"SetEntry, polling", pollingRow, engine.SetEntry{Key: "/", New: []byte("x"), Ops: []string{"o"}}, nil, "[open probing]"},
		{"SetEntry, connection", connectionRow, engine.SetEntry{Key: "/", New: []byte("x"), Ops: []string{"o"}}, nil, "[open]"},
		{"Keep", pollingRow, engine.Keep{Op: "k"}, nil, "[open probing draining]"},
		{"Close, polling", pollingRow, engine.Close{Op: "x"}, nil, "[ open probing draining]"},
		{"Close, connection", connectionRow, engine.Close{Op: "x"}, nil, "[ open draining]"},
		{"Close, also a probe", connectionRow, engine.Close{Op: "x", Probe: true}, nil, "[ open probing draining]"},
		{"Finish", pollingRow, engine.Finish{Op: "x"}, nil, "[closed]"},
	} {
		if got := fmt.Sprint(appliedIn(test.row, test.t, test.with...)); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// step is one transition and what is to come of it.
type step struct {
	t    engine.Transition
	want engine.Outcome
}

const (
	refused = engine.Refused
	applied = engine.Applied
	already = engine.Already
)

func TestTransitionsInSequence(t *testing.T) {
	now := at(1)
	begin := func(id string, from int) engine.BeginPoll {
		return engine.BeginPoll{Lease: engine.Lease{ID: id, Until: at(from + 25)}, Now: at(from)}
	}
	entry := func(old, new string, ops ...string) engine.SetEntry {
		s := engine.SetEntry{Key: "/", Ops: ops}
		if old != "" {
			s.Old = []byte(old)
		}
		if new != "" {
			s.New = []byte(new)
		}
		return s
	}
	drain := func(step, after string) engine.Drain {
		return engine.Drain{Connection: "c", Step: step, After: after, Now: now, Expires: at(99)}
	}
	for name, test := range map[string]struct {
		row   engine.Session
		steps []step
		check func(s engine.Session) bool
	}{
		"Append again, while it waits, when it is taken, and after the next poll": {
			with(pollingRow, engine.Open), []step{
				{engine.Append{Parcel: parcelOf("a", 1)}, applied}, {engine.Append{Parcel: parcelOf("a", 1)}, already},
				{begin("1", 0), applied}, {engine.EndPoll{ID: "1"}, applied}, {engine.Append{Parcel: parcelOf("a", 1)}, already},
				{begin("2", 1), applied}, {engine.EndPoll{ID: "2"}, applied}, {engine.Append{Parcel: parcelOf("a", 1)}, already},
			}, func(s engine.Session) bool { return len(s.Outbox)+len(s.Taken.Parcels) == 0 }},
		"Append again after the session has moved": {
			with(pollingRow, engine.Open), []step{
				{engine.Probe{Connection: "c", Now: now}, applied}, {engine.Append{Parcel: parcelOf("a", 1)}, applied},
				{drain("1", ""), applied}, {drain("2", "1"), applied},
				{engine.Append{Parcel: parcelOf("a", 1)}, already}, {engine.Append{Parcel: parcelOf("b", 1)}, refused},
			}, func(s engine.Session) bool { return s.State == engine.Moved }},
		"Append up to the limit, counting what is on its way": {
			with(pollingRow, engine.Open), []step{
				{engine.Append{Parcel: parcelOf("a", engine.MaxOutbox/2-288)}, applied}, {engine.Append{Parcel: parcelOf("b", engine.MaxOutbox/2-287)}, refused},
				{begin("1", 0), applied}, {engine.EndPoll{ID: "1"}, applied}, {engine.Append{Parcel: parcelOf("b", engine.MaxOutbox/2-287)}, refused},
				{begin("2", 1), applied}, {engine.Append{Parcel: parcelOf("b", engine.MaxOutbox/2-287)}, applied},
			}, func(s engine.Session) bool { return len(s.Outbox) == 1 }},
		"two polls": {
			with(pollingRow, engine.Open), []step{
				{begin("1", 0), applied}, {begin("1", 0), already}, {begin("2", 24), refused}, {engine.EndPoll{ID: "2"}, refused},
				{begin("2", 25), applied}, {engine.EndPoll{ID: "1"}, refused}, {engine.EndPoll{ID: "2"}, applied}, {engine.EndPoll{ID: "2"}, already},
			}, func(s engine.Session) bool { return s.Poll == engine.Lease{} && s.Taken.By == "2" }},
		"a BeginPoll that comes after its poll has ended": {
			with(pollingRow, engine.Open), []step{{begin("1", 0), applied}, {engine.EndPoll{ID: "1"}, applied}, {begin("1", 0), refused}},
			func(s engine.Session) bool { return s.Poll.ID == "" }},
		"EndPoll takes the outbox and notes the ping": {
			with(pollingRow, engine.Open), []step{
				{begin("1", 0), applied}, {engine.Append{Parcel: parcelOf("a", 1)}, applied}, {engine.EndPoll{ID: "1", Pinged: at(2)}, applied},
			}, func(s engine.Session) bool {
				return s.Taken.Parcels[0].Op == "a" && len(s.Outbox) == 0 && s.Pinged.Equal(at(2)) && !s.Told
			}},
		"EndPoll takes nothing from a drain": {
			with(pollingRow, engine.Open), []step{
				{begin("1", 0), applied}, {engine.Probe{Connection: "c"}, applied}, {engine.Append{Parcel: parcelOf("a", 1)}, applied},
				{drain("s", ""), applied}, {engine.EndPoll{ID: "1"}, applied},
			}, func(s engine.Session) bool { return s.Taken.By == "s" && len(s.Taken.Parcels) == 1 && s.Poll.ID == "" }},
		"a closed session is told after its last packets": {
			with(pollingRow, engine.Open), []step{
				{engine.Append{Parcel: parcelOf("a", 1)}, applied}, {engine.Close{Op: "x", Reason: engine.ForcedClose, Expires: at(9)}, applied},
				{engine.Tell{ID: "1"}, applied}, {engine.Tell{ID: "1"}, already}, {engine.Tell{ID: "2"}, applied}, {engine.Tell{ID: "3"}, refused},
			}, func(s engine.Session) bool { return s.Told && s.Expires.Equal(at(9)) && s.Reason == engine.ForcedClose }},
		"Close once": {
			with(pollingRow, engine.Open), []step{
				{engine.Append{Parcel: parcelOf("a", 1)}, applied},
				{engine.Close{Op: "x", Told: true}, applied}, {engine.Close{Op: "x"}, already}, {engine.Close{Op: "y"}, refused},
			}, func(s engine.Session) bool { return s.ClosedBy == "x" && len(s.Outbox) == 0 && s.Told }},
		"Finish, by one after the other": {
			with(pollingRow, engine.Open), []step{
				{engine.Finish{Op: "a"}, refused}, {engine.Close{Op: "x", Expires: at(9)}, applied}, {engine.Finish{Op: "a"}, refused},
				{engine.Finish{Op: "a", Before: "x", Expires: at(19)}, applied}, {engine.Finish{Op: "a", Before: "x", Expires: at(20)}, already},
				{engine.Finish{Op: "b", Before: "x"}, refused}, {engine.Finish{Op: "b", Before: "a", Expires: at(29)}, applied}, {engine.Finish{Op: "a", Before: "x"}, refused},
			}, func(s engine.Session) bool { return s.ClosedBy == "b" && s.Expires.Equal(at(29)) }},
		"Close on conditions": {
			with(pollingRow, engine.Open), []step{
				{engine.Close{Op: "x", Before: epoch}, refused}, {entry("", "e", "1"), applied}, {engine.Close{Op: "x", Empty: true}, refused},
				{engine.Pong{At: at(5)}, applied}, {engine.Pong{At: at(4)}, already}, {engine.Close{Op: "x", Before: at(5)}, refused},
				{engine.Close{Op: "x", Before: at(5).Add(1)}, applied},
			}, func(s engine.Session) bool { return s.State == engine.Closed && string(s.Entries["/"]) == "e" }},
		"Probe and Unprobe": {
			with(pollingRow, engine.Open), []step{
				{engine.Probe{Connection: "c", Now: now}, applied}, {engine.Probe{Connection: "c", Now: at(2)}, already},
				{engine.Probe{Connection: "d", Now: at(2)}, refused}, {engine.Unprobe{Connection: "d"}, refused},
				{engine.Unprobe{Connection: "c"}, applied}, {engine.Unprobe{Connection: "c"}, already}, {drain("1", ""), refused},
			}, func(s engine.Session) bool { return s.State == engine.Open && s.Connection == "" }},
		"Drain until it is empty": {
			with(pollingRow, engine.Open), []step{
				{engine.Append{Parcel: parcelOf("0", 1)}, applied},
				{engine.Probe{Connection: "c", Now: now}, applied}, {drain("1", ""), applied}, {drain("1", ""), already},
				{drain("other", ""), refused}, {drain("other", "not this"), refused},
				{engine.Append{Parcel: parcelOf("a", 1)}, applied}, {drain("2", "1"), applied}, {drain("1", ""), refused},
				{drain("3", "2"), applied}, {drain("3", "2"), already}, {drain("2", "1"), refused}, {drain("4", "3"), refused},
			}, func(s engine.Session) bool { return s.State == engine.Moved && s.Expires.Equal(at(99)) }},
		"Drain of an empty outbox": {
			with(pollingRow, engine.Open), []step{
				{engine.Probe{Connection: "c", Now: now}, applied}, {drain("1", ""), applied}, {drain("1", ""), already},
				{drain("2", "1"), refused}, {engine.Append{Parcel: parcelOf("a", 1)}, refused},
			}, func(s engine.Session) bool { return s.State == engine.Moved && s.Expires.Equal(at(99)) }},
		"Drain by another connection": {
			with(pollingRow, engine.Open), []step{
				{engine.Probe{Connection: "d", Now: now}, applied}, {drain("1", ""), refused},
			}, func(s engine.Session) bool { return s.State == engine.Probing }},
		"Settle": {
			with(connectionRow, engine.Probing), []step{
				{engine.Settle{Entries: map[string][]byte{"/": []byte("e")}, Changes: map[string][]string{"/": {"1"}}, Kept: "k", Expires: at(50)}, applied},
				{engine.Settle{}, already}, {entry("", "e", "1"), already}, {engine.Keep{Op: "l", Before: "k"}, applied},
			}, func(s engine.Session) bool { return string(s.Entries["/"]) == "e" && s.Expires.Equal(at(50)) }},
		"Announce": {
			with(connectionRow, engine.Open), []step{
				{engine.Announce{Op: "a"}, applied}, {engine.Announce{Op: "a"}, already}, {engine.Announce{Op: "b"}, refused},
				{engine.Announce{Op: "b", Before: "a"}, applied}, {engine.Announce{Op: "a"}, refused},
				{engine.Greet{}, applied}, {engine.Greet{}, already}, {engine.Announce{Op: "c", Before: "b"}, refused},
			}, func(s engine.Session) bool { return s.Opened == "b" && s.Greeted }},
		"Doubt": {
			with(connectionRow, engine.Open), []step{
				{engine.Doubt{}, already}, {engine.Doubt{At: at(1)}, applied}, {engine.Doubt{At: at(1)}, already}, {engine.Doubt{At: at(2)}, applied},
				{engine.Doubt{At: at(4), Since: at(1)}, refused}, {engine.Doubt{At: at(4), Since: at(2)}, refused}, {engine.Doubt{At: at(4), Since: at(3)}, applied}, {engine.Doubt{At: at(4), Since: at(3)}, already}, {engine.Doubt{}, applied},
				{engine.Doubt{At: at(5), Since: at(3)}, applied}, {engine.Doubt{}, applied},
			}, func(s engine.Session) bool { return s.Doubted.IsZero() }},
		"SetEntry prolongs the row": {
			with(connectionRow, engine.Open), []step{
				{engine.SetEntry{Key: "/", New: []byte("a"), Ops: []string{"1"}, Expires: at(77)}, applied}, {entry("a", "b", "2", "1"), applied},
			}, func(s engine.Session) bool { return s.Expires.Equal(at(77)) }},
		"SetEntry": {
			with(connectionRow, engine.Open), []step{
				{entry("x", "y", "0"), refused}, {entry("", "a", "1"), applied}, {entry("", "a", "1"), already}, {entry("", "b", "2"), refused},
				{entry("a", "b", "3", "1"), applied}, {entry("", "a", "1"), already}, {entry("b", "", "4", "3", "1"), applied}, {entry("b", "c", "5"), refused},
				{entry("", "d", "6", "4", "3", "1"), applied}, {entry("a", "b", "3", "1"), already},
			}, func(s engine.Session) bool { return string(s.Entries["/"]) == "d" }},
		"Keep": {
			with(connectionRow, engine.Open), []step{
				{engine.Keep{Op: "a", Pending: [][]byte{{1}}}, applied}, {engine.Keep{Op: "a"}, already}, {engine.Keep{Op: "b"}, refused},
				{engine.Keep{Op: "b", Before: "a"}, applied}, {engine.Keep{Op: "a"}, refused},
			}, func(s engine.Session) bool { return len(s.Pending) == 0 && s.Kept == "b" }},
	} {
		t.Run(name, func(t *testing.T) {
			s := test.row
			for i, step := range test.steps {
				before := fmt.Sprintf("%+v", s)
				if got := step.t.Apply(&s); got != step.want {
					t.Fatalf("step %d, %+v: %v, want %v", i, step.t, got, step.want)
				}
				if after := fmt.Sprintf("%+v", s); step.want != applied && after != before {
					t.Errorf("step %d, %T, has changed the row:\n%s\nwas\n%s", i, step.t, after, before)
				}
			}
			if !test.check(s) {
				t.Errorf("in the end: %+v", s)
			}
		})
	}
}

func TestMemoryOfOperationsIsBounded(t *testing.T) {
	s := with(pollingRow, engine.Open)
	for i := range 3 * engine.MaxRecent {
		engine.Append{Parcel: parcelOf(fmt.Sprint(i), 1)}.Apply(&s)
		ops := append([]string{fmt.Sprint(i)}, s.Changes["/"]...)
		engine.SetEntry{Key: "/", Old: s.Entries["/"], New: []byte(fmt.Sprint(i)), Ops: ops}.Apply(&s)
	}
	engine.BeginPoll{Lease: engine.Lease{ID: "l", Until: at(1)}, Now: epoch}.Apply(&s)
	engine.EndPoll{ID: "l"}.Apply(&s)
	if len(s.Recent) != engine.MaxRecent || len(s.Changes["/"]) != engine.MaxRecent {
		t.Errorf("%d and %d, want %d", len(s.Recent), len(s.Changes["/"]), engine.MaxRecent)
	}
}

func TestShardsAreEven(t *testing.T) {
	var count [engine.Shards]int
	for i := range 8000 {
		count[engine.Shard(engine.Address(fmt.Sprint("w", i)))]++
	}
	for shard, n := range count {
		if even := 8000 / engine.Shards; n < even*8/10 || n > even*12/10 {
			t.Errorf("shard %d has %d of 8000", shard, n)
		}
	}
}
