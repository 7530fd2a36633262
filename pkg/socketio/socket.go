package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
)

// Socket is what one invocation sees of a client in one namespace. It is of no use after the handler that got it.
// Its methods may be called by several goroutines of the handler.
type Socket struct {
	namespace *Namespace
	v         *engine.Invocation // nil when the session is closed
	id        string
	auth      json.RawMessage // while the socket joins

	mu      sync.Mutex // guards everything below
	entry   entry      // nil until the socket has joined
	joining bool       // middlewares run: rooms and data are collected
	data    []byte     // JSON
	rooms   []string   // joined by this invocation, to be confirmed at its end
}

// Reason is why a socket was disconnected: https://socket.io/docs/v4/server-socket-instance/#disconnect.
type Reason string

// The reasons that are not the session's. The others are engine's: "transport close", "transport error",
// "ping timeout", "parse error", "forced close".
const (
	ClientDisconnect Reason = "client namespace disconnect"
	ServerDisconnect Reason = "server namespace disconnect"
)

// ID returns the socket's public id: 20 characters, unrelated to the session's secret one. It is also the name of the
// room that the socket alone is in from the start.
func (s *Socket) ID() string { return s.id }

// Namespace returns the namespace that the socket is in.
func (s *Socket) Namespace() *Namespace { return s.namespace }

// Emit sends an event to this client. See Broadcast.Emit; here a client that is gone is ErrGone.
func (s *Socket) Emit(ctx context.Context, event string, args ...any) error {
	e, err := s.namespace.server.backend()
	if err != nil {
		return err
	}
	p, err := eventParcel(e, s.namespace.name, event, args)
	if err != nil {
		return err
	}
	return s.send(ctx, p)
}

func (s *Socket) send(ctx context.Context, p engine.Parcel) error {
	if s.v == nil {
		return ErrGone
	}
	return gone(s.v.Send(ctx, p))
}

// To returns a broadcast to the members of rooms, this socket left out.
func (s *Socket) To(rooms ...string) Broadcast { return s.Broadcast().To(rooms...) }

// In is To.
func (s *Socket) In(rooms ...string) Broadcast { return s.To(rooms...) }

// Except returns a broadcast to all of the namespace but this socket and the members of rooms.
func (s *Socket) Except(rooms ...string) Broadcast { return s.Broadcast().Except(rooms...) }

// Broadcast returns a broadcast to all of the namespace but this socket.
func (s *Socket) Broadcast() Broadcast { return Broadcast{namespace: s.namespace, skip: s.id} }

// maxRoomName is the size in bytes of a room's name.
const maxRoomName = 256

// Join adds the socket to rooms. It is in them when Join returns, unless it was disconnected meanwhile. More rooms
// than Options.MaxRooms are an error, and the socket has then left those that it wanted to join.
func (s *Socket) Join(ctx context.Context, names ...string) error {
	for _, name := range names {
		if name == "" || len(name) > maxRoomName {
			return fmt.Errorf("socketio: a room's name has 1 to %d bytes, this one %d", maxRoomName, len(name))
		}
	}
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == s.id })
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(names) == 0:
		return nil
	case s.joining:
		s.rooms = append(s.rooms, names...)
		return nil
	case s.v == nil || !s.entry.connected():
		return ErrGone
	}
	s.rooms = append(s.rooms, names...) // confirmed at the end of the invocation, also when the write fails half-way
	server := s.namespace.server
	n, err := server.store.Join(ctx, s.namespace.name, s.member(), names...)
	if err == nil && n > server.opt.MaxRooms {
		err = errors.Join(fmt.Errorf("socketio: a socket may be in %d rooms: leave some, or raise Options.MaxRooms", server.opt.MaxRooms),
			server.store.Leave(ctx, s.namespace.name, s.id, names...))
	}
	return err
}

// member returns the socket as a member of its rooms.
func (s *Socket) member() rooms.Member {
	return rooms.Member{Socket: s.id, Address: string(s.v.Address()), Expires: s.v.Expires()}
}

// Leave removes the socket from rooms. Where it is not is fine.
func (s *Socket) Leave(ctx context.Context, names ...string) error {
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == s.id || name == "" })
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.joining {
		s.rooms = slices.DeleteFunc(s.rooms, func(name string) bool { return slices.Contains(names, name) })
		return nil
	}
	if len(names) == 0 {
		return nil
	}
	return s.namespace.server.store.Leave(ctx, s.namespace.name, s.id, names...)
}

// Rooms returns the rooms that the socket is in, sorted, without its own.
func (s *Socket) Rooms(ctx context.Context) ([]string, error) {
	s.mu.Lock()
	joining, joined := s.joining, slices.Clone(s.rooms)
	s.mu.Unlock()
	if joining {
		slices.Sort(joined)
		return slices.Compact(joined), nil
	}
	return s.namespace.server.store.Rooms(ctx, s.namespace.name, s.id)
}

// Handshake is what the client sent when it connected.
type Handshake struct {
	Headers http.Header
	Query   url.Values
	// Auth is the payload with which the client joined the namespace, as JSON, nil when there was none. It is there
	// in middlewares and OnConnection only: what is needed later goes into the socket's data.
	Auth    json.RawMessage
	Address string    // IP address
	Time    time.Time // when the session began
	Secure  bool      // over TLS
	XDomain bool      // an Origin header was sent
	URL     string    // path and query of the first request
}

// Handshake reads what the client sent when it connected. It is one read of the store.
func (s *Socket) Handshake(ctx context.Context) (Handshake, error) {
	if s.v == nil {
		return Handshake{}, ErrGone
	}
	h, err := s.v.Handshake(ctx)
	return Handshake{h.Header, h.Query, s.auth, h.Address, h.Time, h.Secure, h.XDomain, h.URL}, err
}

// Auth decodes the payload with which the client joins the namespace, which costs no read. Without a payload it does
// nothing. Like Handshake.Auth it is there in middlewares and OnConnection only.
func (s *Socket) Auth(into any) error {
	if s.auth == nil {
		return nil
	}
	return json.Unmarshal(s.auth, into)
}

func (s *Socket) log(event string) *slog.Logger {
	return s.namespace.server.opt.Logger.With("namespace", s.namespace.name, "socket", s.id, "event", event)
}
