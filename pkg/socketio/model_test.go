package socketio_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// modelSocket is a socket as a simple program would keep it.
type modelSocket struct {
	client  *socketiotest.Client
	polling bool
	rooms   map[string]bool
	gets    []int // the numbers of the events that it is to get
}

// model is what broadcasts are to do, with nothing but maps.
type model struct {
	t       *testing.T
	s       *socketiotest.Server
	rand    *rand.Rand
	sockets []*modelSocket
	emitted int
	program []string
}

func (m *model) connect() *modelSocket {
	x := &modelSocket{rooms: map[string]bool{}, polling: m.rand.IntN(2) == 0}
	x.client = m.s.Connect("/", map[bool]socketiotest.Option{true: polling, false: websocket}[x.polling])
	return x
}

// some returns up to n names of rooms, now and then a socket's id.
func (m *model) some(n int) []string {
	names := []string{}
	for range m.rand.IntN(n + 1) {
		if m.rand.IntN(8) == 0 {
			names = append(names, m.sockets[m.rand.IntN(len(m.sockets))].client.ID())
		} else {
			names = append(names, string('a'+rune(m.rand.IntN(6))))
		}
	}
	return names
}

// in reports whether a socket is in any of rooms.
func (x *modelSocket) in(rooms []string) bool {
	return slices.ContainsFunc(rooms, func(room string) bool { return x.rooms[room] || room == x.client.ID() })
}

// expect adds an event to whoever is to get it; to is nil for a broadcast without To.
func (m *model) expect(to, except []string, skip *modelSocket) int {
	m.emitted++
	for _, x := range m.sockets {
		if x != skip && (to == nil || x.in(to)) && !x.in(except) {
			x.gets = append(x.gets, m.emitted)
		}
	}
	return m.emitted
}

// check compares what a socket got with what it is to get.
func (m *model) check(x *modelSocket) {
	for _, n := range x.gets {
		x.client.Expect("got", n)
	}
	x.client.ExpectNothing()
	x.gets = nil
}

// step does one random thing on both sides.
func (m *model) step() {
	i := m.rand.IntN(len(m.sockets))
	x := m.sockets[i]
	note := func(what string, args ...any) { m.program = append(m.program, fmt.Sprint(i, " ", what, " ", args)) }
	switch m.rand.IntN(14) {
	case 0, 1, 2:
		rooms := m.some(3)
		note("join", rooms)
		x.client.Emit("join", anys(rooms)...)
		for _, room := range rooms {
			if room != x.client.ID() {
				x.rooms[room] = true
			}
		}
	case 3, 4:
		rooms := m.some(3)
		note("leave", rooms)
		x.client.Emit("leave", anys(rooms)...)
		for _, room := range rooms {
			delete(x.rooms, room)
		}
	case 5, 6:
		to, except := m.some(3), m.some(1)
		note("to", to, except)
		x.client.Emit("to", to, except, m.expect(to, except, x))
	case 7, 8:
		to, except := m.some(3), m.some(1)
		note("io", to, except)
		x.client.Emit("io", to, except, m.expect(to, except, nil))
	case 9:
		note("broadcast")
		x.client.Emit("broadcast", m.expect(nil, nil, x))
	case 10:
		except := m.some(2)
		note("except", except)
		x.client.Emit("except", except, m.expect(nil, except, x))
	case 11:
		except := m.some(2)
		note("all except", except)
		x.client.Emit("all except", except, m.expect(nil, except, nil))
	case 12:
		if !x.polling {
			return
		}
		note("upgrade")
		x.client.Upgrade()
		x.polling = false
	case 13:
		m.check(x)
		ends := []func(){x.client.Close, x.client.Disconnect}
		if !x.polling {
			ends = append(ends, x.client.Vanish)
		}
		end := m.rand.IntN(len(ends))
		note("end", end)
		ends[end]()
		m.sockets[i] = m.connect()
	}
}

func anys(names []string) []any {
	v := make([]any, len(names))
	for i := range names {
		v[i] = names[i]
	}
	return v
}

func TestRandomProgramsDeliverWhatASimpleModelDoes(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			io := roomy()
			m := &model{t: t, s: socketiotest.New(t, io), rand: rand.New(rand.NewPCG(seed, 2))}
			t.Cleanup(func() {
				if t.Failed() {
					t.Log(m.program)
				}
			})
			for range 20 {
				m.sockets = append(m.sockets, m.connect())
			}
			for range 200 {
				m.step()
				if m.rand.IntN(10) == 0 {
					m.check(m.sockets[m.rand.IntN(len(m.sockets))])
				}
			}
			counts := map[string]int{}
			for _, x := range m.sockets {
				m.check(x)
				for room := range x.rooms {
					counts[room]++
				}
			}
			rooms, err := io.Of("/").Rooms(t.Context())
			if err != nil || len(rooms) != len(counts) {
				t.Fatalf("rooms %v, %v, want %v", rooms, err, counts)
			}
			for i, room := range slices.Sorted(maps.Keys(counts)) {
				if rooms[i].Name != room || rooms[i].Members != counts[room] {
					t.Errorf("room %v, want %q with %d", rooms[i], room, counts[room])
				}
			}
		})
	}
}
