// Package control is what doze emit, doze rooms, doze sockets, doze disconnect and doze tail ask of a deployment: by
// its table and connections, as any emitter does, or of a server in one process, which keeps its clients in memory,
// over HTTP.
package control

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

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

// Deployment is asked. Its methods block until what they do is done, but for Disconnect, which returns when a job for
// it is on the queue.
type Deployment interface {
	// Rooms returns the rooms of a namespace that have members.
	Rooms(ctx context.Context, namespace string) ([]socketio.Room, error)
	// Sockets returns the sockets of a target, by their ids. It reads a session for each, and its rooms.
	Sockets(ctx context.Context, t Target) ([]Socket, error)
	// Emit sends an event.
	Emit(ctx context.Context, t Target, event string, args ...json.RawMessage) error
	// Join puts sockets into rooms.
	Join(ctx context.Context, t Target, rooms ...string) error
	// Disconnect removes sockets from their namespace, or with closeConnection their clients from all.
	Disconnect(ctx context.Context, t Target, closeConnection bool) error
}

// Of returns the deployment of a server that takes any namespace: an emitter's.
func Of(io *socketio.Server) Deployment { return direct{io} }

type direct struct{ io *socketio.Server }

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
	all, errs := make([]Socket, len(there)), make([]error, len(there))
	slots := make(chan struct{}, atATime)
	var wg sync.WaitGroup
	for i, s := range there {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			all[i], errs[i] = describe(ctx, s)
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return all, nil
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

func (d direct) Disconnect(ctx context.Context, t Target, closeConnection bool) error {
	b, err := d.broadcast(t)
	if err != nil {
		return err
	}
	return b.DisconnectSockets(ctx, closeConnection)
}
