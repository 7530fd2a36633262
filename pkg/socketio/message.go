package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
)

// handlerOf is the Server as the engine sees it.
type handlerOf struct{ s *Server }

var _ engine.Handler = handlerOf{}

// Message implements engine.Handler.
func (h handlerOf) Message(ctx context.Context, v *engine.Invocation, messages []protocol.EnginePacket) error {
	t := &turn{server: h.s, v: v, sockets: map[string]*Socket{}}
	err := t.messages(ctx, messages)
	return errors.Join(err, t.confirm(ctx))
}

// turn is the handling of the messages of one invocation.
type turn struct {
	server  *Server
	v       *engine.Invocation
	sockets map[string]*Socket // by namespace, so that all events of an invocation share what they see
}

// messages puts packets together from messages and handles them in order. What is incomplete at the end is kept for
// the invocation that brings the rest.
func (t *turn) messages(ctx context.Context, messages []protocol.EnginePacket) error {
	kept := t.v.Pending()
	pending, err := restore(kept)
	if err != nil {
		return err
	}
	raw := kept
	for _, m := range messages {
		switch {
		case m.Binary && pending == nil:
			return fmt.Errorf("%w: binary without a packet that announces it%s", engine.ErrRefused, t.binaryHint())
		case m.Binary:
			if err := pending.Add(m.Data); err != nil {
				return err
			}
			raw = append(raw[:len(raw):len(raw)], m.Data)
		case pending != nil:
			return fmt.Errorf("%w: text where %d attachments are missing", engine.ErrRefused, pending.Attachments-len(pending.Buffers))
		default:
			p, err := protocol.Decode(m.Data)
			if err != nil {
				return err
			}
			if pending, raw = &p, [][]byte{m.Data}; !p.Complete() && !t.ordered() {
				return fmt.Errorf("%w: a packet with binary%s", engine.ErrRefused, t.binaryHint())
			}
		}
		if pending.Complete() {
			p := *pending
			pending, raw = nil, nil
			if len(kept) > 0 { // before the handler, which a lost response must not make run twice
				if err := t.v.Keep(ctx, nil); err != nil {
					return err
				}
				kept = nil
			}
			if err := t.packet(ctx, p); err != nil {
				return err
			}
		}
	}
	if pending != nil {
		return t.v.Keep(ctx, raw)
	}
	return nil
}

// restore rebuilds an unfinished packet from its messages.
func restore(kept [][]byte) (*protocol.Packet, error) {
	if len(kept) == 0 {
		return nil, nil
	}
	p, err := protocol.Decode(kept[0])
	if err != nil {
		return nil, err
	}
	for _, b := range kept[1:] {
		if err := p.Add(b); err != nil {
			return nil, err
		}
	}
	return &p, nil
}

// ordered reports whether messages of this session come one after the other.
func (t *turn) ordered() bool {
	return t.v.Polling() || t.server.engine.Options().OrderedFrames
}

func (t *turn) binaryHint() string {
	if t.ordered() {
		return ""
	}
	return " came over WebSocket, where this gateway does not keep frames in order, so that attachments could be mixed up:" +
		` let clients that send binary use transports: ["polling"], or send it base64-encoded in a string`
}

// packet handles one complete packet. An error closes the session.
func (t *turn) packet(ctx context.Context, p protocol.Packet) error {
	if p.Type == protocol.Connect {
		return t.connect(ctx, p)
	}
	s, err := t.socket(ctx, p.Namespace)
	if err != nil || s == nil {
		return err
	}
	switch p.Type {
	case protocol.Event, protocol.BinaryEvent:
		t.event(ctx, s, p)
	case protocol.Disconnect:
		return t.server.disconnect(ctx, s, ClientDisconnect)
	case protocol.ConnectError:
		return fmt.Errorf("%w: CONNECT_ERROR is the server's to send", engine.ErrRefused)
	}
	return nil // an ACK for which nobody waits
}

