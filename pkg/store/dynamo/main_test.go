//go:build full

// The contract suites on dynalite and on MiniStack, or on another DynamoDB:
//
//	go test -tags full ./pkg/store/dynamo [-endpoint http://127.0.0.1:8000]
package dynamo_test

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/tests/kit/dynalite"
	"github.com/dozeio/doze/tests/kit/ministack"
)

var endpoint = flag.String("endpoint", "", "address of a DynamoDB to test on; default: a dynalite and a MiniStack of its own")

// server is a DynamoDB with a table for the tests.
type server struct {
	name, url, table string
	client           *dynamodb.Client

	start func() (url string, stop func(), err error)
	stop  func()
}

// servers are those that the contract suites run on. The first is running, the others are started when they are used.
var servers []*server

// client and table are those of the first server, and so is *endpoint: everything else is tested there.
var (
	client *dynamodb.Client
	table  string
)

func TestMain(m *testing.M) {
	flag.Parse()
	if address := os.Getenv(serveVariable); address != "" {
		serveCalls(address)
		return
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	servers = []*server{{name: "dynalite", start: dynalite.Start}, {name: "MiniStack", start: func() (string, func(), error) { return ministack.Start() }}}
	if *endpoint != "" {
		servers = []*server{{name: *endpoint, start: func() (string, func(), error) { return *endpoint, func() {}, nil }}}
	}
	defer func() {
		for _, s := range servers {
			s.end()
		}
	}()
	if err := servers[0].begin(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	*endpoint, client, table = servers[0].url, servers[0].client, servers[0].table
	return m.Run()
}

// onEach runs a suite on every server, one after the other.
func onEach(t *testing.T, suite func(*testing.T, *server)) {
	t.Helper()
	on(t, servers, suite)
}

// onFirst runs a suite on the first server, which is the fastest: what the suite adds is not the server's.
func onFirst(t *testing.T, suite func(*testing.T, *server)) {
	t.Helper()
	on(t, servers[:1], suite)
}

func on(t *testing.T, servers []*server, suite func(*testing.T, *server)) {
	t.Helper()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			if err := s.begin(); err != nil {
				t.Fatal(err)
			}
			suite(t, s)
		})
	}
}

// begin starts the server, unless it runs.
func (s *server) begin() (err error) {
	if s.client != nil {
		return nil
	}
	if s.url, s.stop, err = s.start(); err != nil {
		return err
	}
	s.client, s.table = dynalite.Client(s.url), "doze-test-"+rand.Text()
	return dynamo.CreateTable(context.Background(), s.client, s.table)
}

func (s *server) end() {
	if s.client == nil {
		return
	}
	_, _ = s.client.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &s.table})
	s.stop()
}
