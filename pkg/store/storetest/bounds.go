package storetest

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// What one row may hold: the last thing that fits, and the first that does not.
var bounds = []struct {
	name string
	run  func(t *testing.T, s *sessions)
}{
	{"Append fills an outbox to MaxOutbox", appendToBound},
	{"what an outbox is filled with is what is taken from it", fillAndTake},
	{"SetEntry fills the entries to MaxEntries", entriesToBound},
	{"Keep keeps what fits", keepToBound},
	{"a row that holds all it may goes through its whole life", fullLife},
}

// filling is a parcel that counts n.
func filling(op string, n int) engine.Parcel {
	p := engine.Parcel{Op: op, Packets: [][]byte{nil}}
	p.Packets[0] = bytes.Repeat([]byte("4"), n-p.Size())
	return p
}

func appendToBound(t *testing.T, s *sessions) {
	row := s.made(s.polling())
	if got, ok := s.update(row.Address, engine.Append{Parcel: filling("over", engine.MaxOutbox+1)}); ok || len(got.Outbox) > 0 {
		t.Errorf("a parcel of more than all: %t", ok)
	}
	if _, ok := s.update(row.Address, engine.Append{Parcel: filling("a", engine.MaxOutbox-300)}); !ok {
		t.Error("a large parcel is refused")
	}
	if _, ok := s.update(row.Address, engine.Append{Parcel: filling("b", 301)}); ok {
		t.Error("a parcel beyond the bound is taken")
	}
	if got, ok := s.update(row.Address, engine.Append{Parcel: filling("c", 300)}); !ok || len(got.Outbox) != 2 {
		t.Errorf("a parcel that fits: %t", ok)
	}
}

// packetsOf are the packets of the parcels of an outbox, by their length: few long ones and many short ones, and what
// is in between.
var packetsOf = [][]int{{2}, {200}, {900, 900}, {1900}, {2500}, {60 << 10}, {2, 3 << 10, 700, 2, 40 << 10, 1500, 2, 2}}

func fillAndTake(t *testing.T, s *sessions) {
	now := s.clock.Now()
	for i, lengths := range packetsOf {
		row := s.made(s.polling())
		s.update(row.Address, engine.Probe{Connection: "c", Now: now})
		lease := engine.Lease{ID: "lease", Until: now.Add(time.Minute)}
		s.update(row.Address, engine.BeginPoll{Lease: lease, Now: now})
		var want []engine.Parcel
		counts := 0
		for n := 0; ; n++ {
			packet := bytes.Repeat([]byte("4"), lengths[n%len(lengths)])
			p := engine.Parcel{Op: fmt.Sprintf("AAAA%08d", n), Packets: [][]byte{packet, []byte(fmt.Sprint(n))}}
			got, ok := s.update(row.Address, engine.Append{Parcel: p})
			if fits := counts+p.Size() <= engine.MaxOutbox; ok != fits {
				t.Fatalf("packets of %d: parcel %d: %t", lengths, n, ok)
			}
			if len(got.Outbox) != len(want) && !ok {
				t.Fatalf("packets of %d: parcel %d was refused, and there are %d", lengths, n, len(got.Outbox))
			}
			if !ok {
				break
			}
			want, counts = append(want, p), counts+p.Size()
		}
		if got, ok := s.update(row.Address, engine.Append{Parcel: want[len(want)-1]}); !ok || len(got.Outbox) != len(want) {
			t.Errorf("packets of %d: a retry came twice", lengths)
		}
		got, counted := s.get(row.Address), 0
		for _, p := range got.Outbox {
			counted += p.Size()
		}
		if len(got.Outbox) != len(want) || counted != counts {
			t.Errorf("packets of %d: Get has %d parcels that count %d, instead of %d and %d", lengths, len(got.Outbox), counted, len(want), counts)
		}
		take := []engine.Transition{
			engine.EndPoll{ID: lease.ID},
			engine.Drain{Connection: "c", Step: "step", Now: now, Expires: row.Expires},
			engine.Tell{ID: "teller"},
		}[i%3]
		if _, ok := take.(engine.Tell); ok {
			s.update(row.Address, engine.Close{Op: "closer", Reason: engine.PingTimeout, Expires: now.Add(5 * time.Minute)})
		}
		for again := range 2 {
			got, ok := s.update(row.Address, take)
			if !ok || !reflect.DeepEqual(got.Taken.Parcels, want) {
				t.Errorf("packets of %d, %T, time %d: %t, %d parcels are not the %d that were appended", lengths, take, again, ok, len(got.Taken.Parcels), len(want))
			}
		}
	}
}

// filled makes an entry of a key for which all entries count n, after others.
func filled(key string, n int, others map[string][]byte) []byte {
	none := engine.EntriesSize(map[string][]byte{key: {}})
	return bytes.Repeat([]byte("c"), n-none-engine.EntriesSize(others))
}

