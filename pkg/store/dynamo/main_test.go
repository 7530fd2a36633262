//go:build full

// The contract suites on dynalite, or on another DynamoDB:
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
	"github.com/dozeio/doze/tests/dynalite"
)

var endpoint = flag.String("endpoint", "", "address of a DynamoDB to test on; default: a dynalite of its own")

// client and table are what all tests share.
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
	if *endpoint == "" {
		url, stop, err := dynalite.Start()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer stop()
		*endpoint = url
	}
	client = dynalite.Client(*endpoint)
	table = "doze-test-" + rand.Text()
	ctx := context.Background()
	if err := dynamo.CreateTable(ctx, client, table); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _, _ = client.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &table}) }()
	return m.Run()
}
