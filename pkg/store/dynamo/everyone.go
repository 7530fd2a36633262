package dynamo

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dozeio/doze/pkg/rooms"
)

// An attempt at a write that was given up may still be on its way, and arrive when the row that it makes has been
// deleted: nobody would ever look for it. So whoever has to try twice marks the row, and who leaves puts a tombstone in
// the place of a row that is marked. A tombstone says when it was made: what began before that time writes nothing.
//
// A row of everyone is marked by attrBuried, a list row by attrRaced. Whoever leaves everyone and finds no row leaves a
// tombstone, too.
const attrBuried = "u" // when a row was a tombstone; of a row of everyone that is none: true, if it is marked

// lateFor is how long a tombstone stays: after that time a request's signature is too old for DynamoDB.
const lateFor = 15 * time.Minute

// unburied is the condition for a row of everyone where there is none. A socket's id is not used again once it has
// left.
const unburied = "attribute_not_exists(p) OR x <= :now OR attribute_not_exists(a) AND u <= :now"

// joinEveryone writes the row of a member among everyone, unless it is there.
func (s *Store) joinEveryone(ctx context.Context, namespace string, m rooms.Member) error {
	k := everyoneKey(namespace, m.Socket)
	row := k.item()
	row[attrAddress] = stringValue(m.Address)
	expires(row, m.Expires)
	if !s.unsure.has(k) {
		err := s.putEveryone(ctx, row, unburied, whileKnown)
		if !unknown(err) {
			return err
		}
		s.unsure.add(k, s.now())
		if ctx.Err() != nil {
			return err
		}
	}
	row[attrBuried] = boolValue(true)
	err := s.putEveryone(ctx, row, unburied+" OR attribute_not_exists(u)")
	if err == nil { // the row says it from now on
		s.unsure.remove(k)
	}
	return err
}

// unsure are the keys of rows of everyone, and of list rows, that an attempt of this process may still write, and that
// are not marked. Its methods may be called concurrently.
type unsure struct {
	mu    sync.Mutex
	since map[key]time.Time
}

func (u *unsure) has(k key) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, there := u.since[k]
	return there
}

func (u *unsure) add(k key, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.since == nil {
		u.since = map[key]time.Time{}
	}
	maps.DeleteFunc(u.since, func(_ key, since time.Time) bool { return !now.Before(since.Add(lateFor)) })
	u.since[k] = now
}

func (u *unsure) remove(k key) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.since, k)
}

// putEveryone writes a row under a condition, or finds it there.
func (s *Store) putEveryone(ctx context.Context, row item, condition string, options ...func(*dynamodb.Options)) error {
	_, err := call(ctx, s, with(s.client.PutItem, options), &dynamodb.PutItemInput{
		TableName: &s.table, Item: row, ConditionExpression: &condition,
		ExpressionAttributeValues:           item{":now": s.nowValue()},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	failed := refused(err)
	if failed == nil {
		return err
	}
	there := failed.Item
	if there == nil { // the server does not say
		if there, err = s.get(ctx, key{stringOf(row[partitionKey]), stringOf(row[sortKey])}, true); err != nil {
			return err
		}
	}
	if there[attrAddress] == nil {
		return notLeft(failed)
	}
	return nil
}

// notLeft is the error of who joins before the time of a tombstone.
func notLeft(cause error) error {
	return &fault{"Join: by this process's clock the socket has not left yet: if this lasts, set the clock", cause, true}
}

// leaveEveryone deletes the row of a member among everyone.
func (s *Store) leaveEveryone(ctx context.Context, namespace, socket string) error {
	k := everyoneKey(namespace, socket)
	if !s.unsure.has(k) {
		_, err := call(ctx, s, s.client.DeleteItem, &dynamodb.DeleteItemInput{
			TableName: &s.table, Key: k.item(),
			ConditionExpression: aws.String("attribute_exists(a) AND attribute_not_exists(u)"),
		})
		if refused(err) == nil {
			return err
		}
	}
	tombstone := k.item()
	tombstone[attrBuried] = s.nowValue()
	expires(tombstone, s.now().Add(lateFor))
	err := s.put(ctx, tombstone)
	if err == nil {
		s.unsure.remove(k)
	}
	return err
}
