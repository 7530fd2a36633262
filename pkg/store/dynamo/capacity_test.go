//go:build full

package dynamo_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/tests/kit/dynalite"
	"github.com/dozeio/doze/tests/kit/meter"
)

// line is one operation in the table that TestCapacity prints.
type line struct {
	operation             string
	reads, writes         float64
	mostReads, mostWrites float64
}

// What each operation of the bill consumes, as far as the store decides it: the calls that the engine and the handler
// make for it, one after the other.
func TestCapacity(t *testing.T) {
	m := &meter.Meter{}
	store := dynamo.New(dynalite.Client(*endpoint, m.Options), table, nil)
	ctx := t.Context()
	now := time.Now().Truncate(time.Millisecond)
	expires := now.Add(12 * time.Hour)
	handshake, h := handshakeOf(t)
	entry := func(id, version string) []byte {
		return []byte("c" + id + version + `{"name":"Grace Hopper","color":"#aabbcc"}`)
	}
	namespaces := []string{"/", "/chat"}
	room := "0b0d4a4e-2f0e-4a53-9a3e-8d1f5f1d6a77"
	socket := "Zm9vYmFyYmF6cXV4cXV1"
	connection := engine.Address("wL0SM9cOFvHcCIhw=")
	sid := "q83vEjRWeJCrze8SNFZ4kKvN"
	ops := 0
	op := func() string { ops++; return fmt.Sprintf("AAAA%08d", ops) }
	must := func(ok bool, err error) {
		t.Helper()
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
	}
	update := func(a engine.Address, transition engine.Transition) engine.Session {
		t.Helper()
		row, ok, err := store.Update(ctx, a, transition)
		must(ok, err)
		return row
	}
	get := func(a engine.Address) {
		t.Helper()
		_, err := store.Get(ctx, a, true)
		must(true, err)
	}
	timer := func(shard int) { _, err := store.Timer(ctx, shard, false); must(true, err) }
	var lines []line
	bill := func(operation string, mostReads, mostWrites float64, f func()) {
		t.Helper()
		m.Take()
		f()
		reads, writes := m.Take().Sum()
		lines = append(lines, line{operation, reads, writes, mostReads, mostWrites})
	}
	create := func(a engine.Address, sid string) {
		s := engine.Session{Address: a, SID: sid, State: engine.Open, Created: now, Ponged: now, Expires: expires}
		must(true, store.Create(ctx, s, handshake, &engine.Live{Address: a, Created: now, Last: now, Expires: expires}))
		timer(engine.Shard(a))
	}
	entries := map[engine.Address]map[string][]string{}
	join := func(a engine.Address, namespace, socket string) {
		t.Helper()
		row, err := store.Get(ctx, a, true)
		must(true, err)
		_, err = store.Handshake(ctx, row)
		must(true, err)
		_, err = store.Join(ctx, namespace, rooms.Member{Socket: socket, Address: string(a), Expires: expires}, "")
		must(true, err)
		one := op()
		update(a, engine.SetEntry{Key: namespace, New: entry(socket, "000000"), Ops: []string{one}})
		if entries[a] == nil {
			entries[a] = map[string][]string{}
		}
		entries[a][namespace] = []string{one}
		must(true, store.Touch(ctx, a, time.Time{}, true))
	}
	polling := engine.Address("p" + sid)
	member := rooms.Member{Socket: socket, Address: string(connection), Expires: expires}

	bill("polling handshake", 0.5, 2+h, func() { create(polling, sid) })
	bill("WebSocket-only connect, incl. open packet", 0.5, 3+h, func() {
		create(connection, "MmNoaWxkcmVuYXJlcGxheWlu")
		update(connection, engine.Greet{})
	})
	bill("namespace CONNECT (0.5 less without its handshake)", 1.5, 3, func() { join(connection, "/", socket) })
	bill("event in", 1, 0, func() { get(connection) })
	change := func(namespace string, version int) {
		changes := entries[connection][namespace]
		next := append([]string{op()}, changes...)
		update(connection, engine.SetEntry{Key: namespace, Old: entry(socket, fmt.Sprintf("%06d", version)), New: entry(socket, fmt.Sprintf("%06d", version+1)), Ops: next})
		entries[connection][namespace] = next
	}
	bill("change of per-socket data", 0, 1, func() { change("/", 0) })
	join(connection, "/chat", socket)
	for version := range 40 {
		change("/", version+1)
		change("/chat", version)
	}
	bill("change of per-socket data, 2 namespaces, the 41st", 0, 1, func() { change("/chat", 40) })
	must(true, store.Leave(ctx, "/chat", socket, ""))
	bill("join one room", 0, 2, func() { _, err := store.Join(ctx, "/", member, room); must(true, err) })
	bill("join one room, where it is", 1, 2, func() { _, err := store.Join(ctx, "/", member, room); must(true, err) })
	many := rooms.Member{Socket: "MmNoaWxkcmVuYXJlcGxh", Address: string(connection), Expires: expires}
	bill("join 160 rooms, one by one (counted now and then)", 160*0.1, 320, func() {
		counted := 0
		for i := range 160 {
			n, err := store.Join(ctx, "/", many, fmt.Sprintf("0b0d4a4e-2f0e-4a53-9a3e-8d1f5f1d%04d", i))
			must(true, err)
			if n > 0 {
				counted++
			}
		}
		must(counted == 10, nil)
	})
	must(true, store.Leave(ctx, "/", many.Socket, ""))
	must(true, store.Leave(ctx, "/", many.Socket))
	bill("leave one room", 1, 2, func() { must(true, store.Leave(ctx, "/", socket, room)) })
	bill("emit to a polling member (1 KiB of outbox)", 0, 2, func() {
		update(polling, engine.Append{Parcel: engine.Parcel{Op: op(), Packets: [][]byte{make([]byte, 1<<10)}}})
	})
	poll := func() {
		id := op()
		update(polling, engine.BeginPoll{Lease: engine.Lease{ID: id, Until: now.Add(25 * time.Second)}, Now: now})
		update(polling, engine.EndPoll{ID: id})
	}
	poll() // takes what waits
	poll() // drops it
	bill("emit of 16 KiB to a polling member", 1, 17+1, func() {
		update(polling, engine.Append{Parcel: engine.Parcel{Op: op(), Packets: [][]byte{make([]byte, 16<<10)}}})
	})
	bill("poll that takes it", 5, 2, poll)
	poll()
	bill("32 emits of 512 bytes to a polling member, one by one", 8, 100, func() {
		for range 32 {
			update(polling, engine.Append{Parcel: engine.Parcel{Op: op(), Packets: [][]byte{make([]byte, 512)}}})
		}
	})
	bill("poll that takes them", 8, 2, poll)
	poll()
	bill("waiting poll of 20 s, nothing arrives", 50, 2, func() {
		id := op()
		update(polling, engine.BeginPoll{Lease: engine.Lease{ID: id, Until: now.Add(25 * time.Second)}, Now: now})
		for range 20 + 19*4 { // every 50 ms for a second, then every 250
			_, err := store.Get(ctx, polling, false)
			must(true, err)
		}
		update(polling, engine.EndPoll{ID: id})
	})
	bill("pong of a connection", 0, 1, func() { must(true, store.Touch(ctx, connection, now, false)) })
	bill("pong of a polling session", 0, 1, func() { update(polling, engine.Pong{At: now.Add(time.Second)}) })

	join(polling, "/", "AAAAAAAAAAAAAAAAAAAA")
	join(polling, "/chat", "BBBBBBBBBBBBBBBBBBBB")
	for _, n := range namespaces {
		_, err := store.Join(ctx, n, rooms.Member{Socket: map[string]string{"/": "AAAAAAAAAAAAAAAAAAAA", "/chat": "BBBBBBBBBBBBBBBBBBBB"}[n], Address: string(polling), Expires: expires}, room)
		must(true, err)
	}
	target := engine.Address("wUpgradedOFvHcCIhw=")
	bill("upgrade, all steps, 2 namespaces, 2 rooms", 3, 6+2+2, func() {
		row := update(polling, engine.Probe{Connection: string(target[1:]), Now: now})
		must(true, store.Create(ctx, engine.Session{Address: target, SID: sid, State: engine.Probing, Created: now, ProbedAt: now, Expires: expires,
			HandshakeKey: row.HandshakeKey}, nil, nil))
		_, err := store.Get(ctx, target, false)
		must(true, err)
		s := update(polling, engine.Drain{Connection: string(target[1:]), Step: op(), Now: now, Expires: expires})
		must(true, store.PutLive(ctx, engine.Live{Address: target, Created: now, Last: now, Joined: true, Expires: expires}))
		update(target, engine.Settle{Entries: s.Entries, Changes: s.Changes, Expires: expires})
		timer(engine.Shard(target))
		must(true, store.Move(ctx, "/", "AAAAAAAAAAAAAAAAAAAA", string(target)))
		must(true, store.Move(ctx, "/chat", "BBBBBBBBBBBBBBBBBBBB", string(target)))
		must(true, store.Forget(ctx, polling, ""))
	})
	farewell := func(a engine.Address, sockets map[string]string) {
		update(a, engine.Close{Op: op(), Reason: engine.TransportClose, Told: true, Expires: expires})
		for namespace, socket := range sockets {
			must(true, store.Leave(ctx, namespace, socket))
			must(true, store.Leave(ctx, namespace, socket, ""))
		}
		must(true, store.Forget(ctx, a, ""))
	}
	bill("disconnect, 2 namespaces, 1 room each", 2, 2+2+2*2, func() {
		farewell(target, map[string]string{"/": "AAAAAAAAAAAAAAAAAAAA", "/chat": "BBBBBBBBBBBBBBBBBBBB"})
	})
	for i := range 400 {
		_, err := store.Join(ctx, "/", rooms.Member{Socket: fmt.Sprintf("%020d", i), Address: string(connection), Expires: expires}, "", room)
		must(true, err)
	}
	members := func(room string) int {
		n := 0
		for cursor := ""; ; {
			page, next, err := store.Members(ctx, "/", room, cursor)
			must(true, err)
			n += len(page)
			if cursor = next; next == "" {
				return n
			}
		}
	}
	bill("emit to a room of 400", 10, 0, func() { must(members(room) == 400, nil) })
	bill("emit to everyone, 401", 10, 0, func() { must(members("") >= 401, nil) })
	bill("emit to a room that nobody is in", 1, 0, func() { members("nobody") })
	bill("emit to a socket by its id (1 for the room, 1 for the socket)", 2, 0, func() { must(members(socket) == 1, nil) })
	bill("rooms of a namespace with 400 memberships", 16+10, 0, func() { _, err := store.Counts(ctx, "/"); must(true, err) })
	shard := engine.Shard(connection)
	for i := range 80 {
		for a, n := engine.Address(""), 0; ; n++ {
			if a = engine.Address(fmt.Sprintf("wL0SM%05d%05dA=", i, n)); engine.Shard(a) == shard {
				must(true, store.PutLive(ctx, engine.Live{Address: a, Created: now, Last: now, Joined: true, Expires: expires}))
				break
			}
		}
	}
	bill("sweep of a shard of 80 (timer read and set)", 1+math.Ceil(81.0/40), 1, func() {
		before, err := store.Timer(ctx, shard, true)
		must(true, err)
		must(store.SetTimer(ctx, shard, before.Generation, engine.Timer{Generation: before.Generation + 1, Due: now, By: op()}))
		_, err = store.Lives(ctx, shard)
		must(true, err)
	})
	after, _ := store.Timer(ctx, shard, true)
	must(store.SetTimer(ctx, shard, after.Generation, engine.Timer{}))

	var b strings.Builder
	fmt.Fprintf(&b, "a handshake of %.2f KiB\n%-80s %8s %8s   ceiling\n", h, "", "RRU", "WRU")
	for _, l := range lines {
		fmt.Fprintf(&b, "%-80s %8.1f %8.1f   %.1f %.1f\n", l.operation, l.reads, l.writes, l.mostReads, l.mostWrites)
		if l.reads > l.mostReads || l.writes > l.mostWrites {
			t.Errorf("%s: %.1f RRU and %.1f WRU, the ceiling is %.1f and %.1f", l.operation, l.reads, l.writes, l.mostReads, l.mostWrites)
		}
	}
	t.Log(b.String())
}

// handshakeOf a browser: 2 KiB of headers and a little more, as engine encodes them.
func handshakeOf(t *testing.T) (encoded []byte, size float64) {
	t.Helper()
	header := http.Header{}
	for line := range slices.Chunk(meter.Browser("https://chat.example.com", 2048), 2) {
		header.Set(line[0], line[1])
	}
	encoded, err := json.Marshal(engine.Handshake{Header: header, Query: url.Values{"EIO": {"4"}, "transport": {"polling"}, "t": {"PKq3vXa"}},
		Address: "203.0.113.195", Time: time.Now().UTC(), Secure: true, XDomain: true, URL: "/socket.io/?EIO=4&transport=polling&t=PKq3vXa"})
	if err != nil {
		t.Fatal(err)
	}
	return encoded, float64(len(encoded)) / 1024
}
