//go:build full

package dynamo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/tests/kit/dynalite"
	"github.com/dozeio/doze/tests/kit/meter"
)

// fill appends parcels, with packets of the lengths in turn, until the outbox takes no more.
func fill(t *testing.T, store *dynamo.Store, a engine.Address, lengths ...int) (parcels []engine.Parcel) {
	t.Helper()
	for n := 0; ; n++ {
		p := engine.Parcel{Op: fmt.Sprintf("BBBB%08d", n), Packets: [][]byte{bytes.Repeat([]byte("4"), lengths[n%len(lengths)])}}
		_, ok, err := store.Update(t.Context(), a, engine.Append{Parcel: p})
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return parcels
		}
		parcels = append(parcels, p)
	}
}

// spilledRows returns the keys of the rows that an address has for its outbox besides the session's.
func spilledRows(t *testing.T, a engine.Address) (rows []map[string]types.AttributeValue) {
	t.Helper()
	out, err := client.Query(t.Context(), &dynamodb.QueryInput{
		TableName: &table, KeyConditionExpression: aws.String("p = :p"), ConsistentRead: aws.Bool(true),
		ExpressionAttributeValues: map[string]types.AttributeValue{":p": &types.AttributeValueMemberS{Value: "Q" + string(a)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Items
}

// Whatever fills an outbox, no write of the session's row is billed for it: not a pong, not a change of data, and not
// the GET that takes it.
func TestAFullOutboxIsNotPaidForWithEachWrite(t *testing.T) {
	const most = 10
	m := &meter.Meter{}
	store := dynamo.New(dynalite.Client(*endpoint, m.Options), table, nil)
	for _, lengths := range [][]int{{2}, {100}, {700}, {1100}, {1900}, {2500}, {16 << 10}, {120 << 10}, {2, 3000}, {1000, 1100, 2, 20_000}} {
		s := pollingSession(t, store)
		now := s.Created
		parcels := fill(t, store, s.Address, lengths...)
		measure := func(transition engine.Transition) {
			t.Helper()
			m.Take()
			if _, ok, err := store.Update(t.Context(), s.Address, transition); err != nil || !ok {
				t.Fatal(ok, err)
			}
			if _, writes := m.Take().Sum(); writes > most {
				t.Errorf("%d parcels with packets of %d: %T costs %.0f units", len(parcels), lengths, transition, writes)
			}
		}
		measure(engine.Pong{At: now.Add(time.Second)})
		measure(engine.SetEntry{Key: "/", New: []byte("entry"), Ops: []string{"AAAAAAAAAAAA"}})
		measure(engine.BeginPoll{Lease: engine.Lease{ID: "CCCCCCCCCCCC", Until: now.Add(time.Minute)}, Now: now})
		measure(engine.EndPoll{ID: "CCCCCCCCCCCC"})
		measure(engine.Pong{At: now.Add(2 * time.Second)})
		measure(engine.Close{Op: "DDDDDDDDDDDD", Reason: engine.PingTimeout, Told: true, Expires: now.Add(time.Minute)})
	}
}

// Many who send to one outbox at once all get their parcels in, and what that costs grows with their number.
func TestManyAppendAtOnce(t *testing.T) {
	const each = 5
	m := &meter.Meter{}
	store := dynamo.New(dynalite.Client(*endpoint, m.Options), table, nil)
	for _, length := range []int{50, 700, 1900, 2500} {
		for _, writers := range []int{4, 16} {
			s := pollingSession(t, store)
			parcel := func(writer, n int) engine.Parcel {
				return engine.Parcel{Op: fmt.Sprintf("%04d%08d", writer, n), Packets: [][]byte{bytes.Repeat([]byte("4"), length)}}
			}
			m.Take()
			var all sync.WaitGroup
			for writer := range writers {
				all.Go(func() {
					for n := range each {
						if _, ok, err := store.Update(t.Context(), s.Address, engine.Append{Parcel: parcel(writer, n)}); err != nil || !ok {
							t.Errorf("%d writers of %d bytes: %t %v", writers, length, ok, err)
						}
					}
				})
			}
			all.Wait()
			if _, writes := m.Take().Sum(); writes > float64(20*writers*each) {
				t.Errorf("%d writers: %d parcels of %d bytes cost %.0f WRU", writers, writers*each, length, writes)
			}
			now := s.Created
			if _, ok, err := store.Update(t.Context(), s.Address, engine.BeginPoll{Lease: engine.Lease{ID: "lease", Until: now.Add(time.Minute)}, Now: now}); err != nil || !ok {
				t.Fatal(ok, err)
			}
			got, ok, err := store.Update(t.Context(), s.Address, engine.EndPoll{ID: "lease"})
			if err != nil || !ok || len(got.Taken.Parcels) != writers*each {
				t.Fatalf("%d writers of %d bytes: %t %v, %d parcels", writers, length, ok, err, len(got.Taken.Parcels))
			}
			next := make([]int, writers)
			for _, p := range got.Taken.Parcels {
				var writer, n int
				if _, err := fmt.Sscanf(p.Op, "%04d%08d", &writer, &n); err != nil || n != next[writer] || !reflect.DeepEqual(p, parcel(writer, n)) {
					t.Fatalf("%d writers of %d bytes: %s, where %d was due", writers, length, p.Op, next[writer])
				}
				next[writer]++
			}
		}
	}
}

// What a chat sends is a unit, as long as its clients fetch it.
func TestAShortMessageIsOneWrite(t *testing.T) {
	m := &meter.Meter{}
	store := dynamo.New(dynalite.Client(*endpoint, m.Options), table, nil)
	s := pollingSession(t, store)
	for n := range 20 {
		id := fmt.Sprintf("CCCC%08d", n)
		m.Take()
		for _, transition := range []engine.Transition{
			engine.Append{Parcel: engine.Parcel{Op: fmt.Sprintf("BBBB%08d", n), Packets: [][]byte{make([]byte, 200)}}},
			engine.BeginPoll{Lease: engine.Lease{ID: id, Until: s.Created.Add(time.Minute)}, Now: s.Created},
			engine.EndPoll{ID: id},
		} {
			if _, ok, err := store.Update(t.Context(), s.Address, transition); err != nil || !ok {
				t.Fatal(ok, err)
			}
		}
		if reads, writes := m.Take().Sum(); reads != 0 || writes != 3 {
			t.Errorf("message %d: %.1f RRU and %.0f WRU, want 0 and 3", n, reads, writes)
		}
	}
}

// Packets that somebody has deleted are not left out in silence, however often one tries; nor are those of a reference
// that cannot be read.
func TestPacketsThatAreMissingAreAnError(t *testing.T) {
	store := dynamo.New(client, table, nil)
	for _, lengths := range [][]int{{2}, {20_000}} {
		s := pollingSession(t, store)
		fill(t, store, s.Address, lengths...)
		rows := spilledRows(t, s.Address)
		if len(rows) < 2 {
			t.Fatalf("packets of %d: %d rows", lengths, len(rows))
		}
		key := map[string]types.AttributeValue{"p": rows[0]["p"], "s": rows[0]["s"]}
		if _, err := client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &table, Key: key}); err != nil {
			t.Fatal(err)
		}
		if got, err := store.Get(t.Context(), s.Address, true); err != nil || len(got.Outbox) == 0 {
			t.Errorf("who only looks whether something waits: %v, %d", err, len(got.Outbox))
		}
		now := s.Created
		if _, ok, err := store.Update(t.Context(), s.Address, engine.BeginPoll{Lease: engine.Lease{ID: "lease", Until: now.Add(time.Minute)}, Now: now}); err != nil || !ok {
			t.Fatal(ok, err)
		}
		for range 2 {
			_, _, err := store.Update(t.Context(), s.Address, engine.EndPoll{ID: "lease"})
			check(t, err, false, "not in the table any more")
		}
		if _, ok, err := store.Update(t.Context(), s.Address, engine.Close{Op: "x", Told: true, Expires: now.Add(time.Minute)}); err != nil || !ok {
			t.Errorf("the session cannot be closed: %t %v", ok, err)
		}
	}
}

// Rows for an outbox expire with the session; nobody deletes them.
func TestSpilledRowsExpireWithTheirSession(t *testing.T) {
	store := dynamo.New(client, table, nil)
	s := pollingSession(t, store)
	fill(t, store, s.Address, 2, 5000, 700)
	session, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &table, ConsistentRead: aws.Bool(true), Key: map[string]types.AttributeValue{
		"p": &types.AttributeValueMemberS{Value: "S" + string(s.Address)}, "s": &types.AttributeValueMemberS{Value: "s"}}})
	if err != nil {
		t.Fatal(err)
	}
	rows := spilledRows(t, s.Address)
	for _, row := range rows {
		if !reflect.DeepEqual(row["ttl"], session.Item["ttl"]) || !reflect.DeepEqual(row["x"], session.Item["x"]) || row["x"] == nil {
			t.Errorf("a row expires at %v, its session at %v", row["x"], session.Item["x"])
		}
	}
	if _, ok, err := store.Update(t.Context(), s.Address, engine.Close{Op: "x", Told: true, Expires: s.Created.Add(time.Minute)}); err != nil || !ok {
		t.Fatal(ok, err)
	}
	got, ok, err := store.Update(t.Context(), s.Address, engine.Tell{ID: "y"})
	if err != nil || ok || len(got.Outbox)+len(got.Taken.Parcels) > 0 {
		t.Errorf("a client that was told can be told: %t %v, %d parcels", ok, err, len(got.Outbox))
	}
	if after := spilledRows(t, s.Address); len(after) != len(rows) || len(rows) == 0 {
		t.Errorf("%d rows of %d are left", len(after), len(rows))
	}
}

