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
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/pkg/store/storetest"
	"github.com/dozeio/doze/tests/badtable"
	"github.com/dozeio/doze/tests/dynalite"
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

// impatient is a client that gives an attempt up after so long, and tries again soon.
func impatient(patience time.Duration) func(*dynamodb.Options) {
	return func(o *dynamodb.Options) {
		o.HTTPClient = o.HTTPClient.(*awshttp.BuildableClient).WithTimeout(patience)
		o.Retryer = retry.NewStandard(func(s *retry.StandardOptions) {
			s.MaxAttempts, s.RateLimiter = 3, unlimited{}
			s.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return time.Millisecond, nil })
		})
	}
}

// unlimited lets everything be tried again, however often something fails.
type unlimited struct{}

func (unlimited) GetToken(context.Context, uint) (func() error, error) {
	return func() error { return nil }, nil
}
func (unlimited) AddTokens(uint) error { return nil }

var _ retry.RateLimiter = unlimited{}

// once is a client that tries everything once: so the store's callers see every fault.
func once(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }

// terrible is a day on which nearly one request in five suffers.
var terrible = badtable.Rates{badtable.Throttled: 0.05, badtable.Failed: 0.05, badtable.Lost: 0.06, badtable.Ignored: 0.0005, badtable.Unanswered: 0.001, badtable.Slow: 0.02}

// TestContractsOnABadTable runs the contract suites, whose calls are tried again after temporary errors as the engine
// does. The client of the store tries again by itself before that, or it does not.
func TestContractsOnABadTable(t *testing.T) {
	for name, option := range map[string]func(*dynamodb.Options){
		"the client tries again": impatient(500 * time.Millisecond),
		"only its callers do": func(o *dynamodb.Options) {
			impatient(500 * time.Millisecond)(o)
			once(o)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Logf("-badtable.seed %d", *seed)
			p := bad(t, badtable.Options{Seed: *seed, Rates: terrible, Slowness: 20 * time.Millisecond})
			client := dynalite.Client(p.URL, option)
			t.Run("sessions", func(t *testing.T) {
				storetest.Sessions(t, func(_ *testing.T, now func() time.Time) engine.Store { return dynamo.New(client, table, now) })
			})
			t.Run("rooms", func(t *testing.T) {
				storetest.Rooms(t, func(_ *testing.T, now func() time.Time) rooms.Store { return dynamo.New(client, table, now) })
			})
			counts := p.Counts()
			t.Log(counts)
			for _, kind := range badtable.Kinds {
				if counts[kind] == 0 {
					t.Errorf("no request was %s: nothing was tested of that", kind)
				}
			}
		})
	}
}
