package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// choked is a gateway that takes nothing for one connection, once it is told to.
type choked struct {
	engine.Poster
	connection string
}

func (c *choked) Post(ctx context.Context, connection string, f engine.Frame) error {
	if connection == c.connection {
		return engine.ErrBusy
	}
	return c.Poster.Post(ctx, connection, f)
}

func TestWhoSendsTooMuchToOneSocketIsToldAndTheSocketStays(t *testing.T) {
	large := strings.Repeat("x", 40<<10)
	for name, reach := range map[string]func(io *socketio.Server, s sock, id string) socketio.Broadcast{
		"from the server": func(io *socketio.Server, _ sock, id string) socketio.Broadcast { return io.To(id) },
		"from a socket":   func(_ *socketio.Server, s sock, id string) socketio.Broadcast { return s.To(id) },
		"its id twice":    func(io *socketio.Server, _ sock, id string) socketio.Broadcast { return io.To(id).In(id) },
	} {
		for _, slow := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, slow %v", name, slow), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					io, log := newServer()
					io.Of("/").On("whisper", func(c ctx, s sock, id string) (string, error) {
						err := reach(io, s, id).Emit(c, "got", large)
						switch {
						case errors.Is(err, socketio.ErrOutboxFull) && !slow, errors.Is(err, socketio.ErrBusy) && slow:
							return "later", nil
						case err != nil:
							return err.Error(), nil
						}
						return "sent", nil
					})
					gateway := &choked{}
					s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
						gateway.Poster, b.Poster = b.Poster, gateway
						return b
					}})
					transport := polling
					if slow {
						transport = websocket
					}
					bob := s.Connect("/", transport)
					if slow {
						gateway.connection = "connection1"
					}
					ada := s.Connect("/", polling)
					var packets []protocol.EnginePacket
					for range 20 {
						packets = append(packets, text(fmt.Sprintf(`2["whisper",%q]`, bob.ID())))
					}
					if !slow {
						ada.Raw(packets...)
						for range 6 { // what fits, and is there when it polls
							bob.Expect("got", large)
						}
						if got := ada.Emit("whisper", bob.ID()); got[0] != "sent" {
							t.Errorf("once there is room again: %v", got)
						}
						bob.Expect("got", large)
					} else if got := ada.Emit("whisper", bob.ID()); got[0] != "later" {
						t.Errorf("acked %v", got)
					}
					bob.ExpectNothing()
					if why := bob.Disconnected(); why != "" {
						t.Errorf("the recipient is disconnected: %s", why)
					}
					log.nothing(t)
				})
			})
		}
	}
}
