//go:build full

package bill

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/tests/kit/rawclient"
)

var markdown = flag.Bool("markdown", false, "print the table for docs/costs.md")

const (
	h          = handshakeSize / 1024.0
	namespaces = 2
	members    = 80  // of a room, over WebSocket
	sharded    = 400 // connections of one heartbeat shard
	late       = 0.5 // RRU for a look at another shard's timer
)

// line is one operation with its ceiling.
type line struct {
	operation string
	most      usage
	got       usage
}

// free in a ceiling: the operation is part of an event's invocation.
const free = -1

func ceil(f float64) float64 { return math.Ceil(f) }

// The ceilings are those of the bill that Doze was designed for; no measured figure may be over its own. What is part
// of an event's invocation (joins, emits) is what that event costs more than one that does nothing.
func TestBill(t *testing.T) {
	d := start(t, application(nil))
	var lines []line
	add := func(operation string, invocations, reads, writes, posts float64, got usage) {
		lines = append(lines, line{operation: operation, most: usage{invocations: invocations, reads: reads, writes: writes, posts: posts}, got: got})
	}

	crowd := make([]*rawclient.Conn, members)
	for i := range crowd {
		crowd[i] = d.member(room)
	}
	for d.armed.Load() < engine.Shards { // whoever comes first to a shard pays for its timer
		d.member()
	}
	d.rest()

	// A client that begins with polling, and upgrades.
	var sid string
	add("polling handshake", 1, 1, 2+h, 0, d.of(1, func() {
		sid = rawclient.SID(d.request(http.MethodGet, rawclient.Polling, "", "0{"))
	}))
	add("namespace CONNECT over polling, with the reply", 1, 1+h/4, 3, 0, d.of(1, func() { d.post(sid, "40") }))
	d.of(1, func() { d.post(sid, "40/chat,") })
	d.poll(sid, "40{")
	d.of(1, func() { d.post(sid, `42["join","`+another+`"]`, `42/chat,["join","`+another+`"]`) })
	waiting := d.of(1, func() {
		d.clock.during(skipped, func() { d.request(http.MethodGet, rawclient.Session(sid), "", "6") })
	})

	// One that begins with WebSocket.
	var c *rawclient.Conn
	add("WebSocket-only connect, with the open packet", 1, 1, 3+h, 1, d.of(1, func() { c = d.open() }))
	add("namespace CONNECT, with the reply", 1, 1+h/4, 3, 1, d.of(1, func() { d.send(c, "40", "40{") }))
	add("the same, a second namespace", 1, 1+h/4, 3, 1, d.of(1, func() { d.send(c, "40/chat,", "40/chat,{") }))

	said := func(text string) usage {
		return d.of(1, func() { d.send(c, `421["say","`+another+`","`+text+`"]`, "431[") })
	}
	event := d.of(1, func() { d.send(c, `421["echo","hello"]`, `431["hello"]`) })
	toPolling := said("hello, you who polls").minus(event)
	d.poll(sid, `42["said"`)
	kilobyte := said(strings.Repeat("0123456789abcdef", 64)).minus(event)
	d.poll(sid, `42["said"`)
	volatile := d.of(1, func() { d.send(c, `421["move",1]`, "431[]") }).minus(event)
	said("hello again")
	d.poll(sid, `42["said"`) // the row keeps what the last GET took, and is billed with it

	add("upgrade, all steps; 2 namespaces, 2 rooms", 3, 3, 6+2+namespaces, 1, d.of(3, func() {
		u, err := d.client.Dial(t.Context(), rawclient.Probe(sid), d.header...)
		d.must(err)
		d.send(u, "2probe", "3probe")
		d.send(u, "5")
	}))
	add("waiting poll of 20 s, nothing arrives", 1, 50, 2, 0, waiting)
	add("event in, with ack", 1, 1, 0, 1, event)
	add("event in, without ack", 1, 1, 0, 0, d.of(1, func() { d.send(c, `42["echo","hello"]`) }))

	for range 40 { // a row remembers its last operations, by which a retry recognises itself: up to a limit
		d.of(1, func() { d.send(c, `421["set"]`, "431[]") })
		d.of(1, func() { d.send(c, `42/chat,1["set"]`, "43/chat,1[]") })
	}
	add("change of per-socket data", free, 0, 1, 0, d.of(1, func() { d.send(c, `421["set"]`, "431[]") }).minus(event))
	add("join one room", free, 1, 2, 0, d.of(1, func() { d.send(c, `421["join","`+another+`"]`, "431[]") }).minus(event))
	add("leave one room", free, 1, 2, 0, d.of(1, func() { d.send(c, `421["leave","`+another+`"]`, "431[]") }).minus(event))
	all := d.of(1, func() { d.send(c, `421["say","`+room+`","hello"]`, "431[") }).minus(event)
	add(fmt.Sprintf("emit to a room of %d WebSocket members", members), free, ceil(members/40.0), 0, members, all)
	for _, m := range crowd {
		if got := d.next(m); got != `42["said","hello"]` {
			t.Fatal(got)
		}
	}
	add("the same by a message on the job queue, of somebody else", 1, ceil(members/40.0), 0, members, d.of(1, func() {
		message := fmt.Sprintf(`{"emit":"said","to":[%q],"args":["by the queue"]}`, room)
		answer, err := http.Post(d.server.URL+"/_queue", "application/json", strings.NewReader(message))
		d.must(err)
		answer.Body.Close()
	}))
	for _, m := range crowd {
		if got := d.next(m); got != `42["said","by the queue"]` {
			t.Fatal(got)
		}
	}
	add("emit to a polling member, under 1 KiB in its outbox", free, 1, 1, 0, toPolling)
	add("the same, an event of a little over 1 KiB", free, 1, 2, 0, kilobyte)
	each := float64(members)
	read := ceil(each / 40)
	counts := ceil(each/16) / 2 // now and then a join counts the rooms of its socket
	asked := func(operation string, reads, writes, posts float64, frame, answer string) {
		add(operation, free, reads, writes, posts, d.of(1, func() { d.send(c, frame, answer) }).minus(event))
	}
	add("volatile emit to a polling member, no GET waits", free, 1.5, 0, 0, volatile)
	asked(fmt.Sprintf("fetch %d sockets", members), read+each, 0, 0, `421["fetch","`+room+`"]`, fmt.Sprintf("431[%d]", members))
	var other *rawclient.Conn
	var id string // of somebody else's socket
	d.of(1, func() { other = d.open() })
	d.of(1, func() { id = d.send(other, "40", "40{")[len(`40{"sid":"`):][:20] })
	asked("fetch one socket by its id", 3, 0, 0, `421["find","`+id+`"]`, "431[]")
	asked(fmt.Sprintf("socketsJoin of %d, one room", members), read+each+counts, 2*each, 0, `421["bring","`+room+`","third"]`, "431[]")
	asked(fmt.Sprintf("socketsLeave of %d, one room", members), read+each, 2*each, 0, `421["take out","`+room+`","third"]`, "431[]")
	memberships, partitions := 0, 16.0
	counted := d.of(1, func() {
		answer := d.send(c, `421["rooms"]`, "431[")
		var counts [1][]socketio.Room
		d.must(json.Unmarshal([]byte(answer[len("431"):]), &counts))
		for _, r := range counts[0] {
			memberships += r.Members
		}
	}).minus(event)
	add(fmt.Sprintf("rooms of a namespace with member counts; %d memberships", memberships), free, partitions+ceil(float64(memberships)/40), 0, 0, counted)
	lines = append(lines, heartbeat(t)...)

	asked(fmt.Sprintf("disconnectSockets of %d, in one room", members), read+each*1.5, 4*each, each, `421["send away","`+room+`"]`, "431[]")
	for _, at := range []string{"", "/chat,"} {
		d.of(1, func() { d.send(c, `42`+at+`1["join","`+another+`"]`, "43"+at+"1[]") })
	}
	var gone usage
	d.clock.during(skipped, func() { gone = d.of(1, func() { d.must(c.Close(1000)) }) })
	add("disconnect; 2 namespaces, 2 rooms", 1, namespaces+ceil(2/40.0), 2+namespaces+2*2, 0, gone)
	report(t, lines)
}

