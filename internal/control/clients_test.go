package control

import (
	"context"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/testparts"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// looking returns a deployment of an application with two namespaces, and its server.
func looking(t *testing.T) (direct, *socketiotest.Server) {
	t.Helper()
	io := socketio.New(socketio.Options{})
	io.Of("/admin")
	s := socketiotest.New(t, io)
	store := testparts.Store(s)
	return direct{sessions: store, rooms: rooms.Store(store)}, s
}

// A socket that has left a namespace, while its client stayed, is in the client's row with the reason.
func TestASocketThatHasLeftItsNamespaceIsKnown(t *testing.T) {
	d, s := looking(t)
	admin := s.Connect("/admin", socketiotest.Polling())
	id := admin.ID()
	admin.Connect("/")
	admin.Disconnect()
	s.Settle()
	k, err := d.Client(context.Background(), id)
	if err != nil || k.State != engine.Open || len(k.Left) != 1 || k.Left[0].ID != id || k.Left[0].Reason != socketio.ClientDisconnect || k.Left[0].At.IsZero() {
		t.Errorf("%+v %v", k, err)
	}
}

// A session that polled, and that is closed and not cleaned up yet, is known by its name and by its socket's id, with
// the reason.
func TestAClosedClientThatPolledIsKnownUntilItsRowsAreGone(t *testing.T) {
	d, s := looking(t)
	id := s.Connect("/admin", socketiotest.Polling()).ID()
	lives, err := d.addresses(t.Context())
	if err != nil || len(lives) != 1 {
		t.Fatal(lives, err)
	}
	a := lives[0].Address
	now := time.Now()
	if _, ok, err := d.sessions.Update(t.Context(), a, engine.Close{Op: "op", At: now, Expires: now.Add(time.Hour), Reason: engine.PingTimeout}); err != nil || !ok {
		t.Fatal(ok, err)
	}
	defer func() { // as the job does that is on its way after an emitter has closed a session
		if err := testparts.Engine(s).Job(t.Context(), []byte(`{"kind":"finish","id":"x","address":"`+string(a)+`","by":"op"}`)); err != nil {
			t.Error(err)
		}
	}()
	for _, called := range []string{id, a.Name()} {
		k, err := d.Client(t.Context(), called)
		if err != nil || k.State != engine.Closed || k.Reason != engine.PingTimeout || len(k.Left) != 1 || k.Left[0].ID != id {
			t.Errorf("%s: %+v %v", called, k, err)
		}
	}
}
