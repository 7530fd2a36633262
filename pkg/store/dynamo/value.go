package dynamo

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dozeio/doze/pkg/engine"
)

type (
	value = types.AttributeValue
	item  = map[string]types.AttributeValue
)

func stringValue(s string) value { return &types.AttributeValueMemberS{Value: s} }
func bytesValue(b []byte) value {
	if b == nil {
		b = []byte{}
	}
	return &types.AttributeValueMemberB{Value: b}
}
func numberValue(n int64) value   { return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)} }
func boolValue(b bool) value      { return &types.AttributeValueMemberBOOL{Value: b} }
func listValue(l ...value) value  { return &types.AttributeValueMemberL{Value: append([]value{}, l...)} }
func mapValue(m item) value       { return &types.AttributeValueMemberM{Value: m} }
func timeValue(t time.Time) value { return numberValue(t.UnixMilli()) }

// ttlValue is what DynamoDB deletes a row by that expires at a time.
func ttlValue(t time.Time) value { return numberValue((t.UnixMilli() + 999) / 1000) }

func stringOf(v value) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

func bytesOf(v value) []byte {
	if b, ok := v.(*types.AttributeValueMemberB); ok {
		return b.Value
	}
	return nil
}

func numberOf(v value) int64 {
	if n, ok := v.(*types.AttributeValueMemberN); ok {
		i, _ := strconv.ParseInt(n.Value, 10, 64)
		return i
	}
	return 0
}

func boolOf(v value) bool {
	b, ok := v.(*types.AttributeValueMemberBOOL)
	return ok && b.Value
}

func listOf(v value) []value {
	if l, ok := v.(*types.AttributeValueMemberL); ok {
		return l.Value
	}
	return nil
}

func mapOf(v value) item {
	if m, ok := v.(*types.AttributeValueMemberM); ok {
		return m.Value
	}
	return nil
}

// timeOf returns the zero time for an attribute that is not there.
func timeOf(v value) time.Time {
	if v == nil {
		return time.Time{}
	}
	return time.UnixMilli(numberOf(v)).UTC()
}

// Ids are random bytes in base64, which the table keeps as bytes: a quarter less. Other strings stay strings.
func idValue(id string) value {
	if b, ok := packed(id); ok {
		return bytesValue(b)
	}
	return stringValue(id)
}

func idOf(v value) string {
	if b, ok := v.(*types.AttributeValueMemberB); ok {
		return base64.RawURLEncoding.EncodeToString(b.Value)
	}
	return stringOf(v)
}

func packed(id string) ([]byte, bool) {
	if len(id) < 8 || len(id)%4 != 0 {
		return nil, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(id)
	return b, err == nil && base64.RawURLEncoding.EncodedLen(len(b)) == len(id)
}

func idsValue(ids []string) value {
	l := make([]value, len(ids))
	for i, id := range ids {
		l[i] = idValue(id)
	}
	return listValue(l...)
}

// textsValue is for ids that conditions look for: not every server compares bytes in a list as bytes.
func textsValue(ids ...string) value {
	l := make([]value, len(ids))
	for i, id := range ids {
		l[i] = stringValue(id)
	}
	return listValue(l...)
}

func idsOf(v value) (ids []string) {
	for _, one := range listOf(v) {
		ids = append(ids, idOf(one))
	}
	return ids
}

func packetsValue(packets [][]byte) value {
	l := make([]value, len(packets))
	for i, p := range packets {
		l[i] = bytesValue(p)
	}
	return listValue(l...)
}

func packetsOf(v value) (packets [][]byte) {
	for _, one := range listOf(v) {
		packets = append(packets, bytesOf(one))
	}
	return packets
}

// A parcel is one binary value:
//
//	length<<1|packed  operation  length  packet  length  packet  ...
//
// with lengths as varints, and packed 1 when the operation is an id whose bytes are kept.
func parcelValue(p engine.Parcel) value {
	op, flag := []byte(p.Op), uint64(0)
	if b, ok := packed(p.Op); ok {
		op, flag = b, 1
	}
	b := append(binary.AppendUvarint(nil, uint64(len(op))<<1|flag), op...)
	for _, packet := range p.Packets {
		b = append(binary.AppendUvarint(b, uint64(len(packet))), packet...)
	}
	return bytesValue(b)
}

func parcelsValue(parcels []engine.Parcel) value {
	l := make([]value, len(parcels))
	for i, p := range parcels {
		l[i] = parcelValue(p)
	}
	return listValue(l...)
}

func parcelOf(b []byte) (p engine.Parcel, err error) {
	field := func(n uint64) []byte {
		if n > uint64(len(b)) {
			err = errors.New("dynamo: a parcel in the table ends early")
			n = uint64(len(b))
		}
		f := b[:n:n]
		b = b[n:]
		return f
	}
	length := func() uint64 {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			err, size = errors.New("dynamo: a parcel in the table has no length"), len(b)
		}
		b = b[size:]
		return n
	}
	head := length()
	op := field(head >> 1)
	if p.Op = string(op); head&1 == 1 {
		p.Op = base64.RawURLEncoding.EncodeToString(op)
	}
	for len(b) > 0 && err == nil {
		p.Packets = append(p.Packets, field(length()))
	}
	return p, err
}

// parcelsOf returns the parcels of an outbox, blank ones for those that are in rows of their own.
func parcelsOf(v value) (parcels []engine.Parcel, err error) {
	for _, one := range listOf(v) {
		r, ok, err := referenceOf(one)
		if err != nil {
			return nil, err
		}
		if ok {
			parcels = append(parcels, r.blanks()...)
			continue
		}
		p, err := parcelOf(bytesOf(one))
		if err != nil {
			return nil, err
		}
		parcels = append(parcels, p)
	}
	return parcels, nil
}

// size is what parcels count for engine.MaxOutbox.
func size(parcels []engine.Parcel) (n int64) {
	for _, p := range parcels {
		n += int64(p.Size())
	}
	return n
}