func entriesToBound(t *testing.T, s *sessions) {
	for _, row := range []engine.Session{s.made(s.polling()), s.made(s.connection())} {
		set := func(key string, old, new []byte) (engine.Session, bool) {
			return s.update(row.Address, engine.SetEntry{Key: key, Old: old, New: new, Ops: []string{s.id()}})
		}
		if got, ok := set("/", nil, filled("/", engine.MaxEntries+100, nil)); ok || len(got.Entries) > 0 {
			t.Errorf("an entry of more than all: %t", ok)
		}
		a := filled("/a", engine.MaxEntries/2, nil)
		set("/a", nil, a)
		others := map[string][]byte{"/a": a}
		b := filled("/b", engine.MaxEntries, others)
		if _, ok := set("/b", nil, append(bytes.Clone(b), make([]byte, 100)...)); ok {
			t.Error("an entry beyond the bound is taken")
		}
		if got, ok := set("/b", nil, b); !ok || engine.EntriesSize(got.Entries) != engine.MaxEntries {
			t.Fatalf("an entry that fits: %t", ok)
		}
		if _, ok := set("/c", nil, []byte{}); ok {
			t.Error("one more entry is taken")
		}
		last := append(bytes.Clone(b), "leaving."...)
		if _, ok := set("/b", b, last); !ok {
			t.Error("a full session cannot mark what leaves")
		}
		if _, ok := set("/b", last, append(bytes.Clone(b), make([]byte, 40)...)); ok {
			t.Error("a full session grows")
		}
		if _, ok := set("/b", last, b[:10]); !ok {
			t.Error("a full session cannot shrink")
		}
		if _, ok := set("/b", b[:10], b); !ok {
			t.Error("there is no room after it has shrunk")
		}
		if _, ok := set("/b", b, nil); !ok {
			t.Error("a full session cannot lose an entry")
		}
		if got, ok := set("/c", nil, b); !ok || engine.EntriesSize(got.Entries) != engine.MaxEntries {
			t.Error("there is no room after an entry was removed")
		}
	}
}

func keepToBound(t *testing.T, s *sessions) {
	for _, test := range []struct {
		row  engine.Session
		most int
	}{{s.polling(), engine.MaxPending}, {s.connection(), engine.MaxOutbox}} {
		row := s.made(test.row)
		if got, ok := s.update(row.Address, engine.Keep{Op: "a", Pending: [][]byte{make([]byte, test.most)}}); ok || len(got.Pending) > 0 {
			t.Errorf("%d bytes and more are kept", test.most)
		}
		if got, ok := s.update(row.Address, engine.Keep{Op: "b", Pending: [][]byte{make([]byte, test.most-3)}}); !ok || len(got.Pending) != 1 {
			t.Errorf("%d bytes are refused", test.most-3)
		}
	}
}

// full is a session that holds all it may: parcels of n bytes, and what they and the entries leave behind.
func full(s *sessions, n int) engine.Session {
	row := s.polling()
	row.Entries, row.Changes = map[string][]byte{}, map[string][]string{}
	for i := range 32 {
		key := fmt.Sprintf("/namespace-%02d", i)
		row.Entries[key] = filled(key, (i+1)*engine.MaxEntries/32, row.Entries)
		for range engine.MaxRecent {
			row.Changes[key] = append(row.Changes[key], "AAAAAAAAAAAA")
		}
	}
	row.Pending, row.Kept = [][]byte{make([]byte, engine.MaxPending-3)}, "AAAAAAAAAAAA"
	row.Connection, row.ProbedAt = "connection-id-1=", row.Created
	row.HandshakeKey = make([]byte, 16)
	left := engine.MaxOutbox
	for i := 0; left >= 2*n; i++ {
		row.Outbox = append(row.Outbox, filling(fmt.Sprintf("%012d", i), n))
		left -= n
	}
	row.Outbox = append(row.Outbox, filling("last", left))
	for i := range 2990 {
		row.Recent = append(row.Recent, fmt.Sprintf("%012d", 5000-i))
	}
	return row
}

func fullLife(t *testing.T, s *sessions) {
	now := s.clock.Now()
	for _, n := range []int{289, engine.MaxOutbox} {
		for _, end := range []string{"drained", "closed", "told"} {
			row := s.made(full(s, n))
			step := func(transition engine.Transition) {
				t.Helper()
				if _, ok := s.update(row.Address, transition); !ok {
					t.Errorf("parcels of %d, %s: %T is refused", n, end, transition)
				}
			}
			if _, ok := s.update(row.Address, engine.Append{Parcel: filling("more", 290)}); ok {
				t.Errorf("parcels of %d: one more is taken", n)
			}
			step(engine.Pong{At: now.Add(time.Second)})
			step(engine.Probe{Connection: "another-connection-id-of-36-bytes==", Now: now})
			step(engine.BeginPoll{Lease: engine.Lease{ID: "BBBBBBBBBBBB", Until: now}, Now: now})
			switch end {
			case "drained":
				step(engine.Drain{Connection: "another-connection-id-of-36-bytes==", Step: "CCCCCCCCCCCC", Now: now, Expires: now.Add(time.Minute)})
				step(engine.Drain{Connection: "another-connection-id-of-36-bytes==", Step: "DDDDDDDDDDDD", After: "CCCCCCCCCCCC", Seal: true, Now: now, Expires: now.Add(time.Minute)})
			case "closed":
				step(engine.EndPoll{ID: "BBBBBBBBBBBB", Pinged: now})
				step(engine.Close{Op: "CCCCCCCCCCCC", Reason: engine.TransportError, Told: true, Expires: now.Add(time.Minute)})
			case "told":
				step(engine.Close{Op: "CCCCCCCCCCCC", Reason: engine.PingTimeout, Expires: now.Add(time.Minute)})
				step(engine.Tell{ID: "DDDDDDDDDDDD"})
				step(engine.Tell{ID: "EEEEEEEEEEEE"})
			}
		}
	}
}
