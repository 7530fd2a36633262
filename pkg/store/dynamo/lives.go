package dynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dozeio/doze/pkg/engine"
)

// Attributes of liveness and timer rows.
const (
	attrLast       = "l"
	attrJoined     = "j"
	attrGeneration = "g"
	attrDue        = "d"
	attrBy         = "b"
	attrPolling    = "n"
)

// timerLife is how long a timer row stays that nobody sets any more. Each sweep sets it.
const timerLife = 30 * 24 * time.Hour

func liveItem(l engine.Live) item {
	row := liveKey(l.Address).item()
	row[attrCreated], row[attrLast] = timeValue(l.Created), timeValue(l.Last)
	if l.Joined {
		row[attrJoined] = boolValue(true)
	}
	expires(row, l.Expires)
	return row
}

func liveOf(row item) engine.Live {
	return engine.Live{
		Address: engine.Address(untext(stringOf(row[sortKey]))),
		Created: timeOf(row[attrCreated]),
		Last:    timeOf(row[attrLast]),
		Joined:  boolOf(row[attrJoined]),
		Expires: expiresOf(row),
	}
}

// PutLive implements engine.Store.
func (s *Store) PutLive(ctx context.Context, l engine.Live) error { return s.put(ctx, liveItem(l)) }

// Touch implements engine.Store. A row that is dead and is to be joined takes a second write.
func (s *Store) Touch(ctx context.Context, a engine.Address, last time.Time, joined bool) error {
	if last.IsZero() && !joined {
		return nil
	}
	c := &change{}
	c.when(attrExpires+" > %s", s.nowValue())
	if !last.IsZero() {
		c.when(attrLast+" <> %s", timeValue(engine.Dead))
		c.set(attrLast, timeValue(last))
	}
	if joined {
		c.set(attrJoined, boolValue(true))
	}
	_, err := call(ctx, s, s.client.UpdateItem, &dynamodb.UpdateItemInput{
		TableName: &s.table, Key: liveKey(a).item(),
		UpdateExpression:          aws.String(c.update()),
		ConditionExpression:       aws.String(c.condition()),
		ExpressionAttributeValues: c.values,
	})
	switch {
	case refused(err) == nil:
		return err
	case joined && !last.IsZero():
		return s.Touch(ctx, a, time.Time{}, true)
	}
	return nil
}

// Lives implements engine.Store.
func (s *Store) Lives(ctx context.Context, shard int) (lives []engine.Live, err error) {
	for from := (item)(nil); ; {
		var rows []item
		if rows, from, err = s.query(ctx, livePartition(shard), "", from, true); err != nil {
			return nil, err
		}
		for _, row := range rows {
			if !s.expired(row) {
				lives = append(lives, liveOf(row))
			}
		}
		if from == nil {
			return lives, nil
		}
	}
}

// query reads one page of a partition: the rows whose sort key begins with a prefix, after the one that the page
// before ended at. It returns where this page ends, nil when there is no more.
func (s *Store) query(ctx context.Context, partition, prefix string, from item, strong bool) (rows []item, next item, err error) {
	in := &dynamodb.QueryInput{
		TableName:                 &s.table,
		KeyConditionExpression:    aws.String("p = :p"),
		ExpressionAttributeValues: item{":p": stringValue(partition)},
		ConsistentRead:            &strong,
		ExclusiveStartKey:         from,
		Limit:                     aws.Int32(pageRows),
	}
	if prefix != "" {
		in.KeyConditionExpression = aws.String("p = :p AND begins_with(s, :s)")
		in.ExpressionAttributeValues[":s"] = stringValue(prefix)
	}
	out, err := call(ctx, s, s.client.Query, in)
	if err != nil {
		return nil, nil, err
	}
	if len(out.LastEvaluatedKey) > 0 {
		next = out.LastEvaluatedKey
	}
	return out.Items, next, nil
}

// remove deletes a row if there is one.
func (s *Store) remove(ctx context.Context, k key) error {
	_, err := call(ctx, s, s.client.DeleteItem, &dynamodb.DeleteItemInput{TableName: &s.table, Key: k.item()})
	return err
}

// Forget implements engine.Store.
func (s *Store) Forget(ctx context.Context, a engine.Address, sid string) error {
	if sid != "" {
		if err := s.remove(ctx, handshakeKey(sid)); err != nil {
			return err
		}
	}
	return s.remove(ctx, liveKey(a))
}

// Timer implements engine.Store.
func (s *Store) Timer(ctx context.Context, shard int, strong bool) (engine.Timer, error) {
	row, err := s.get(ctx, timerKey(shard), strong)
	return timerOf(row), err
}

func timerOf(row item) engine.Timer {
	return engine.Timer{Generation: numberOf(row[attrGeneration]), Due: timeOf(row[attrDue]), By: idOf(row[attrBy]), Polling: int(numberOf(row[attrPolling]))}
}

// SetTimer implements engine.Store.
func (s *Store) SetTimer(ctx context.Context, shard int, generation int64, t engine.Timer) (bool, error) {
	condition := aws.String("g = :g")
	if generation == 0 {
		condition = aws.String("attribute_not_exists(p) OR g = :g")
	}
	values := item{":g": numberValue(generation)}
	k := timerKey(shard)
	var err error
	if (t == engine.Timer{}) {
		_, err = call(ctx, s, s.client.DeleteItem, &dynamodb.DeleteItemInput{
			TableName: &s.table, Key: k.item(), ConditionExpression: condition, ExpressionAttributeValues: values,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
	} else {
		row := k.item()
		row[attrGeneration], row[attrDue] = numberValue(t.Generation), timeValue(t.Due)
		if t.Due.IsZero() {
			delete(row, attrDue)
		}
		row[attrBy] = idValue(t.By)
		if t.Polling > 0 {
			row[attrPolling] = numberValue(int64(t.Polling))
		}
		row[timeToLive] = ttlValue(s.now().Add(timerLife))
		_, err = call(ctx, s, s.client.PutItem, &dynamodb.PutItemInput{
			TableName: &s.table, Item: row, ConditionExpression: condition, ExpressionAttributeValues: values,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
	}
	failed := refused(err)
	if failed == nil {
		return err == nil, err
	}
	old := failed.Item
	if old == nil {
		if old, err = s.get(ctx, k, true); err != nil {
			return false, err
		}
	}
	now := timerOf(old)
	return t.By != "" && now.By == t.By || t == engine.Timer{} && now == engine.Timer{}, nil
}
