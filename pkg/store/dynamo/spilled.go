package dynamo

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// A spilled row has parcels of an outbox for which the session's row has no room, and the session's row has a reference
// to it. The row is named by the hash of what is in it: so whoever tries again writes the same row, and a write that
// comes late changes nothing. Spilled rows are never changed, nor deleted, which would cost as much as writing them;
// they expire when the session's row does.

// reference is what the outbox of a session's row has instead of parcels. In the table it is a list of one binary
// value,
//
//	hash  parcels  packets  bytes
//
// with 16 bytes of hash and three varints.
type reference struct {
	hash    [16]byte
	parcels int
	packets int // of all parcels
	bytes   int // of all packets
}

// many reports whether the reference stands for more than one parcel.
func (r reference) many() bool { return r.parcels > 1 }

func (r reference) value() value {
	b := binary.AppendUvarint(r.hash[:], uint64(r.parcels))
	b = binary.AppendUvarint(b, uint64(r.packets))
	return listValue(bytesValue(binary.AppendUvarint(b, uint64(r.bytes))))
}

var errReference = errors.New("dynamo: a reference in an outbox of the table is broken: the table may be another program's, or of another version of Doze")

// referenceOf returns the reference that a value of an outbox is; ok is false for a parcel.
func referenceOf(v value) (r reference, ok bool, err error) {
	l := listOf(v)
	if len(l) != 1 {
		return r, false, nil
	}
	b := bytesOf(l[0])
	rest := b[min(copy(r.hash[:], b), len(b)):]
	for _, n := range []*int{&r.parcels, &r.packets, &r.bytes} {
		u, size := binary.Uvarint(rest)
		if size <= 0 || u > engine.MaxOutbox { // one of each counts for more than a byte
			return r, true, errReference
		}
		*n, rest = int(u), rest[size:]
	}
	if r.parcels == 0 || r.packets == 0 && r.bytes > 0 || len(rest) > 0 {
		return r, true, errReference
	}
	return r, true, nil
}

// encoded returns the bytes of a value of an outbox.
func encoded(v value) []byte {
	if l := listOf(v); len(l) == 1 {
		v = l[0]
	}
	return bytesOf(v)
}

// blank is what the packets are whose bytes have not been read.
var blank [engine.MaxOutbox]byte

// blanks are parcels that count what those of the reference do.
func (r reference) blanks() []engine.Parcel {
	parcels := make([]engine.Parcel, r.parcels)
	if parcels[0].Packets = make([][]byte, r.packets); r.packets > 0 {
		parcels[0].Packets[0] = blank[:r.bytes:r.bytes]
	}
	return parcels
}

// spill writes values of an outbox to a row of their own and returns the reference to it.
func (s *Store) spill(ctx context.Context, a engine.Address, expire time.Time, values []value) (value, error) {
	var r reference
	hash := sha256.New()
	for _, v := range values {
		parcels, err := parcelsOf(listValue(v))
		if err != nil {
			return nil, err
		}
		for _, p := range parcels {
			r.parcels++
			r.packets += len(p.Packets)
			for _, packet := range p.Packets {
				r.bytes += len(packet)
			}
		}
		b := encoded(v)
		hash.Write(binary.AppendUvarint(nil, uint64(len(b))))
		hash.Write(b)
	}
	copy(r.hash[:], hash.Sum(nil))
	row := r.key(a).item()
	row[attrOutbox] = listValue(values...)
	expires(row, expire)
	return r.value(), s.put(ctx, row)
}

// key is that of the row that a reference in the row of an address stands for.
func (r reference) key(a engine.Address) key {
	return spilledKey(a, base64.RawURLEncoding.EncodeToString(r.hash[:]))
}

// whole reads the parcels of an outbox that was taken, those of spilled rows too, which may refer to others.
func (s *Store) whole(ctx context.Context, a engine.Address, values []value) (all []engine.Parcel, err error) {
	parts := make([][]engine.Parcel, len(values))
	var spilled []int
	for i, v := range values {
		_, ok, err := referenceOf(v)
		if err != nil {
			return nil, err
		}
		if ok {
			spilled = append(spilled, i)
			continue
		}
		if parts[i], err = parcelsOf(listValue(v)); err != nil {
			return nil, err
		}
	}
	err = each(ctx, len(spilled), func(ctx context.Context, n int) (err error) {
		i := spilled[n]
		parts[i], err = s.spilled(ctx, a, values[i])
		return err
	})
	return slices.Concat(parts...), err
}

// spilled reads the parcels that a reference stands for.
func (s *Store) spilled(ctx context.Context, a engine.Address, v value) ([]engine.Parcel, error) {
	r, _, err := referenceOf(v)
	if err != nil {
		return nil, err
	}
	row, err := s.get(ctx, r.key(a), true)
	if err != nil {
		return nil, err
	}
	parcels, err := s.whole(ctx, a, listOf(row[attrOutbox]))
	if err == nil && len(parcels) != r.parcels {
		err = fmt.Errorf("dynamo: %d packets of a session's outbox are not in the table any more, so that its client cannot be sent them: "+
			"let nothing but Doze delete rows of the table", r.packets)
	}
	return parcels, err
}

// taker returns by whom a transition takes an outbox, empty for those that take none.
func taker(t engine.Transition) string {
	switch t := t.(type) {
	case engine.EndPoll:
		return t.ID
	case engine.Tell:
		return t.ID
	case engine.Drain:
		return t.Step
	}
	return ""
}
