package socketio_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// unhurried takes a second for each post.
type unhurried struct{ engine.Poster }

func (u unhurried) Post(c ctx, connection string, f engine.Frame) error {
	select {
	case <-time.After(time.Second):
		return u.Poster.Post(c, connection, f)
	case <-c.Done():
		return engine.ErrBusy
	}
}

// There is time to ask some of two hundred. Who is asked something that is worth nothing later, and does not get it,
// stays; otherwise who does not get it is disconnected, and those who look on in its own room are not.
func TestAQuestionThatIsCutOff(t *testing.T) {
	for name, volatile := range map[string]bool{"volatile": true, "not volatile": false} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				io, _ := watched()
				io.Of("/").On("hide", func(c ctx, s sock) error { return s.Join(c, "hidden") })
				s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
					b.Poster = unhurried{b.Poster}
					return b
				}})
				var all []*socketiotest.Client
				for range 200 {
					all = append(all, s.Connect("/"))
				}
				eve := s.Connect("/")
				for _, c := range all {
					eve.Emit("watch", c.ID())
				}
				eve.Emit("hide")
				b := io.Except("hidden")
				if volatile {
					b = b.Volatile()
				}
				c, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				_, err := b.EmitWithAck(c, "question")
				s.Settle()
				gone := 0
				for _, c := range all {
					if c.Disconnected() != "" {
						gone++
					}
				}
				unserved := (*socketio.UnservedError)(nil)
				cut := errors.As(err, &unserved)
				switch {
				case volatile && (cut || gone > 0):
					t.Errorf("%d are disconnected: %v", gone, err)
				case !volatile && (!cut || unserved.Served == 0 || gone != unserved.Unserved):
					t.Errorf("%d are disconnected: %v", gone, err)
				case eve.Disconnected() != "":
					t.Error("who looks on is disconnected")
				}
			})
		})
	}
}
