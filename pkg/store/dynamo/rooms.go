package dynamo

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/dozeio/doze/pkg/rooms"
)

// Ids of Socket.IO's sockets have 20 bytes. A room whose name has as many may be a socket's own, and then the socket's
// row among everyone's is read beside the room's; so other rooms cost nothing more. Sockets with ids of another length
// are members of their own room by a row like any other.
const idLength = 20

// rowsOf returns the rooms that get rows of their own when a socket joins or leaves some, and whether everyone is one
// of them.
func rowsOf(socket string, names []string) (rows []string, all bool) {
	all = slices.Contains(names, "")
	for _, name := range names {
		if name != "" && name != socket && !slices.Contains(rows, name) {
			rows = append(rows, name)
		}
	}
	if all && len(socket) != idLength {
		rows = append(rows, socket)
	}
	return rows, all
}

// countEvery is how many calls of Join, in one process, come to one that counts: it costs half a read unit.
const countEvery = 16

// Join implements rooms.Store.
func (s *Store) Join(ctx context.Context, namespace string, m rooms.Member, names ...string) (int, error) {
	rows, all := rowsOf(m.Socket, names)
	l := &rowLinks{store: s, namespace: namespace, member: m}
	err := each(ctx, 2, func(ctx context.Context, i int) (err error) {
		switch {
		case i == 0 && len(rows) > 0:
			err = join(ctx, l, rows)
		case i == 1 && all:
			err = s.joinEveryone(ctx, namespace, m)
		}
		return err
	})
	if err != nil || len(names) > 0 && (len(rows) == 0 || s.joins.Add(1)%countEvery != 0) {
		return 0, err
	}
	l.eventual = len(names) > 0
	joined, err := l.listed(ctx)
	delete(joined, m.Socket)
	return len(joined), err
}

// Leave implements rooms.Store.
func (s *Store) Leave(ctx context.Context, namespace, socket string, names ...string) error {
	rows, all := rowsOf(socket, names)
	if len(rows) > 0 || len(names) == 0 {
		l := &rowLinks{store: s, namespace: namespace, member: rooms.Member{Socket: socket}}
		if err := leave(ctx, l, socket, rows); err != nil {
			return err
		}
	}
	if all {
		return s.leaveEveryone(ctx, namespace, socket)
	}
	return nil
}

// Move implements rooms.Store.
func (s *Store) Move(ctx context.Context, namespace, socket, address string) error {
	l := &rowLinks{store: s, namespace: namespace, member: rooms.Member{Socket: socket}}
	joined, err := l.listed(ctx)
	if err != nil {
		return err
	}
	names := names(joined)
	return each(ctx, len(names)+1, func(ctx context.Context, i int) error {
		if i == len(names) {
			return s.readdress(ctx, everyoneKey(namespace, socket), address, "x > :now AND attribute_exists(a)", item{":now": s.nowValue()})
		}
		return s.readdress(ctx, l.room(names[i]), address, "begins_with(r, :id) AND attribute_exists(a)", item{":id": stringValue(joined[names[i]].id)})
	})
}

// readdress changes the address of a row for which a condition holds.
func (s *Store) readdress(ctx context.Context, k key, address, condition string, values item) error {
	values[":a"] = stringValue(address)
	_, err := call(ctx, s, s.client.UpdateItem, &dynamodb.UpdateItemInput{
		TableName: &s.table, Key: k.item(),
		UpdateExpression:          aws.String("SET a = :a"),
		ConditionExpression:       &condition,
		ExpressionAttributeValues: values,
	})
	if refused(err) != nil {
		return nil
	}
	return err
}

// member returns what a room's row, or one of everyone, says, unless it has expired or is a tombstone.
func (s *Store) member(row item) (rooms.Member, bool) {
	m := rooms.Member{Address: stringOf(row[attrAddress])}
	if row[attrAddress] == nil {
		return m, false
	}
	if row[attrStamp] != nil {
		_, socket, _ := strings.Cut(stringOf(row[sortKey]), "#")
		m.Socket, m.Expires = untext(socket), roomExpires(row)
	} else {
		m.Socket, m.Expires = untext(stringOf(row[sortKey])), expiresOf(row)
	}
	return m, m.Expires.IsZero() || s.now().Before(m.Expires)
}

// Rooms implements rooms.Store.
func (s *Store) Rooms(ctx context.Context, namespace, socket string) ([]string, error) {
	l := &rowLinks{store: s, namespace: namespace, member: rooms.Member{Socket: socket}}
	joined, err := l.listed(ctx)
	delete(joined, socket)
	return names(joined), err
}

// Counts implements rooms.Store.
func (s *Store) Counts(ctx context.Context, namespace string) (map[string]int, error) {
	var partitions [roomPartitions]map[string]int
	err := each(ctx, roomPartitions, func(ctx context.Context, i int) error {
		partitions[i] = map[string]int{}
		for from := (item)(nil); ; {
			rows, next, err := s.query(ctx, roomPartition(namespace, i), "", from, false)
			if err != nil {
				return err
			}
			for _, row := range rows {
				name, _, _ := strings.Cut(stringOf(row[sortKey]), "#")
				if m, ok := s.member(row); ok && untext(name) != m.Socket {
					partitions[i][untext(name)]++
				}
			}
			if next == nil {
				return nil
			}
			from = next
		}
	})
	if err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for _, p := range partitions {
		for name, n := range p {
			counts[name] += n
		}
	}
	return counts, nil
}
