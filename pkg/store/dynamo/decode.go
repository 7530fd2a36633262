package dynamo

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
)

// answer reads an answer in DynamoDB's JSON. Whatever it does not know, or is no JSON, makes it lost: the SDK reads
// those.
type answer struct {
	b    []byte // the rest
	lost bool
}

// deepest is how deep values are read, which is more than DynamoDB takes: 32.
const deepest = 40

// read has each member of an answer taken, and reports whether all is read.
func read(b []byte, take func(a *answer, name string)) bool {
	a := &answer{b: b}
	a.object(func(name string) { take(a, name) })
	a.space()
	return !a.lost && len(a.b) == 0
}

func (a *answer) space() {
	for len(a.b) > 0 && (a.b[0] == ' ' || a.b[0] == '\n' || a.b[0] == '\r' || a.b[0] == '\t') {
		a.b = a.b[1:]
	}
}

// next takes a character, if it is the next one.
func (a *answer) next(c byte) bool {
	a.space()
	if a.lost || len(a.b) == 0 || a.b[0] != c {
		return false
	}
	a.b = a.b[1:]
	return true
}

func (a *answer) must(c byte) {
	if !a.next(c) {
		a.lost = true
	}
}

// object reads one, a member's value being read by member.
func (a *answer) object(member func(name string)) {
	a.must('{')
	if a.next('}') {
		return
	}
	for !a.lost {
		name := a.text()
		a.must(':')
		if a.lost {
			return
		}
		member(name)
		if !a.next(',') {
			a.must('}')
			return
		}
	}
}

func (a *answer) array(element func()) {
	a.must('[')
	if a.next(']') {
		return
	}
	for !a.lost {
		element()
		if !a.next(',') {
			a.must(']')
			return
		}
	}
}

// quoted returns what stands between two quotes, and whether it stands for itself.
func (a *answer) quoted() (s []byte, plain bool) {
	a.must('"')
	plain = true
	for i := 0; i < len(a.b) && !a.lost; i++ {
		switch c := a.b[i]; {
		case c == '"':
			s, a.b = a.b[:i], a.b[i+1:]
			return s, plain
		case c == '\\':
			plain = false
			i++
		case c < ' ':
			a.lost = true
		case c > '~':
			plain = false
		}
	}
	a.lost = true
	return nil, false
}

func (a *answer) text() (s string) {
	begin := a.b
	b, plain := a.quoted()
	if plain || a.lost {
		return string(b)
	}
	begin = begin[:len(begin)-len(a.b)]
	if json.Unmarshal(bytes.TrimSpace(begin), &s) != nil {
		a.lost = true
	}
	return s
}

func (a *answer) bytes() []byte {
	b, plain := a.quoted()
	if !plain {
		a.lost = true
	}
	out, err := base64.StdEncoding.AppendDecode(make([]byte, 0, base64.StdEncoding.DecodedLen(len(b))), b)
	if err != nil {
		a.lost = true
	}
	return out
}

func (a *answer) bool() bool {
	a.space()
	for _, v := range []bool{true, false} {
		if rest, ok := bytes.CutPrefix(a.b, strconv.AppendBool(nil, v)); ok {
			a.b = rest
			return v
		}
	}
	a.lost = true
	return false
}

func (a *answer) int32() int32 {
	a.space()
	n, digits := int64(0), 0
	for ; digits < len(a.b) && a.b[digits] >= '0' && a.b[digits] <= '9' && n <= math.MaxInt32; digits++ {
		n = n*10 + int64(a.b[digits]-'0')
	}
	if digits == 0 || n > math.MaxInt32 || digits > 1 && a.b[0] == '0' {
		a.lost = true
	}
	a.b = a.b[digits:]
	return int32(n)
}

func (a *answer) item(depth int) item {
	row := item{}
	a.object(func(name string) { row[name] = a.value(depth) })
	return row
}

func (a *answer) value(depth int) (v value) {
	if depth > deepest {
		a.lost = true
	}
	a.object(func(kind string) {
		if v != nil { // a value has one kind
			a.lost = true
			return
		}
		switch kind {
		case "S":
			v = &types.AttributeValueMemberS{Value: a.text()}
		case "N":
			v = &types.AttributeValueMemberN{Value: a.text()}
		case "B":
			v = &types.AttributeValueMemberB{Value: a.bytes()}
		case "BOOL":
			v = &types.AttributeValueMemberBOOL{Value: a.bool()}
		case "L":
			list := []value{}
			a.array(func() { list = append(list, a.value(depth+1)) })
			v = &types.AttributeValueMemberL{Value: list}
		case "M":
			v = &types.AttributeValueMemberM{Value: a.item(depth + 1)}
		default:
			a.lost = true
		}
	})
	if v == nil {
		a.lost = true
	}
	return v
}

// attributes reads an answer that has a row in it, or nothing.
func attributes(b []byte, member string) (row item, ok bool) {
	ok = read(b, func(a *answer, name string) {
		if name != member || row != nil {
			a.lost = true
			return
		}
		row = a.item(0)
	})
	return row, ok
}

func decodeGet(b []byte) (*dynamodb.GetItemOutput, bool) {
	row, ok := attributes(b, "Item")
	return &dynamodb.GetItemOutput{Item: row}, ok
}

// firstTry marks the answer to a write that was not tried before: see triesOf.
type firstTry struct{}

var first = func() (m middleware.Metadata) { m.Set(firstTry{}, true); return m }()

func decodePut(b []byte) (*dynamodb.PutItemOutput, bool) {
	row, ok := attributes(b, "Attributes")
	return &dynamodb.PutItemOutput{Attributes: row, ResultMetadata: first}, ok
}

func decodeUpdate(b []byte) (*dynamodb.UpdateItemOutput, bool) {
	row, ok := attributes(b, "Attributes")
	return &dynamodb.UpdateItemOutput{Attributes: row, ResultMetadata: first}, ok
}

func decodeDelete(b []byte) (*dynamodb.DeleteItemOutput, bool) {
	row, ok := attributes(b, "Attributes")
	return &dynamodb.DeleteItemOutput{Attributes: row}, ok
}

func decodeQuery(b []byte) (*dynamodb.QueryOutput, bool) {
	out := &dynamodb.QueryOutput{}
	seen := map[string]bool{}
	ok := read(b, func(a *answer, name string) {
		if seen[name] {
			a.lost = true
		}
		seen[name] = true
		switch name {
		case "Items":
			out.Items = []map[string]value{}
			a.array(func() { out.Items = append(out.Items, a.item(0)) })
		case "LastEvaluatedKey":
			out.LastEvaluatedKey = a.item(0)
		case "Count":
			out.Count = a.int32()
		case "ScannedCount":
			out.ScannedCount = a.int32()
		default:
			a.lost = true
		}
	})
	return out, ok
}
