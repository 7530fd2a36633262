package socketio_test

import (
	"context"
	"testing"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// TestAnEventMayHaveAnEmptyName shows that such an event goes both ways and to rooms, as Node's does.
func TestAnEventMayHaveAnEmptyName(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		io, log := newServer()
		io.Of("/").On("", func(ctx context.Context, s *socketio.Socket, text string) (string, error) {
			if err := s.Emit(ctx, "", 1); err != nil {
				return "", err
			}
			return text, io.To(s.ID()).Emit(ctx, "", 2)
		})
		c := socketiotest.New(t, io).Connect("/", transport)
		if ack := c.Emit("", "x"); len(ack) != 1 || ack[0] != "x" {
			t.Errorf("acked with %s", ack)
		}
		c.Expect("", 1)
		c.Expect("", 2)
		log.nothing(t)
	})
}
