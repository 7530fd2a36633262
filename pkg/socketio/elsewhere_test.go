package socketio_test

import (
	"context"
	"testing"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// elsewhere runs an application, and returns an emitter of the same deployment besides.
func elsewhere(t *testing.T, io *socketio.Server) (*socketiotest.Server, *socketio.Server) {
	t.Helper()
	emitter := socketio.New(socketio.Options{})
	s := socketiotest.New(t, io, socketiotest.Options{Wrap: func(b socketio.Backend) socketio.Backend {
		other := b
		other.Options.HandlersElsewhere = true
		if _, err := emitter.Bind(other); err != nil {
			t.Fatal(err)
		}
		return b
	}})
	return s, emitter
}

// TestAnEmitterReachesEveryNamespace also asks who is there.
func TestAnEmitterReachesEveryNamespace(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		io, _ := newServer()
		io.Of("/admin").OnConnection(func(ctx context.Context, s *socketio.Socket) error { return s.Join(ctx, "tea") })
		s, emitter := elsewhere(t, io)
		ada, bob := s.Connect("/admin", transport), s.Connect("/", transport)
		ctx := t.Context()
		if err := emitter.Of("admin").To("tea").Emit(ctx, "news", "rain"); err != nil {
			t.Fatal(err)
		}
		if err := emitter.Emit(ctx, "news", "sun"); err != nil {
			t.Fatal(err)
		}
		ada.Expect("news", "rain")
		bob.Expect("news", "sun")
		rooms, err := emitter.Of("/admin").Rooms(ctx)
		if err != nil || len(rooms) != 1 || rooms[0] != (socketio.Room{Name: "tea", Members: 1}) {
			t.Errorf("%v %v", rooms, err)
		}
		there, err := emitter.Of("/admin").In("tea").FetchSockets(ctx)
		if err != nil || len(there) != 1 || there[0].ID() != ada.ID() {
			t.Errorf("%v %v", there, err)
		}
	})
}
