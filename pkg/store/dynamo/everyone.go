package dynamo

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dozeio/doze/internal/awsfault"
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

// unburied is the condition, at a time, for a row of everyone where there is none. A socket's id is not used again once
// it has left.
const unburied = "attribute_not_exists(p) OR x <= %[1]s OR attribute_not_exists(a) AND u <= %[1]s"

// joinEveryone writes the row of a member among everyone, unless it is there.
func (s *Store) joinEveryone(ctx context.Context, namespace string, m rooms.Member) error {
	k := everyoneKey(namespace, m.Socket)
	if !s.unsure.has(k) {
		row := k.item()
		row[attrAddress] = stringValue(m.Address)
		expires(row, m.Expires)
		_, err := call(ctx, s, with(s.client.PutItem, whileKnown), &dynamodb.PutItemInput{
			TableName: &s.table, Item: row, ConditionExpression: aws.String(fmt.Sprintf(unburied, ":now")),
			ExpressionAttributeValues:           item{":now": s.nowValue()},
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
		if !unknown(err) {
			return s.isThere(ctx, k, err)
		}
		s.unsure.add(k, s.now())
		if ctx.Err() != nil {
			return err
		}
	}
	mark := &change{}
	mark.when(unburied+" OR attribute_not_exists(u)", s.nowValue())
	mark.set(attrBuried, boolValue(true))
	mark.sets = append(mark.sets, attrAddress+" = if_not_exists("+attrAddress+", "+mark.value(stringValue(m.Address))+")")
	mark.expires(m.Expires)
	_, err := call(ctx, s, s.client.UpdateItem, &dynamodb.UpdateItemInput{
		TableName: &s.table, Key: k.item(),
		UpdateExpression:                    aws.String(mark.update()),
		ConditionExpression:                 aws.String(mark.condition()),
		ExpressionAttributeNames:            mark.names,
		ExpressionAttributeValues:           mark.values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err = s.isThere(ctx, k, err); err == nil { // the row says it from now on
		s.unsure.remove(k)
	}
	return err
}

// isThere returns the error of a write that was to make a row of everyone: none when it was refused because the row is
// there.
func (s *Store) isThere(ctx context.Context, k key, err error) error {
	failed := refused(err)
	if failed == nil {
		return err
	}
	there := failed.Item
	if there == nil { // the server does not say
		if there, err = s.get(ctx, k, true); err != nil {
			return err
		}
	}
	if there[attrAddress] == nil {
		return notLeft(failed)
	}
	return nil
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

// notLeft is the error of who joins before the time of a tombstone.
func notLeft(cause error) error {
	return awsfault.Temporary("dynamo: Join: by this process's clock the socket has not left yet: if this lasts, set the clock", cause)
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
