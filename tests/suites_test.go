//go:build full

package tests

import (
	"context"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/tests/asnode/conformance"
	"github.com/dozeio/doze/tests/kit/suiteapp"
)

// gateways are those that everything is tested behind: AWS's, in a hurry and under jitter, what the official suites
// assume, and none, where what comes goes to the engine directly. One has a route response, through which the functions say nothing.
var gateways = []gatewayKind{
	{name: "ordered and binary frames", ordered: true},
	{name: "AWS"},
	{name: "AWS, jitter, seed 1", jitter: 20 * time.Millisecond, seed: 1},
	{name: "AWS, jitter, seed 2, a route response", jitter: 20 * time.Millisecond, seed: 2, responds: true},
	direct,
}

var direct = gatewayKind{name: "direct", ordered: true, direct: true}

// bothWays are for what depends on nothing of a gateway but the way through: events, or none.
var bothWays = []gatewayKind{gateways[0], direct}

type gatewayKind struct {
	name     string
	ordered  bool // and binary frames
	direct   bool
	jitter   time.Duration
	seed     uint64
	responds bool // $default has a route response, whose empty body sends nothing
}

func (g gatewayKind) options() gateway.Options {
	return gateway.Options{Jitter: g.jitter, Seed: g.seed, RouteResponse: g.responds, DropEmptyResponse: g.responds}
}

// server returns what makes a server behind it. On the direct way that is doze serve's; the examples are doze dev's.
func (g gatewayKind) server() oneprocess.Options {
	o := oneprocess.Options{
		Engine:  engine.Options{BinaryFrames: g.ordered, OrderedFrames: g.ordered},
		Gateway: g.options(),
		Direct:  g.direct,
	}
	if g.direct {
		o.Public = &oneprocess.Public{Health: "/healthz"}
	}
	return o
}

// TestOfficialSuites runs the 25 and 32 cases of the official suites behind each gateway. Behind AWS's, three of them
// assert what it does with a binary frame instead.
func TestOfficialSuites(t *testing.T) {
	for _, g := range gateways {
		o := g.server()
		t.Run(g.name, func(t *testing.T) {
			t.Parallel() // as many as there are processors: some of the cases are about 200 ms
			t.Run("Engine.IO v4", func(t *testing.T) {
				conformance.EngineIO(t, conformance.Target{URL: serve(t, "engineio", o).URL, BinaryFrames: g.ordered})
			})
			t.Run("Socket.IO v5", func(t *testing.T) {
				conformance.SocketIO(t, conformance.Target{URL: serve(t, "socketio", o).URL, BinaryFrames: g.ordered})
			})
		})
	}
}

func serve(t *testing.T, suite string, o oneprocess.Options) *oneprocess.Server {
	t.Helper()
	s, err := suiteapp.Start(suite, o)
	return closeAfter(t, s, err)
}

// closeAfter closes a server at the end of a test.
func closeAfter(t *testing.T, s *oneprocess.Server, err error) *oneprocess.Server {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}
