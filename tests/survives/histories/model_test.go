//go:build full

package histories

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// history is one history: what its clients did, and what they saw. Times are ticks of its own.
type history struct {
	run   *run
	seed  uint64
	clock atomic.Int64

	mu         sync.Mutex
	clients    []*client
	sockets    []*socket
	emits      []*emit // by id
	violations []string
}

// tick is a time later than all before.
func (h *history) tick() int64 { return h.clock.Add(1) }

func (h *history) violation(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.violations = append(h.violations, fmt.Sprintf(format, args...))
}

// socket is one client in one namespace.
type socket struct {
	client    *client
	namespace string
	before    *socket // that the client had in this namespace until it left
	id        string  // "" until the server has said it; guarded by the client's mutex, as what follows
	connected int64   // when the server said so
	left      bool
	rooms     map[string][]*operation
	received  []receipt
	heard     int64 // when it asked for the last answer that it got: what was emitted before that has come
}

// operation is a join or a leave. Acked is zero when nobody knows whether it has been done.
type operation struct {
	join        bool
	sent, acked int64
}

// emit is what one call said to one room. Acked is zero when it may have been done in part.
type emit struct {
	namespace, room string
	count           int
	sent, acked     int64
}

// receipt is one event that came.
type receipt struct {
	emit, index int
	at          int64
}

// promised reports whether a socket is to get an emit: it was in the room from before to after, the emit has been
// acked, and the socket has had a later answer.
func (s *socket) promised(e *emit) bool {
	if e.acked == 0 || e.namespace != s.namespace || e.acked >= s.heard {
		return false
	}
	in := false
	for _, o := range s.rooms[e.room] {
		switch {
		case o.join && o.acked != 0 && o.acked < e.sent:
			in = true
		case !o.join && o.sent < e.acked:
			in = false
		}
	}
	return in
}

// possible reports whether a socket may have got an emit at a time: it had begun to join, and had not left before the
// emit.
func (s *socket) possible(e *emit, at int64) bool {
	if e.namespace != s.namespace {
		return false
	}
	in := false
	for _, o := range s.rooms[e.room] {
		switch {
		case o.join && o.sent < at:
			in = true
		case !o.join && o.acked != 0 && o.acked < e.sent:
			in = false
		}
	}
	return in
}

// inherited reports whether what a socket has got may have been on its way to an earlier one: emitted before the server
// let this one in, by when the other was in no room any more. A client has one line for both.
func (s *socket) inherited(e *emit, at int64) bool {
	for ; s.before != nil; s = s.before {
		if (s.connected == 0 || e.sent < s.connected) && s.before.possible(e, at) {
			return true
		}
	}
	return false
}

// member reports whether a socket is in a room at the end, and whether that is known.
func (s *socket) member(room string) (in, known bool) {
	known = true
	for _, o := range s.rooms[room] {
		in, known = o.join, known && o.acked != 0
	}
	return in, known
}

// check compares what came with what was promised, and returns how many events were promised.
func (h *history) check() (promised int) {
	h.mu.Lock()
	sockets, emits := h.sockets, h.emits
	h.mu.Unlock()
	for _, s := range sockets {
		s.client.mu.Lock()
		got := make([]map[int]bool, len(emits))
		first, last := map[int]int64{}, map[int]int{}
		for _, r := range s.received {
			e := emits[r.emit]
			if got[r.emit] == nil {
				got[r.emit], first[r.emit] = map[int]bool{}, r.at
			}
			switch {
			case got[r.emit][r.index]:
				h.violation("%s got event %d of emit %d twice", s.name(), r.index, r.emit)
			case r.index >= e.count:
				h.violation("%s got event %d of emit %d, which has only %d", s.name(), r.index, r.emit, e.count)
			case r.index < last[r.emit]:
				h.violation("%s got event %d of emit %d after the one after it", s.name(), r.index, r.emit)
			case !s.possible(e, r.at) && !s.inherited(e, r.at):
				h.violation("%s got emit %d to %s %q, sent at %d and acked at %d, where it is not: %s", s.name(), r.emit, e.namespace, e.room, e.sent, e.acked, s.life(e.room))
			}
			got[r.emit][r.index], last[r.emit] = true, r.index
		}
		for i, e := range emits {
			if s.promised(e) {
				promised += e.count
				if len(got[i]) != e.count {
					h.violation("%s got %d of the %d events of emit %d, sent at %d and acked at %d, to %q: %s", s.name(), len(got[i]), e.count, i, e.sent, e.acked, e.room, s.life(e.room))
				}
			}
			for j, later := range emits[i+1:] {
				a, b := first[i], first[i+1+j]
				if a != 0 && b != 0 && (e.acked != 0 && e.acked < later.sent && b < a || later.acked != 0 && later.acked < e.sent && a < b) {
					h.violation("%s got emits %d and %d in the other order", s.name(), i, i+1+j)
				}
			}
		}
		s.client.mu.Unlock()
	}
	return promised
}

func (s *socket) name() string { return fmt.Sprintf("%s in %s", s.client.name, s.namespace) }

// life says what became of a socket in a room.
func (s *socket) life(room string) string {
	text := ""
	for _, o := range s.rooms[room] {
		text += fmt.Sprintf("join=%t %d-%d, ", o.join, o.sent, o.acked)
	}
	return fmt.Sprintf("%sheard %d, dead %q, sid %s, socket %s", text, s.heard, s.client.dead, s.client.sid, s.id)
}
