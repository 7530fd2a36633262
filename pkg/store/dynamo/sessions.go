package dynamo

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dozeio/doze/internal/awsfault"
	"github.com/dozeio/doze/pkg/engine"
)

// Create implements engine.Store. The session goes first: where it is refused, nothing else has been written.
func (s *Store) Create(ctx context.Context, row engine.Session, handshake []byte, live *engine.Live) error {
	handshake = compressed(handshake)
	if len(handshake) > maxItem-sealedMore {
		return errTooLarge
	}
	if handshake != nil {
		row.HandshakeKey = newSealKey()
	}
	err := s.putNew(ctx, sessionItem(row))
	if failed := refused(err); failed != nil {
		old, err := s.refusing(ctx, row.Address, failed)
		switch {
		case err != nil:
			return err
		case old.State == engine.Absent:
			return changing("Create")
		case old.SID != row.SID || old.Created.UnixMilli() != row.Created.UnixMilli() || old.State == engine.Closed:
			return engine.ErrExists
		}
		row.HandshakeKey = old.HandshakeKey // this is a retry: the key is the first attempt's
	} else if err != nil {
		return err
	}
	var rest []item
	if handshake != nil && row.HandshakeKey != nil {
		until := row.Expires
		if live != nil {
			until = live.Expires
		}
		data, err := handshakeItem(row, handshake, until)
		if err != nil {
			return err
		}
		rest = append(rest, data)
	}
	if live != nil {
		rest = append(rest, liveItem(*live))
	}
	return each(ctx, len(rest), func(ctx context.Context, i int) error { return s.put(ctx, rest[i]) })
}

// changing is the temporary error of a row that changes faster than one call can follow.
func changing(operation string) error {
	return awsfault.Temporary("dynamo: "+operation+": others changed the row all the time", nil)
}

// put writes a row, whatever was there.
func (s *Store) put(ctx context.Context, row item) error {
	_, err := call(ctx, s, s.client.PutItem, &dynamodb.PutItemInput{TableName: &s.table, Item: row})
	return err
}

