package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
)

// connect handles a client's wish to join a namespace.
func (t *turn) connect(ctx context.Context, p protocol.Packet) error {
	n := t.server.namespaces[p.Namespace]
	if n == nil {
		return t.connectError(ctx, p.Namespace, &ConnectError{Message: "Invalid namespace"})
	}
	old := t.v.Entries()[n.name]
	free := func(entries map[string][]byte) bool { return !entry(entries[n.name]).connected() }
	if !free(t.v.Entries()) {
		if t.ordered() || !t.v.Await(ctx, free) { // a DISCONNECT may be on its way
			return fmt.Errorf("%w: a second CONNECT to a namespace", engine.ErrRefused)
		}
		old = t.v.Entries()[n.name]
	}
	if old == nil && len(t.v.Entries()) >= t.server.opt.MaxNamespaces {
		return t.connectError(ctx, n.name, &ConnectError{Message: "Too many namespaces"})
	}
	id, err := t.server.randomText(idLength)
	if err != nil {
		return err
	}
	s := &Socket{namespace: n, v: t.v, id: id, auth: p.Data, joining: true}
	if err := s.middlewares(ctx); err != nil {
		var refused *ConnectError
		if !errors.As(err, &refused) {
			s.log("connect").ErrorContext(ctx, "a middleware failed", "error", err)
			refused = &ConnectError{Message: "Connection refused"}
		}
		return t.connectError(ctx, n.name, refused)
	}
	if err := t.join(ctx, s, old); err != nil {
		return err
	}
	t.sockets[n.name] = s
	reply, err := parcelOf(t.server.engine, protocol.Packet{Type: protocol.Connect, Namespace: n.name, ID: protocol.NoID}, struct {
		SID string `json:"sid"`
	}{id})
	if err == nil {
		err = s.send(ctx, reply)
	}
	if err != nil {
		return err
	}
	if err := s.run(ctx, n.connection); err != nil {
		s.log("connection").ErrorContext(ctx, "OnConnection failed, so the socket is disconnected", "error", err)
		return s.Disconnect(ctx, false)
	}
	return nil
}

func (s *Socket) middlewares(ctx context.Context) error { return s.run(ctx, s.namespace.middlewares) }

// run calls functions of the application until one fails.
func (s *Socket) run(ctx context.Context, functions []func(context.Context, *Socket) error) (err error) {
	defer recovered(&err)
	for _, f := range functions {
		if err := f(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// join makes a socket a member of its namespace. The membership goes first and the session's entry, which can only be
// written while the session is open, second: so no socket is left that closing does not see.
func (t *turn) join(ctx context.Context, s *Socket, old []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, err := t.server.newEntry(connected, s.id, s.data)
	if err != nil {
		return err
	}
	store, names := t.server.store, append([]string{""}, s.rooms...)
	if len(s.rooms) > t.server.opt.MaxRooms {
		return fmt.Errorf("socketio: a middleware joined more than %d rooms: raise Options.MaxRooms", t.server.opt.MaxRooms)
	}
	m := s.member()
	if _, err := store.Join(ctx, s.namespace.name, m, names...); err != nil {
		return errors.Join(err, store.Leave(ctx, s.namespace.name, s.id, names...))
	}
	ok, err := t.v.SetEntry(ctx, s.namespace.name, old, next)
	switch {
	case err != nil:
		return errors.Join(err, store.Leave(ctx, s.namespace.name, s.id, names...))
	case !ok:
		return errors.Join(fmt.Errorf("%w: two CONNECTs to a namespace", engine.ErrRefused),
			store.Leave(ctx, s.namespace.name, s.id, names...))
	case string(t.v.Address()) != m.Address:
		err = store.Move(ctx, s.namespace.name, s.id, string(t.v.Address()))
	}
	s.joining, s.entry, s.rooms = false, next, nil
	return err
}

// connectError tells the client why it is kept out.
func (t *turn) connectError(ctx context.Context, namespace string, why *ConnectError) error {
	p := protocol.Packet{Type: protocol.ConnectError, Namespace: namespace, ID: protocol.NoID}
	reply, err := parcelOf(t.server.engine, p, struct {
		Message string `json:"message"`
		Data    any    `json:"data,omitempty"`
	}{why.Message, why.Data})
	if err == nil {
		err = t.v.Send(ctx, reply)
	}
	return err
}

// parcelOf encodes a packet whose payload is one JSON value.
func parcelOf(e *engine.Engine, p protocol.Packet, payload any) (engine.Parcel, error) {
	var err error
	if p.Data, err = json.Marshal(payload); err != nil {
		return engine.Parcel{}, err
	}
	packets, err := p.Encode()
	if err != nil {
		return engine.Parcel{}, err
	}
	return e.Parcel(packets...)
}
