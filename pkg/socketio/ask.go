package socketio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dozeio/doze/pkg/acks"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/rooms"
)

// ErrNoAck says that a client has not acked an event in time.
var ErrNoAck = errors.New("no ack came in time")

var (
	errNoAcks = errors.New("socketio: the server has nowhere to keep what it asks: set Backend.Acks")
	errWaits  = errors.New("socketio: EmitWithAck waits for the client whose handler calls it, which can answer only after the handler has returned," +
		" because it polls, or its gateway keeps its messages in order: use Then and OnAck, which do not wait")
	errJoining = errors.New("socketio: a question in a middleware: the client answers nothing before it is connected: ask in OnConnection")
)

// askTimeout is how long clients have by default to ack what they are asked.
const askTimeout = 5 * time.Second

// The rows of a question stay once its time is over: those of Then for jobs that come late, and again, and those of
// EmitWithAck for clocks that differ.
const (
	askedExpire  = time.Hour
	waitedExpire = time.Minute
)

// Answer is what one client has acked an event with.
type Answer struct {
	Socket string // its id
	Args   Args
}

// Timeout sets how long clients have to ack an event, for EmitWithAck and Then. Default, and for zero and less: 5 s.
// Without these it does nothing.
func (b Broadcast) Timeout(d time.Duration) Broadcast {
	b.timeout = d
	return b
}

// Timeout returns a broadcast to this client alone, with Broadcast.Timeout. Its EmitWithAck returns one answer, or an
// error, as Socket.EmitWithAck does.
func (s *Socket) Timeout(d time.Duration) Broadcast { return s.alone().Timeout(d) }

// Timeout returns a broadcast to all of the namespace, with Broadcast.Timeout.
func (n *Namespace) Timeout(d time.Duration) Broadcast { return Broadcast{namespace: n}.Timeout(d) }

// Timeout returns a broadcast to all of the namespace "/", with Broadcast.Timeout.
func (s *Server) Timeout(d time.Duration) Broadcast { return s.Of("/").Timeout(d) }

// EmitWithAck is Emit, and waits until every recipient has acked the event. It returns the answers in the order in
// which they came, each recipient's first. Those who disconnect, or who cannot be sent the event, are not waited for;
// when there is nobody to ask, it returns at once, without answers and without an error. Of a Socket's own, such as
// Socket.Timeout returns, that is ErrGone.
//
// When the time is over before all have acked, the error wraps ErrNoAck; when ctx ends, or the store fails, it is
// theirs. The answers that have come are returned with it. The time is that of Timeout, and ends up to two seconds
// before ctx does, so that the handler has time to use the answers. An *UnservedError comes without answers. The other
// errors are those of Emit, and then nobody was asked. After Volatile, those who go without the event are not waited
// for.
//
// An answer has the arguments that its client has acked with, whatever they are: look how many there are.
//
// It waits in the invocation that calls it, which is paid for, and reads the table some forty times in five seconds.
// Then does not wait.
//
// The recipients must not include the client whose handler calls it, when that client polls or when its gateway keeps
// its messages in order: it answers only after the handler has returned. That is an error at once, and nothing is sent.
// In one process over WebSocket they may: the client's next messages are handled while a handler waits.
func (b Broadcast) EmitWithAck(ctx context.Context, event string, args ...any) ([]Answer, error) {
	if b.then != nil {
		return nil, errors.New("socketio: EmitWithAck after Then: call Emit, and OnAck gets the answers")
	}
	s := b.namespace.server
	if _, err := b.namespace.backend(); err != nil {
		return nil, err
	}
	until, err := s.askUntil(ctx, b.timeout)
	if err != nil {
		return nil, err
	}
	a, err := b.ask(ctx, until, event, args)
	if a == nil || err != nil {
		return nil, err
	}
	if running, _ := ctx.Value(turnKey{}).(*turn); running != nil {
		running.v.Yield()
	}
	if err := a.serve(ctx); err != nil {
		return nil, err
	}
	answers, err := a.wait(ctx)
	if err == nil && len(answers) == 0 && b.own != nil && !b.volatile {
		return nil, ErrGone
	}
	return answers, err
}

