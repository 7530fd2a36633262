package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/dozeio/doze/pkg/acks"
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/rooms"
)

// maxState is the size in bytes of what Then keeps, as JSON: each answer reads it.
const maxState = 4 << 10

// maxAnswer is the size in bytes of an ack that a server waits for, binary included: it is kept in a row.
const maxAnswer = 128 << 10

// continuation is what takes the answers to an event.
type continuation struct {
	name  string
	state []byte
	err   error // of the state
}

// Then has the acks of the events that are emitted handled by the function that OnAck has registered under a name, with
// a state of any type that JSON knows, 4 KiB at most. Emit then returns when the event is sent and waits for nothing:
// OnAck's function runs once for each recipient, in the invocation that gets its ack, or, when none has come within
// Timeout, in one of its own. So it works for the client whose handler calls it, whatever its transport and its gateway
// are.
//
// Each recipient has the time of Timeout, 5 s by default, also where sending to many takes longer than that: where there
// are more than 64, the time begins when the last of them has been sent the event, and nobody is late before.
//
// What Emit returns as an error to one socket (ErrBusy, ErrOutboxFull) it does not hand to OnAck, too, unless the store
// has failed. After an *UnservedError OnAck still hears of every recipient, and so it does when there was no time to
// send the event to anybody.
func (b Broadcast) Then(name string, state any) Broadcast {
	c := &continuation{name: name}
	c.state, c.err = protocol.EncodeJSON(state)
	if c.err == nil && len(c.state) > maxState {
		c.err = fmt.Errorf("socketio: the state of Then(%q) is at most %d bytes of JSON, this is %d: keep it in a database and its key here", name, maxState, len(c.state))
	}
	b.then = c
	return b
}

// Then returns a broadcast to this client alone, with Broadcast.Then. Emit is ErrGone when the client is gone, and an
// error in a middleware: before the client is connected it answers nothing.
func (s *Socket) Then(name string, state any) Broadcast {
	return s.alone().Then(name, state)
}

// Then returns a broadcast to all of the namespace, with Broadcast.Then.
func (n *Namespace) Then(name string, state any) Broadcast {
	return Broadcast{namespace: n}.Then(name, state)
}

// Then returns a broadcast to all of the namespace "/", with Broadcast.Then.
func (s *Server) Then(name string, state any) Broadcast { return s.Of("/").Then(name, state) }

// OnAck registers what handles the acks of events that were emitted with Then and this name: a function
//
//	func(ctx context.Context, s *socketio.Socket, state S, missed error, a A, b B, ...) error
//
// The state is decoded into S, the ack's arguments into A, B, … as On does it. It runs once for each recipient, in
// whatever process:
//
//   - with missed nil, when the client has acked the event;
//   - with missed ErrNoAck, when the time was over; s is then as FetchSockets returns it;
//   - with missed ErrGone, when the time was over and the client had disconnected; s has its id only;
//   - with missed an *ArgumentError, when the client's arguments do not fit.
//
// The arguments have their zero values when missed is not nil. When the time is over, the function runs in a job, which
// has ten seconds for all of a question's recipients and begins another for those that are left. An error is logged, as
// an event's is, and shown to Server.OnError under this name. After a crash, or an error of the store, the function
// runs once more, a minute later or a little more: with the same answer, when there was one. Otherwise it never runs
// twice for a recipient.
//
// OnAck panics when the function is of another form, and when the name has one already.
func (n *Namespace) OnAck(name string, f any) {
	n.server.registering("OnAck(%q)", name)
	if n.acks[name] != nil {
		panic(fmt.Sprintf("socketio: OnAck(%q): the %s has a function for it already", name, n.called()))
	}
	h, err := newAckHandler(f)
	if err != nil {
		panic(fmt.Sprintf("socketio: OnAck(%q): %v", name, err))
	}
	if n.acks == nil {
		n.acks = map[string]*ackHandler{}
	}
	n.acks[name] = h
}

// ackHandler is a checked function of OnAck.
type ackHandler struct {
	f     reflect.Value
	state reflect.Type
	args  *handler // of the function without state and missed: it decodes, and is not called
}

const ackSignature = "have %v, want func(context.Context, *socketio.Socket, state, error, arguments...) error"

