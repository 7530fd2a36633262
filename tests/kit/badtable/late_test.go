//go:build full

package badtable_test

import (
	"context"
	"crypto/rand"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dozeio/doze/pkg/rooms"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/tests/kit/badtable"
	"github.com/dozeio/doze/tests/kit/dynalite"
)

// An attempt at a write of a membership is given up and tried again; the socket leaves; then the attempt arrives.
func TestWritesThatArriveAfterLeaving(t *testing.T) {
	for step, name := range []string{"the first write", "the second"} {
		for _, room := range []string{"", "a room"} {
			if room == "" && step > 0 {
				continue // there is one
			}
			t.Run(name+" of "+map[string]string{"": "everyone"}[room]+room, func(t *testing.T) {
				t.Parallel()
				ctx := context.Background()
				bad := bad(t, badtable.Options{Lateness: time.Millisecond})
				release := bad.Hold()
				client := dynalite.Client(bad.URL, badtable.Impatient(300*time.Millisecond))
				store := dynamo.New(client, table, nil)
				namespace := "/" + rand.Text()
				bad.Script(append(make([]badtable.Fault, step), badtable.Late)...)
				m := rooms.Member{Socket: "socket-of-20-letters", Address: "w1", Expires: time.Now().Add(time.Hour)}
				if _, err := store.Join(ctx, namespace, m, room); err != nil {
					t.Fatal(err)
				}
				members := func() int {
					page, _, err := store.Members(ctx, namespace, room, "")
					if err != nil {
						t.Fatal(err)
					}
					return len(page)
				}
				if n := members(); n != 1 {
					t.Errorf("%d members have joined, want 1", n)
				}
				if err := store.Leave(ctx, namespace, m.Socket, room); err != nil {
					t.Fatal(err)
				}
				release()
				bad.Wait()
				if bad.Counts()[badtable.Late] != 1 {
					t.Error("no write was late: nothing was tested")
				}
				if n := members(); n != 0 {
					t.Errorf("%d members are left", n)
				}
				if names, err := store.Rooms(ctx, namespace, m.Socket); err != nil || len(names) > 0 {
					t.Errorf("a socket that has left is in %q, %v", names, err)
				}
				if room == "" {
					return
				}
				if _, err := store.Join(ctx, namespace, m, room); err != nil || members() != 1 {
					t.Errorf("who comes again is one of %d members, %v; want 1", members(), err)
				}
			})
		}
	}
}

// What DynamoDB has refused cannot arrive later: no tombstone is left, which every broadcast would read.
func TestARefusedWriteIsForgotten(t *testing.T) {
	for _, fault := range []badtable.Fault{badtable.Throttled, badtable.Late} {
		bad := bad(t, badtable.Options{Lateness: time.Millisecond})
		client := dynalite.Client(bad.URL, badtable.Impatient(300*time.Millisecond))
		here, elsewhere := dynamo.New(client, table, nil), dynamo.New(client, table, nil)
		m := rooms.Member{Socket: "socket-of-20-letters", Address: "w1", Expires: time.Now().Add(time.Hour)}
		namespace := "/" + rand.Text()
		bad.Script(fault)
		if _, err := here.Join(t.Context(), namespace, m, ""); err != nil {
			t.Fatal(err)
		}
		if err := elsewhere.Leave(t.Context(), namespace, m.Socket, ""); err != nil {
			t.Fatal(err)
		}
		bad.Wait()
		out, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &table, ConsistentRead: aws.Bool(true), Key: map[string]types.AttributeValue{
			"p": &types.AttributeValueMemberS{Value: "A" + namespace}, "s": &types.AttributeValueMemberS{Value: m.Socket},
		}})
		if err != nil {
			t.Fatal(err)
		}
		if left := out.Item != nil; left != (fault == badtable.Late) {
			t.Errorf("a write that was %s: a tombstone is left: %t", fault, left)
		}
	}
}

// A process whose clock is behind cannot tell a new socket from a late write.
func TestJoiningBeforeTheTimeOfATombstoneIsTriedAgain(t *testing.T) {
	var behind atomic.Int64
	behind.Store(int64(2 * time.Second))
	client := dynalite.Client(endpoint)
	ahead := dynamo.New(client, table, nil)
	slow := dynamo.New(client, table, func() time.Time { return time.Now().Add(-time.Duration(behind.Load())) })
	m := rooms.Member{Socket: "socket-of-20-letters", Address: "w1", Expires: time.Now().Add(time.Hour)}
	namespace := "/" + rand.Text()
	if err := ahead.Leave(t.Context(), namespace, m.Socket, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := slow.Join(t.Context(), namespace, m, ""); !isTemporary(err) {
		t.Errorf("joined before the tombstone: %v", err)
	}
	behind.Store(0)
	if _, err := slow.Join(t.Context(), namespace, m, ""); err != nil {
		t.Error(err)
	}
	if page, _, err := slow.Members(t.Context(), namespace, "", ""); err != nil || len(page) != 1 {
		t.Errorf("%d members, %v; want 1", len(page), err)
	}
}
