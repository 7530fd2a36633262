//go:build full

package tests

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dozeio/doze/app"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/tests/asnode/conformance"
	"github.com/dozeio/doze/tests/kit/badtable"
	"github.com/dozeio/doze/tests/kit/dynalite"
	"github.com/dozeio/doze/tests/kit/processes"
)

// apart are the gateways that everything is tested behind with every function a process of its own: what the official
// suites assume, and AWS's under jitter. These tests run one at a time: a database and forty processes want a machine.
var apart = []gatewayKind{gateways[0], gateways[2]}

// deployments starts applications as processes, which are built once each, on one DynamoDB with the limits of AWS's.
type deployments struct {
	endpoint string
	folder   string          // of what is built
	built    map[string]bool // folders in it
}

func newDeployments(t *testing.T) *deployments {
	t.Helper()
	url, stop, err := dynalite.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	limited, err := badtable.Start(url, badtable.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		t.Logf("the table: %v", limited.Usage(2))
		limited.Close()
	})
	return &deployments{endpoint: limited.URL, folder: t.TempDir(), built: map[string]bool{}}
}

// build compiles what an application needs, once.
func (d *deployments) build(t *testing.T, app string) (folder string) {
	t.Helper()
	kind := "tests"
	if app == "chat" {
		kind = app
	}
	folder = filepath.Join(d.folder, kind)
	if !d.built[kind] {
		if err := processes.Build(t.Context(), folder, app); err != nil {
			t.Fatal(err)
		}
		d.built[kind] = true
	}
	return folder
}

// start runs an application until the end of a test, where it expects that clients' packets have met different
// processes, which have slept.
func (d *deployments) start(t *testing.T, o processes.Options) *processes.Deployment {
	t.Helper()
	o.Endpoint, o.Folder = d.endpoint, d.build(t, o.App)
	logs, err := os.Create(filepath.Join(t.TempDir(), "functions.log"))
	if err != nil {
		t.Fatal(err)
	}
	o.Logs = logs
	s, err := processes.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
		if n := s.Message.Stats(); n.Starts < 2 || n.Freezes == 0 {
			t.Errorf("packets have met one process only, or one that never slept: %+v", n)
		}
		if t.Failed() {
			b, _ := os.ReadFile(logs.Name())
			t.Logf("the functions printed: %s", b[max(0, len(b)-10_000):])
		}
		logs.Close()
	})
	return s
}

func (g gatewayKind) processes(app string) processes.Options {
	return processes.Options{
		App:     app,
		Engine:  engine.Options{BinaryFrames: g.ordered, OrderedFrames: g.ordered},
		Gateway: g.options(),
	}
}

// TestOfficialSuitesAsProcesses runs the cases of the official suites, with more time, because the database and forty
// processes share the machine.
func TestOfficialSuitesAsProcesses(t *testing.T) {
	t.Parallel() // as the gateways of TestOfficialSuites
	all := newDeployments(t)
	for _, g := range apart {
		suite := func(t *testing.T, app string) conformance.Target {
			o := g.processes(app)
			o.Engine.PingInterval, o.Engine.PingTimeout, o.Engine.ConnectTimeout = time.Second, 900*time.Millisecond, 5*time.Second
			return conformance.Target{URL: all.start(t, o).URL, BinaryFrames: g.ordered, Overtaking: true, PingInterval: o.Engine.PingInterval, PingTimeout: o.Engine.PingTimeout}
		}
		t.Run(g.name, func(t *testing.T) {
			t.Run("Engine.IO v4", func(t *testing.T) { conformance.EngineIO(t, suite(t, "engineio")) })
			t.Run("Socket.IO v5", func(t *testing.T) { conformance.SocketIO(t, suite(t, "socketio")) })
		})
	}
}

// TestStockClientsAsProcesses runs the unmodified socket.io-client in Node.
func TestStockClientsAsProcesses(t *testing.T) {
	all := newDeployments(t)
	for _, g := range apart {
		t.Run(g.name, func(t *testing.T) { stockClients(t, all.start(t, g.processes("client")).URL, g, twoAtOnce) })
	}
}

// TestOracleAsProcesses runs the scripts whose transcripts have to be those of Node's socket.io.
func TestOracleAsProcesses(t *testing.T) {
	t.Parallel()
	node(t, []string{"BINARY_FRAMES=1"}, "asnode/oracle/run.mjs", "--url", newDeployments(t).start(t, apart[0].processes("client")).URL)
}

// TestChatInBrowserAsProcesses lets two tabs of headless Chromium chat through the four functions as they are deployed.
func TestChatInBrowserAsProcesses(t *testing.T) {
	g := apart[1]
	o := g.processes("chat")
	o.Gateway.Site = app.Page()
	node(t, []string{"DOZE_URL=" + newDeployments(t).start(t, o).URL}, "asnode/browser/chat.mjs")
}
