package dynamo

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dozeio/doze/pkg/engine"
)

// Names of attributes that all rows have. Names are short because every byte of a row is paid for with every read.
const (
	partitionKey = "p"
	sortKey      = "s"
	timeToLive   = "ttl" // seconds, rounded up; DynamoDB deletes the row some time after
)

// key is the primary key of a row.
type key struct{ partition, sort string }

// The rows, as docs/data-model.md draws them. The first letter of the partition says what a row is; names that are not
// Doze's own are escaped wherever something follows them, so that no two rows have one key.
func sessionKey(a engine.Address) key              { return key{"S" + text(string(a)), "s"} }
func spilledKey(a engine.Address, hash string) key { return key{"Q" + text(string(a)), hash} }
func handshakeKey(sid string) key                  { return key{"H" + text(sid), "h"} }
func liveKey(a engine.Address) key {
	return key{livePartition(engine.Shard(a)), text(string(a))}
}
func livePartition(shard int) string { return "L" + strconv.Itoa(shard) }
func timerKey(shard int) key         { return key{"T" + strconv.Itoa(shard), "t"} }

func questionKey(id int64, part int) key { return key{questionPartition(id, part), "q"} }
func endKey(id int64, part int, socket string) key {
	return key{questionPartition(id, part), endPrefix + text(socket)}
}
func questionPartition(id int64, part int) string {
	return "E" + strconv.FormatInt(id, 36) + "." + strconv.Itoa(part)
}

func noteKey(name string) key   { return key{"N" + text(name), "n"} }
func countsKey(name string) key { return key{"N" + text(name), "z"} }

// endPrefix begins the sort key of an end, which comes after that of its question.
const endPrefix = "r"

func everyoneKey(namespace, socket string) key { return key{everyone(namespace), text(socket)} }
func everyone(namespace string) string         { return "A" + text(namespace) }

func listKey(namespace, socket, room string) key { return key{list(namespace, socket), text(room)} }
func list(namespace, socket string) string       { return "K" + text(socket) + "#" + text(namespace) }

func roomKey(namespace, room, socket string) key {
	return key{roomPartition(namespace, partitionOf(room)), roomPrefix(room) + text(socket)}
}
func roomPartition(namespace string, n int) string {
	return "R" + fmt.Sprintf("%x", n) + text(namespace)
}
func roomPrefix(room string) string { return text(room) + "#" }

// roomPartitions is how many partitions the rooms of a namespace are spread over.
const roomPartitions = 16

// partitionOf returns the partition of a room, by its name.
func partitionOf(room string) int {
	h := uint32(2166136261) // FNV-1a
	for i := range len(room) {
		h = (h ^ uint32(room[i])) * 16777619
	}
	return int(h % roomPartitions)
}

func (k key) item() map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		partitionKey: &types.AttributeValueMemberS{Value: k.partition},
		sortKey:      &types.AttributeValueMemberS{Value: k.sort},
	}
}

// text escapes any bytes so that they are UTF-8 without a "#", as %23.
func text(s string) string {
	if utf8.ValidString(s) && !strings.ContainsAny(s, "#%") {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch c := s[i]; {
		case c == '#', c == '%', r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, "%%%02X", c)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// untext reverses text.
func untext(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
