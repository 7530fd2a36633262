//go:build full

package dynamo_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/store/dynamo"
)

// pollingSession makes a session in the table.
func pollingSession(t *testing.T, store *dynamo.Store) engine.Session {
	t.Helper()
	return sessionWith(t, store, nil)
}

func sessionWith(t *testing.T, store *dynamo.Store, handshake []byte) engine.Session {
	t.Helper()
	sid := rand.Text()
	now := time.Now()
	s := engine.Session{Address: engine.Address("p" + sid), SID: sid, State: engine.Open, Created: now, Ponged: now, Expires: now.Add(time.Hour)}
	if err := store.Create(t.Context(), s, handshake, nil); err != nil {
		t.Fatal(err)
	}
	s, err := store.Get(t.Context(), s.Address, true)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What DynamoDB does not take is refused with a reason, and nothing is written.
func TestRowsThatWouldBeTooLarge(t *testing.T) {
	store := dynamo.New(client, table, nil)
	s := pollingSession(t, store)
	other := s
	other.Address += "2"
	noise := make([]byte, 500<<10)
	_, _ = rand.Read(noise)
	check(t, store.Create(t.Context(), other, noise, nil), false, "400 KB")
	if got, err := store.Get(t.Context(), other.Address, true); err != nil || got.State != engine.Absent {
		t.Errorf("%v, state %q", err, got.State)
	}
}

// An outbox of many packets of two bytes is full as one of few large ones is: each has to be posted one day.
func TestAnOutboxOfSmallPackets(t *testing.T) {
	store := dynamo.New(client, table, nil)
	s := pollingSession(t, store)
	packets := make([][]byte, 500)
	for i := range packets {
		packets[i] = []byte("4x")
	}
	accepted := 0
	for n := range 10 {
		row, ok, err := store.Update(t.Context(), s.Address, engine.Append{Parcel: engine.Parcel{Op: fmt.Sprint(n), Packets: packets}})
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			if len(row.Outbox) != accepted {
				t.Errorf("%d parcels are there, %d were accepted", len(row.Outbox), accepted)
			}
			break
		}
		accepted++
	}
	if accepted == 0 || accepted == 10 {
		t.Errorf("%d parcels were accepted", accepted)
	}
}

// A row remembers what it has to, and does not grow with what it has passed on.
func TestRecentOperationsAreForgotten(t *testing.T) {
	store := dynamo.New(client, table, nil)
	s := pollingSession(t, store)
	now := time.Now()
	for round := range 4 {
		for n := range 300 {
			op := fmt.Sprintf("%d-%d", round, n)
			if _, ok, err := store.Update(t.Context(), s.Address, engine.Append{Parcel: engine.Parcel{Op: op, Packets: [][]byte{[]byte("4")}}}); err != nil || !ok {
				t.Fatal(ok, err)
			}
		}
		id := fmt.Sprintf("poll%d", round)
		if _, ok, err := store.Update(t.Context(), s.Address, engine.BeginPoll{Lease: engine.Lease{ID: id, Until: now.Add(time.Minute)}, Now: now}); err != nil || !ok {
			t.Fatal(ok, err)
		}
		row, ok, err := store.Update(t.Context(), s.Address, engine.EndPoll{ID: id})
		if err != nil || !ok || len(row.Taken.Parcels) != 300 || len(row.Recent) != engine.MaxRecent || row.Recent[0] != fmt.Sprintf("%d-299", round) {
			t.Fatalf("%t %v: %d parcels, recent %q", ok, err, len(row.Taken.Parcels), row.Recent)
		}
		if _, ok, err := store.Update(t.Context(), s.Address, engine.Append{Parcel: engine.Parcel{Op: row.Recent[engine.MaxRecent-1]}}); err != nil || !ok {
			t.Errorf("%v: an operation that it has to remember was forgotten", err)
		}
	}
	out, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &table, ConsistentRead: aws.Bool(true), Key: map[string]types.AttributeValue{
		"p": &types.AttributeValueMemberS{Value: "S" + string(s.Address)}, "s": &types.AttributeValueMemberS{Value: "s"}}})
	if err != nil {
		t.Fatal(err)
	}
	if recent := out.Item["o"].(*types.AttributeValueMemberL).Value; len(recent) > 200 {
		t.Errorf("the row has %d operations", len(recent))
	}
}

func TestCreateTableAgain(t *testing.T) {
	if err := dynamo.CreateTable(t.Context(), client, table); err != nil {
		t.Error(err)
	}
	other := "doze-other-" + rand.Text()
	_, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &other, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = client.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: &other}) }()
	if err := dynamo.CreateTable(t.Context(), client, other); err == nil || !strings.Contains(err.Error(), "choose another name") {
		t.Error(err)
	}
	_, err = dynamo.New(client, "doze-nothing-"+rand.Text(), nil).Timer(t.Context(), 0, true)
	check(t, err, false, "there is no table")
}

// A session that is created anew over one that has expired has nothing of it, nor has a tombstone.
func TestNothingOfAnExpiredRowStays(t *testing.T) {
	now := time.Now().Truncate(time.Millisecond)
	store := dynamo.New(client, table, func() time.Time { return now })
	s := pollingSession(t, store)
	if _, _, err := store.Update(t.Context(), s.Address, engine.Keep{Op: "k", Pending: [][]byte{[]byte("451-")}}); err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * time.Hour)
	got, ok, err := store.Update(t.Context(), s.Address, engine.Close{Op: "late", Reason: engine.TransportClose, Expires: now.Add(time.Minute)})
	if err != nil || !ok || got.State != engine.Closed || got.SID != "" || got.Kept != "" || len(got.Pending) > 0 {
		t.Errorf("%t %v %+v", ok, err, got)
	}
	if err := store.Create(t.Context(), s, nil, nil); !errors.Is(err, engine.ErrExists) {
		t.Errorf("got %v, want ErrExists", err)
	}
}

