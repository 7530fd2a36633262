//go:build full

package tests

import (
	"crypto/rand"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/dozeio/doze/internal/oneprocess"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/tests/kit/badtable"
	"github.com/dozeio/doze/tests/kit/clientapp"
	"github.com/dozeio/doze/tests/kit/dynalite"
)

var badSeed = flag.Uint64("badtable.seed", 1, "of the table's faults")

// TestStockClientsOnABadTable runs the unmodified socket.io-client while one request to the table in fifteen suffers.
// Its clients are to notice nothing but slowness.
func TestStockClientsOnABadTable(t *testing.T) {
	t.Parallel()
	for _, g := range []gatewayKind{gateways[2], direct} { // under jitter, and without events
		t.Run(g.name, func(t *testing.T) {
			t.Logf("-badtable.seed %d", *badSeed)
			url, stop, err := dynalite.Start()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(stop)
			bad, err := badtable.Start(url, badtable.Options{Seed: *badSeed, Slowness: 100 * time.Millisecond, Rates: badtable.Rates{
				badtable.Throttled: 0.01, badtable.Failed: 0.01, badtable.Lost: 0.02, badtable.Slow: 0.02,
				badtable.Ignored: 0.001, badtable.Unanswered: 0.001, badtable.Late: 0.001,
			}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(bad.Close)
			const patience = time.Second // for a request
			client, table := dynalite.Client(bad.URL, badtable.Impatient(patience)), "doze-"+rand.Text()
			if err := dynamo.CreateTable(t.Context(), client, table); err != nil {
				t.Fatal(err)
			}
			o := g.server()
			o.Wrap = func(b socketio.Backend) socketio.Backend {
				store := dynamo.New(client, table, nil)
				b.Sessions, b.Rooms, b.Acks = store, store, store
				return b
			}
			s, err := oneprocess.Start(o, clientapp.New().Bind)
			closeAfter(t, s, err)
			stockClients(t, s.URL, g, twoAtOnce, fmt.Sprintf("SLOWEST=%d", patience.Milliseconds()))
			counts := bad.Counts()
			t.Log(counts, bad.Usage(2))
			for _, kind := range badtable.Kinds {
				if counts[kind] == 0 {
					t.Errorf("no request was %s: nothing was tested of that", kind)
				}
			}
		})
	}
}
