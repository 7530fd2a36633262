//go:build full

package tests

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/tests/asnode/conformance"
	"github.com/dozeio/doze/tests/kit/dynalite"
)

// TestOfficialSuitesOnDynamoDB runs the cases of the official suites with a table in the place of memory, behind AWS's
// gateway and behind what the suites assume. There is more time than the suites leave: a database shares the machine,
// and 200 ms for a pong are not what this is about.
func TestOfficialSuitesOnDynamoDB(t *testing.T) {
	t.Parallel() // as the gateways of TestOfficialSuites
	url, stop, err := dynalite.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	client := dynalite.Client(url)
	for _, g := range []gatewayKind{gateways[0], gateways[1], direct} {
		o := g.server()
		o.Engine.PingInterval, o.Engine.PingTimeout, o.Engine.ConnectTimeout = 600*time.Millisecond, 500*time.Millisecond, 3*time.Second
		o.Wrap = func(b socketio.Backend) socketio.Backend {
			table := "doze-" + rand.Text()
			if err := dynamo.CreateTable(t.Context(), client, table); err != nil {
				t.Fatal(err)
			}
			now := time.Now
			if b.Options.Clock != nil {
				now = b.Options.Clock.Now
			}
			store := dynamo.New(client, table, now)
			b.Sessions, b.Rooms, b.Acks = store, store, store
			return b
		}
		t.Run(g.name, func(t *testing.T) {
			t.Run("Engine.IO v4", func(t *testing.T) {
				conformance.EngineIO(t, target(serve(t, "engineio", o), o))
			})
			t.Run("Socket.IO v5", func(t *testing.T) {
				conformance.SocketIO(t, target(serve(t, "socketio", o), o))
			})
		})
	}
}

func target(s *oneprocess.Server, o oneprocess.Options) conformance.Target {
	return conformance.Target{URL: s.URL, BinaryFrames: o.Engine.BinaryFrames, PingInterval: o.Engine.PingInterval, PingTimeout: o.Engine.PingTimeout}
}