// putNew writes a row where there is none, or one that has expired.
func (s *Store) putNew(ctx context.Context, row item) error {
	_, err := call(ctx, s, s.client.PutItem, &dynamodb.PutItemInput{
		TableName: &s.table, Item: row,
		ConditionExpression:                 aws.String("attribute_not_exists(p) OR x <= :now"),
		ExpressionAttributeValues:           item{":now": s.nowValue()},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	return err
}

func (s *Store) nowValue() value { return timeValue(s.now()) }

// get reads a row; nil when there is none.
func (s *Store) get(ctx context.Context, k key, strong bool) (item, error) {
	out, err := call(ctx, s, s.client.GetItem, &dynamodb.GetItemInput{TableName: &s.table, Key: k.item(), ConsistentRead: &strong})
	if err != nil {
		return nil, err
	}
	return out.Item, nil
}

// Get implements engine.Store.
func (s *Store) Get(ctx context.Context, a engine.Address, strong bool) (engine.Session, error) {
	row, err := s.get(ctx, sessionKey(a), strong)
	if err != nil {
		return engine.Session{}, err
	}
	r, err := s.session(a, row)
	return visible(r), err
}

// rowOf returns the row for which a condition failed. Servers that do not say which are asked.
func (s *Store) rowOf(ctx context.Context, a engine.Address, failed *types.ConditionalCheckFailedException) (item, error) {
	if failed.Item != nil {
		return failed.Item, nil
	}
	return s.get(ctx, sessionKey(a), true)
}

// refusing is rowOf, as a session.
func (s *Store) refusing(ctx context.Context, a engine.Address, failed *types.ConditionalCheckFailedException) (engine.Session, error) {
	row, err := s.rowOf(ctx, a, failed)
	if err != nil {
		return engine.Session{}, err
	}
	return s.session(a, row)
}

// updateTries is how often a row may change its state while one transition is written.
const updateTries = 16

// Update implements engine.Store.
func (s *Store) Update(ctx context.Context, a engine.Address, t engine.Transition) (engine.Session, bool, error) {
	if t, ok := t.(engine.Append); ok {
		return s.append(ctx, a, t)
	}
	var seen *engine.Session
	for range updateTries {
		row, err := s.update(ctx, a, t, seen)
		failed := refused(err)
		if err != nil && failed == nil {
			return engine.Session{}, false, err
		}
		if failed == nil {
			r, err := s.session(a, row)
			s.trim(ctx, a, r)
			return s.holds(ctx, t, r, row, err)
		}
		if row, err = s.rowOf(ctx, a, failed); err != nil {
			return engine.Session{}, false, err
		}
		r, err := s.session(a, row)
		if err != nil {
			return engine.Session{}, false, err
		}
		next := r.Clone()
		switch t.Apply(&next) {
		case engine.Already:
			return s.holds(ctx, t, r, row, nil)
		case engine.Refused:
			return visible(r), false, nil
		}
		seen = &r // it holds for the row as it is now
	}
	return engine.Session{}, false, changing("UpdateItem")
}

// holds is the answer for a transition that has been written to a row. Who has taken the outbox gets the packets, also
// those that lie in rows of their own; when they cannot be read, the same transition may be tried again.
func (s *Store) holds(ctx context.Context, t engine.Transition, r engine.Session, row item, err error) (engine.Session, bool, error) {
	if id := taker(t); err == nil && id != "" && id == r.Taken.By {
		r.Taken.Parcels, err = s.whole(ctx, r.Address, listOf(row[attrTaken]))
	}
	if err != nil {
		return engine.Session{}, false, err
	}
	return visible(r), true, nil
}

// update writes a transition and returns the row, as it is afterwards.
func (s *Store) update(ctx context.Context, a engine.Address, t engine.Transition, seen *engine.Session) (item, error) {
	c, err := changeOf(t, a, seen)
	if err != nil {
		return nil, err
	}
	end, ok := t.(engine.Close)
	if !ok {
		return s.write(ctx, a, c)
	}
	if seen != nil && seen.State == engine.Absent { // the row has expired: nothing of it may stay
		row := sessionItem(engine.Session{Address: a, State: engine.Closed, Reason: end.Reason, ClosedBy: end.Op, ClosedAt: end.At, Told: end.Told, Expires: end.Expires})
		return row, s.putNew(ctx, row)
	}
	// Where there is no row it gets one, with the lists that others change from within.
	none := c.value(listValue())
	c.sets = append(c.sets, attrRecent+" = if_not_exists("+attrRecent+", "+none+")")
	c.when(attrExpires+" > %s", s.nowValue())
	c.conditions = []string{"attribute_not_exists(" + partitionKey + ") OR (" + c.condition() + ")"}
	return s.send(ctx, a, c)
}

// write makes a change to a row that has not expired, and returns the row.
func (s *Store) write(ctx context.Context, a engine.Address, c *change) (item, error) {
	c.when(attrExpires+" > %s", s.nowValue())
	return s.send(ctx, a, c)
}

func (s *Store) send(ctx context.Context, a engine.Address, c *change) (item, error) {
	out, err := call(ctx, s, s.client.UpdateItem, &dynamodb.UpdateItemInput{
		TableName: &s.table, Key: sessionKey(a).item(),
		UpdateExpression:                    aws.String(c.update()),
		ConditionExpression:                 aws.String(c.condition()),
		ExpressionAttributeNames:            c.names,
		ExpressionAttributeValues:           c.values,
		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err != nil {
		return nil, err
	}
	return out.Attributes, nil
}

// trim removes operations of old that more than one write was left with: after bursts of small packets. What it does
// not get done, the next one does.
func (s *Store) trim(ctx context.Context, a engine.Address, r engine.Session) {
	keep := len(r.Outbox) + engine.MaxRecent + trimmed
	if len(r.Outbox) > 0 || len(r.Recent) <= keep {
		return
	}
	for ; len(r.Recent) > keep; r.Recent = r.Recent[:len(r.Recent)-trimmed] {
		_, err := call(ctx, s, s.client.UpdateItem, &dynamodb.UpdateItemInput{
			TableName: &s.table, Key: sessionKey(a).item(),
			UpdateExpression:    aws.String("REMOVE " + strings.Join(recentFrom(keep), ", ")),
			ConditionExpression: aws.String(fmt.Sprintf("attribute_exists(%s[%d])", attrRecent, keep)),
		})
		if err != nil {
			return
		}
	}
}
