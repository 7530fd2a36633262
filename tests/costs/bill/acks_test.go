//go:build full

package bill

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/acks"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/socketio"
)

// manyAsked is how many sockets a large question goes to.
const manyAsked = 1000

// asking is application, whose clients can be asked.
func asking() *socketio.Server {
	io := application(nil)
	n := io.Of("/")
	n.On("ask", func(ctx context.Context, s *socketio.Socket, room string) (int, error) {
		answers, err := s.To(room).EmitWithAck(ctx, "question", 7)
		if errors.Is(err, socketio.ErrNoAck) {
			return 0, &socketio.AckError{Data: "late"}
		}
		return len(answers), err
	})
	n.On("then", func(ctx context.Context, s *socketio.Socket, room string) error {
		return s.To(room).Then("told", map[string]int{"round": 7}).Emit(ctx, "question", 7)
	})
	n.OnAck("told", func(context.Context, *socketio.Socket, any, error, ...any) error { return nil })
	return io
}

var ackID = regexp.MustCompile(`^42(\d+)\["question",7\]$`)

// TestBillOfAcks measures what it costs to ask clients. The ceilings are those of the bill that Doze was designed for:
// a write for the question and one for each answer, a read for each, and the reads of who waits; Then has one more
// write for each answer, which says that it was handled.
func TestBillOfAcks(t *testing.T) {
	d := start(t, asking())
	var lines []line
	add := func(operation string, invocations, reads, writes, posts float64, got usage) {
		lines = append(lines, line{operation: operation, most: usage{invocations: invocations, reads: reads, writes: writes, posts: posts}, got: got})
	}
	c, asked := d.member(), d.member(another)
	for d.armed.Load() < engine.Shards {
		d.member()
	}
	d.rest()
	event := d.of(1, func() { d.send(c, `421["echo","hello"]`, `431["hello"]`) })
	idOf := func(frame string) string {
		t.Helper()
		m := ackID.FindStringSubmatch(frame)
		if m == nil {
			t.Fatalf("got %s for a question", frame)
		}
		return m[1]
	}

	add("an ack that answers nothing", 1, 2, 0, 0, d.of(1, func() { d.send(asked, `437["nobody's"]`) }))

	// The clock stands still: whoever waits reads for the first time once it moves, and the answer is there then.
	add("`EmitWithAck` to one, its answer, and the wait for it", 1, 1+0.5+2, 1+1, 1, d.of(2, func() {
		d.must(c.Send(d.ctx, `421["ask","`+another+`"]`))
		id := idOf(d.next(asked))
		d.ends(1, func() { d.send(asked, `43`+id+`["yes"]`) })
		d.clock.during(skipped, func() {
			d.clock.Advance(10 * time.Millisecond)
			if got := d.next(c); got != `431[1]` {
				t.Fatal(got)
			}
		})
	}).minus(event))
	vain := asksInVain(t)
	add("the same, five seconds in vain", 0, 1+36*0.5+1+4*2, 1, 1, vain)

	d.sweeps = true
	thenTo := func(room string) usage {
		return d.of(1, func() { d.send(c, `421["then","`+room+`"]`, "431[]") }).minus(event)
	}
	overdue := func() usage { return d.of(1, func() { d.clock.Advance(5 * time.Second) }) }
	add("`Then` to one", free, 1, 1, 1, thenTo(another))
	id := idOf(d.next(asked))
	add("its answer, handled", 1, 2, 2, 0, d.of(1, func() { d.send(asked, `43`+id+`["yes"]`) }))
	add("its job, which finds it answered", 1, 1, 0, 0, overdue())
	thenTo(another)
	d.next(asked)
	add("its job, which finds no answer", 1, 1+2+1, 2, 0, overdue())

	expires := time.Now().Add(48 * time.Hour)
	sockets := make([]string, manyAsked)
	d.must(parallel(manyAsked, func(i int) error {
		sockets[i] = fmt.Sprintf("%s%014d", absent, i)
		_, err := d.store.Join(t.Context(), "/", rooms.Member{Socket: sockets[i], Address: fmt.Sprintf("w%s-%09d=", absent, i), Expires: expires}, "", room)
		return err
	}))
	parts := 16.0
	add(fmt.Sprintf("`Then` to %d", manyAsked), free, ceil(manyAsked/40.0)+1, 2*parts, manyAsked, thenTo(room))
	frame, _ := d.absentees.Load().(string)
	var many int64
	if _, err := fmt.Sscan(idOf(frame), &many); err != nil || acks.Parts(many) != int(parts) {
		t.Fatalf("%d parts, %v", acks.Parts(many), err)
	}
	d.meter.Take()
	d.must(parallel(manyAsked, func(i int) error { // the rows of the answers, without their frames
		e := acks.End{Socket: sockets[i], Op: fmt.Sprintf("AAAA%08d", i), At: d.clock.Now(), Data: []byte(`["yes"]`)}
		if _, ok, err := d.counts.Answer(t.Context(), many, e); !ok {
			return fmt.Errorf("answer %d does not count: %w", i, err)
		}
		return d.counts.Done(t.Context(), many, e.Socket, e.Op)
	}))
	calls := d.meter.Take()
	answers := usage{calls: len(calls)}
	answers.reads, answers.writes = calls.Sum()
	add(fmt.Sprintf("%d answers, handled, without their frames", manyAsked), free, manyAsked, 2*manyAsked, 0, answers)
	d.meter.Take()
	for part := range int(parts) {
		_, ends, err := d.counts.Read(t.Context(), many, part, false)
		d.must(err)
		if len(ends) == 0 {
			t.Fatalf("part %d has no ends", part)
		}
	}
	calls = d.meter.Take()
	looks := usage{calls: len(calls)}
	looks.reads, looks.writes = calls.Sum()
	add(fmt.Sprintf("one look of who waits for %d, all of whom have answered", manyAsked), free, parts, 0, 0, looks)
	add("the job, which finds them answered", 1, 2*parts, 0, 0, overdue())
	report(t, lines)
}

// asksInVain measures a question that nobody answers, beyond an event.
func asksInVain(t *testing.T) usage {
	d := start(t, asking())
	c, asked := d.member(), d.member(another)
	d.rest()
	event := d.of(1, func() { d.send(c, `421["echo","hello"]`, `431["hello"]`) })
	var vain usage
	d.clock.during(skipped, func() {
		vain = d.of(1, func() { d.must(c.Send(d.ctx, `421["ask","`+another+`"]`)) }).minus(event)
	})
	d.next(asked)
	return vain
}

// ends waits until so many invocations more have ended, which f leads to.
func (d *deployment) ends(invocations int, f func()) {
	d.t.Helper()
	d.mu.Lock()
	before := d.ended
	d.mu.Unlock()
	f()
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.ended < before+invocations && d.ctx.Err() == nil {
		d.more.Wait()
	}
}

// parallel calls f for 0 to n-1, some at a time.
func parallel(n int, f func(i int) error) error {
	var all sync.WaitGroup
	errs := make([]error, n)
	slots := make(chan struct{}, 8)
	for i := range n {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			errs[i] = f(i)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
