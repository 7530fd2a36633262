// Package meter watches the calls of a DynamoDB client: what each consumes, when it begins and when it has ended. It
// can make them slow, too.
package meter

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
)

// Call is one call of a client that has ended, however often it was tried.
type Call struct {
	Operation  string  // such as "GetItem"
	Consistent bool    // a strongly consistent read
	Reads      float64 // RRU
	Writes     float64 // WRU
	Begin, End time.Time
}

// Calls are some calls, in the order in which they ended.
type Calls []Call

// Meter notes the calls of a client that was made with its Options. The zero Meter is ready. All methods may be called
// concurrently.
type Meter struct {
	// Rows reads the rows by whose size writes that are refused are billed, unmetered; nil lets each be one unit. The
	// table's keys are p and s.
	Rows *dynamodb.Client

	latency atomic.Int64

	mu    sync.Mutex
	begun int
	calls Calls
}

// Options is for dynamodb.New. Calls of operations that the meter cannot measure fail.
func (m *Meter) Options(o *dynamodb.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("meter", m.handle), middleware.Before)
	})
}

// Slow makes every call that begins from now on take d longer. Calls do not wait for each other.
func (m *Meter) Slow(d time.Duration) { m.latency.Store(int64(d)) }

// Begun returns how many calls have begun since the last Take, and those that have ended.
func (m *Meter) Begun() (int, Calls) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.begun, slices.Clone(m.calls)
}

// Take returns the calls that have ended since the last Take, and forgets them.
func (m *Meter) Take() Calls {
	m.mu.Lock()
	defer m.mu.Unlock()
	calls := m.calls
	m.begun, m.calls = m.begun-len(calls), nil
	return calls
}

// Sum returns what calls have consumed.
func (c Calls) Sum() (reads, writes float64) {
	for _, call := range c {
		reads += call.Reads
		writes += call.Writes
	}
	return reads, writes
}

// RoundTrips returns how many calls followed one another: the most of them of which no two were under way together.
// With a latency that dwarfs everything else, those are calls that had to wait for each other.
func (c Calls) RoundTrips() (n int) {
	byEnd := slices.SortedFunc(slices.Values(c), func(a, b Call) int { return a.End.Compare(b.End) })
	var last time.Time
	for _, call := range byEnd {
		if n == 0 || !call.Begin.Before(last) {
			n++
			last = call.End
		}
	}
	return n
}

// String names the operations in the order in which they ended.
func (c Calls) String() string {
	names := make([]string, len(c))
	for i, call := range c {
		names[i] = call.Operation
	}
	return strings.Join(names, " ")
}

func (m *Meter) handle(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (out middleware.InitializeOutput, metadata middleware.Metadata, err error) {
	call, write, err := reporting(in.Parameters)
	if err != nil {
		return out, metadata, err
	}
	m.mu.Lock()
	m.begun++
	m.mu.Unlock()
	call.Begin = time.Now()
	if d := time.Duration(m.latency.Load()); d > 0 {
		select {
		case <-time.After(d):
		case <-ctx.Done(): // the call itself will say so
		}
	}
	out, metadata, err = next.HandleInitialize(ctx, in)
	call.End = time.Now()
	units := least(call, write)
	if failed := (*types.ConditionalCheckFailedException)(nil); errors.As(err, &failed) {
		units = max(units, m.refused(ctx, in.Parameters))
	} else if err == nil {
		units = max(units, consumed(out.Result))
	}
	if write {
		call.Writes = units
	} else {
		call.Reads = units
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = append(m.calls, call)
	return out, metadata, err
}

// least is what a call is billed at the least: a query that finds nothing is one read, or half of one, and a condition
// that fails is a write.
func least(c Call, write bool) float64 {
	if write || c.Consistent {
		return 1
	}
	return 0.5
}

// reporting makes a call report what it consumes.
func reporting(parameters any) (c Call, write bool, err error) {
	const total = types.ReturnConsumedCapacityTotal
	c.Operation = strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%T", parameters), "*dynamodb."), "Input")
	switch p := parameters.(type) {
	case *dynamodb.GetItemInput:
		p.ReturnConsumedCapacity, c.Consistent = total, aws.ToBool(p.ConsistentRead)
	case *dynamodb.QueryInput:
		p.ReturnConsumedCapacity, c.Consistent = total, aws.ToBool(p.ConsistentRead)
	case *dynamodb.PutItemInput:
		p.ReturnConsumedCapacity, write = total, true
	case *dynamodb.UpdateItemInput:
		p.ReturnConsumedCapacity, write = total, true
	case *dynamodb.DeleteItemInput:
		p.ReturnConsumedCapacity, write = total, true
	default:
		return c, write, fmt.Errorf("meter: it is not known what %s consumes", c.Operation)
	}
	return c, write, nil
}

// refused returns the units of a write that was refused: by the size of the row that is there, which it reads.
func (m *Meter) refused(ctx context.Context, parameters any) float64 {
	if m.Rows == nil {
		return 1
	}
	in := &dynamodb.GetItemInput{ConsistentRead: aws.Bool(true)}
	switch p := parameters.(type) {
	case *dynamodb.PutItemInput:
		in.TableName, in.Key = p.TableName, map[string]types.AttributeValue{"p": p.Item["p"], "s": p.Item["s"]}
	case *dynamodb.UpdateItemInput:
		in.TableName, in.Key = p.TableName, p.Key
	case *dynamodb.DeleteItemInput:
		in.TableName, in.Key = p.TableName, p.Key
	}
	out, err := m.Rows.GetItem(context.WithoutCancel(ctx), in)
	if err != nil {
		return 1
	}
	return math.Ceil(float64(itemSize(out.Item)) / 1024)
}

// itemSize returns the bytes of a row as DynamoDB counts them, about:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
func itemSize(item map[string]types.AttributeValue) (bytes int) {
	for name, v := range item {
		bytes += len(name) + valueSize(v)
	}
	return bytes
}

func valueSize(v types.AttributeValue) int {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberB:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		return len(v.Value)/2 + 2
	case *types.AttributeValueMemberM:
		return 3 + len(v.Value) + itemSize(v.Value)
	case *types.AttributeValueMemberL:
		n := 3 + len(v.Value)
		for _, e := range v.Value {
			n += valueSize(e)
		}
		return n
	}
	return 1
}

func consumed(result any) (units float64) {
	var c *types.ConsumedCapacity
	switch r := result.(type) {
	case *dynamodb.GetItemOutput:
		c = r.ConsumedCapacity
	case *dynamodb.QueryOutput:
		c = r.ConsumedCapacity
	case *dynamodb.PutItemOutput:
		c = r.ConsumedCapacity
	case *dynamodb.UpdateItemOutput:
		c = r.ConsumedCapacity
	case *dynamodb.DeleteItemOutput:
		c = r.ConsumedCapacity
	}
	if c == nil {
		return 0
	}
	return aws.ToFloat64(c.CapacityUnits)
}
