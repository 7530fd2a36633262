package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dozeio/doze/pkg/socketio"
)

// target is whom an action is for: all of a namespace, or the members of rooms, which may be sockets' ids.
type target struct {
	io    *socketio.Server
	name  string
	rooms []string // nil for all
}

// target reads the namespace of an action, and its filter, if there is one.
func (a *admin) target(ctx context.Context, args socketio.Args, filter int) (t target, err error) {
	t = target{io: a.io}
	if t.name, err = argument[string](args, 0); err != nil {
		return t, err
	}
	if !a.server.Has(ctx, t.name) {
		return t, &socketio.ArgumentError{Argument: 1, Err: fmt.Errorf("there is no namespace %.60q", t.name)}
	}
	t.rooms, err = rooms(args, filter)
	return t, err
}

// argument returns the zero value for one that is not there, or is null. One of another type is an error: what it would
// stand for may be more than was meant.
func argument[T any](args socketio.Args, i int) (v T, err error) {
	if i >= len(args) || args[i] == nil {
		return v, nil
	}
	v, ok := args[i].(T)
	if !ok {
		return v, &socketio.ArgumentError{Argument: i + 1, Err: fmt.Errorf("%T instead of %T", args[i], v)}
	}
	return v, nil
}

// rooms reads one room, or an array of them: nil for one that is not there, or null, or the empty text, as in Node.
func rooms(args socketio.Args, i int) ([]string, error) {
	several := []any(nil)
	if i < len(args) {
		several, _ = args[i].([]any)
	}
	if several == nil {
		one, err := argument[string](args, i)
		if err != nil || one == "" {
			return nil, err
		}
		return []string{one}, nil
	}
	var all []string
	for _, one := range several {
		room, ok := one.(string)
		if !ok || room == "" {
			return nil, &socketio.ArgumentError{Argument: i + 1, Err: errors.New("a room that has no name")}
		}
		all = append(all, room)
	}
	if all == nil {
		return nil, &socketio.ArgumentError{Argument: i + 1, Err: errors.New("no rooms: leave the filter away to mean everybody")}
	}
	return all, nil
}

func (t target) broadcast() socketio.Broadcast {
	n := t.io.Of(t.name)
	if t.rooms == nil {
		return n.Except()
	}
	return n.In(t.rooms...)
}

// whom says it for the log.
func (t target) whom() string {
	if t.rooms == nil {
		return "all"
	}
	return logged(strings.Join(t.rooms, " "))
}

// logged cuts what a page has sent for the log.
func logged(text string) string {
	const most = 200
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}

// acts leaves a trace of what a page is about to do.
func (a *admin) acts(ctx context.Context, page *socketio.Socket, action string, t target, what ...any) {
	a.server.Logger().InfoContext(ctx, "an admin page acts", append([]any{"page", page.ID(), "action", action, "namespace", logged(t.name), "to", t.whom()}, what...)...)
}

// emit is for (namespace, filter, event, arguments...).
func (a *admin) emit(ctx context.Context, page *socketio.Socket, args socketio.Args) (socketio.Args, error) {
	t, err := a.target(ctx, args, 1)
	if err != nil {
		return nil, err
	}
	event, err := argument[string](args, 2)
	if err != nil {
		return nil, err
	}
	if len(args) < 3 || args[2] == nil {
		return nil, &socketio.ArgumentError{Argument: 3, Err: errors.New("an event without a name")}
	}
	a.acts(ctx, page, "emit", t, "event", logged(event))
	return nil, t.broadcast().Emit(ctx, event, args[3:]...)
}

// join is for (namespace, rooms, filter).
func (a *admin) join(ctx context.Context, page *socketio.Socket, args socketio.Args) (socketio.Args, error) {
	return nil, a.move(ctx, page, "join", args, socketio.Broadcast.SocketsJoin)
}

// leave is for (namespace, rooms, filter).
func (a *admin) leave(ctx context.Context, page *socketio.Socket, args socketio.Args) (socketio.Args, error) {
	return nil, a.move(ctx, page, "leave", args, socketio.Broadcast.SocketsLeave)
}

// move takes sockets into rooms or out of them.
func (a *admin) move(ctx context.Context, page *socketio.Socket, what string, args socketio.Args, do func(socketio.Broadcast, context.Context, ...string) error) error {
	t, err := a.target(ctx, args, 2)
	if err != nil {
		return err
	}
	names, err := rooms(args, 1)
	if err != nil {
		return err
	}
	a.acts(ctx, page, what, t, "rooms", logged(strings.Join(names, " ")))
	return do(t.broadcast(), ctx, names...)
}

// disconnect is for (namespace, close, filter). The server itself says in the log why sockets are disconnected.
func (a *admin) disconnect(ctx context.Context, page *socketio.Socket, args socketio.Args) (socketio.Args, error) {
	t, err := a.target(ctx, args, 2)
	if err != nil {
		return nil, err
	}
	closeConnection, err := argument[bool](args, 1)
	if err != nil {
		return nil, err
	}
	ctx = socketio.Because(ctx, "by the admin page "+page.ID())
	return nil, t.broadcast().DisconnectSockets(ctx, closeConnection)
}