// socket returns the socket of a namespace. Nil: it has left, and what was on its way from it is dropped. Where
// frames are not in order, one may have overtaken the CONNECT, which is then waited for.
func (t *turn) socket(ctx context.Context, namespace string) (*Socket, error) {
	if s := t.sockets[namespace]; s != nil {
		if s.isConnected() {
			return s, nil
		}
		return nil, nil
	}
	n := t.server.namespaces[namespace]
	find := func(entries map[string][]byte) bool { return len(entries[namespace]) > 0 }
	if n == nil || !find(t.v.Entries()) && (t.ordered() || !t.v.Await(ctx, find)) {
		return nil, fmt.Errorf("%w: a packet for a namespace that was not joined", engine.ErrRefused)
	}
	s := &Socket{namespace: n, v: t.v, id: entry(t.v.Entries()[namespace]).id()}
	s.reload()
	if !s.entry.connected() {
		if t.ordered() {
			return nil, fmt.Errorf("%w: a packet for a namespace that was left", engine.ErrRefused)
		}
		return nil, nil
	}
	t.sockets[namespace] = s
	return s, nil
}

func (s *Socket) isConnected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.entry.connected()
}

// event runs the handlers of an event and sends the ack. What goes wrong is logged: the connection lives on.
func (t *turn) event(ctx context.Context, s *Socket, p protocol.Packet) {
	name := p.EventName()
	args, err := p.Args()
	var results []any
	if err == nil {
		results, err = t.handle(ctx, s, name, args[1:], p.Buffers)
	}
	var answer *AckError
	switch {
	case errors.As(err, &answer):
		results = []any{answer.Data}
	case err != nil:
		s.log(name).ErrorContext(ctx, "a handler failed", "error", err)
		return
	}
	if p.ID == protocol.NoID || results == nil {
		return
	}
	ack, err := parcel(t.server.engine, protocol.Packet{Type: protocol.Ack, Namespace: s.namespace.name, ID: p.ID}, results)
	if err == nil {
		err = s.send(ctx, ack)
	}
	if err != nil {
		s.log(name).ErrorContext(ctx, "an ack could not be sent", "error", err)
	}
}

// handle runs what is registered for an event. The results are nil when there is no handler.
func (t *turn) handle(ctx context.Context, s *Socket, name string, args []json.RawMessage, buffers [][]byte) (results []any, err error) {
	defer recovered(&err)
	for _, f := range s.namespace.any {
		all, err := decodeArgs(args, buffers)
		if err != nil {
			return nil, err
		}
		if err := f(ctx, s, name, all); err != nil {
			return nil, err
		}
	}
	h := s.namespace.handlers[name]
	if h == nil {
		s.log(name).DebugContext(ctx, "an event has no handler")
		return nil, nil
	}
	return h.call(ctx, s, args, buffers)
}

// panicked is a panic of the application, as an error.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v\n%s", p.value, p.stack) }

// recovered turns a panic into an error.
func recovered(err *error) {
	if value := recover(); value != nil {
		*err = &panicked{value, debug.Stack()}
	}
}

// confirm looks once more at the session when sockets have joined rooms: one that has been disconnected, or has moved,
// since the invocation began would leave rows behind, or rows with an address of old.
func (t *turn) confirm(ctx context.Context) error {
	var joined []*Socket
	for _, s := range t.sockets {
		s.mu.Lock()
		if len(s.rooms) > 0 {
			joined = append(joined, s)
		}
		s.mu.Unlock()
	}
	if len(joined) == 0 {
		return nil
	}
	before := t.v.Address()
	err := t.v.Refresh(ctx)
	if err != nil && !errors.Is(err, engine.ErrGone) {
		return err
	}
	var errs []error
	for _, s := range joined {
		s.mu.Lock()
		if err == nil {
			s.reload()
		}
		switch {
		case err != nil || !s.entry.connected():
			errs = append(errs, t.server.store.Leave(ctx, s.namespace.name, s.id, append(s.rooms, "")...))
		case t.v.Address() != before:
			errs = append(errs, t.server.store.Move(ctx, s.namespace.name, s.id, string(t.v.Address())))
		}
		s.mu.Unlock()
	}
	return errors.Join(errs...)
}
