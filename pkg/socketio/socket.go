package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/observe"
)

// Socket is what one invocation sees of a client in one namespace: of the client whose packets it handles, or of any
// other, from FetchSockets. Its methods may be called by several goroutines. A handler's own is of no use after the
// handler: what would change or send something returns an error that is ErrGone. One that was fetched shows what there
// was at the time; what changes it is done to what there is now, and is ErrGone once its client has left.
type Socket struct {
	namespace *Namespace
	turn      *turn // nil when the session is closed
	id        string
	auth      json.RawMessage // while the socket joins

	mu      sync.Mutex // guards everything below; held over calls of the store, never over the application's
	entry   entry      // nil until the socket has joined
	joining bool       // middlewares run: rooms and data are collected
	over    bool       // the invocation has ended
	data    []byte     // JSON
	rooms   []string   // joined by this invocation, to be confirmed at its end
	from    string     // the session's address when the first of rooms was joined
}

// Reason is why a socket was disconnected: https://socket.io/docs/v4/server-socket-instance/#disconnect.
type Reason = engine.Reason

// The reasons.
const (
	ClientDisconnect Reason = "client namespace disconnect" // the client has left the namespace
	ServerDisconnect Reason = "server namespace disconnect" // Socket.Disconnect and DisconnectClient, Broadcast.DisconnectSockets

	TransportClose = engine.TransportClose // "transport close": the connection ended, as when a page is closed
	TransportError = engine.TransportError // "transport error": the client could not be reached, or did not read
	PingTimeout    = engine.PingTimeout    // "ping timeout": the client was silent for too long
	ParseError     = engine.ParseError     // "parse error": the client sent what the protocol does not allow
	ForcedClose    = engine.ForcedClose    // "forced close": the session was too old, sent too much, or joined no namespace
)

// ID returns the socket's public id: 20 characters, unrelated to the session's secret one. It is also the name of the
// room that the socket alone is in from the start. Join refuses names of that form.
func (s *Socket) ID() string { return s.id }

// Namespace returns the namespace that the socket is in.
func (s *Socket) Namespace() *Namespace { return s.namespace }

// Emit sends an event to this client. See Broadcast.Emit for one socket; here a client that is gone is ErrGone.
func (s *Socket) Emit(ctx context.Context, event string, args ...any) error {
	return s.emit(ctx, false, event, args)
}

// Volatile returns a broadcast to this socket alone, of what is worth nothing later: see Broadcast.Volatile. With To,
// In or Except it is one to others, as without Volatile.
func (s *Socket) Volatile() Broadcast { return s.alone().Volatile() }

// alone returns a broadcast to this socket.
func (s *Socket) alone() Broadcast {
	b := s.namespace.To(s.id)
	b.own = s
	return b
}

func (s *Socket) emit(ctx context.Context, volatile bool, event string, args []any) error {
	p, err := eventParcel(s.namespace.server.engine, s.namespace.name, event, args)
	if err != nil {
		return err
	}
	s.mu.Lock()
	err = s.usable()
	s.mu.Unlock()
	if err == nil {
		err = s.spend(ctx, 1)
	}
	if err != nil {
		return err
	}
	send := s.turn.v.Send
	if volatile {
		send = s.turn.v.SendVolatile
	}
	s.namespace.server.meter.Observe(observe.Recipients, 1)
	if err = send(ctx, p); err == nil {
		s.namespace.sent(ctx, s.id, event, args, p)
	}
	if volatile && !errors.Is(err, ErrGone) {
		return nil
	}
	return err
}

// usable returns nil while the socket can do something for the client: it is connected, or about to be. s.mu is held.
func (s *Socket) usable() error {
	switch {
	case s.over:
		return errOver
	case s.turn == nil || !s.joining && !s.entry.connected():
		return ErrGone
	}
	return nil
}

func (s *Socket) isConnected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.entry.connected()
}

// reload takes over the socket's entry as it was last read. s.mu is held.
func (s *Socket) reload() {
	e := entry(s.turn.v.Entries()[s.namespace.name])
	if e.id() != s.id {
		s.entry, s.data = nil, nil
		return
	}
	s.entry, s.data = e, e.data()
}

// failed logs and counts an error of the application that belongs to no turn.
func (s *Socket) failed(ctx context.Context, event, message string, err error) {
	text, stack := logged(because(ctx, err))
	s.namespace.server.countFailure(levelOf(err))
	s.log(event).Log(ctx, levelOf(err), message, "error", text+stack)
}

func (s *Socket) log(event string) *slog.Logger {
	return s.namespace.server.opt.Logger.With("namespace", s.namespace.name, "socket", s.id, "event", cut(event, maxLogged))
}
