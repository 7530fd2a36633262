// Package app is the Go application of docs/from-node.md. The same for Node is server.mjs.
package app

import (
	"context"
	"slices"

	"github.com/dozeio/doze/pkg/socketio"
)

type user struct {
	Name string `json:"name"`
}

type note struct {
	Room string `json:"room,omitempty"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
	Text string `json:"text,omitempty"`
}

type answer map[string]any

func New() *socketio.Server {
	io := socketio.New(socketio.Options{})
	root := io.Of("/")

	root.Use(func(ctx context.Context, s *socketio.Socket) error {
		var auth user
		if err := s.Auth(&auth); err != nil || auth.Name == "" {
			return &socketio.ConnectError{Message: "say who you are"}
		}
		return socketio.UpdateData(ctx, s, func(u *user) error { *u = auth; return nil })
	})

	root.OnConnection(func(ctx context.Context, s *socketio.Socket) error {
		return s.Emit(ctx, "welcome", nameOf(s))
	})

	root.On("join", func(ctx context.Context, s *socketio.Socket, room string) (answer, error) {
		if err := s.Join(ctx, "#"+room); err != nil {
			return nil, err
		}
		return answer{"ok": true}, s.To("#"+room).Emit(ctx, "joined", note{Room: room, Name: nameOf(s)})
	})

	root.On("say", func(ctx context.Context, s *socketio.Socket, room, text string) (answer, error) {
		rooms, err := s.Rooms(ctx)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(rooms, "#"+room) {
			return answer{"error": "join first"}, nil
		}
		return answer{"ok": true}, s.To("#"+room).Emit(ctx, "said", note{Room: room, Name: nameOf(s), Text: text})
	})

	root.On("whisper", func(ctx context.Context, s *socketio.Socket, id, text string) (answer, error) {
		there, err := io.In(id).SocketIDs(ctx)
		if err != nil {
			return nil, err
		}
		if len(there) == 0 {
			return answer{"error": "nobody is there"}, nil
		}
		return answer{"ok": true}, s.To(id).Emit(ctx, "whispered", note{ID: s.ID(), Name: nameOf(s), Text: text})
	})

	root.OnDisconnecting(func(ctx context.Context, s *socketio.Socket, _ socketio.Reason) error {
		rooms, err := s.Rooms(ctx)
		for _, room := range rooms { // without the socket's own
			if err := s.To(room).Emit(ctx, "left", note{Room: room[1:], Name: nameOf(s)}); err != nil {
				return err
			}
		}
		return err
	})

	secondHalf(io)
	return io
}

func nameOf(s *socketio.Socket) string {
	var u user
	_ = s.Data(&u) // the middleware wrote it
	return u.Name
}