// heartbeat measures a sweep, and a ping with its pong, of connections in one shard that are idle.
func heartbeat(t *testing.T) []line {
	d := start(t, application(nil))
	d.sweeps = true
	c := d.member()
	var shard int
	for s := range engine.Shards {
		lives, err := d.store.Lives(t.Context(), s)
		d.must(err)
		if len(lives) > 0 {
			shard = s
		}
	}
	d.rest(shard)
	now := d.clock.Now()
	for i, n := 1, 0; i < sharded; n++ { // like the real one, but that nobody is there
		a := engine.Address(fmt.Sprintf("w%s-%09d=", absent, n)) // 17 bytes
		if engine.Shard(a) != shard {
			continue
		}
		d.must(d.store.PutLive(t.Context(), engine.Live{Address: a, Created: now, Last: now, Joined: true, Expires: now.Add(24 * pingInterval)}))
		i++
	}
	var sweep usage
	d.clock.during(skipped, func() { // a sweep paces itself
		sweep = d.of(1, func() {
			d.clock.Advance(pingInterval)
			if got := d.next(c); got != "2" {
				t.Fatalf("got %s for a ping", got)
			}
		})
	})
	pong := d.of(1, func() { d.send(c, "3") })
	sweep.posts -= sharded // each is a ping's
	return []line{
		{"ping + pong of an idle connection", usage{invocations: 1, writes: 1, posts: 1},
			usage{pong.invocations, pong.reads, pong.writes, 1, pong.calls, pong.queued}},
		{fmt.Sprintf("sweep of a heartbeat shard of %d connections, without their pings", sharded),
			usage{invocations: 1, reads: 1 + late + sharded/40.0, writes: 1}, sweep},
	}
}