// EmitWithAck sends an event to this client and waits for its ack, whose arguments it returns. See
// Broadcast.EmitWithAck, and Timeout for another time than 5 s. ErrNoAck: no ack came in time. ErrGone: the client is
// gone, or has gone before it acked the event.
func (s *Socket) EmitWithAck(ctx context.Context, event string, args ...any) (Args, error) {
	answers, err := s.Timeout(0).EmitWithAck(ctx, event, args...)
	if err != nil {
		return nil, err
	}
	return answers[0].Args, nil
}

// askable returns why this client can answer no question, or none that somebody waits for.
func (s *Socket) askable(ctx context.Context, waits bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	switch {
	case s.joining:
		return errJoining
	case waits && !s.turn.opened && s.turn.waits() && turnOf(ctx) == nil:
		return errWaits
	}
	return nil
}

// EmitWithAck sends an event to all of the namespace and waits for their acks. See Broadcast.EmitWithAck.
func (n *Namespace) EmitWithAck(ctx context.Context, event string, args ...any) ([]Answer, error) {
	return Broadcast{namespace: n}.EmitWithAck(ctx, event, args...)
}

// EmitWithAck sends an event to all of the namespace "/" and waits for their acks. See Broadcast.EmitWithAck.
func (s *Server) EmitWithAck(ctx context.Context, event string, args ...any) ([]Answer, error) {
	return s.Of("/").EmitWithAck(ctx, event, args...)
}

// waitMargin is how long before its context's end EmitWithAck returns.
const waitMargin = 2 * time.Second

// askUntil returns when the time for acks is over.
func (s *Server) askUntil(ctx context.Context, timeout time.Duration) (time.Time, error) {
	if err := ctx.Err(); err != nil {
		return time.Time{}, err
	}
	now := s.now()
	until := now.Add(timeout)
	if timeout <= 0 {
		until = now.Add(askTimeout)
	}
	if deadline, ok := ctx.Deadline(); ok {
		if before := deadline.Add(-min(waitMargin, deadline.Sub(now)/4)); before.Before(until) {
			until = before
		}
	}
	return until.Truncate(time.Millisecond), nil
}

// asked is a question to clients.
type asked struct {
	Broadcast
	q      acks.Question
	event  string
	args   []any
	parcel engine.Parcel
	to     []rooms.Member
	open   map[string]bool // ids of those who may still answer, for wait
}

// ask writes a question to all recipients, which is not sent yet. It returns nil when there are none, which is an error
// when the broadcast is to one socket.
func (b Broadcast) ask(ctx context.Context, until time.Time, event string, args []any) (*asked, error) {
	s := b.namespace.server
	if s.acks == nil {
		return nil, errNoAcks
	}
	all, err := eventArgs(event, args)
	if err != nil {
		return nil, err
	}
	if b.own != nil {
		if err := b.own.askable(ctx, b.then == nil); err != nil {
			return nil, err
		}
	}
	p := protocol.Packet{Type: protocol.Event, Namespace: b.namespace.name, ID: acks.MaxID}
	if p.Data, p.Buffers, err = protocol.EncodeArgs(all...); err != nil {
		return nil, err
	}
	if _, err := parcelOf(s.engine, p); err != nil { // before it costs anything
		return nil, err
	}
	a := &asked{Broadcast: b, event: event, args: args, open: map[string]bool{}}
	if a.to, err = b.recipients(ctx); err != nil {
		return nil, err
	}
	if len(a.to) == 0 {
		if b.own != nil {
			return nil, ErrGone
		}
		return nil, nil
	}
	t := turnOf(ctx)
	a.q = acks.Question{Until: until, Expires: until.Add(waitedExpire)}
	if b.then != nil {
		until = until.Add(s.sending(ctx, len(a.to)))
		a.q = acks.Question{Name: b.then.name, State: b.then.state, Until: until, Expires: until.Add(askedExpire)}
	}
	running, _ := ctx.Value(turnKey{}).(*turn) // of a handler whose socket leaves, too
	for _, m := range a.to {
		if b.then == nil && running.waitsFor(b.namespace, m.Socket) {
			return nil, errWaits
		}
		a.q.Sockets, a.open[m.Socket] = append(a.q.Sockets, m.Socket), true
	}
	if a.q.ID, err = acks.NewID(s.random, len(a.to)); err != nil {
		return nil, err
	}
	if err := t.spend(acks.Parts(a.q.ID)); err != nil {
		return nil, err
	}
	p.ID = a.q.ID
	if a.parcel, err = parcelOf(s.engine, p); err != nil {
		return nil, err
	}
	return a, s.acks.Ask(ctx, a.q)
}

