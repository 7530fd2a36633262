package socketio

import (
	"context"
	"errors"
	"fmt"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/protocol"
)

// connect handles a client's wish to join a namespace.
func (t *turn) connect(ctx context.Context, p protocol.Packet) error {
	n := t.server.namespace(ctx, p.Namespace)
	if n == nil {
		err := t.connectError(ctx, p.Namespace, &ConnectError{Message: "Invalid namespace"})
		if errors.Is(err, errUnsendable) {
			err = fmt.Errorf("%w: a CONNECT to a namespace whose name is too long for an answer", engine.ErrRefused)
		}
		return err
	}
	free := func(entries map[string][]byte) bool { return !entry(entries[n.name]).connected() }
	if !free(t.v.Entries()) && (t.ordered() || !t.v.Await(ctx, free)) { // a DISCONNECT may be on its way
		return fmt.Errorf("%w: a second CONNECT to a namespace", engine.ErrRefused)
	}
	entries := t.v.Entries()
	if countConnected(entries) >= t.server.opt.MaxNamespaces {
		return t.connectError(ctx, n.name, &ConnectError{Message: "Too many namespaces"})
	}
	old := entry(entries[n.name])
	if old.id() != "" { // once it is replaced, nobody sees any more whether its leaving was cut short
		if err := t.server.finishLeaving(ctx, n, old); err != nil && !errors.Is(err, stillLeaving{}) {
			return err
		}
	}
	id, err := t.server.randomText(idLength)
	if err != nil {
		return err
	}
	s := &Socket{namespace: n, turn: t, id: id, auth: p.Data, joining: true}
	if err := s.run(ctx, "connect", n.middlewares, func() bool { return !t.isClosed() }); err != nil {
		defer s.giveUp()
		return t.refuse(ctx, s, err)
	}
	if t.isClosed() {
		s.giveUp()
		return nil
	}
	if err := t.join(ctx, s, old); err != nil {
		s.giveUp()
		return err
	}
	t.add(s)
	t.server.meter.Count(observe.Connects, "", 1)
	t.server.opt.Logger.DebugContext(ctx, "a socket is connected", "namespace", n.name, "socket", id, "session", t.v.Address())
	reply, err := parcelOf(t.server.engine, protocol.Packet{Type: protocol.Connect, Namespace: n.name, ID: protocol.NoID, Data: []byte(`{"sid":"` + id + `"}`)})
	if err == nil {
		err = t.v.Send(ctx, reply)
	}
	if err != nil {
		return err
	}
	if err := s.run(ctx, "connection", n.connection, s.isConnected); err != nil {
		if err := t.server.noted(ctx, s, "connection", err); err != nil {
			t.tally.failed(s, "connection", "OnConnection failed, so the socket is disconnected", because(ctx, err))
		}
		return s.Disconnect(ctx)
	}
	return nil
}

func countConnected(entries map[string][]byte) (n int) {
	for _, e := range entries {
		if entry(e).connected() {
			n++
		}
	}
	return n
}

// run calls functions of the application until one fails, or the socket is not wanted any more.
func (s *Socket) run(ctx context.Context, name string, functions []func(context.Context, *Socket) error, wanted func() bool) (err error) {
	if len(functions) > 0 {
		inside, end := s.span(ctx, name)
		ctx = inside
		defer func() { end(err) }()
	}
	defer recovered(&err)
	for _, f := range functions {
		if err := f(ctx, s); err != nil {
			return err
		}
		if !wanted() {
			return nil
		}
	}
	return nil
}

// giveUp ends a socket that has not joined.
func (s *Socket) giveUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}

// join makes a socket a member of its namespace. The membership goes first and the session's entry, which can only be
// written while the session is open, second: so no socket is left that closing does not see.
func (t *turn) join(ctx context.Context, s *Socket, old []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, err := t.server.newEntry(s.id, s.data)
	if err != nil {
		return err
	}
	store, names := t.server.store, append([]string{""}, s.rooms...)
	undo := func() {
		ctx, cancel := t.server.engine.Outlive(ctx)
		defer cancel()
		if err := store.Leave(ctx, s.namespace.name, s.id, names...); err != nil {
			s.log("connect").ErrorContext(ctx, "a socket that could not be connected stays in its rooms until its rows expire", "error", err)
		}
	}
	joined := s.rooms
	m := s.member()
	if _, err := store.Join(ctx, s.namespace.name, m, names...); err != nil {
		undo()
		return err
	}
	ok, err := t.v.SetEntry(ctx, s.namespace.name, old, next)
	switch {
	case err != nil:
		undo()
		return err
	case !ok:
		undo()
		return fmt.Errorf("%w: two CONNECTs to a namespace", engine.ErrRefused)
	case string(t.v.Address()) != m.Address:
		err = store.Move(ctx, s.namespace.name, s.id, string(t.v.Address()))
	}
	s.joining, s.entry, s.rooms = false, next, nil
	if err == nil {
		s.hasJoined(ctx, joined)
	}
	return err
}

// refuse tells the client why a middleware keeps it out: what it says in a *ConnectError, nothing of any other error.
func (t *turn) refuse(ctx context.Context, s *Socket, err error) error {
	told, err := t.tellRefused(ctx, s, err)
	if told {
		return err
	}
	if told, err = t.tellRefused(ctx, s, t.server.noted(ctx, s, "connect", err)); told {
		return err
	}
	if err != nil {
		message := "a middleware failed"
		switch {
		case errors.Is(err, errUnsendable):
			message = "a ConnectError cannot be sent"
		case errors.As(err, new(*ArgumentError)):
			message = "a client's CONNECT was refused"
		}
		t.tally.failed(s, "connect", message, because(ctx, err))
	}
	return t.connectError(ctx, s.namespace.name, &ConnectError{Message: "Connection refused"})
}

// tellRefused sends the *ConnectError of an error, if there is one that can be sent. Else it returns why not.
func (t *turn) tellRefused(ctx context.Context, s *Socket, err error) (told bool, _ error) {
	refused := (*ConnectError)(nil)
	if !errors.As(err, &refused) || refused == nil {
		return false, err
	}
	err = t.connectError(ctx, s.namespace.name, refused)
	return !errors.Is(err, errUnsendable), err
}

// errUnsendable is wrapped by connectError's error for data that JSON, or the gateway, does not take.
var errUnsendable = errors.New("socketio: the ConnectError cannot be sent")

// connectError tells the client why it is kept out.
func (t *turn) connectError(ctx context.Context, namespace string, why *ConnectError) error {
	reply, err := refusal(t.server.engine, namespace, why)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnsendable, err)
	}
	return t.v.Send(ctx, reply)
}

// refusal encodes a CONNECT_ERROR.
func refusal(e *engine.Engine, namespace string, why *ConnectError) (_ engine.Parcel, err error) {
	defer recovered(&err) // the data's own MarshalJSON
	p := protocol.Packet{Type: protocol.ConnectError, Namespace: namespace, ID: protocol.NoID}
	p.Data, err = protocol.EncodeJSON(struct {
		Message string `json:"message"`
		Data    any    `json:"data,omitempty"`
	}{why.Message, why.Data})
	if err != nil {
		return engine.Parcel{}, err
	}
	return parcelOf(e, p)
}
