package dynamo

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dozeio/doze/pkg/acks"
)

// Attributes of a question's rows, of which each part has one, and of an end's.
const (
	attrName    = "n"  // of the question
	attrGiven   = "st" // its state
	attrSockets = "k"  // those of the part, see socketsValue
	attrUntil   = "un"

	attrEndedBy = "o"
	attrEndedAt = "c"
	attrMissed  = "m" // a letter of missedLetters; not there when there is an answer
	attrAnswer  = "d"
	attrBuffers = "b"
	attrDone    = "y"
)

var missedLetters = map[acks.Missed]string{acks.Late: "t", acks.Left: "l"}

// Ask implements acks.Store: a row for each part, which is what those of its sockets who answer read. The first part
// has a row even when no socket is in it.
func (s *Store) Ask(ctx context.Context, q acks.Question) error {
	var rows []item
	for part, sockets := range q.Split() {
		if len(sockets) == 0 && part > 0 {
			continue
		}
		row := questionKey(q.ID, part).item()
		row[attrSockets], row[attrUntil] = socketsValue(sockets), timeValue(q.Until)
		if q.Name != "" {
			row[attrName] = stringValue(q.Name)
		}
		if len(q.State) > 0 {
			row[attrGiven] = bytesValue(q.State)
		}
		expires(row, q.Expires)
		rows = append(rows, row)
	}
	return each(ctx, len(rows), func(ctx context.Context, i int) error { return s.put(ctx, rows[i]) })
}

// questionOf reads the row of one part.
func (s *Store) questionOf(id int64, row item) (q acks.Question, err error) {
	if s.expired(row) {
		return q, nil
	}
	q = acks.Question{ID: id, Name: stringOf(row[attrName]), State: bytesOf(row[attrGiven]), Until: timeOf(row[attrUntil]), Expires: expiresOf(row)}
	q.Sockets, err = socketsOf(row[attrSockets])
	return q, err
}

// Answer implements acks.Store.
func (s *Store) Answer(ctx context.Context, id int64, e acks.End) (acks.Question, bool, error) {
	row, err := s.get(ctx, questionKey(id, acks.Part(id, e.Socket)), true)
	if err != nil {
		return acks.Question{}, false, err
	}
	q, err := s.questionOf(id, row)
	if err != nil || !slices.Contains(q.Sockets, e.Socket) {
		return acks.Question{}, false, err
	}
	q.Sockets, e.Expires = nil, q.Expires
	if !s.now().Before(q.Until) { // it may have been written by an earlier call
		row, err := s.get(ctx, endKey(id, acks.Part(id, e.Socket), e.Socket), true)
		return q, err == nil && idOf(row[attrEndedBy]) == e.Op, err
	}
	ok, err := s.End(ctx, id, e)
	return q, ok, err
}

