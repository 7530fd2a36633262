package dynamo

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/dozeio/doze/pkg/rooms"
)

// Attributes of membership rows.
const (
	attrAddress = "a"
	attrStamp   = "r" // of a room row: the ticket's, then two digits of milliseconds that the row expires before its ttl
	attrID      = "i" // of a list row
	attrNumber  = "n" // of a list row
	attrRaced   = "f" // of a list row
)

// rowLinks are the rows of one socket in the table.
type rowLinks struct {
	store     *Store
	namespace string
	member    rooms.Member // with the address and the expiry of rows that are made
	eventual  bool         // listed may be some time old
}

func (l *rowLinks) list(room string) key { return listKey(l.namespace, l.member.Socket, room) }
func (l *rowLinks) room(room string) key { return roomKey(l.namespace, room, l.member.Socket) }

// unsure notes that an attempt to write a row of a membership was given up, and may arrive at any time.
func (l *rowLinks) unsure(room string) { l.store.unsure.add(l.list(room), l.store.now()) }

// enlist implements links. Who has to try twice marks the row as raced.
func (l *rowLinks) enlist(ctx context.Context, room string, raced bool) (ticket, bool, error) {
	if !l.store.unsure.has(l.list(room)) {
		t, made, err := l.count(ctx, room, raced, whileKnown)
		if !unknown(err) {
			return t, made, err
		}
		l.unsure(room)
		if ctx.Err() != nil {
			return t, made, err
		}
	}
	t, made, err := l.count(ctx, room, true)
	if err == nil {
		l.store.unsure.remove(l.list(room))
	}
	return t, made, err
}

// count counts the list row up, or makes it.
func (l *rowLinks) count(ctx context.Context, room string, raced bool, options ...func(*dynamodb.Options)) (ticket, bool, error) {
	id := numeral(rand.Uint32(), ticketID)
	made := l.list(room).item()
	made[attrID], made[attrNumber] = stringValue(id), numberValue(1)
	expires(made, l.member.Expires)
	for range joinTries {
		values := item{":id": made[attrID], ":zero": numberValue(0), ":one": numberValue(1), ":x": made[attrExpires], ":now": l.store.nowValue()}
		in := &dynamodb.UpdateItemInput{
			TableName: &l.store.table, Key: l.list(room).item(),
			UpdateExpression:          aws.String("SET i = if_not_exists(i, :id), n = if_not_exists(n, :zero) + :one, x = if_not_exists(x, :x)"),
			ConditionExpression:       aws.String("(attribute_not_exists(x) OR x > :now) AND (attribute_not_exists(u) OR u <= :now)"),
			ExpressionAttributeValues: values,
			ReturnValues:              types.ReturnValueAllNew,
		}
		if raced {
			*in.UpdateExpression += ", f = :raced"
			values[":raced"] = boolValue(true)
			made[attrRaced] = values[":raced"]
		}
		in.ExpressionAttributeNames = map[string]string{"#ttl": timeToLive}
		if ttl := made[timeToLive]; ttl != nil { // a tombstone has one of its own
			*in.UpdateExpression += ", #ttl = :ttl"
			values[":ttl"] = ttl
		} else {
			*in.UpdateExpression += " REMOVE #ttl"
		}
		out, err := call(ctx, l.store, with(l.store.client.UpdateItem, options...), in)
		switch {
		case err == nil:
			t := ticketOf(out.Attributes)
			return t, t.id == id, nil
		case refused(err) == nil:
			return ticket{}, false, err
		}
		err = l.store.putNew(ctx, made) // it has expired, or its tombstone is of another process's clock
		if err == nil {
			return ticketOf(made), true, nil
		}
		switch failed := refused(err); {
		case failed == nil:
			return ticket{}, false, err
		case failed.Item != nil && failed.Item[attrExpires] == nil:
			return ticket{}, false, notLeft(err)
		}
	}
	return ticket{}, false, changing("Join")
}

func ticketOf(row item) ticket {
	return ticket{stringOf(row[attrID]), uint32(numberOf(row[attrNumber])), numberOf(row[attrExpires]), boolOf(row[attrRaced]) || row[attrBuried] != nil}
}