func TestHandshakesAreBytes(t *testing.T) {
	store := dynamo.New(client, table, nil)
	noise := make([]byte, 1000)
	_, _ = rand.Read(noise)
	for _, want := range [][]byte{{}, {0}, noise, bytes.Repeat([]byte{0, 0xff, '"'}, 10_000)} {
		s := sessionWith(t, store, want)
		if got, err := store.Handshake(t.Context(), s); err != nil || got == nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes instead of %d, %v", len(got), len(want), err)
		}
	}
}

// A row of the table, without the session's, says nothing about a client; nor does one with another's session.
func TestHandshakesAreSealed(t *testing.T) {
	store := dynamo.New(client, table, nil)
	secret := []byte("Cookie: session=" + strings.Repeat("secret ", 100))
	s, other := sessionWith(t, store, secret), sessionWith(t, store, secret)
	out, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &table, Key: map[string]types.AttributeValue{
		"p": &types.AttributeValueMemberS{Value: "H" + s.SID}, "s": &types.AttributeValueMemberS{Value: "h"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	kept := out.Item["d"].(*types.AttributeValueMemberB).Value
	if bytes.Contains(kept, []byte("secret")) || len(kept) < 60 || len(kept) > 200 {
		t.Errorf("the row has %d bytes, %q", len(kept), kept)
	}
	if len(s.HandshakeKey) != 16 || bytes.Equal(s.HandshakeKey, other.HandshakeKey) {
		t.Errorf("the keys are %x and %x", s.HandshakeKey, other.HandshakeKey)
	}
	s.HandshakeKey = other.HandshakeKey
	if got, err := store.Handshake(t.Context(), s); err == nil {
		t.Errorf("another session's key opens it: %q", got)
	}
}

// A drain seals an outbox, which then takes nothing more, whatever is read in between.
func TestASealedOutbox(t *testing.T) {
	store := dynamo.New(client, table, nil)
	s := pollingSession(t, store)
	drain := engine.Drain{Connection: "c", Expires: s.Expires}
	for i, step := range []struct {
		t  engine.Transition
		ok bool
	}{
		{engine.Probe{Connection: "c", Now: s.Created}, true},
		{engine.Append{Parcel: engine.Parcel{Op: "a", Packets: [][]byte{[]byte("4a")}}}, true},
		{engine.Drain{Connection: "c", Step: "1", Now: s.Created}, true},
		{engine.Append{Parcel: engine.Parcel{Op: "b", Packets: [][]byte{[]byte("4b")}}}, true},
		{engine.Drain{Connection: "c", Step: "2", After: "1", Seal: true, Expires: drain.Expires}, true},
		{engine.Append{Parcel: engine.Parcel{Op: "c"}}, false},
		{engine.Append{Parcel: engine.Parcel{Op: "b"}}, true},
		{engine.Drain{Connection: "c", Step: "3", After: "2", Expires: drain.Expires}, true},
	} {
		want, err := store.Get(t.Context(), s.Address, true)
		if err != nil {
			t.Fatal(err)
		}
		applied := step.t.Apply(&want) != engine.Refused
		got, ok, err := store.Update(t.Context(), s.Address, step.t)
		if err != nil || ok != step.ok || ok != applied || got.Sealed != want.Sealed || got.State != want.State || got.Sealed != (i >= 4) {
			t.Errorf("step %d: %t %v, sealed %t, state %q; want %t %t %q", i, ok, err, got.Sealed, got.State, step.ok, want.Sealed, want.State)
		}
	}
}

// A connection that is dead stays so, and may still join.
// A session that never joined a namespace leaves nothing that lies in the table for its whole age.
func TestForgetTakesAHandshakeAway(t *testing.T) {
	store := dynamo.New(client, table, nil)
	s := engine.Session{Address: engine.Address("p" + rand.Text()), SID: rand.Text(), State: engine.Open, Created: time.Now(), Expires: time.Now().Add(time.Hour)}
	if err := store.Create(t.Context(), s, []byte("headers"), nil); err != nil {
		t.Fatal(err)
	}
	row, err := store.Get(t.Context(), s.Address, true)
	if h, e := store.Handshake(t.Context(), row); err != nil || e != nil || string(h) != "headers" {
		t.Fatalf("%q, %v, %v", h, err, e)
	}
	if err := store.Forget(t.Context(), s.Address, s.SID); err != nil {
		t.Fatal(err)
	}
	if h, err := store.Handshake(t.Context(), row); err != nil || h != nil {
		t.Errorf("%q, %v", h, err)
	}
}

func TestTouchOfADeadConnection(t *testing.T) {
	store := dynamo.New(client, table, nil)
	now := time.Now().Truncate(time.Millisecond).UTC()
	live := engine.Live{Address: engine.Address("w" + rand.Text()), Created: now, Last: engine.Dead, Expires: now.Add(time.Hour)}
	if err := store.PutLive(t.Context(), live); err != nil {
		t.Fatal(err)
	}
	if err := store.Touch(t.Context(), live.Address, now, true); err != nil {
		t.Fatal(err)
	}
	all, err := store.Lives(t.Context(), engine.Shard(live.Address))
	live.Joined = true
	if i := slices.IndexFunc(all, func(l engine.Live) bool { return l.Address == live.Address }); err != nil || i < 0 || all[i] != live {
		t.Errorf("%v, %+v", err, all)
	}
}
