package admin

import (
	"context"
	"errors"
	"fmt"

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

// emit is for (namespace, filter, event, arguments...).
func (a *admin) emit(ctx context.Context, _ *socketio.Socket, args socketio.Args) (socketio.Args, error) {
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
	return nil, t.broadcast().Emit(ctx, event, args[3:]...)
}

// join is for (namespace, room, filter).
func (a *admin) join(ctx context.Context, _ *socketio.Socket, args socketio.Args) (socketio.Args, error) {
	t, err := a.target(ctx, args, 2)
	if err != nil {
		return nil, err
	}
	return nil, t.broadcast().SocketsJoin(ctx, argument[string](args, 1))
}

// leave is for (namespace, room, filter).
func (a *admin) leave(ctx context.Context, _ *socketio.Socket, args socketio.Args) (socketio.Args, error) {
	t, err := a.target(ctx, args, 2)
	if err != nil {
		return nil, err
	}
	return nil, t.broadcast().SocketsLeave(ctx, argument[string](args, 1))
}

// disconnect is for (namespace, close, filter).
func (a *admin) disconnect(ctx context.Context, _ *socketio.Socket, args socketio.Args) (socketio.Args, error) {
	t, err := a.target(ctx, args, 2)
	if err != nil {
		return nil, err
	}
	return nil, t.broadcast().DisconnectSockets(ctx, argument[bool](args, 1))
}