func newAckHandler(f any) (*ackHandler, error) {
	t := reflect.TypeOf(f)
	if t == nil || t.Kind() != reflect.Func || reflect.ValueOf(f).IsNil() || t.NumIn() < 4 || t.IsVariadic() && t.NumIn() == 4 ||
		t.In(3) != errorType || !encodable(t.In(2)) || t.NumOut() != 1 || t.Out(0) != errorType {
		return nil, fmt.Errorf(ackSignature, t)
	}
	in := []reflect.Type{t.In(0), t.In(1)}
	for i := 4; i < t.NumIn(); i++ {
		in = append(in, t.In(i))
	}
	without := reflect.MakeFunc(reflect.FuncOf(in, []reflect.Type{errorType}, t.IsVariadic()), func([]reflect.Value) []reflect.Value { return nil })
	args, err := newHandler(without.Interface())
	if err != nil {
		return nil, fmt.Errorf(ackSignature+", of types that JSON knows", t)
	}
	return &ackHandler{reflect.ValueOf(f), t.In(2), args}, nil
}

// run calls the function.
func (h *ackHandler) run(ctx context.Context, s *Socket, state []byte, e acks.End) (err error) {
	defer recovered(&err)
	into := reflect.New(h.state)
	if err := protocol.DecodeJSON(state, into.Interface()); err != nil {
		return fmt.Errorf("socketio: the state is no %s: %w", typeName(h.state), err)
	}
	var missed error
	var in []reflect.Value
	switch e.Missed {
	case acks.Late:
		missed = ErrNoAck
	case acks.Left:
		missed = ErrGone
	default:
		var args []json.RawMessage
		if args, missed = (protocol.Packet{Data: e.Data}).Args(); missed == nil {
			in, missed = h.args.decode(ctx, s, args, e.Buffers)
		}
	}
	if missed != nil {
		in = []reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(s)}
		for i, t := range h.args.in {
			if h.args.variadic && i == len(h.args.in)-1 {
				break
			}
			in = append(in, reflect.Zero(t))
		}
		if h.args.raw {
			in = append(in, reflect.Zero(argsType))
		}
	}
	why := reflect.Zero(errorType)
	if missed != nil {
		why = reflect.ValueOf(&missed).Elem()
	}
	in = append(in[:2:2], append([]reflect.Value{into.Elem(), why}, in[2:]...)...)
	err, _ = h.f.Call(in)[0].Interface().(error)
	return err
}

// emitThen is Emit with Then.
func (b Broadcast) emitThen(ctx context.Context, event string, args []any) error {
	s := b.namespace.server
	switch {
	case b.then.err != nil:
		return b.then.err
	case b.namespace.acks[b.then.name] == nil && !s.hasHandlersElsewhere():
		return fmt.Errorf("socketio: Then(%q): the %s has no function of that name: register one with OnAck", b.then.name, b.namespace.called())
	case ctx.Err() != nil:
		return ctx.Err()
	}
	timeout := b.timeout
	if timeout <= 0 {
		timeout = askTimeout
	}
	a, err := b.ask(ctx, s.now().Add(timeout).Truncate(time.Millisecond), event, args)
	if a == nil || err != nil {
		return err
	}
	j := overdue{Ack: &a.q.ID, Namespace: b.namespace.name}
	if err := s.overdueLater(ctx, j, a.q.Until.Sub(s.now())); err != nil { // before anybody is asked
		return err
	}
	err = a.serve(ctx)
	a.overdueSooner(ctx, j, timeout)
	if err != nil && len(a.to) == 1 && b.isTo(a.to[0].Socket) && !errors.As(err, new(*UnservedError)) {
		a.settle(ctx, a.to[0])
	}
	return err
}

// Sending an event to so many takes no time to speak of, because all are served at once. To each of the others it takes
// less than sendingTime, unless the time of the one who sends is over before.
// A question that ends so little later than it could is left as it is.
const (
	sentAtOnce  = 64
	sendingTime = 30 * time.Millisecond
	soonEnough  = 2 * time.Second
)

// sending returns how much time to give for sending an event to so many, who then have to have time to answer.
func (s *Server) sending(ctx context.Context, many int) time.Duration {
	most := time.Duration(max(0, many-sentAtOnce)) * sendingTime
	if deadline, ok := ctx.Deadline(); ok {
		most = min(most, max(0, deadline.Sub(s.now())))
	}
	return most.Truncate(time.Millisecond)
}

