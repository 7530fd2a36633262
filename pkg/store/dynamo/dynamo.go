// Package dynamo keeps sessions and rooms in one DynamoDB table, for any number of processes at once: what a server on
// Lambda uses. The table is on demand, has a partition key "p" and a sort key "s", both strings, and "ttl" as its time
// to live; [CreateTable] makes it, and docs/data-model.md draws its rows.
//
// Every change of a session is one conditional write of one item, and so is each step of a membership; what an outbox
// has beyond 2 KiB is written to an item of its own before. There are no transactions, no indexes and no streams.
package dynamo

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/dozeio/doze/pkg/acks"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/notes"
	"github.com/dozeio/doze/pkg/rooms"
)

var (
	_ engine.Store = (*Store)(nil)
	_ rooms.Store  = (*Store)(nil)
	_ acks.Store   = (*Store)(nil)
	_ notes.Store  = (*Store)(nil)
)

// Store implements engine.Store, rooms.Store, acks.Store and notes.Store. Make one with New. Any number of them, in any
// number of processes, may use one table.
//
// Its errors are one line that says what to do. Those that a retry may cure (throttling, timeouts, a server or a
// network that fails) have a method Temporary() bool that returns true.
type Store struct {
	client *wire
	table  string
	now    func() time.Time
	joins  atomic.Int64
	unsure unsure
}

// New returns a Store on a table, which has to be there. Rows expire by the time that now returns; nil means time.Now.
// Requests are tried as often as the client is set up to, which is three times by default, within three seconds; the
// pauses are the Store's own, and shorter than the SDK's.
func New(client *dynamodb.Client, table string, now func() time.Time) *Store {
	if now == nil {
		now = time.Now
	}
	return &Store{client: newWire(impatient(client)), table: table, now: now}
}

// parallel is how many rows of one call are written at a time.
const parallel = 16

// each calls f for 0 to n-1, some at a time, and returns the first error when all calls have returned.
func each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	if n == 1 {
		return f(ctx, 0)
	}
	var (
		wg    sync.WaitGroup
		once  sync.Once
		first error
		slots = make(chan struct{}, parallel)
	)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := f(ctx, i); err != nil {
				once.Do(func() { first = err })
			}
		})
	}
	wg.Wait()
	return first
}
