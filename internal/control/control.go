// Package control is what doze emit, doze ls and their siblings ask of a deployment: by its table and connections, as
// any emitter does, or of a server in one process, which keeps its clients in memory, over HTTP.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/socketio"
)

// Target names sockets, as a socketio.Broadcast does.
type Target struct {
	Namespace string   `json:"namespace"`
	To        []string `json:"to"` // rooms; nil for all of the namespace
	Except    []string `json:"except"`
}

// Socket is what is said of one.
type Socket struct {
	ID    string          `json:"id"`
	Rooms []string        `json:"rooms"`
	Data  json.RawMessage `json:"data"` // null for none
}

// Deployment is asked. Its methods block until what they do is done, but for Disconnect and Kick, which return when a
// job for it is on the queue.
type Deployment interface {
	// Rooms returns the rooms of a namespace that have members.
	Rooms(ctx context.Context, namespace string) ([]socketio.Room, error)
	// Sockets returns the sockets of a target, by their ids. It reads a session for each, and its rooms.
	Sockets(ctx context.Context, t Target) ([]Socket, error)
	// Reaches reports whether a target has a socket, whatever it says of Except. It reads a page of each of its rooms.
	Reaches(ctx context.Context, t Target) (bool, error)
	// Emit sends an event.
	Emit(ctx context.Context, t Target, event string, args ...json.RawMessage) error
	// Join puts sockets into rooms.
	Join(ctx context.Context, t Target, rooms ...string) error
	// Disconnect removes sockets from their namespace, or with closeConnection their clients from all. A reason is for
	// the log of the function that does it; empty for none.
	Disconnect(ctx context.Context, t Target, closeConnection bool, reason string) error
	// Kick closes the connection of the client of one socket, and removes it from all namespaces; ErrUnknown. The reason
	// is as Disconnect has it.
	Kick(ctx context.Context, namespace, id, reason string) error
	// End ends the connection of a client that Clients returned, or the session of one that polls, so that the client
	// comes back by itself. It blocks until API Gateway has answered, or has failed to for some seconds; what the
	// application is told comes later. One that has gone is fine. ErrUnknown is of one that is in the table, and that
	// API Gateway does not know. Nobody is marked as dead after an error.
	End(ctx context.Context, c Client) error
	// Clients returns who is connected, those first who have been for longest. It reads each session, and with Rooms
	// the rooms of each socket.
	Clients(ctx context.Context, a Asked) ([]Client, error)
	// Client returns what is known of one, by the id of a socket or of a connection, or by its name; ErrUnknown.
	Client(ctx context.Context, id string) (Known, error)
}

// Of returns the deployment of a backend, whose Options say HandlersElsewhere. With o.MsgPack its clients have that
// parser; else o may be zero.
func Of(b socketio.Backend, o socketio.Options) (Deployment, error) {
	io := socketio.New(o)
	e, err := io.Bind(b)
	if err != nil {
		return nil, err
	}
	return direct{io, e, b.Sessions, rooms.Retrying(b.Rooms, e.Retry)}, nil
}

type direct struct {
	io       *socketio.Server
	engine   *engine.Engine
	sessions engine.Store
	rooms    rooms.Store
}

func (d direct) namespace(name string) (*socketio.Namespace, error) {
	if name == "" {
		name = "/"
	}
	if strings.ContainsAny(name, ",?\x1e") || !utf8.ValidString(name) {
		return nil, fmt.Errorf("there is no namespace %q: a name is UTF-8 without comma and question mark", name)
	}
	return d.io.Of(name), nil
}

func (d direct) broadcast(t Target) (socketio.Broadcast, error) {
	n, err := d.namespace(t.Namespace)
	if err != nil {
		return socketio.Broadcast{}, err
	}
	b := n.Except(t.Except...)
	if t.To != nil {
		b = b.To(t.To...)
	}
	return b, nil
}

func (d direct) Rooms(ctx context.Context, namespace string) ([]socketio.Room, error) {
	n, err := d.namespace(namespace)
	if err != nil {
		return nil, err
	}
	return n.Rooms(ctx)
}

// atATime is how many sockets are asked for their rooms at once.
const atATime = 32

func (d direct) Sockets(ctx context.Context, t Target) ([]Socket, error) {
	b, err := d.broadcast(t)
	if err != nil {
		return nil, err
	}
	there, err := b.FetchSockets(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(there, func(a, b *socketio.Socket) int { return strings.Compare(a.ID(), b.ID()) })
	return concurrently(there, func(s *socketio.Socket) (Socket, error) { return describe(ctx, s) })
}

func describe(ctx context.Context, s *socketio.Socket) (Socket, error) {
	d := Socket{ID: s.ID(), Data: json.RawMessage("null")}
	if err := s.Data(&d.Data); err != nil {
		return d, err
	}
	rooms, err := s.Rooms(ctx)
	slices.Sort(rooms)
	d.Rooms = append([]string{}, rooms...)
	return d, err
}

func (d direct) Reaches(ctx context.Context, t Target) (bool, error) {
	n, err := d.namespace(t.Namespace)
	if err != nil {
		return false, err
	}
	names := t.To
	if names == nil {
		names = []string{""}
	}
	for _, name := range names {
		if name == "" && t.To != nil { // no room, although a store keeps all under it
			continue
		}
		for cursor := ""; ; {
			page, next, err := d.rooms.Members(ctx, n.Name(), name, cursor)
			if err != nil || len(page) > 0 {
				return err == nil, err
			}
			if cursor = next; cursor == "" {
				break
			}
		}
	}
	return false, nil
}

func (d direct) Emit(ctx context.Context, t Target, event string, args ...json.RawMessage) error {
	b, err := d.broadcast(t)
	if err != nil {
		return err
	}
	all := make([]any, len(args))
	for i, a := range args {
		all[i] = a
	}
	return b.Emit(ctx, event, all...)
}

func (d direct) Join(ctx context.Context, t Target, rooms ...string) error {
	b, err := d.broadcast(t)
	if err != nil {
		return err
	}
	return b.SocketsJoin(ctx, rooms...)
}

func (d direct) Disconnect(ctx context.Context, t Target, closeConnection bool, reason string) error {
	b, err := d.broadcast(t)
	if err != nil {
		return err
	}
	return b.DisconnectSockets(socketio.Because(ctx, reason), closeConnection)
}

func (d direct) Kick(ctx context.Context, namespace, id, reason string) error {
	n, err := d.namespace(namespace)
	if err != nil {
		return err
	}
	s, err := n.FetchSocket(ctx, id)
	if errors.Is(err, socketio.ErrGone) {
		return unknown(id)
	} else if err != nil {
		return err
	}
	return s.DisconnectClient(socketio.Because(ctx, reason))
}
