package socketio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/dozeio/doze/internal/instrument"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
)

// event runs the handlers of an event and sends the ack. What goes wrong in the application is logged, and the
// connection lives on; an ack that there is and that cannot be sent ends the session, so that the client knows.
func (t *turn) event(ctx context.Context, s *Socket, p protocol.Packet) error {
	name := p.EventName()
	defer t.server.countEvent(name, t.server.now())
	inside, end := s.span(ctx, name)
	results, by, err := t.handle(inside, s, name, p)
	end(err)
	t.trace(ctx, s, name, by)
	if err == nil && by != byOn { // nobody's, and so without an ack
		return nil
	}
	ack, err := t.ack(s, p, results, err)
	lost := false
	if err != nil {
		lost = errors.As(err, new(unsendable))
		if err = t.server.reported(ctx, s, name, err); err != nil {
			ack, err = t.ack(s, p, nil, err)
		}
		lost = lost && ack == nil || errors.As(err, new(unsendable))
	}
	if err != nil {
		message := "a handler failed"
		switch {
		case lost:
			message = "an ack cannot be sent, so its session is closed"
		case errors.As(err, new(*ArgumentError)): // it was not called
			message = "a client's event was refused"
		}
		t.tally.failed(s, name, message, because(ctx, err))
	}
	if !s.isConnected() || ack == nil && !lost {
		return nil
	}
	if lost {
		t.close(ctx, engine.TransportError)
		return nil
	}
	if err := t.v.Send(ctx, *ack); err != nil {
		return fmt.Errorf("the ack of %q could not be sent: %w", cut(name, maxLogged), err)
	}
	return nil
}

// What an event is handled by, as the log has it.
const (
	byOn      = "On"
	byOnAny   = "OnAny"   // and nothing else
	byNothing = "none"    // often because of a typo
	byRefusal = "refused" // its arguments do not fit
)

// trace logs that an event came and what it is handled by. Its arguments are the client's, and are not logged.
func (t *turn) trace(ctx context.Context, s *Socket, name, by string) {
	log := t.server.opt.Logger
	if !log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	log.LogAttrs(ctx, slog.LevelDebug, "event", slog.String("namespace", s.namespace.name), slog.String("socket", s.id),
		slog.String("event", cut(name, maxLogged)), slog.String("handler", by))
}

// handle runs what is registered for an event, and says what that is.
func (t *turn) handle(ctx context.Context, s *Socket, name string, p protocol.Packet) (results []any, by string, err error) {
	defer recovered(&err)
	by = byNothing
	args, err := p.Args()
	if err != nil {
		return nil, byRefusal, &ArgumentError{Err: err}
	}
	if t.server.watcher != nil {
		s.received(ctx, p)
	}
	for _, f := range s.namespace.any {
		by = byOnAny
		all, err := decodeArgs(args[1:], p.Buffers)
		if err != nil {
			return nil, byRefusal, err
		}
		if err := f(ctx, s, name, all); err != nil {
			return nil, by, err
		}
		if !s.isConnected() {
			return nil, by, nil
		}
	}
	h := s.namespace.handlers[name]
	if h == nil {
		return nil, by, nil
	}
	by = byOn // also of one that panics
	results, by, err = h.handle(ctx, s, args[1:], p.Buffers)
	return results, by, err
}

// received tells the watcher of an event.
func (s *Socket) received(ctx context.Context, p protocol.Packet) {
	s.namespace.happened(ctx, instrument.Received, s.id, func(h *instrument.Happening) { h.Event = func() ([]any, error) { return eventOf(p) } })
}

// unsendable is the error of an ack that JSON, or the gateway, does not take.
type unsendable struct{ error }

func (e unsendable) Unwrap() error { return e.error }

// ack makes the ack of an event of the handler's results, or of the *AckError that it has returned. It is nil when
// there is none to send; any other error of the handler is returned.
func (t *turn) ack(s *Socket, p protocol.Packet, results []any, failed error) (ack *engine.Parcel, err error) {
	if a := answer(failed); a != nil {
		results, failed = []any{a.Data}, nil
	}
	if failed != nil || p.ID == protocol.NoID {
		return nil, failed
	}
	err = func() (err error) {
		defer recovered(&err) // a result's own MarshalJSON
		packet := protocol.Packet{Type: protocol.Ack, Namespace: s.namespace.name, ID: p.ID}
		parcel, err := parcel(t.server.engine, packet, results)
		ack = &parcel
		return err
	}()
	if err != nil {
		return nil, unsendable{fmt.Errorf("what the handler has returned cannot be an ack: %w", err)}
	}
	return ack, nil
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