// End implements acks.Store. An end that is there stays as it is, whoever wrote it: what it was by then may have been
// done already.
func (s *Store) End(ctx context.Context, id int64, e acks.End) (bool, error) {
	row := endKey(id, acks.Part(id, e.Socket), e.Socket).item()
	row[attrEndedBy], row[attrEndedAt] = idValue(e.Op), timeValue(e.At)
	if letter := missedLetters[e.Missed]; letter != "" {
		row[attrMissed] = stringValue(letter)
	}
	if e.Data != nil {
		row[attrAnswer] = bytesValue(e.Data)
	}
	if len(e.Buffers) > 0 {
		row[attrBuffers] = packetsValue(e.Buffers)
	}
	if e.Done {
		row[attrDone] = boolValue(true)
	}
	expires(row, e.Expires)
	_, err := call(ctx, s, s.client.PutItem, &dynamodb.PutItemInput{
		TableName: &s.table, Item: row,
		ConditionExpression:                 aws.String("attribute_not_exists(p)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	return s.endedBy(ctx, err, id, e.Socket, e.Op)
}

// endedBy reports whether an end has an operation, once a write that would have given it that has returned.
func (s *Store) endedBy(ctx context.Context, err error, id int64, socket, op string) (bool, error) {
	failed := refused(err)
	if failed == nil {
		return err == nil, err
	}
	row := failed.Item
	if row == nil { // not every server says
		if row, err = s.get(ctx, endKey(id, acks.Part(id, socket), socket), true); err != nil {
			return false, err
		}
	}
	return idOf(row[attrEndedBy]) == op, nil
}

// Retake implements acks.Store.
func (s *Store) Retake(ctx context.Context, id int64, socket, before, op string, at time.Time) (bool, error) {
	c := &change{}
	c.when(attrEndedBy+" = %s", idValue(before))
	c.when("attribute_not_exists(" + attrDone + ")")
	c.set(attrEndedBy, idValue(op))
	c.set(attrEndedAt, timeValue(at))
	return s.endedBy(ctx, s.changeEnd(ctx, id, socket, c), id, socket, op)
}

// Done implements acks.Store.
func (s *Store) Done(ctx context.Context, id int64, socket, op string) error {
	c := &change{}
	c.when(attrEndedBy+" = %s", idValue(op))
	c.set(attrDone, boolValue(true))
	c.remove(attrAnswer, attrBuffers)
	err := s.changeEnd(ctx, id, socket, c)
	if refused(err) != nil {
		return nil
	}
	return err
}

func (s *Store) changeEnd(ctx context.Context, id int64, socket string, c *change) error {
	_, err := call(ctx, s, s.client.UpdateItem, &dynamodb.UpdateItemInput{
		TableName: &s.table, Key: endKey(id, acks.Part(id, socket), socket).item(),
		UpdateExpression:                    aws.String(c.update()),
		ConditionExpression:                 aws.String(c.condition()),
		ExpressionAttributeValues:           c.values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	return err
}

// Read implements acks.Store.
func (s *Store) Read(ctx context.Context, id int64, part int, strong bool) (q acks.Question, ends []acks.End, err error) {
	for from := item(nil); ; {
		rows, next, err := s.query(ctx, questionPartition(id, part), "", from, strong)
		if err != nil {
			return acks.Question{}, nil, err
		}
		for _, row := range rows {
			socket, ended := strings.CutPrefix(stringOf(row[sortKey]), endPrefix)
			switch {
			case !ended:
				if q, err = s.questionOf(id, row); err != nil {
					return acks.Question{}, nil, err
				}
			case !s.expired(row):
				ends = append(ends, endOf(untext(socket), row))
			}
		}
		if from = next; from == nil {
			return q, ends, nil
		}
	}
}

func endOf(socket string, row item) acks.End {
	e := acks.End{
		Socket:  socket,
		Op:      idOf(row[attrEndedBy]),
		At:      timeOf(row[attrEndedAt]),
		Data:    bytesOf(row[attrAnswer]),
		Buffers: packetsOf(row[attrBuffers]),
		Done:    boolOf(row[attrDone]),
		Expires: expiresOf(row),
	}
	for missed, letter := range missedLetters {
		if stringOf(row[attrMissed]) == letter {
			e.Missed = missed
		}
	}
	return e
}

// The sockets of a part are one binary value,
//
//	length<<1|packed  socket  length<<1|packed  socket  ...
//
// with lengths as varints, and packed 1 when the socket is an id whose bytes are kept.
func socketsValue(sockets []string) value {
	var b []byte
	for _, socket := range sockets {
		name, flag := []byte(socket), uint64(0)
		if id, ok := packed(socket); ok {
			name, flag = id, 1
		}
		b = append(binary.AppendUvarint(b, uint64(len(name))<<1|flag), name...)
	}
	return bytesValue(b)
}

var errSockets = errors.New("dynamo: the sockets of a question in the table are broken: the table may be another program's, or of another version of Doze")

func socketsOf(v value) (sockets []string, err error) {
	for b := bytesOf(v); len(b) > 0; {
		head, size := binary.Uvarint(b)
		if n := head >> 1; size <= 0 || n > uint64(len(b)-size) {
			return nil, errSockets
		}
		name := b[size : size+int(head>>1)]
		b = b[size+len(name):]
		if head&1 == 1 {
			sockets = append(sockets, base64.RawURLEncoding.EncodeToString(name))
		} else {
			sockets = append(sockets, string(name))
		}
	}
	return sockets, nil
}
