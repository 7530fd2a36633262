//go:build full

package histories

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// clients are in a history at a time, steps are what each does, at most.
const (
	clients = 3
	steps   = 7
)

// play runs a history: its clients act at the same time, each by a script drawn from the seed.
func (r *run) play(seed uint64) *history {
	h := &history{run: r, seed: seed}
	var all sync.WaitGroup
	for i := range clients {
		random := rand.New(rand.NewPCG(seed, uint64(i)+1))
		all.Go(func() { h.script(fmt.Sprintf("client %d of history %d", i, seed), random) })
	}
	all.Wait()
	return h
}

// rooms of a history, which no other has.
func (h *history) room(random *rand.Rand) string {
	return fmt.Sprintf("room-%d-%c", h.seed, 'a'+rune(random.IntN(2)))
}

func (h *history) script(name string, random *rand.Rand) {
	slow := random.IntN(5) == 0
	c := h.newClient(name, random.IntN(2) == 0, slow)
	if c == nil {
		return
	}
	h.mu.Lock()
	h.clients = append(h.clients, c)
	h.mu.Unlock()
	namespaces := []string{"/"}
	if !c.connect("/") {
		return
	}
	if random.IntN(3) == 0 {
		if !c.connect("/h") {
			return
		}
		namespaces = append(namespaces, "/h")
	}
	h.join(c, "/", h.room(random))
	upgraded := c.line != nil
	for range 2 + random.IntN(steps) {
		if !c.alive() {
			break
		}
		namespace := namespaces[random.IntN(len(namespaces))]
		switch n := random.IntN(20); {
		case n < 5:
			h.join(c, namespace, h.room(random))
		case n < 8:
			h.leave(c, namespace, h.room(random))
		case n < 15:
			h.say(c, namespace, h.room(random), 1+random.IntN(3))
		case n < 16 && namespace != "/": // out of a namespace, and in again
			c.sockets[namespace].depart()
			c.send(head("1", namespace))
			c.connect(namespace)
		case n < 19 && !upgraded:
			upgraded = true
			c.upgrade()
		case n < 20:
			h.heard(c, namespace)
		}
	}
	for _, namespace := range namespaces {
		h.heard(c, namespace)
	}
	switch how := random.IntN(6); {
	case how == 5:
		h.vanish(c, namespaces[random.IntN(len(namespaces))], h.room(random), time.Duration(random.IntN(10))*time.Millisecond)
	case how < 4 || !h.run.keep(c):
		c.leave(how % 4)
	}
}

// vanish has a client break off while it joins.
func (h *history) vanish(c *client, namespace, room string, after time.Duration) {
	c.mu.Lock()
	s := c.sockets[namespace]
	s.rooms[room] = append(s.rooms[room], &operation{join: true, sent: h.tick()})
	c.mu.Unlock()
	join := head("2", namespace) + fmt.Sprintf(`["join",%q]`, room)
	var sent sync.WaitGroup
	sent.Go(func() { c.send(join) })
	time.Sleep(after)
	c.leave(2)
	sent.Wait()
}

// depart notes that a socket has left its namespace.
func (s *socket) depart() {
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	s.left = true
}

func (h *history) join(c *client, namespace, room string) { h.operate(c, namespace, room, true) }
func (h *history) leave(c *client, namespace, room string) {
	h.operate(c, namespace, room, false)
}

func (h *history) operate(c *client, namespace, room string, join bool) {
	o := &operation{join: join, sent: h.tick()}
	c.mu.Lock()
	s := c.sockets[namespace]
	s.rooms[room] = append(s.rooms[room], o)
	c.mu.Unlock()
	event := "leave"
	if join {
		event = "join"
	}
	ok := c.call(namespace, event, room)
	c.mu.Lock()
	defer c.mu.Unlock()
	if ok {
		o.acked, s.heard = h.tick(), o.sent
	}
}

func (h *history) say(c *client, namespace, room string, count int) {
	e := &emit{namespace: namespace, room: room, count: count}
	h.mu.Lock()
	id := len(h.emits)
	h.emits = append(h.emits, e)
	e.sent = h.tick()
	h.mu.Unlock()
	if c.call(namespace, "say", room, id, count) {
		h.mu.Lock()
		e.acked = h.tick()
		h.mu.Unlock()
		h.run.emits.Add(1)
	}
}

// heard asks for an answer: everything that was emitted before has come when it comes.
func (h *history) heard(c *client, namespace string) {
	sent := h.tick()
	if c.call(namespace, "echo") {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.sockets[namespace].heard = sent
	}
}
