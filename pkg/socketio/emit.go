package socketio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/rooms"
)

// Broadcast names the recipients of an emit. It is a value that never changes: each method returns another one, and
// slices of rooms are copied. It may be kept, extended and used by several goroutines at a time.
type Broadcast struct {
	namespace *Namespace
	toRooms   bool // To was called: the members of the rooms in to receive, else all of the namespace
	to        []string
	except    []string
	skip      string // the socket that broadcasts
	volatile  bool
	own       *Socket // the one that is meant, until a room is named
	timeout   time.Duration
	then      *continuation // what takes the acks; nil: nothing
}

// To adds rooms whose members receive, each once. Only they do, from the first call on: after To without any room,
// or To(list...) with an empty list, nobody receives until another call adds a room. All of the namespace is what a
// Broadcast reaches without To. The room "" has no members, nor has one whose name is over 256 bytes: nobody can join
// it.
func (b Broadcast) To(rooms ...string) Broadcast {
	b = b.toOthers()
	b.toRooms = true
	b.to = named(b.to, rooms)
	return b
}

// named returns the rooms of a list, and others, that can have members, in a slice of its own.
func named(to, rooms []string) []string {
	return slices.DeleteFunc(append(slices.Clone(to), rooms...), func(room string) bool { return room == "" || len(room) > maxRoomName })
}

// In is To.
func (b Broadcast) In(rooms ...string) Broadcast { return b.To(rooms...) }

// Except adds rooms whose members do not receive, whatever other rooms they are in. Except without any room, or with
// rooms that have no members, keeps nobody out.
func (b Broadcast) Except(rooms ...string) Broadcast {
	b = b.toOthers()
	b.except = named(b.except, rooms)
	return b
}

// Volatile returns a broadcast of what is worth nothing later, such as where a cursor is: Emit then tries once for each
// recipient and waits for none. Who cannot take the event now goes without and stays connected: a client with a
// WebSocket connection that is being sent something else for longer than a moment, or does not read as fast as events
// come, and a client that polls while no GET of it waits. That is no error, nor is a lack of time. A client that may
// have got half of an event with binary is disconnected all the same. For what Volatile does not say, see Emit.
func (b Broadcast) Volatile() Broadcast {
	b.volatile = true
	return b
}

// toOthers returns a broadcast of one socket's that was to itself as one to all others.
func (b Broadcast) toOthers() Broadcast {
	if b.own != nil {
		b.skip, b.toRooms, b.to, b.own = b.own.id, false, nil, nil
	}
	return b
}

// Emit sends an event with arguments of any types that JSON knows; []byte anywhere in a value is sent as binary, at
// most 10 of them. The recipients are those of the moment of the call. It blocks until the event is posted to, or
// waiting for, every recipient. Events of one handler arrive in the order of its calls, if these get its own context.
//
// ErrTooLarge, or the error of arguments that cannot be encoded: nothing was sent to anybody. What goes wrong with a
// single recipient is no error of the emit: one that is gone is left out; one that does not get the event, because it
// does not read or poll as fast as events come, is logged and disconnected, so that it knows.
//
// An emit to one socket, by its id and nothing else, is otherwise: ErrOutboxFull (too much waits for a client
// that polls) and ErrBusy (a client does not read fast enough, or there was no time to try) are the sender's
// errors. Nothing was sent, and the recipient stays: what one client sends to another does not end it.
//
// All recipients are served by this call, 64 at a time, so that there is a limit to how many it can serve before ctx
// ends, of which it leaves up to 0.8 s to its caller: see docs/guarantees.md. What ends it early, be it ctx or the
// store, is its error. When somebody had been served by then, it is an *UnservedError: the others are disconnected, so
// that they know, by jobs that outlive the invocation. When nobody had been, nobody is, and the call may be repeated.
func (b Broadcast) Emit(ctx context.Context, event string, args ...any) error {
	s := b.namespace.server
	if b.own != nil && b.then == nil {
		return b.own.emit(ctx, b.volatile, event, args)
	}
	e, err := b.namespace.backend()
	if err != nil {
		return err
	}
	if b.then != nil {
		return b.emitThen(ctx, event, args)
	}
	parcel, err := eventParcel(e, b.namespace.name, event, args)
	if err != nil {
		return err
	}
	if b.reachesNobody() {
		return nil
	}
	if err := turnOf(ctx).spend(1); err != nil {
		return err
	}
	at, target := s.now(), b.target(ctx)
	early, cancel := e.Early(ctx)
	defer cancel()
	var begun, late atomic.Int64
	rest, err := s.emits.Broadcast(early, target, func(_ context.Context, m rooms.Member) error {
		begun.Add(1)
		_, isLate, err := b.deliver(ctx, m, parcel, event, args)
		if isLate {
			late.Add(1)
		}
		return err
	})
	s.meter.Observe(observe.Recipients, float64(begun.Load()))
	if b.volatile {
		if ctx.Err() != nil || early.Err() != nil {
			return nil
		}
		return err
	}
	n, served := int(late.Load()), int(begun.Load()-late.Load())
	if begun.Load() == 0 || n == 0 && len(rest.Parts) == 0 {
		return err
	}
	unserved := &UnservedError{Served: served, Unserved: n + rest.Known, More: rest.More, Err: cmp.Or(err, ctx.Err())}
	if err := s.disconnectRest(ctx, unservedBy(target, at), rest); err != nil {
		unserved.Err = errors.Join(unserved.Err, fmt.Errorf("not all of them can be: %w", err))
	}
	s.opt.Logger.ErrorContext(ctx, "a broadcast was cut off", "namespace", b.namespace.name, "error", unserved)
	return unserved
}