// rest puts the beats of all shards but some far off, whether they have a timer or not: no operation is to pay for one
// that happens to be due.
func (d *deployment) rest(but ...int) {
	for shard := range engine.Shards {
		if slices.Contains(but, shard) {
			continue
		}
		old, err := d.store.Timer(d.ctx, shard, true)
		d.must(err)
		next := engine.Timer{Due: d.clock.Now().Add(24 * pingInterval), Generation: old.Generation + 1, By: "rest"}
		if ok, err := d.store.SetTimer(d.ctx, shard, old.Generation, next); !ok {
			d.t.Fatalf("the timer of shard %d has changed meanwhile: %v", shard, err)
		}
	}
}

// report prints the table, and fails for every figure over its ceiling.
func report(t *testing.T, lines []line) {
	var b strings.Builder
	b.WriteString("| operation | invocations | RRU | WRU | posts | table calls | queue requests |\n|---|---|---|---|---|---|---|\n")
	for _, l := range lines {
		cell := func(what string, got, most float64) string {
			limit := figure(most)
			if most == free {
				return "-"
			}
			if math.Round(100*got) > math.Round(100*most) { // what a shard shares, to a hundredth
				t.Errorf("%s: %s %s, the ceiling is %s", l.operation, figure(got), what, limit)
				return "**" + figure(got) + "** / " + limit
			}
			return figure(got) + " / " + limit
		}
		cells := []string{l.operation, cell("invocations", l.got.invocations, l.most.invocations), cell("RRU", l.got.reads, l.most.reads),
			cell("WRU", l.got.writes, l.most.writes), cell("posts", l.got.posts, l.most.posts), fmt.Sprint(l.got.calls), fmt.Sprint(l.got.queued)}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	if *markdown {
		fmt.Fprint(os.Stdout, b.String())
		return
	}
	t.Log("measured / ceiling\n" + b.String())
	doc, err := os.ReadFile("../../../docs/costs.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(doc), b.String()) {
		t.Error("docs/costs.md says something else: put in what make bill prints")
	}
}

// figure is a number as short as it can be.
func figure(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
