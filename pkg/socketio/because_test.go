package socketio_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// TestTheLogSaysWhySocketsAreDisconnected has a reason given by each of those who disconnect.
func TestTheLogSaysWhySocketsAreDisconnected(t *testing.T) {
	because := func(t *testing.T) context.Context { return socketio.Because(t.Context(), "spam") }
	for name, c := range map[string]struct {
		do   func(t *testing.T, s *socketiotest.Server, io, emitter *socketio.Server, ada string) error
		want string // of the log, with ada for her id; "" for no line
	}{
		"a broadcast": {func(t *testing.T, _ *socketiotest.Server, io, _ *socketio.Server, _ string) error {
			return io.To("tea").DisconnectSockets(because(t), true)
		}, "to=tea namespace=/ reason=spam"},
		"all of a namespace": {func(t *testing.T, _ *socketiotest.Server, io, _ *socketio.Server, _ string) error {
			return io.DisconnectSockets(because(t), false)
		}, "to=all namespace=/ reason=spam"},
		"a socket": {func(t *testing.T, _ *socketiotest.Server, io, _ *socketio.Server, ada string) error {
			there, err := io.To(ada).FetchSockets(t.Context())
			if err != nil {
				return err
			}
			return there[0].Disconnect(because(t))
		}, "socket=ada namespace=/ reason=spam"},
		"an emitter's broadcast": {func(t *testing.T, _ *socketiotest.Server, _, emitter *socketio.Server, _ string) error {
			return emitter.To("tea").DisconnectSockets(because(t), true)
		}, "to=tea namespace=/ reason=spam"},
		"an emitter's socket": {func(t *testing.T, _ *socketiotest.Server, _, emitter *socketio.Server, ada string) error {
			there, err := emitter.To(ada).FetchSockets(t.Context())
			if err != nil {
				return err
			}
			return there[0].DisconnectClient(because(t))
		}, "socket=ada namespace=/ reason=spam"},
		"a message": {func(t *testing.T, s *socketiotest.Server, _, _ *socketio.Server, _ string) error {
			return queued(t, s, `{"disconnect":true,"to":["tea"],"reason":"spam"}`)
		}, "to=tea namespace=/ reason=spam"},
		"no reason": {func(t *testing.T, s *socketiotest.Server, io, emitter *socketio.Server, _ string) error {
			if err := emitter.To("tea").DisconnectSockets(t.Context(), true); err != nil {
				return err
			}
			return queued(t, s, `{"disconnect":true}`)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			io, log := newServer()
			io.Of("/").OnConnection(func(ctx context.Context, s *socketio.Socket) error { return s.Join(ctx, "tea") })
			s, emitter := elsewhere(t, io)
			ada := s.Connect("/")
			if err := c.do(t, s, io, emitter, ada.ID()); err != nil {
				t.Fatal(err)
			}
			s.Settle()
			var got []string
			for _, l := range log.lines(t, "sockets are disconnected") {
				whom := fmt.Sprintf("to=%v", l["to"])
				if l["socket"] == ada.ID() {
					whom = "socket=ada"
				}
				got = append(got, fmt.Sprintf("%s namespace=%v reason=%v", whom, l["namespace"], l["reason"]))
			}
			var want []string
			if c.want != "" {
				want = []string{c.want}
			}
			if !slices.Equal(got, want) {
				t.Errorf("the log has %q, want %q", got, want)
			}
		})
	}
}
