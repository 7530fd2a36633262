package clientapp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dozeio/doze/pkg/socketio"
)

// found is what a client is told of somebody else's socket.
type found struct {
	Value string   `json:"value"`
	Rooms []string `json:"rooms"`
	Query *string  `json:"query"`
}

// others registers what is about other people's sockets and about what is volatile. Its contract is written down in
// tests/kit/reference/others.mjs.
func others(io *socketio.Server, main *socketio.Namespace) {
	main.On("sockets-join", func(ctx context.Context, _ *socketio.Socket, rooms []string, room string) (string, error) {
		return "ok", io.In(rooms...).SocketsJoin(ctx, room)
	})
	main.On("sockets-leave", func(ctx context.Context, _ *socketio.Socket, rooms []string, room string) (string, error) {
		return "ok", io.In(rooms...).SocketsLeave(ctx, room)
	})
	main.On("disconnect-sockets", func(ctx context.Context, _ *socketio.Socket, rooms []string, closeConnection bool) (string, error) {
		return "ok", io.In(rooms...).DisconnectSockets(ctx, closeConnection)
	})
	main.On("fetch", func(ctx context.Context, _ *socketio.Socket, rooms []string) ([]found, error) {
		sockets, err := io.In(rooms...).FetchSockets(ctx)
		all := []found{}
		for _, s := range sockets {
			one, another := look(ctx, s)
			err = errors.Join(err, another)
			all = append(all, one)
		}
		slices.SortFunc(all, func(a, b found) int { return cmp.Compare(a.Value, b.Value) })
		return all, err
	})
	main.On("remote", func(ctx context.Context, _ *socketio.Socket, id, room, event string, args ...any) (string, error) {
		one, err := io.FetchSocket(ctx, id)
		if errors.Is(err, socketio.ErrGone) {
			return "nobody", nil
		}
		if err != nil {
			return "", err
		}
		return "ok", errors.Join(one.Join(ctx, room), one.Emit(ctx, event, args...))
	})
	main.On("remote-leave", func(ctx context.Context, _ *socketio.Socket, id, room string) (string, error) {
		one, err := io.FetchSocket(ctx, id)
		if err != nil {
			return "", err
		}
		return "ok", one.Leave(ctx, room)
	})
	main.On("remote-disconnect", func(ctx context.Context, _ *socketio.Socket, id string, closeConnection bool) (string, error) {
		one, err := io.FetchSocket(ctx, id)
		if err != nil {
			return "", err
		}
		if closeConnection {
			return "ok", one.DisconnectClient(ctx)
		}
		return "ok", one.Disconnect(ctx)
	})
	main.On("volatile", func(ctx context.Context, s *socketio.Socket, rooms []string, event string, args ...any) (string, error) {
		return "ok", s.Volatile().To(rooms...).Emit(ctx, event, args...)
	})
	main.On("volatile-all", func(ctx context.Context, _ *socketio.Socket, event string, args ...any) (string, error) {
		return "ok", io.Volatile().Emit(ctx, event, args...)
	})
	main.On("volatile-me", func(ctx context.Context, s *socketio.Socket, event string, args ...any) (string, error) {
		return "ok", s.Volatile().Emit(ctx, event, args...)
	})
}

func look(ctx context.Context, s *socketio.Socket) (one found, err error) {
	d, err := socketio.Data[data](s)
	if err != nil {
		return one, err
	}
	if d.Value != nil {
		one.Value = fmt.Sprint(d.Value)
	}
	if one.Rooms, err = roomsOf(ctx, s); err != nil {
		return one, err
	}
	h, err := s.Handshake(ctx)
	if h.Query.Has("x") {
		x := h.Query.Get("x")
		one.Query = &x
	}
	return one, err
}
