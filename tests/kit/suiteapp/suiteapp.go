// Package suiteapp is what the official protocol suites expect to talk to, with the settings that they expect: pings of
// 300 ms and 200 ms, a million bytes of payload, a second for a first namespace.
package suiteapp

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/socketio"
)

// Start runs the application of a suite, "engineio" or "socketio", until the server is closed. Options with times of
// their own keep them.
func Start(suite string, o oneprocess.Options) (*oneprocess.Server, error) {
	bind, err := Bind(suite)
	if err != nil {
		return nil, err
	}
	Settings(suite, &o.Engine, &o.Gateway)
	return oneprocess.Start(o, bind)
}

// Bind returns what binds the application of a suite to a backend.
func Bind(suite string) (func(socketio.Backend) (*engine.Engine, error), error) {
	switch suite {
	case "engineio":
		return bindEcho, nil
	case "socketio":
		return newApp().Bind, nil
	}
	return nil, fmt.Errorf("there is no suite %q: it is engineio or socketio", suite)
}

// Settings fills in what a suite expects. Times that are there already stay.
func Settings(suite string, e *engine.Options, g *gateway.Options) {
	if e.PingInterval == 0 {
		e.PingInterval, e.PingTimeout = 300*time.Millisecond, 200*time.Millisecond
	}
	e.MaxPayload = 1_000_000
	e.AllowOrigins = []string{"*"} // the suites run in browsers too, from anywhere
	if suite == "engineio" {
		g.Site = http.HandlerFunc(engineIO)
		e.ConnectTimeout = -1 // it is Socket.IO's
		return
	}
	if e.ConnectTimeout == 0 {
		// Three pings have to come before: the first within PingInterval and what a new connection is left alone, 450
		// ms.
		e.ConnectTimeout = 1200 * time.Millisecond
	}
}

// engineIO lets a server answer below /engine.io/ too, where the Engine.IO suite asks: Doze's functions answer below
// /socket.io/ alone.
func engineIO(w http.ResponseWriter, r *http.Request) {
	rest, ok := strings.CutPrefix(r.URL.Path, "/engine.io/")
	server, _ := r.Context().Value(http.ServerContextKey).(*http.Server)
	if !ok || server == nil {
		http.NotFound(w, r)
		return
	}
	r = r.Clone(r.Context())
	r.URL.Path, r.URL.RawPath = "/socket.io/"+rest, ""
	server.Handler.ServeHTTP(w, r)
}

// newApp is what the Socket.IO suite talks to.
func newApp() *socketio.Server {
	io := socketio.New(socketio.Options{})
	auth := func(ctx context.Context, s *socketio.Socket) error {
		auth := map[string]any{}
		if err := s.Auth(&auth); err != nil {
			return err
		}
		return s.Emit(ctx, "auth", auth)
	}
	io.Of("/custom").OnConnection(auth)
	main := io.Of("/")
	main.OnConnection(auth)
	main.On("message", func(ctx context.Context, s *socketio.Socket, args socketio.Args) (socketio.Args, error) {
		return nil, s.Emit(ctx, "message-back", args...)
	})
	main.On("message-with-ack", func(_ context.Context, _ *socketio.Socket, args socketio.Args) (socketio.Args, error) {
		return args, nil
	})
	return io
}

// bindEcho is what the Engine.IO suite talks to: every message comes back.
func bindEcho(b socketio.Backend) (*engine.Engine, error) {
	h := &echo{}
	e, err := engine.New(b.Sessions, b.Poster, b.Timers, h, b.Options)
	h.engine = e
	return e, err
}

type echo struct{ engine *engine.Engine }

func (h *echo) Message(ctx context.Context, v *engine.Invocation, messages []protocol.EnginePacket) error {
	for _, m := range messages {
		p, err := h.engine.Parcel(m)
		if err != nil {
			return err
		}
		if err := v.Send(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (*echo) Closed(context.Context, engine.Session) error                { return nil }
func (*echo) Moved(context.Context, engine.Session, engine.Address) error { return nil }