// waitsFor reports whether a socket is that of the client whose handler is running, and cannot answer before the
// handler has returned.
func (t *turn) waitsFor(n *Namespace, socket string) bool {
	if t == nil || t.isClosed() || !t.waits() {
		return false
	}
	s := t.find(n)
	return s != nil && s.id == socket
}

// recipients reads who receives at the moment.
func (b Broadcast) recipients(ctx context.Context) (all []rooms.Member, err error) {
	if b.reachesNobody() {
		return nil, nil
	}
	if err := turnOf(ctx).spend(1); err != nil {
		return nil, err
	}
	var mu sync.Mutex
	_, err = b.members(ctx, func(_ context.Context, m rooms.Member) error {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, m)
		return nil
	})
	return all, err
}

// list is a rooms.Store of one page.
type list struct {
	rooms.Store
	members []rooms.Member
}

func (l list) Members(context.Context, string, string, string) ([]rooms.Member, string, error) {
	return l.members, "", nil
}

// serve sends the question to those who are asked, as Broadcast.Emit does. Those who do not get it are not open any
// more. Each of them is named by the room of its own, where others may look on.
func (a *asked) serve(ctx context.Context) error {
	s := a.namespace.server
	at := s.now()
	early, cancel := s.engine.Early(ctx)
	defer cancel()
	var mu sync.Mutex
	served, lost := map[string]bool{}, 0
	adapter := rooms.Adapter{Store: list{members: a.to}, AtATime: s.emits.AtATime}
	_, err := adapter.Broadcast(early, rooms.Target{Rooms: []string{rooms.Everybody}}, func(_ context.Context, m rooms.Member) error {
		got, late, err := a.deliver(ctx, m, a.parcel, a.event, a.args)
		mu.Lock()
		defer mu.Unlock()
		served[m.Socket] = true
		if !got {
			delete(a.open, m.Socket)
		}
		if late {
			lost++
		}
		return err
	})
	s.meter.Observe(observe.Recipients, float64(len(served)))
	var rest rooms.Rest
	for _, m := range a.to {
		if !served[m.Socket] {
			rest.Parts = append(rest.Parts, rooms.Part{Room: m.Socket})
			delete(a.open, m.Socket)
		}
	}
	switch {
	case a.volatile:
		return nil
	case lost+len(rest.Parts) == 0:
		return err
	case len(served) == 0:
		return cmp.Or(err, ctx.Err())
	}
	short := &UnservedError{Served: len(served) - lost, Unserved: lost + len(rest.Parts), Err: cmp.Or(err, ctx.Err())}
	if err := s.disconnectRest(ctx, unserved{Namespace: a.namespace.name, Own: true, At: at}, rest); err != nil {
		short.Err = errors.Join(short.Err, fmt.Errorf("not all of them can be: %w", err))
	}
	s.opt.Logger.ErrorContext(ctx, "a broadcast was cut off", "namespace", a.namespace.name, "error", short)
	return short
}
