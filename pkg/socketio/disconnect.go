package socketio

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
)

// Disconnect removes the socket from its namespace, and runs OnDisconnecting and OnDisconnect before it returns. With
// closeSession it removes the client from all its namespaces and closes the connection. The client sees
// "io server disconnect" and does not reconnect by itself.
func (s *Socket) Disconnect(ctx context.Context, closeSession bool) error {
	if s.v == nil {
		return nil
	}
	server := s.namespace.server
	sockets := []*Socket{s}
	if closeSession {
		entries := s.v.Entries()
		for _, name := range slices.Sorted(maps.Keys(entries)) {
			if n := server.namespaces[name]; n != nil && n != s.namespace {
				other := &Socket{namespace: n, v: s.v, id: entry(entries[name]).id()}
				other.reload()
				sockets = append(sockets, other)
			}
		}
	}
	var errs []error
	for _, s := range sockets {
		errs = append(errs, server.disconnect(ctx, s, ServerDisconnect))
	}
	if closeSession {
		s.v.Close(ctx, engine.ForcedClose)
	}
	return errors.Join(errs...)
}

// disconnect ends a socket while its session lives on. Whoever marks its entry as left does it, once.
func (s *Server) disconnect(ctx context.Context, socket *Socket, reason Reason) error {
	won, err := socket.markLeft(ctx)
	if err != nil || !won {
		return err
	}
	if reason == ServerDisconnect {
		packets, err := protocol.Packet{Type: protocol.Disconnect, Namespace: socket.namespace.name, ID: protocol.NoID}.Encode()
		if err == nil {
			var p engine.Parcel
			if p, err = s.engine.Parcel(packets...); err == nil {
				err = socket.send(ctx, p)
			}
		}
		if err != nil && !errors.Is(err, ErrGone) {
			socket.log("disconnect").ErrorContext(ctx, "the client could not be told", "error", err)
		}
	}
	return s.cleanUp(ctx, socket, reason)
}

// markLeft replaces the socket's entry by one that says that it has left.
func (s *Socket) markLeft(ctx context.Context) (won bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.entry.connected() {
		next, err := s.namespace.server.newEntry(left, s.id, nil)
		if err != nil {
			return false, err
		}
		ok, err := s.v.SetEntry(ctx, s.namespace.name, s.entry, next)
		if err != nil { // of a session that is closed, Closed takes care
			return false, ignoreGone(err)
		}
		if ok {
			s.entry = next
			return true, nil
		}
		s.reload()
	}
	return false, nil
}

// cleanUp runs the handlers of a socket that is no longer connected and removes it from all rooms.
func (s *Server) cleanUp(ctx context.Context, socket *Socket, reason Reason) error {
	n := socket.namespace
	socket.runReason(ctx, "disconnecting", n.disconnecting, reason)
	names, err := s.store.Rooms(ctx, n.name, socket.id)
	if err != nil {
		return err
	}
	if err := s.store.Leave(ctx, n.name, socket.id, append(names, "")...); err != nil {
		return err
	}
	socket.runReason(ctx, "disconnect", n.disconnect, reason)
	return nil
}

// runReason calls functions of the application, each whatever the others do.
func (s *Socket) runReason(ctx context.Context, event string, functions []func(context.Context, *Socket, Reason) error, reason Reason) {
	for _, f := range functions {
		err := func() (err error) {
			defer recovered(&err)
			return f(ctx, s, reason)
		}()
		if err != nil {
			s.log(event).ErrorContext(ctx, "a handler failed", "error", err)
		}
	}
}

// Closed implements engine.Handler: the session is no more, and so are its sockets.
func (h handlerOf) Closed(ctx context.Context, session engine.Session) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(session.Entries)) {
		n, e := h.s.namespaces[name], entry(session.Entries[name])
		if n == nil || e.id() == "" {
			continue
		}
		socket := &Socket{namespace: n, id: e.id(), entry: e, data: e.data()}
		if e.connected() {
			errs = append(errs, h.s.cleanUp(ctx, socket, Reason(session.Reason)))
			continue
		}
		// It has left before; had that been cut short, its rooms would still be there.
		names, err := h.s.store.Rooms(ctx, name, e.id())
		if err == nil {
			err = h.s.store.Leave(ctx, name, e.id(), append(names, "")...)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Moved implements engine.Handler: the session has a connection now.
func (h handlerOf) Moved(ctx context.Context, session engine.Session, to engine.Address) error {
	var errs []error
	for name, e := range session.Entries {
		if entry(e).connected() {
			errs = append(errs, h.s.store.Move(ctx, name, entry(e).id(), string(to)))
		}
	}
	return errors.Join(errs...)
}

// gone turns the engine's word for a client that is gone into this package's.
func gone(err error) error {
	if errors.Is(err, engine.ErrGone) {
		return ErrGone
	}
	return err
}

func ignoreGone(err error) error {
	if errors.Is(err, engine.ErrGone) {
		return nil
	}
	return err
}