// dying is an option of a client for a process that dies: from the first call on for which it says so, none is sent.
func dying(now func(operation string, in any) bool) func(*dynamodb.Options) {
	dead := false
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("dying", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				if dead = dead || now(middleware.GetOperationName(ctx), in.Parameters); dead {
					return middleware.InitializeOutput{}, middleware.Metadata{}, errors.New("this process is dead")
				}
				return next.HandleInitialize(ctx, in)
			}), middleware.Before)
		})
	}
}

// A process that dies between the row of packets and the reference to it leaves a row, and an outbox in which nothing
// is missing or twice, whoever tries again.
func TestDyingBeforeTheReference(t *testing.T) {
	store := dynamo.New(client, table, nil)
	for _, lengths := range [][]int{{2}, {700}, {5000}} {
		s := pollingSession(t, store)
		var want []engine.Parcel
		for n := range 200 {
			p := engine.Parcel{Op: fmt.Sprintf("BBBB%08d", n), Packets: [][]byte{bytes.Repeat([]byte("4"), lengths[n%len(lengths)])}}
			spilled := false
			mortal := dynamo.New(dynalite.Client(*endpoint, dying(func(operation string, in any) bool {
				died := spilled && operation == "UpdateItem"
				spilled = operation == "PutItem"
				return died
			})), table, nil)
			_, ok, err := mortal.Update(t.Context(), s.Address, engine.Append{Parcel: p})
			if err != nil && !strings.Contains(err.Error(), "dead") {
				t.Fatal(err)
			}
			if err != nil && n%3 == 0 { // another process tries again, and once more
				for range 2 {
					if _, ok, err = store.Update(t.Context(), s.Address, engine.Append{Parcel: p}); err != nil {
						t.Fatal(err)
					}
				}
			}
			if ok {
				want = append(want, p)
			}
		}
		now := s.Created
		if _, ok, err := store.Update(t.Context(), s.Address, engine.BeginPoll{Lease: engine.Lease{ID: "lease", Until: now.Add(time.Minute)}, Now: now}); err != nil || !ok {
			t.Fatal(ok, err)
		}
		got, ok, err := store.Update(t.Context(), s.Address, engine.EndPoll{ID: "lease"})
		if err != nil || !ok || !reflect.DeepEqual(got.Taken.Parcels, want) || len(want) == 0 || len(want) == 200 {
			t.Errorf("packets of %d: %t %v: %d parcels, want %d", lengths, ok, err, len(got.Taken.Parcels), len(want))
		}
	}
}

