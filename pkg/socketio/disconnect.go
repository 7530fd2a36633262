package socketio

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"

	"github.com/dozeio/doze/internal/instrument"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/protocol"
)

// Disconnect removes the socket from its namespace, and runs OnDisconnecting and OnDisconnect before it returns. The
// client sees "io server disconnect" and does not reconnect by itself. A socket that is disconnected already is fine.
// After an error of the store the connection is closed, too. It is an error in a middleware, which keeps a socket out
// by returning one. An emitter's returns when a job is on the queue, by which one of the deployment's functions does
// all that.
func (s *Socket) Disconnect(ctx context.Context) error { return s.disconnect(ctx, false) }

// DisconnectClient is Disconnect for the client's sockets of all namespaces, and closes the connection. What else the
// client sent with the present message is dropped. In a middleware it closes the connection of who wants to join.
func (s *Socket) DisconnectClient(ctx context.Context) error { return s.disconnect(ctx, true) }

func (s *Socket) disconnect(ctx context.Context, closeSession bool) error {
	s.mu.Lock()
	over, joining := s.over, s.joining
	s.mu.Unlock()
	switch {
	case over:
		return errOver
	case s.turn == nil:
		return nil
	case joining && !closeSession:
		return errors.New("socketio: Disconnect in a middleware: return an error to keep the socket out")
	case s.namespace.server.hasHandlersElsewhere():
		return s.alone().DisconnectSockets(ctx, closeSession)
	}
	s.alone().because(ctx)
	sockets := []*Socket{s}
	if closeSession && s.turn.opened { // it may have joined other namespaces since
		switch err := s.turn.refresh(ctx); {
		case errors.Is(err, ErrGone):
			return nil
		case err != nil:
			return err
		}
		if !s.isConnected() { // and perhaps another is in its place, whom nobody means
			return nil
		}
	}
	if closeSession {
		sockets = append(sockets, s.turn.everywhere()...)
	}
	var errs []error
	for _, other := range sockets {
		errs = append(errs, s.namespace.server.disconnect(ctx, other, ServerDisconnect))
	}
	err := errors.Join(errs...)
	if closeSession || err != nil { // what is half done is finished with the session
		s.turn.close(ctx, ForcedClose)
	}
	return err
}

// disconnect ends a socket while its session lives on. Whoever marks its entry as left does it, once.
func (s *Server) disconnect(ctx context.Context, socket *Socket, reason Reason) error {
	won, err := socket.markLeft(ctx, reason)
	if err != nil || !won {
		return err
	}
	socket.left(ctx, reason, socket.turn.v.Address())
	if reason == ServerDisconnect {
		packet := protocol.Packet{Type: protocol.Disconnect, Namespace: socket.namespace.name, ID: protocol.NoID}
		p, err := parcelOf(s.engine, packet)
		if err == nil {
			err = socket.turn.v.Send(ctx, p)
		}
		if err != nil && !errors.Is(err, ErrGone) {
			socket.log("disconnect").WarnContext(ctx, "a client cannot be told that it was disconnected, so its session is closed", "error", err)
			defer socket.turn.close(ctx, engine.ForcedClose)
		}
	}
	return s.cleanUp(ctx, socket, reason)
}

// left counts and logs that a socket is no longer there. Lines about its session, or its connection, say why: most do
// not know of sockets.
func (s *Socket) left(ctx context.Context, reason Reason, session engine.Address) {
	s.namespace.server.meter.Count(observe.Disconnects, string(reason), 1)
	s.namespace.server.opt.Logger.LogAttrs(ctx, slog.LevelInfo, "a socket is disconnected", slog.String("namespace", s.namespace.name),
		slog.String("socket", s.id), slog.String("reason", string(reason)), slog.Any("session", session))
}

// markLeft replaces the socket's entry by one that says that it has left.
func (s *Socket) markLeft(ctx context.Context, reason Reason) (won bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.entry.connected() {
		next, err := s.namespace.server.leftEntry(reason, s.id, s.data)
		if err != nil {
			return false, err
		}
		ok, err := s.turn.v.SetEntry(ctx, s.namespace.name, s.entry, next)
		switch {
		case errors.Is(err, ErrGone): // Closed takes care
			s.entry = nil
			return false, nil
		case err != nil:
			return false, err
		case ok:
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
	ctx = engine.Farewell(context.WithValue(ctx, leavingKey{}, socket.id))
	socket.runReason(ctx, "disconnecting", n.disconnecting, reason)
	left := n.moving(ctx, instrument.Left, socket.id, nil)
	if err := s.leaveAll(ctx, n.name, socket.id); err != nil {
		return err
	}
	socket.runReason(ctx, "disconnect", n.disconnect, reason)
	n.happened(ctx, instrument.Disconnected, socket.id, func(h *instrument.Happening) { h.Reason = string(reason) })
	left()
	return nil
}

// leaveAll removes a socket from its rooms: last of all from the one that holds everybody, by which others see that it
// is not done yet.
func (s *Server) leaveAll(ctx context.Context, namespace, id string) error {
	ctx, cancel := s.engine.Outlive(ctx)
	defer cancel()
	if err := s.store.Leave(ctx, namespace, id); err != nil {
		return err
	}
	return s.store.Leave(ctx, namespace, id, "")
}

// runReason calls functions of the application, each whatever the others do.
func (s *Socket) runReason(ctx context.Context, event string, functions []func(context.Context, *Socket, Reason) error, reason Reason) {
	for _, f := range functions {
		err := func() (err error) {
			inside, end := s.span(ctx, event)
			defer func() { end(err) }()
			defer recovered(&err)
			return f(inside, s, reason)
		}()
		if err != nil {
			err = s.namespace.server.noted(ctx, s, event, err)
		}
		if err != nil {
			s.failed(ctx, event, "a handler failed", err)
		}
	}
}

// Closed implements engine.Handler: the session is no more, and so are its sockets. Those that were leaving come first:
// when one is not done yet, all of this is called again, and then no handler has run in vain.
func (h handlerOf) Closed(ctx context.Context, session engine.Session) error {
	names := slices.Sorted(maps.Keys(session.Entries))
	var errs []error
	for _, name := range names {
		if e := entry(session.Entries[name]); e.id() != "" && !e.connected() {
			errs = append(errs, h.s.finishLeaving(ctx, h.s.joined(name), e))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, name := range names {
		if e := entry(session.Entries[name]); e.connected() {
			socket := closedSocket(h.s.joined(name), e)
			err := h.s.cleanUp(ctx, socket, session.Reason)
			if err == nil { // else it comes again
				socket.left(ctx, session.Reason, session.Address)
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// closedSocket returns the socket of an entry whose session is closed.
func closedSocket(n *Namespace, e entry) *Socket {
	return &Socket{namespace: n, id: e.id(), data: e.data()}
}

// Moved implements engine.Handler: the session has a connection now.
func (h handlerOf) Moved(ctx context.Context, session engine.Session, to engine.Address) error {
	var errs []error
	for name, e := range session.Entries {
		if entry(e).connected() {
			errs = append(errs, h.s.store.Move(ctx, name, entry(e).id(), string(to)))
			h.s.joined(name).happened(ctx, instrument.Upgraded, entry(e).id(), func(h *instrument.Happening) { h.Transport = "websocket" })
		}
	}
	return errors.Join(errs...)
}
