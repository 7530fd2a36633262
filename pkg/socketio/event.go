package socketio

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
)

// event runs the handlers of an event and sends the ack. What goes wrong in the application is logged, and the
// connection lives on; an ack that cannot be sent is an error.
func (t *turn) event(ctx context.Context, s *Socket, p protocol.Packet) error {
	name := p.EventName()
	ack, err := t.handle(ctx, s, name, p)
	if err != nil {
		message := "a handler failed"
		if errors.As(err, new(badArgument)) { // it was not called
			message = "a client's event was refused"
		}
		t.tally.failed(s, name, message, err)
		return nil
	}
	if ack == nil || !s.isConnected() {
		return nil
	}
	if err := t.v.Send(ctx, *ack); err != nil {
		return fmt.Errorf("the ack of %q could not be sent: %w", cut(name, maxLogged), err)
	}
	return nil
}

// handle runs what is registered for an event. The ack is nil when there is none to send.
func (t *turn) handle(ctx context.Context, s *Socket, name string, p protocol.Packet) (ack *engine.Parcel, err error) {
	defer recovered(&err)
	args, err := p.Args()
	if err != nil {
		return nil, badArgument{err}
	}
	for _, f := range s.namespace.any {
		all, err := decodeArgs(args[1:], p.Buffers)
		if err != nil {
			return nil, err
		}
		if err := f(ctx, s, name, all); err != nil {
			return nil, err
		}
		if !s.isConnected() {
			return nil, nil
		}
	}
	h := s.namespace.handlers[name]
	if h == nil {
		t.tally.unknown(s, name)
		return nil, nil
	}
	results, err := h.call(ctx, s, args[1:], p.Buffers)
	if answer := (*AckError)(nil); errors.As(err, &answer) && answer != nil {
		results, err = []any{answer.Data}, nil
	}
	if err != nil || p.ID == protocol.NoID {
		return nil, err
	}
	parcel, err := parcel(t.server.engine, protocol.Packet{Type: protocol.Ack, Namespace: s.namespace.name, ID: p.ID}, results)
	if err != nil {
		return nil, fmt.Errorf("its results cannot be an ack: %w", err)
	}
	return &parcel, nil
}

// panicked is a panic of the application, as an error.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string {
	return fmt.Sprintf("panic: %s\n%s", cut(fmt.Sprint(p.value), maxError), p.stack)
}

// recovered turns a panic into an error.
func recovered(err *error) {
	if value := recover(); value != nil {
		*err = &panicked{value, debug.Stack()}
	}
}
