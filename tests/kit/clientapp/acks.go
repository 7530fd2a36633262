package clientapp

import (
	"context"
	"errors"
	"time"

	"github.com/dozeio/doze/pkg/socketio"
)

// answer is what comes of a question to one client.
type answer struct {
	Answer []any `json:"answer"`
	Late   bool  `json:"late"`
}

// acks registers the events that have the server ask clients.
func acks(n *socketio.Namespace) {
	n.On("ask", func(ctx context.Context, s *socketio.Socket, rooms []string, ms int, event string, args ...any) (any, error) {
		answers, err := s.To(rooms...).Timeout(time.Duration(ms)*time.Millisecond).EmitWithAck(ctx, event, args...)
		late := errors.Is(err, socketio.ErrNoAck)
		if err != nil && !late {
			return nil, err
		}
		firsts := []any{}
		for _, a := range answers {
			firsts = append(firsts, append(a.Args, nil)[0])
		}
		return map[string]any{"answers": firsts, "late": late}, nil
	})
	n.On("ask-me", func(ctx context.Context, s *socketio.Socket, ms int, event string, args ...any) (string, error) {
		return "ok", s.Timeout(time.Duration(ms)*time.Millisecond).Then("asked", nil).Emit(ctx, event, args...)
	})
	n.OnAck("asked", func(ctx context.Context, s *socketio.Socket, _ any, missed error, args ...any) error {
		return s.Emit(ctx, "asked", answer{append([]any{}, args...), missed != nil})
	})
}