// deliver gives one recipient an event. It reports whether the recipient has it, and otherwise whether that is for want
// of time. The error is the sender's, and else nobody's: who is gone, or takes nothing that is volatile, goes without,
// and any other is disconnected.
func (b Broadcast) deliver(ctx context.Context, m rooms.Member, p engine.Parcel, event string, args []any) (got, late bool, err error) {
	s := b.namespace.server
	deliver := s.engine.Deliver
	if b.volatile {
		deliver = s.engine.DeliverVolatile
	}
	err = deliver(ctx, engine.Address(m.Address), p)
	switch {
	case err == nil:
		b.namespace.sent(ctx, m.Socket, event, args, p)
		return true, false, nil
	case b.volatile, errors.Is(err, ErrGone):
		return false, false, nil
	case b.isTo(m.Socket) && (errors.Is(err, ErrOutboxFull) || errors.Is(err, ErrBusy)):
		return false, false, err
	}
	late = ctx.Err() != nil
	s.opt.Logger.WarnContext(ctx, "a recipient did not get an event and is disconnected",
		"namespace", b.namespace.name, "socket", m.Socket, "error", err)
	s.engine.Drop(ctx, engine.Address(m.Address))
	return false, late, nil
}

// reachesNobody reports whether To was called and named no room that can have members.
func (b Broadcast) reachesNobody() bool { return b.toRooms && len(b.to) == 0 }

// isTo reports whether a broadcast is to one socket, by its id and nothing else.
func (b Broadcast) isTo(id string) bool {
	return len(b.to) > 0 && !slices.ContainsFunc(b.to, func(room string) bool { return room != id })
}

// SocketIDs returns the ids of the sockets that an Emit would reach at the moment, in no order: who is in a room, or
// whether one socket is still there. It reads as much as an Emit does.
func (b Broadcast) SocketIDs(ctx context.Context) ([]string, error) {
	if _, err := b.namespace.backend(); err != nil {
		return nil, err
	}
	var mu sync.Mutex
	ids := []string{}
	if b.reachesNobody() {
		return ids, nil
	}
	if err := turnOf(ctx).spend(1); err != nil {
		return nil, err
	}
	_, err := b.members(ctx, func(_ context.Context, m rooms.Member) error {
		mu.Lock()
		defer mu.Unlock()
		ids = append(ids, m.Socket)
		return nil
	})
	return ids, err
}

// members calls f with all whom the broadcast is to, as rooms.Adapter does. Of those who are in the room of a socket's
// own that is the socket, when the broadcast is one of its own: others look on.
func (b Broadcast) members(ctx context.Context, f func(context.Context, rooms.Member) error) (rooms.Rest, error) {
	return b.namespace.server.adapter.Broadcast(ctx, b.target(ctx), func(ctx context.Context, m rooms.Member) error {
		if b.own != nil && m.Socket != b.own.id {
			return nil
		}
		return f(ctx, m)
	})
}

// target names the recipients for the adapter.
func (b Broadcast) target(ctx context.Context) rooms.Target {
	target := rooms.Target{Namespace: b.namespace.name, Rooms: b.to, Except: b.except, Skip: b.skip}
	if !b.toRooms {
		target.Rooms = []string{rooms.Everybody}
	}
	if leaving, ok := ctx.Value(leavingKey{}).(string); ok && b.skip == "" { // its rooms are there, its client is not
		target.Skip = leaving
	}
	return target
}

// eventParcel encodes an event once, for any number of recipients.
func eventParcel(e *engine.Engine, namespace, event string, args []any) (engine.Parcel, error) {
	all, err := eventArgs(event, args)
	if err != nil {
		return engine.Parcel{}, err
	}
	return parcel(e, protocol.Packet{Type: protocol.Event, Namespace: namespace, ID: protocol.NoID}, all)
}

// eventArgs returns what a packet has of an event: its name and its arguments. A function at the end is what asks for
// an ack in Node.
func eventArgs(event string, args []any) ([]any, error) {
	if protocol.ReservedEvent(event) {
		return nil, fmt.Errorf("socketio: Emit(%q): the name is reserved, choose another", event)
	}
	if n := len(args); n > 0 && args[n-1] != nil && reflect.TypeOf(args[n-1]).Kind() == reflect.Func {
		return nil, fmt.Errorf("socketio: Emit(%q): a function cannot be sent: for the client's ack use EmitWithAck, or Then and OnAck", event)
	}
	return append([]any{event}, args...), nil
}

// parcel encodes a packet with arguments.
func parcel(e *engine.Engine, p protocol.Packet, args []any) (_ engine.Parcel, err error) {
	if p.Data, p.Buffers, err = protocol.EncodeArgs(args...); err != nil {
		return engine.Parcel{}, err
	}
	return parcelOf(e, p)
}

// parcelOf encodes a packet. What no outbox could hold is refused for everybody, so that it does not depend on their
// transports who gets an event.
func parcelOf(e *engine.Engine, p protocol.Packet) (engine.Parcel, error) {
	packets, err := encode(e, p)
	if err != nil {
		return engine.Parcel{}, err
	}
	parcel, err := e.Parcel(packets...)
	if err != nil {
		return engine.Parcel{}, err
	}
	if parcel.Size() > engine.MaxOutbox {
		return engine.Parcel{}, engine.TooLarge(parcel.Size(), engine.MaxOutbox)
	}
	return parcel, nil
}
