package badtable_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/tests/kit/badtable"
	"github.com/dozeio/doze/tests/kit/dynalite"
)

// counting is a table whose clock stands still, on a DynamoDB that says of every request that it has consumed so much.
type counting struct {
	*badtable.Table
	client   *dynamodb.Client
	now      atomic.Int64 // ns
	consumes atomic.Int64
}

func newCounting(t *testing.T, o badtable.Throughput) *counting {
	c := &counting{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"ConsumedCapacity":{"TableName":"t","CapacityUnits":%d}}`, c.consumes.Load())
	}))
	t.Cleanup(server.Close)
	begin := time.Now()
	p, err := badtable.Start(server.URL, badtable.Options{Throughput: o, Now: func() time.Time { return begin.Add(time.Duration(c.now.Load())) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	c.Table, c.client = p, dynalite.Client(p.URL, func(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} })
	return c
}

func keyOf(s string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"p": &types.AttributeValueMemberS{Value: s}, "s": &types.AttributeValueMemberS{Value: "s"}}
}

func (c *counting) write(ctx context.Context, key string) error {
	_, err := c.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: aws.String("t"), Key: keyOf(key)})
	return err
}

func (c *counting) put(ctx context.Context, key string) error {
	_, err := c.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("t"), Item: keyOf(key)})
	return err
}

func (c *counting) read(ctx context.Context, key string, strong bool) error {
	_, err := c.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String("t"), Key: keyOf(key), ConsistentRead: &strong})
	return err
}

func (c *counting) query(ctx context.Context, key string) error {
	_, err := c.client.Query(ctx, &dynamodb.QueryInput{TableName: aws.String("t"), ConsistentRead: aws.Bool(true),
		KeyConditionExpression: aws.String("p = :p AND s >= :from"), ExpressionAttributeValues: map[string]types.AttributeValue{
			":p": &types.AttributeValueMemberS{Value: key}, ":from": &types.AttributeValueMemberS{Value: "a"}}})
	return err
}

// passes is how many calls of f succeed before one is refused.
func passes(t *testing.T, f func() error) (n int, refused error) {
	t.Helper()
	for n < 5000 {
		if refused = f(); refused != nil {
			break
		}
		n++
	}
	return n, refused
}

func TestAPartitionKeyTakesAThousandWritesASecond(t *testing.T) {
	c := newCounting(t, badtable.Throughput{})
	c.consumes.Store(1)
	n, err := passes(t, func() error { return c.write(t.Context(), "hot") })
	var throttled *types.ThrottlingException
	if n != 1000 || !errors.As(err, &throttled) || aws.ToString(throttled.ThrottlingReasons[0].Reason) != "TableWriteKeyRangeThroughputExceeded" {
		t.Errorf("%d writes passed, then %v", n, err)
	}
	if err := errors.Join(c.put(t.Context(), "another"), c.read(t.Context(), "hot", true)); err != nil {
		t.Errorf("another key's write, and a read, are refused: %v", err)
	}
	c.now.Store(int64(100 * time.Millisecond))
	if n, _ := passes(t, func() error { return c.put(t.Context(), "hot") }); n != 100 {
		t.Errorf("%d writes passed in a tenth of a second", n)
	}
	if u := c.Usage(1); u.Refused != 2 || u.KeyWrites[0].Key != "hot" || u.KeyWrites[0].Peak != 1100 || !strings.Contains(u.String(), `2 requests were refused; most writes to a key in a second: 1100 ("hot"); most reads`) {
		t.Errorf("usage %v", u)
	}
}

func TestWhatARequestHasConsumedIsCharged(t *testing.T) {
	for name, do := range map[string]func(c *counting) error{
		"a query": func(c *counting) error { return c.query(t.Context(), "hot") },
		"a read":  func(c *counting) error { return c.read(t.Context(), "hot", false) },
	} {
		c := newCounting(t, badtable.Throughput{})
		c.consumes.Store(250)
		n, err := passes(t, func() error { return do(c) })
		var exceeded *types.ProvisionedThroughputExceededException
		if n != 12 || !errors.As(err, &exceeded) || len(exceeded.ThrottlingReasons) != 1 {
			t.Errorf("%s: %d passed, then %v", name, n, err)
		}
	}
	c := newCounting(t, badtable.Throughput{})
	c.consumes.Store(300)
	if n, _ := passes(t, func() error { return c.put(t.Context(), "hot") }); n != 4 { // the last one owes 200
		t.Errorf("%d writes passed", n)
	}
	c.now.Store(int64(200 * time.Millisecond))
	if err := c.put(t.Context(), "hot"); err == nil {
		t.Error("what was owed was not paid")
	}
}

func TestATableHasItsLimitsToo(t *testing.T) {
	c := newCounting(t, badtable.Throughput{TableReads: 20, TableWrites: 40})
	keys := 0
	key := func() string { keys++; return fmt.Sprint(keys) }
	if n, _ := passes(t, func() error { return c.write(t.Context(), key()) }); n != 40 {
		t.Errorf("%d writes passed", n)
	}
	if n, _ := passes(t, func() error { return c.read(t.Context(), key(), true) }); n != 20 {
		t.Errorf("%d reads passed", n)
	}
}

func TestLimitsCanBeOthers(t *testing.T) {
	c := newCounting(t, badtable.Throughput{KeyWrites: 10, Burst: 3, TableReads: -1, KeyReads: -1})
	if n, _ := passes(t, func() error { return c.write(t.Context(), "hot") }); n != 30 {
		t.Errorf("%d writes passed", n)
	}
	c.consumes.Store(10_000)
	for range 10 {
		if err := c.read(t.Context(), "hot", true); err != nil {
			t.Fatalf("a read is refused without a limit: %v", err)
		}
	}
}

// To the store a refusal is a temporary error.
func TestTheStoreTakesARefusalForTemporary(t *testing.T) {
	c := newCounting(t, badtable.Throughput{KeyWrites: 1})
	s := dynamo.New(c.client, "t", nil)
	touch := func() error { return s.Touch(t.Context(), "wconnection", time.Now(), false) }
	_, err := passes(t, touch)
	var temporary interface{ Temporary() bool }
	if !errors.As(err, &temporary) || !temporary.Temporary() {
		t.Errorf("a refusal is %v", err)
	}
	_, err = passes(t, func() error {
		_, err := s.Lives(t.Context(), engine.Shard("wconnection"))
		c.consumes.Store(9000)
		return err
	})
	if !errors.As(err, &temporary) || !temporary.Temporary() {
		t.Errorf("a refusal is %v", err)
	}
}