// overdueSooner has a question end when those who were asked last have had their time, if that is before Until, which
// had to be said before they were asked. Should the job be lost, the question ends with Until.
func (a *asked) overdueSooner(ctx context.Context, j overdue, timeout time.Duration) {
	s := a.namespace.server
	at := s.now().Add(timeout)
	if a.q.Until.Sub(at) < soonEnough {
		return
	}
	j.At = at.UnixMilli()
	if err := s.overdueLater(ctx, j, timeout); err != nil {
		s.opt.Logger.WarnContext(ctx, "who does not answer a question will be known late, because its job could not be sent", "namespace", a.namespace.name,
			"event", cut(a.q.Name, maxLogged), "until", a.q.Until, "error", err)
	}
}

// settle ends the question for one whom it could not be sent to, so that nobody is told of it but the caller of Emit.
func (a *asked) settle(ctx context.Context, m rooms.Member) {
	s := a.namespace.server
	ctx, cancel := s.engine.Outlive(ctx)
	defer cancel()
	e, err := s.newEnd(m.Socket)
	if err == nil {
		e.Missed, e.Done, e.Expires = acks.Late, true, a.q.Expires
		_, err = s.acks.End(ctx, a.q.ID, e)
	}
	if err != nil {
		s.opt.Logger.WarnContext(ctx, "a question that was not sent could not be ended, so its OnAck will run", "namespace", a.namespace.name,
			"socket", m.Socket, "event", cut(a.q.Name, maxLogged), "error", err)
	}
}

// newEnd returns an end of now, with an operation.
func (s *Server) newEnd(socket string) (acks.End, error) {
	op, err := s.randomText(12)
	return acks.End{Socket: socket, Op: op, At: s.now().Truncate(time.Millisecond)}, err
}

// answered takes the ack of a client. One that answers nothing, or answers again, is dropped; what cannot be an answer
// costs the ack alone. An error is the store's: the client has to know that its ack was lost.
func (t *turn) answered(ctx context.Context, s *Socket, p protocol.Packet) error {
	if t.server.acks == nil || p.ID < 0 || p.ID > acks.MaxID {
		return nil
	}
	if err := acceptable(p); err != nil {
		t.tally.failed(s, "ack", "a client's ack was refused", err)
		return nil
	}
	e, err := t.server.newEnd(s.id)
	if err != nil {
		return err
	}
	e.Data, e.Buffers = p.Data, p.Buffers
	q, won, err := t.server.acks.Answer(ctx, p.ID, e)
	if err != nil || !won || q.Name == "" {
		return err
	}
	if err := t.server.handleEnd(ctx, s, q, e); err != nil {
		t.tally.failed(s, q.Name, "an ack cannot be handled", err)
	}
	return nil
}

// acceptable returns why an ack cannot be an answer.
func acceptable(p protocol.Packet) error {
	size := len(p.Data)
	for _, b := range p.Buffers {
		size += len(b)
	}
	if size > maxAnswer {
		return &ArgumentError{Err: fmt.Errorf("%d bytes are more than the %d that an ack may have", size, maxAnswer)}
	}
	args, err := p.Args()
	if err != nil {
		return &ArgumentError{Err: err}
	}
	_, err = decodeArgs(args, p.Buffers)
	return err
}

// unhandled is the error of a question that has no function here.
func unhandled(n *Namespace, name string) error {
	return fmt.Errorf("socketio: the %s has no function for acks of the name %q: register one with OnAck, or correct the name that Then gets; "+
		"or was it emitted by another version of the application?", n.called(), cut(name, maxLogged))
}

// handleEnd runs the function of OnAck for an end that is the caller's to handle, and notes that it was handled.
func (s *Server) handleEnd(ctx context.Context, socket *Socket, q acks.Question, e acks.End) error {
	h := socket.namespace.acks[q.Name]
	if h == nil { // of another version of the application, which may still be there to handle it
		return unhandled(socket.namespace, q.Name)
	}
	inside, end := socket.span(ctx, q.Name)
	err := h.run(inside, socket, q.State, e)
	if end(err); err != nil {
		if err = s.noted(ctx, socket, q.Name, err); err != nil {
			socket.failed(ctx, q.Name, "a handler failed", err)
		}
	}
	ctx, cancel := s.engine.Outlive(ctx)
	defer cancel()
	if err := s.acks.Done(ctx, q.ID, socket.id, e.Op); err != nil {
		socket.log(q.Name).ErrorContext(ctx, "an ack was handled, which could not be noted, so it will be once more", "error", err)
	}
	return nil
}
