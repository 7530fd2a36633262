//go:build full

package histories

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/apigw/outgoing"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/gateway/runtimeapi"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/tests/kit/dynalite"
	"github.com/dozeio/doze/tests/kit/processes"
)

// deployment is what histories are played on.
type deployment struct {
	url, table string
	gateway    *gateway.Gateway
	faults     gateway.Faults // that its gateway has
	functions  []*runtimeapi.Function
	close      func(context.Context) error
}

var engineOptions = engine.Options{PingInterval: pingInterval, PingTimeout: pingTimeout, ConnectTimeout: 20 * time.Second, UpgradeTimeout: 5 * time.Second}

// startProcesses has every function a process of its own, in several copies.
func startProcesses(t *testing.T, endpoint string, seed uint64) *deployment {
	t.Helper()
	folder := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(folder, "function", "bootstrap"), "./function")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	d, err := processes.Start(t.Context(), processes.Options{
		App: "client", Folder: folder, Endpoint: endpoint, Warm: copies, Copies: 64,
		Engine:  engineOptions,
		Gateway: gateway.Options{Jitter: 5 * time.Millisecond, Seed: seed},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &deployment{d.URL, d.Table, d.Gateway, faults, d.Functions(), d.Close}
}

// startDirect has one process without events between gateway and engine, with the table of doze serve -table. Of its
// gateway's faults those of the queue are left: nothing else is between the clients and the engine.
func startDirect(t *testing.T, endpoint string, seed uint64) *deployment {
	t.Helper()
	client := dynalite.Client(endpoint, func(o *dynamodb.Options) { o.HTTPClient = outgoing.HTTPClient(outgoing.AttemptTime) })
	d := &deployment{table: "doze-" + rand.Text(), faults: gateway.Faults{JobDoubled: 0.1, JobLate: 0.1, JobDelay: time.Second}}
	if err := dynamo.CreateTable(t.Context(), client, d.table); err != nil {
		t.Fatal(err)
	}
	o := oneprocess.Options{
		Direct: true, Engine: engineOptions, Gateway: gateway.Options{Seed: seed},
		Wrap: func(b socketio.Backend) socketio.Backend {
			store := dynamo.New(client, d.table, nil)
			b.Sessions, b.Rooms, b.Acks, b.Notes = store, store, store, store
			return b
		},
	}
	o.Engine.Logger = slog.New(slog.DiscardHandler)
	s, err := oneprocess.Start(o, App().Bind)
	if err != nil {
		t.Fatal(err)
	}
	d.url, d.gateway, d.close = s.URL, s.Gateway, s.Close
	return d
}