// stampValue is what a room row carries of a ticket.
func (t ticket) stampValue() value {
	early := uint32(0)
	if t.expires != never {
		early = uint32(ttlOf(t.expires)*1000 - t.expires)
	}
	return stringValue(t.stamp() + numeral(early, 2))
}

func ttlOf(expires int64) int64 { return (expires + 999) / 1000 }

// roomExpires returns when a room row expires, the zero time for never.
func roomExpires(row item) time.Time {
	stamp := stringOf(row[attrStamp])
	if row[timeToLive] == nil || len(stamp) < 2 {
		return time.Time{}
	}
	return time.UnixMilli(numberOf(row[timeToLive])*1000 - int64(numberFrom(stamp[len(stamp)-2:]))).UTC()
}

// show implements links. A row that is not the list row's first carries the time at which it was written, as tombstones
// do: what began before it writes nothing over it.
func (l *rowLinks) show(ctx context.Context, room string, t ticket, over place) (shown, error) {
	now := l.store.now()
	tries, err := 1, error(nil)
	switch over {
	case overNone:
		row := l.room(room).item()
		row[attrStamp], row[attrAddress] = t.stampValue(), stringValue(l.member.Address)
		if t.expires != never {
			row[timeToLive] = numberValue(ttlOf(t.expires))
		}
		var out *dynamodb.PutItemOutput
		if out, err = call(ctx, l.store, l.store.client.PutItem, &dynamodb.PutItemInput{
			TableName: &l.store.table, Item: row, ConditionExpression: aws.String("attribute_not_exists(p)"),
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}); err == nil {
			tries = triesOf(out.ResultMetadata)
		}
	case overOther:
		in := &dynamodb.UpdateItemInput{
			TableName: &l.store.table, Key: l.room(room).item(),
			UpdateExpression:         aws.String("SET r = :r, a = :a, u = :now REMOVE #ttl"),
			ConditionExpression:      aws.String("(attribute_not_exists(u) OR u <= :now) AND (attribute_not_exists(p) OR NOT begins_with(r, :id) OR (attribute_not_exists(a) AND r < :stamp))"),
			ExpressionAttributeNames: map[string]string{"#ttl": timeToLive},
			ExpressionAttributeValues: item{":r": t.stampValue(), ":a": stringValue(l.member.Address), ":now": timeValue(now),
				":id": stringValue(t.id), ":stamp": stringValue(t.stamp())},
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}
		if t.expires != never {
			in.UpdateExpression = aws.String("SET r = :r, a = :a, u = :now, #ttl = :ttl")
			in.ExpressionAttributeValues[":ttl"] = numberValue(ttlOf(t.expires))
		}
		var out *dynamodb.UpdateItemOutput
		if out, err = call(ctx, l.store, l.store.client.UpdateItem, in); err == nil {
			tries = triesOf(out.ResultMetadata)
		}
	case overMine:
		_, err = call(ctx, l.store, l.store.client.UpdateItem, &dynamodb.UpdateItemInput{
			TableName: &l.store.table, Key: l.room(room).item(),
			UpdateExpression:                    aws.String("SET r = :new"),
			ConditionExpression:                 aws.String("begins_with(r, :id) AND r < :stamp AND attribute_exists(a)"),
			ExpressionAttributeValues:           item{":new": t.stampValue(), ":id": stringValue(t.id), ":stamp": stringValue(t.stamp())},
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
	}
	failed := refused(err)
	switch {
	case err == nil && tries != 1:
		l.unsure(room)
		return shownTwice, nil
	case failed == nil:
		if unknown(err) {
			l.unsure(room)
		}
		return map[place]shown{overNone: shownFirst, overOther: shownFresh, overMine: shownOver}[over], err
	case failed.Item == nil: // the server does not say
		if failed.Item, err = l.store.get(ctx, l.room(room), true); err != nil {
			return shownNot, err
		}
	}
	if over == overOther && numberOf(failed.Item[attrBuried]) > now.UnixMilli() {
		return shownNot, notLeft(failed)
	}
	return t.became(stampOf(failed.Item)), nil
}

// triesOf returns how often a call that has succeeded was tried, 0 when nobody knows.
func triesOf(metadata middleware.Metadata) int {
	if metadata.Has(firstTry{}) {
		return 1
	}
	attempts, ok := retry.GetAttemptResults(metadata)
	if !ok {
		return 0
	}
	return len(attempts.Results)
}

// stampOf returns the stamp of a room row, with a mark when it is a tombstone, "" when there is none.
func stampOf(row item) string {
	stamp := stringOf(row[attrStamp])
	if stamp != "" && row[attrAddress] == nil {
		stamp += buried
	}
	return stamp
}

func (l *rowLinks) look(ctx context.Context, room string) (string, error) {
	row, err := l.store.get(ctx, l.room(room), true)
	if row[attrAddress] == nil {
		return "", err
	}
	return stampOf(row), err
}

func (l *rowLinks) listed(ctx context.Context) (map[string]ticket, error) {
	all := map[string]ticket{}
	for from := (item)(nil); ; {
		rows, next, err := l.store.query(ctx, list(l.namespace, l.member.Socket), "", from, !l.eventual)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if !l.store.expired(row) {
				all[untext(stringOf(row[sortKey]))] = ticketOf(row)
			}
		}
		if next == nil {
			return all, nil
		}
		from = next
	}
}

func (l *rowLinks) hide(ctx context.Context, room string, t ticket) (bool, error) {
	_, err := call(ctx, l.store, l.store.client.DeleteItem, &dynamodb.DeleteItemInput{
		TableName: &l.store.table, Key: l.room(room).item(),
		ConditionExpression:       aws.String("begins_with(r, :stamp) AND attribute_exists(a)"),
		ExpressionAttributeValues: item{":stamp": stringValue(t.stamp())},
	})
	if refused(err) != nil {
		return false, nil
	}
	return err == nil, err
}

func (l *rowLinks) bury(ctx context.Context, room string, t ticket) (bool, error) {
	row := l.room(room).item()
	row[attrStamp], row[timeToLive] = stringValue(t.stamp()+numeral(0, 2)), ttlValue(l.store.now().Add(lateFor))
	row[attrBuried] = l.store.nowValue()
	_, err := call(ctx, l.store, l.store.client.PutItem, &dynamodb.PutItemInput{
		TableName: &l.store.table, Item: row,
		ConditionExpression:       aws.String("attribute_not_exists(p) OR NOT begins_with(r, :id) OR r < :stamp OR (begins_with(r, :stamp) AND attribute_not_exists(a))"),
		ExpressionAttributeValues: item{":id": stringValue(t.id), ":stamp": stringValue(t.stamp())},
	})
	if refused(err) != nil {
		return false, nil
	}
	return err == nil, err
}

// unlist implements links. A tombstone takes the place of a list row that is marked as raced.
func (l *rowLinks) unlist(ctx context.Context, room string, t ticket) (bool, ticket, bool, error) {
	condition, values := aws.String("i = :id AND n = :n"), item{":id": stringValue(t.id), ":n": numberValue(int64(t.number))}
	var err error
	if t.raced {
		tombstone := l.list(room).item()
		tombstone[attrBuried], tombstone[timeToLive] = l.store.nowValue(), ttlValue(l.store.now().Add(lateFor))
		_, err = call(ctx, l.store, l.store.client.PutItem, &dynamodb.PutItemInput{
			TableName: &l.store.table, Item: tombstone, ConditionExpression: condition, ExpressionAttributeValues: values,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
	} else {
		_, err = call(ctx, l.store, l.store.client.DeleteItem, &dynamodb.DeleteItemInput{
			TableName: &l.store.table, Key: l.list(room).item(), ConditionExpression: condition, ExpressionAttributeValues: values,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
	}
	failed := refused(err)
	if failed == nil {
		return err == nil, ticket{}, false, err
	}
	row := failed.Item
	if row == nil {
		if row, err = l.store.get(ctx, l.list(room), true); err != nil {
			return false, ticket{}, false, err
		}
	}
	return false, ticketOf(row), !l.store.expired(row), nil
}

func (l *rowLinks) purge(ctx context.Context, room string, t ticket) error {
	_, err := call(ctx, l.store, l.store.client.DeleteItem, &dynamodb.DeleteItemInput{
		TableName: &l.store.table, Key: l.room(room).item(),
		ConditionExpression:       aws.String("begins_with(r, :id) AND attribute_exists(a)"),
		ExpressionAttributeValues: item{":id": stringValue(t.id)},
	})
	if refused(err) != nil {
		return nil
	}
	return err
}
