//go:build full

package histories

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	random "math/rand/v2"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/apigw/outgoing"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/pkg/gateway/runtimeapi"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/tests/kit/badtable"
	"github.com/dozeio/doze/tests/kit/dynalite"
	"github.com/dozeio/doze/tests/kit/processes"
)

// deployment is what histories are played on.
type deployment struct {
	url       string
	gateway   *gateway.Gateway
	faults    gateway.Faults // of its gateway
	bad       *badtable.Table
	functions []*runtimeapi.Function
	network   *network // nil where the gateway breaks connections
	close     func(context.Context) error

	// differs says where the rows differ from the clients that live, and which are left to their time to live.
	differs func(context.Context, *run) (differs, crashed []string, err error)
}

// suffers begins or ends the faults.
func (d *deployment) suffers(t *testing.T, faults bool) {
	t.Helper()
	var table badtable.Rates
	var g gateway.Faults
	if faults {
		table, g = rates, d.faults
	}
	if d.bad != nil {
		if err := d.bad.SetRates(table); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.gateway.SetFaults(g); err != nil {
		t.Fatal(err)
	}
	if d.network != nil {
		d.network.breaks(faults)
	}
}

// has gives a deployment the table of a DynamoDB that fails, and returns where that is.
func (d *deployment) has(t *testing.T, table string, seed uint64) (endpoint string) {
	t.Helper()
	url, stop, err := dynalite.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	if d.bad, err = badtable.Start(url, badtable.Options{Seed: seed}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.bad.Close)
	client := dynalite.Client(url)
	d.differs = func(ctx context.Context, r *run) (differs, crashed []string, err error) {
		rows, err := scan(ctx, client, table)
		if err != nil {
			return nil, nil, err
		}
		differs, crashed = rows.compare(r.living(), r.ended)
		return differs, crashed, nil
	}
	return d.bad.URL
}

var engineOptions = engine.Options{PingInterval: pingInterval, PingTimeout: pingTimeout, ConnectTimeout: 20 * time.Second, UpgradeTimeout: 5 * time.Second}

// startProcesses has every function a process of its own, in several copies.
func startProcesses(t *testing.T, seed uint64) *deployment {
	t.Helper()
	folder := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(folder, "function", "bootstrap"), "./function")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	d := &deployment{faults: faults}
	table := "doze-" + rand.Text()
	p, err := processes.Start(t.Context(), processes.Options{
		App: "client", Folder: folder, Endpoint: d.has(t, table, seed), Table: table, Warm: copies, Copies: 64,
		Engine:  engineOptions,
		Gateway: gateway.Options{Jitter: 5 * time.Millisecond, Seed: seed},
	})
	if err != nil {
		t.Fatal(err)
	}
	d.url, d.gateway, d.functions, d.close = p.URL, p.Gateway, p.Functions(), p.Close
	return d
}

// startDirectOnATable has one process without events between gateway and engine, with the table of doze serve -table.
// Of its gateway's faults those of the queue are left: nothing else is between the clients and the engine.
func startDirectOnATable(t *testing.T, seed uint64) *deployment {
	t.Helper()
	d, table := &deployment{}, "doze-"+rand.Text()
	client := dynalite.Client(d.has(t, table, seed), func(o *dynamodb.Options) { o.HTTPClient = outgoing.HTTPClient(outgoing.AttemptTime) })
	if err := dynamo.CreateTable(t.Context(), client, table); err != nil {
		t.Fatal(err)
	}
	store := dynamo.New(client, table, nil)
	d.start(t, seed, func(b socketio.Backend) socketio.Backend {
		b.Sessions, b.Rooms, b.Acks, b.Notes = store, store, store, store
		return b
	})
	return d
}

// startDirect is the same without a table: all is in memory.
func startDirect(t *testing.T, seed uint64) *deployment {
	t.Helper()
	d := &deployment{}
	s := d.start(t, seed, func(b socketio.Backend) socketio.Backend { return b })
	d.differs = func(_ context.Context, r *run) (differs, crashed []string, err error) {
		rows, living := s.Store.Rows(), r.living()
		n := len(living)
		sockets, least, most := memberships(living)
		if rows.Sessions != n || rows.Handshakes != n || rows.Lives != n || rows.Sockets != sockets || rows.Members < least || rows.Members > most {
			differs = append(differs, fmt.Sprintf("%d clients live, with %d sockets and %d to %d memberships, and there are %+v", n, sockets, least, most, rows))
		}
		return differs, nil, nil
	}
	return d
}

// memberships counts the sockets of clients, and how many memberships they have, namespaces among them: at least and at
// most, where a client was not told what became of a call.
func memberships(clients []*client) (sockets, least, most int) {
	for _, c := range clients {
		c.mu.Lock()
		for _, s := range c.sockets {
			sockets, least, most = sockets+1, least+1, most+1
			for room := range s.rooms {
				switch in, known := s.member(room); {
				case !known:
					most++
				case in:
					least, most = least+1, most+1
				}
			}
		}
		c.mu.Unlock()
	}
	return sockets, least, most
}

func (d *deployment) start(t *testing.T, seed uint64, wrap func(socketio.Backend) socketio.Backend) *oneprocess.Server {
	t.Helper()
	d.faults = gateway.Faults{JobDoubled: 0.1, JobLate: 0.1, JobDelay: time.Second}
	d.network = &network{random: random.New(random.NewPCG(seed, 0))}
	o := oneprocess.Options{
		Direct: true, Engine: engineOptions, Gateway: gateway.Options{Seed: seed},
		Wrap: func(b socketio.Backend) socketio.Backend {
			d.network.Poster = b.Poster
			b.Poster = d.network
			return wrap(b)
		},
	}
	o.Engine.Logger = slog.New(slog.DiscardHandler)
	s, err := oneprocess.Start(o, App().Bind)
	if err != nil {
		t.Fatal(err)
	}
	d.network.gateway = s.Gateway
	d.url, d.gateway, d.close = s.URL, s.Gateway, s.Close
	return s
}

// network breaks connections while something is sent: before it, so that it is lost, or after.
type network struct {
	engine.Poster
	gateway *gateway.Gateway

	mu     sync.Mutex
	random *random.Rand
	rate   float64
	broken int
}

// Unblocking implements engine.Unblocking, as the poster of the direct way does.
func (n *network) Unblocking() {}

func (n *network) breaks(begin bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rate = 0
	if begin {
		n.rate = 0.01
	}
}

// breakages returns how many connections have been broken.
func (n *network) breakages() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.broken
}

// Post implements engine.Poster.
func (n *network) Post(ctx context.Context, connection string, f engine.Frame) error {
	n.mu.Lock()
	fails, before := n.random.Float64() < n.rate, n.random.IntN(2) == 0
	n.mu.Unlock()
	if fails && before {
		n.breakOff(connection)
	}
	err := n.Poster.Post(ctx, connection, f)
	if fails && !before {
		n.breakOff(connection)
	}
	return err
}

func (n *network) breakOff(connection string) {
	if n.gateway.Kill(connection) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.broken++
	}
}
