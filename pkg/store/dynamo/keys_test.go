package dynamo

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/dozeio/doze/pkg/engine"
)

var anyNames = []string{"a", "#", "%", "%23", "a#b", "a#", "#a", "a%", "%2", "\xff", "\xff#\xfe", "\uFFFD", "\xed\xa0\xbd", "\xed\xa0\xbe", "é\n\x00", "🎲", "K#x", strings.Repeat("#", 256)}

func TestTextKeepsEveryByte(t *testing.T) {
	for _, s := range append(anyNames, "") {
		got := text(s)
		if untext(got) != s || !utf8.ValidString(got) || strings.Contains(got, "#") {
			t.Errorf("%q became %q became %q", s, got, untext(got))
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range anyNames {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := text(s); untext(got) != s || !utf8.ValidString(got) || strings.Contains(got, "#") {
			t.Errorf("%q became %q became %q", s, got, untext(got))
		}
	})
}

// No two rows have one key, whatever their names are, and no room's rows are found with another's prefix.
func TestKeysDoNotCollide(t *testing.T) {
	seen := map[key]string{}
	add := func(k key, what ...string) {
		t.Helper()
		name := strings.Join(what, "\x01")
		if other, ok := seen[k]; ok && other != name {
			t.Errorf("%q and %q have the key %q", other, name, k)
		}
		seen[k] = name
		if len(k.partition) > 2048 || len(k.sort) > 1024 {
			t.Errorf("%q: a key is too long: %d, %d", what, len(k.partition), len(k.sort))
		}
	}
	names := append([]string{"", "/", "/a", "/#"}, anyNames...)
	for _, n := range names {
		add(sessionKey(engine.Address(n)), "session", n)
		add(handshakeKey(n), "handshake", n)
		add(spilledKey(engine.Address(n), "hash"), "spilled", n)
		add(liveKey(engine.Address(n)), "live", n)
		for _, id := range []int64{0, 1, 36, 1<<53 - 1} {
			for _, part := range []int{0, 1, 11} {
				add(questionKey(id, part), "question", fmt.Sprint(id), fmt.Sprint(part))
				add(endKey(id, part, n), "end", fmt.Sprint(id), fmt.Sprint(part), n)
			}
		}
		for _, socket := range names {
			if len(socket) > 20 {
				continue
			}
			add(everyoneKey(n, socket), "everyone", n, socket)
			for _, room := range names {
				add(listKey(n, socket, room), "list", n, socket, room)
				add(roomKey(n, room, socket), "room", n, room, socket)
			}
		}
	}
	for _, room := range anyNames {
		for _, other := range anyNames {
			if k := roomKey("/", other, "a"); room != other && strings.HasPrefix(k.sort, roomPrefix(room)) && k.partition == roomPartition("/", partitionOf(room)) {
				t.Errorf("a query of room %q finds %q", room, other)
			}
		}
	}
	for shard := range engine.Shards {
		add(timerKey(shard), "timer", livePartition(shard))
	}
}

func TestParcelsKeepEveryByte(t *testing.T) {
	for _, p := range []engine.Parcel{
		{Op: "abcdefghijkl", Packets: [][]byte{[]byte("4hello"), {}, []byte("b\x00\xff")}},
		{Op: "short", Packets: [][]byte{make([]byte, 70_000)}},
		{Op: "AAAAAAA_-_-B", Packets: nil},
		{Op: "AAAAAAAAAAA=", Packets: [][]byte{{1}}},
		{},
	} {
		b := bytesOf(parcelValue(p))
		got, err := parcelOf(b)
		if err != nil || got.Op != p.Op || !slices.EqualFunc(got.Packets, p.Packets, slices.Equal[[]byte]) {
			t.Errorf("%q became %q: %v", p, got, err)
		}
		if p.Op == "abcdefghijkl" && len(b) != 1+9+1+6+1+1+3 {
			t.Errorf("an operation of 12 characters takes %d bytes", len(b))
		}
	}
	for _, broken := range []string{"", "\xff", "\x05", "\x02a\x05b"} {
		if p, err := parcelOf([]byte(broken)); err == nil {
			t.Errorf("%q is %q", broken, p)
		}
	}
}

// A reference is no parcel, counts what it stands for, and is an error when it cannot be right.
func TestReferencesCountWhatTheyStandFor(t *testing.T) {
	for _, r := range []reference{
		{parcels: 1, packets: 1, bytes: 100_000},
		{hash: [16]byte{0xff, 15: 1}, parcels: 900, packets: 1200, bytes: 2400},
		{parcels: 2},
		{parcels: 3, packets: 2},
	} {
		got, ok, err := referenceOf(r.value())
		if err != nil || !ok || got != r {
			t.Errorf("%+v became %+v: %t %v", r, got, ok, err)
		}
		blanks, err := parcelsOf(listValue(r.value()))
		packets, length, counts := 0, 0, r.parcels*(engine.Parcel{}).Size()+r.packets*(engine.Parcel{Packets: [][]byte{nil}}.Size()-engine.Parcel{}.Size())+r.bytes
		for _, p := range blanks {
			packets += len(p.Packets)
			for _, packet := range p.Packets {
				length += len(packet)
			}
		}
		if err != nil || len(blanks) != r.parcels || packets != r.packets || length != r.bytes || size(blanks) != int64(counts) {
			t.Errorf("%+v: %d parcels with %d packets of %d bytes: %v", r, len(blanks), packets, length, err)
		}
		if p, err := parcelOf(bytesOf(r.value())); err == nil {
			t.Errorf("who knows no references takes one for the parcel %q", p)
		}
	}
	if _, ok, err := referenceOf(parcelValue(engine.Parcel{Op: "x"})); ok || err != nil {
		t.Errorf("a parcel is a reference: %v", err)
	}
	hash := strings.Repeat("h", 16)
	for _, broken := range []string{"", "short", hash, hash + "\x01\x01", hash + "\x00\x00\x00", hash + "\x01\x00\x01", hash + "\x01\x01\x01\x01",
		hash + "\x01\x01\xff\xff\xff\x7f", hash + "\xff\xff\xff\x7f\x01\x01"} {
		if _, err := parcelsOf(listValue(listValue(bytesValue([]byte(broken))))); err == nil {
			t.Errorf("%q is a reference", broken)
		}
	}
}

// Every transition has an expression, and every value of it is used: DynamoDB refuses others.
func TestEveryTransitionHasAnExpression(t *testing.T) {
	full := engine.Session{State: engine.Closed, Outbox: []engine.Parcel{{Op: "x"}}}
	for _, transition := range []engine.Transition{engine.Announce{}, engine.Announce{Before: "x"}, engine.Greet{}, engine.Doubt{}, engine.Doubt{At: time.Unix(1, 0)}, engine.Count{Op: "x", Messages: 1, Now: time.Unix(99, 0), Over: time.Second}, engine.SetEntry{Ops: []string{"x"}}, engine.Keep{}, engine.Close{}, engine.Finish{}, engine.Finish{Before: "x"}, engine.Append{},
		engine.BeginPoll{}, engine.EndPoll{}, engine.Tell{}, engine.Pong{}, engine.Probe{}, engine.Unprobe{}, engine.Drain{}, engine.Drain{After: "x"}, engine.Settle{},
		engine.SetEntry{Ops: []string{"x"}, Expires: time.Unix(1, 0)}} {
		for _, seen := range []*engine.Session{nil, &full} {
			c, err := changeOf(transition, "px", seen)
			if err != nil {
				t.Error(err)
				continue
			}
			all := c.update() + " " + c.condition() + " "
			for name := range c.values {
				if !regexp.MustCompile(name + `\b`).MatchString(all) {
					t.Errorf("%T: %s is not used in %s", transition, name, all)
				}
			}
			if len(all) > 4096 {
				t.Errorf("%T: %d bytes of expressions", transition, len(all))
			}
		}
	}
	if _, err := changeOf(unknownTransition{}, "px", nil); err == nil {
		t.Error("an unknown transition has an expression")
	}
}

type unknownTransition struct{}

func (unknownTransition) Apply(*engine.Session) engine.Outcome { return engine.Applied }
