package dynamo

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/dozeio/doze/pkg/rooms"
)

var _ rooms.Splitter = (*Store)(nil)

// pageRows is how many rows a query returns at most: about 100 KB of them, so that the first recipients of a broadcast
// need not wait for the last to be read. Parts of a room that are read at the same time have pages of twice as many.
const (
	pageRows = 1000
	maxParts = 16
)

// A cursor is where reading goes on: after a sort key, up to another one if there is a boundary. No key has the byte
// that stands between the two.
const boundary = "\xff"

// Members implements rooms.Store.
func (s *Store) Members(ctx context.Context, namespace, room, cursor string) (page []rooms.Member, next string, err error) {
	partition, prefix := everyone(namespace), ""
	if room != "" {
		partition, prefix = roomPartition(namespace, partitionOf(room)), roomPrefix(room)
	}
	reads := 1
	if len(room) == idLength && cursor == "" {
		reads = 2
	}
	var rows []item
	var own item
	err = each(ctx, reads, func(ctx context.Context, i int) (err error) {
		if i == 1 {
			own, err = s.get(ctx, everyoneKey(namespace, room), true)
			return err
		}
		var end item
		if cursor == "" {
			rows, end, err = s.query(ctx, partition, prefix, nil, true)
			next = stringOf(end[sortKey])
		} else {
			rows, next, err = s.part(ctx, partition, prefix, cursor)
		}
		return err
	})
	if err != nil {
		return nil, "", err
	}
	if own != nil {
		rows = append(rows, own)
	}
	for _, row := range rows {
		if m, ok := s.member(row); ok {
			page = append(page, m)
		}
	}
	return page, next, nil
}

// part reads one page from a cursor on.
func (s *Store) part(ctx context.Context, partition, prefix, cursor string) (rows []item, next string, err error) {
	from, to, bounded := strings.Cut(cursor, boundary)
	in := &dynamodb.QueryInput{
		TableName:                 &s.table,
		KeyConditionExpression:    aws.String("p = :p AND s >= :from"),
		ExpressionAttributeValues: item{":p": stringValue(partition), ":from": stringValue(from)},
		ConsistentRead:            aws.Bool(true),
		ExclusiveStartKey:         key{partition, from}.item(),
		Limit:                     aws.Int32(2 * pageRows),
	}
	if !bounded && prefix != "" {
		to = prefix[:len(prefix)-1] + "$" // comes after all that begins with the name and "#", and no key is it
	}
	if to != "" {
		*in.KeyConditionExpression = "p = :p AND s BETWEEN :from AND :to"
		in.ExpressionAttributeValues[":to"] = stringValue(to)
	}
	out, err := call(ctx, s, s.client.Query, in)
	if err != nil {
		return nil, "", err
	}
	if next = stringOf(out.LastEvaluatedKey[sortKey]); next != "" && bounded {
		next += boundary + to
	}
	return out.Items, next, nil
}

// Split implements rooms.Splitter. Ids of sockets are random: how far the first page has come among all ids there can
// be says how many there are, and where the others lie. Should ids be less random, parts are of unequal size.
func (s *Store) Split(room, cursor string) []string {
	prefix := ""
	if room != "" {
		prefix = roomPrefix(room)
	}
	id := strings.TrimPrefix(cursor, prefix)
	if len(id) < partDigits || strings.Contains(cursor, boundary) {
		return []string{cursor}
	}
	at := uint64(numberFrom(id[:partDigits]))
	left := pageRows * (allIDs - at) / (at + 1) // about so many come after the first page
	n := min(maxParts, (left+pageRows-1)/pageRows)
	var parts []string
	for from, i := cursor, uint64(1); ; i++ {
		to := prefix + numeral(uint32(at+(allIDs-at)*i/max(n, 1)), partDigits)
		if i >= n {
			return append(parts, from)
		}
		if to > from {
			parts = append(parts, from+boundary+to)
			from = to
		}
	}
}

// Parts are told by the first digits of ids.
const (
	partDigits = 4
	allIDs     = 1 << (6 * partDigits)
)