// A row of a version that knew no spilled rows, with all its outbox in it, is read and gets room.
func TestAnOutboxThatLiesInTheRow(t *testing.T) {
	store := dynamo.New(client, table, nil)
	now := time.Now().Truncate(time.Millisecond)
	s := engine.Session{Address: engine.Address("pold" + fmt.Sprint(now.UnixNano())), SID: "old", State: engine.Open, Created: now, Expires: now.Add(time.Hour)}
	for n := range 100 {
		s.Outbox = append(s.Outbox, engine.Parcel{Op: fmt.Sprintf("AAAA%08d", n), Packets: [][]byte{make([]byte, 700)}})
		s.Recent = append([]string{s.Outbox[n].Op}, s.Recent...)
	}
	if err := store.Create(t.Context(), s, nil, nil); err != nil {
		t.Fatal(err)
	}
	key := map[string]types.AttributeValue{"p": &types.AttributeValueMemberS{Value: "S" + string(s.Address)}, "s": &types.AttributeValueMemberS{Value: "s"}}
	if _, err := client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: &table, Key: key, UpdateExpression: aws.String("REMOVE fi")}); err != nil {
		t.Fatal(err)
	}
	want := append(s.Outbox, fill(t, store, s.Address, 1500)...)
	if rows := spilledRows(t, s.Address); len(rows) == 0 {
		t.Error("all lies in the row")
	}
	if _, ok, err := store.Update(t.Context(), s.Address, engine.BeginPoll{Lease: engine.Lease{ID: "lease", Until: now.Add(time.Minute)}, Now: now}); err != nil || !ok {
		t.Fatal(ok, err)
	}
	got, ok, err := store.Update(t.Context(), s.Address, engine.EndPoll{ID: "lease"})
	if err != nil || !ok || !reflect.DeepEqual(got.Taken.Parcels, want) {
		t.Errorf("%t %v: %d parcels, want %d", ok, err, len(got.Taken.Parcels), len(want))
	}
}
