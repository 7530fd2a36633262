package socketio_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// However many clients ask how often, a process counts the rooms once in a while. Who is no client gets what there is.
func TestRoomsAreCountedOnceInAWhileForClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, _ := newServer()
		n := io.Of("/")
		n.On("join", func(c ctx, s sock, room string) error { return s.Join(c, room) })
		n.On("count", func(c ctx, s sock) (string, error) {
			rooms, err := n.Rooms(c)
			answer := fmt.Sprint(rooms)
			if len(rooms) > 0 {
				rooms[0] = socketio.Room{Name: "changed"} // its own copy
			}
			return answer, err
		})
		reads := 0
		broken := false
		s := socketiotest.New(t, io, socketiotest.Options{Wrap: hook(func(op string, after bool) error {
			if op == "Counts" && !after {
				if reads++; broken {
					return errLasting
				}
			}
			return nil
		})})
		ada, bob := s.Connect("/", polling), s.Connect("/")
		ada.Emit("join", "tea")
		ada.Raw(many(100, `2["count"]`)...)
		if got := bob.Emit("count"); got[0] != "[{tea 1}]" || reads != 1 {
			t.Errorf("counted %v in %d reads", got, reads)
		}
		bob.Emit("join", "tea")
		if got := bob.Emit("count"); got[0] != "[{tea 1}]" || reads != 1 {
			t.Errorf("counted %v in %d reads", got, reads)
		}
		if rooms, err := n.Rooms(t.Context()); err != nil || fmt.Sprint(rooms) != "[{tea 2}]" || reads != 2 {
			t.Errorf("counted %v %v in %d reads", rooms, err, reads)
		}
		<-time.After(2 * time.Second)
		broken = true
		if _, ok := bob.TryEmit("count"); ok || reads != 3 {
			t.Errorf("acked after %d reads", reads)
		}
		broken = false
		if got := bob.Emit("count"); got[0] != "[{tea 2}]" || reads != 4 {
			t.Errorf("counted %v in %d reads", got, reads)
		}
	})
}
