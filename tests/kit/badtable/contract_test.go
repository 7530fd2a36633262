//go:build full

package badtable_test

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/pkg/store/storetest"
	"github.com/dozeio/doze/tests/kit/badtable"
	"github.com/dozeio/doze/tests/kit/dynalite"
)

var seed = flag.Uint64("badtable.seed", 1, "of the faults")

// endpoint and table are what all tests share: a dynalite without faults, and a table there.
var endpoint, table string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	url, stop, err := dynalite.Start()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer stop()
	endpoint, table = url, "doze-test-"+rand.Text()
	if err := dynamo.CreateTable(context.Background(), dynalite.Client(url), table); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// bad starts a proxy that ends with the test.
func bad(t *testing.T, o badtable.Options) *badtable.Table {
	t.Helper()
	p, err := badtable.Start(endpoint, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// once is a client that tries everything once: so the store's callers see every fault.
func once(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }

// terrible is a day on which nearly one request in five suffers.
var terrible = badtable.Rates{badtable.Throttled: 0.05, badtable.Failed: 0.05, badtable.Lost: 0.06, badtable.Ignored: 0.0005, badtable.Unanswered: 0.0008, badtable.Slow: 0.02}

// bearable is one on which a call of some forty requests can succeed, each tried once.
var bearable = badtable.Rates{badtable.Throttled: 0.01, badtable.Failed: 0.01, badtable.Lost: 0.015, badtable.Ignored: 0.0005, badtable.Unanswered: 0.0008, badtable.Slow: 0.02}

// TestContractsOnABadTable runs the contract suites, whose calls are tried again after temporary errors as the engine
// does. Before that, the client of the sessions tries again by itself; that of the rooms does not.
func TestContractsOnABadTable(t *testing.T) {
	t.Run("sessions", func(t *testing.T) {
		client := suffering(t, terrible, badtable.Impatient(500*time.Millisecond))
		storetest.Sessions(t, func(_ *testing.T, now func() time.Time) engine.Store { return dynamo.New(client, table, now) })
	})
	t.Run("rooms", func(t *testing.T) {
		client := suffering(t, bearable, badtable.Impatient(500*time.Millisecond), once)
		storetest.Rooms(t, func(_ *testing.T, now func() time.Time) rooms.Store { return dynamo.New(client, table, now) })
	})
}

// suffering is a client of a table on such a day. At the end of the test it has seen everything.
func suffering(t *testing.T, rates badtable.Rates, options ...func(*dynamodb.Options)) *dynamodb.Client {
	t.Helper()
	t.Logf("-badtable.seed %d", *seed)
	p := bad(t, badtable.Options{Seed: *seed, Rates: rates, Slowness: 20 * time.Millisecond})
	t.Cleanup(func() {
		counts := p.Counts()
		t.Log(counts, p.Usage(3))
		for _, kind := range badtable.Kinds {
			if kind != badtable.Late && counts[kind] == 0 { // whose order the suites' clock, which stands still, does not show
				t.Errorf("no request was %s: nothing was tested of that", kind)
			}
		}
	})
	return dynalite.Client(p.URL, options...)
}

// What a write is charged is what the DynamoDB says that it has consumed.
func TestTheTableSaysWhatARequestConsumes(t *testing.T) {
	p := bad(t, badtable.Options{})
	s := dynamo.New(dynalite.Client(p.URL), table, nil)
	now := time.Now()
	row := engine.Session{Address: "wlarge", SID: "large", State: engine.Open, Created: now, Expires: now.Add(time.Hour),
		Entries: map[string][]byte{"/": make([]byte, 10<<10)}}
	if err := s.Create(t.Context(), row, nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), row.Address, true); err != nil {
		t.Fatal(err)
	}
	u := p.Usage(1)
	if u.KeyWrites[0].Key != "Swlarge" || u.KeyWrites[0].Units != 11 || u.KeyReads[0].Units != 3 || u.TableWrites[0].Key != table || u.TableWrites[0].Units != 11 {
		t.Errorf("10 KiB, written and read: %+v", u)
	}
}
