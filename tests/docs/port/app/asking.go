package app

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"time"

	"github.com/dozeio/doze/pkg/socketio"
)

func secondHalf(io *socketio.Server) {
	root := io.Of("/")

	root.OnAny(func(ctx context.Context, s *socketio.Socket, event string, args socketio.Args) error {
		if event == "kick" && nameOf(s) != "ada" {
			return &socketio.AckError{Data: answer{"error": "ada alone may"}}
		}
		return nil
	})

	root.On("who", func(ctx context.Context, s *socketio.Socket) ([]string, error) {
		all, err := io.FetchSockets(ctx)
		names := []string{}
		for _, each := range all {
			names = append(names, nameOf(each))
		}
		slices.Sort(names)
		return names, err
	})

	root.On("invite", func(ctx context.Context, s *socketio.Socket, id, room string) (answer, error) {
		answers, err := io.In(id).Timeout(time.Second).EmitWithAck(ctx, "invited", note{Room: room, Name: nameOf(s)})
		switch {
		case errors.Is(err, socketio.ErrNoAck):
			return answer{"error": "no answer"}, nil
		case err != nil:
			return nil, err
		case len(answers) == 0:
			return answer{"error": "nobody is there"}, nil
		}
		args := answers[0].Args // what the client says, however much that is
		if len(args) == 0 || args[0] != true {
			return answer{"ok": false}, nil
		}
		return answer{"ok": true}, io.In(id).SocketsJoin(ctx, "#"+room)
	})

	root.On("letter", func(ctx context.Context, s *socketio.Socket, id, text string) error {
		return io.To(id).Then("read", s.ID()).Emit(ctx, "lettered", note{Name: nameOf(s), Text: text})
	})
	root.OnAck("read", func(ctx context.Context, reader *socketio.Socket, sender string, missed error) error {
		if missed != nil { // socketio.ErrNoAck, or ErrGone
			return nil
		}
		return io.To(sender).Emit(ctx, "read", reader.ID())
	})

	root.On("typing", func(ctx context.Context, s *socketio.Socket, room string) error {
		return s.Volatile().To("#"+room).Emit(ctx, "typing", nameOf(s))
	})

	root.On("kick", func(ctx context.Context, s *socketio.Socket, id string) (answer, error) {
		return answer{"ok": true}, io.In(id).DisconnectSockets(ctx, true)
	})

	games := io.OfFunc(regexp.MustCompile(`^/game-\d+$`).MatchString)
	games.On("move", func(ctx context.Context, s *socketio.Socket, x, y int) error {
		return s.Namespace().Emit(ctx, "moved", x, y)
	})
}
