package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dozeio/doze/pkg/socketio"
)

// target is whom an action is for: all of a namespace, or the members of a room, which may be a socket's id.
type target struct {
	io     *socketio.Server
	name   string
	filter string
}

// target reads the namespace of an action, and its filter, if there is one.
func (a *admin) target(ctx context.Context, args socketio.Args, filter int) (t target, err error) {
	t = target{io: a.io, name: argument[string](args, 0), filter: argument[string](args, filter)}
	if !a.server.Has(ctx, t.name) {
		return t, &socketio.ArgumentError{Argument: 1, Err: fmt.Errorf("there is no namespace %.60q", t.name)}
	}
	return t, nil
}

// argument returns the zero value for one that is not there, or of another type.
func argument[T any](args socketio.Args, i int) (v T) {
	if i < len(args) {
		v, _ = args[i].(T)
	}
	return v
}

func (t target) broadcast() socketio.Broadcast {
	n := t.io.Of(t.name)
	if t.filter == "" {
		return n.Except()
	}
	return n.In(t.filter)
}

// whom says it for the log.
func (t target) whom() string {
	if t.filter == "" {
		return "all"
	}
	return logged(t.filter)
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
	event, ok := "", len(args) > 2
	if ok {
		event, ok = args[2].(string)
	}
	if !ok {
		return nil, &socketio.ArgumentError{Argument: 3, Err: errors.New("an event without a name")}
	}
	a.acts(ctx, page, "emit", t, "event", logged(event))
	return nil, t.broadcast().Emit(ctx, event, args[3:]...)
}

// join is for (namespace, room, filter).
func (a *admin) join(ctx context.Context, page *socketio.Socket, args socketio.Args) (socketio.Args, error) {
	t, err := a.target(ctx, args, 2)
	if err != nil {
		return nil, err
	}
	room := argument[string](args, 1)
	a.acts(ctx, page, "join", t, "room", logged(room))
	return nil, t.broadcast().SocketsJoin(ctx, room)
}

// leave is for (namespace, room, filter).
func (a *admin) leave(ctx context.Context, page *socketio.Socket, args socketio.Args) (socketio.Args, error) {
	t, err := a.target(ctx, args, 2)
	if err != nil {
		return nil, err
	}
	room := argument[string](args, 1)
	a.acts(ctx, page, "leave", t, "room", logged(room))
	return nil, t.broadcast().SocketsLeave(ctx, room)
}

// disconnect is for (namespace, close, filter). The server itself says in the log why sockets are disconnected.
func (a *admin) disconnect(ctx context.Context, page *socketio.Socket, args socketio.Args) (socketio.Args, error) {
	t, err := a.target(ctx, args, 2)
	if err != nil {
		return nil, err
	}
	ctx = socketio.Because(ctx, "by the admin page "+page.ID())
	return nil, t.broadcast().DisconnectSockets(ctx, argument[bool](args, 1))
}
