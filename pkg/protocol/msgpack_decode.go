package protocol

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"

	"github.com/tinylib/msgp/msgp"
)

// msgpackDecoder writes msgpack values as JSON, with a stack of its own for msgpackDeepest levels: so values may nest
// as deep as they like, and are refused where text is, by [Packet.Args].
type msgpackDecoder struct {
	rest    []byte // of the message
	out     []byte // JSON of all values so far
	base64  bool   // binary is base64 text instead of a placeholder
	buffers [][]byte
	marked  bool // an object has a member _placeholder that is true
	open    []msgpackOpen
}

// msgpackOpen is an array or a map that is not finished.
type msgpackOpen struct {
	left   uint32 // elements or members
	object bool
	key    int  // where the text of the present member begins in out, comma included
	marks  bool // its key is _placeholder
}

// msgpackDeepest is how deep values are written: deeper than encoding/json and [Packet.Args] read. What is in there is
// left out, so that a message takes no more memory than others of its size.
const msgpackDeepest = 10_001

// value reads one value and returns its JSON, nothing when it is undefined. The text must not be changed.
func (d *msgpackDecoder) value() ([]byte, error) {
	start := len(d.out)
	d.open = d.open[:0]
	for {
		from := len(d.out)
		err := d.next()
		if err != nil {
			return nil, err
		}
		if n := len(d.open); n > 0 && d.open[n-1].marks && len(d.out) > from && string(d.out[from:]) == "true" {
			d.marked = true
		}
		for len(d.open) > 0 {
			top := &d.open[len(d.open)-1]
			if top.left == 0 {
				d.close(top.object)
				d.open = d.open[:len(d.open)-1]
				continue
			}
			top.left--
			if err := d.member(top); err != nil {
				return nil, err
			}
			break
		}
		if len(d.open) == 0 {
			return d.out[start:len(d.out):len(d.out)], nil
		}
	}
}

func (d *msgpackDecoder) close(object bool) {
	end := byte(']')
	if object {
		end = '}'
	}
	d.out = append(d.out, end)
}

// member writes what comes before an element or the value of a member.
func (d *msgpackDecoder) member(top *msgpackOpen) error {
	top.key = len(d.out)
	if last := d.out[len(d.out)-1]; last != '[' && last != '{' {
		d.out = append(d.out, ',')
	}
	if !top.object {
		return nil
	}
	key := len(d.out)
	if err := d.key(); err != nil {
		return err
	}
	top.marks = string(d.out[key:]) == `"_placeholder"`
	d.out = append(d.out, ':')
	return nil
}

// key writes the key of a member as JavaScript's String does.
func (d *msgpackDecoder) key() error {
	start := len(d.out)
	switch kind := msgp.NextType(d.rest); kind {
	case msgp.StrType:
		return d.next()
	case msgp.IntType, msgp.UintType, msgp.BoolType, msgp.NilType, msgp.Float32Type, msgp.Float64Type:
		if kind == msgp.Float32Type || kind == msgp.Float64Type {
			f, err := d.float()
			if err != nil {
				return err
			}
			switch { // JSON has no text for these two
			case math.IsNaN(f):
				d.out = append(d.out, "NaN"...)
			case math.IsInf(f, 0):
				d.out = append(d.out, strings.TrimPrefix(strconv.FormatFloat(f, 'g', -1, 64), "+")...)
				d.out = append(d.out, "inity"...)
			default:
				d.out = append(d.out, numberName(appendFloat(nil, f))...)
			}
		} else if err := d.next(); err != nil {
			return err
		}
		text := append(append([]byte{'"'}, d.out[start:]...), '"')
		d.out = append(d.out[:start], text...)
		return nil
	}
	return malformed("a key of a msgpack map is neither text, number, bool nor nil, or is missing")
}

// next writes one value that is not an array or a map, or begins one that is.
func (d *msgpackDecoder) next() (err error) {
	var (
		i int64
		u uint64
		f float64
		b []byte
	)
	switch msgp.NextType(d.rest) {
	case msgp.StrType:
		if b, d.rest, err = msgp.ReadStringZC(d.rest); err == nil {
			d.out = appendText(d.out, b)
		}
	case msgp.BinType:
		if b, d.rest, err = msgp.ReadBytesZC(d.rest); err == nil {
			d.attach(b)
		}
	case msgp.MapType, msgp.ArrayType:
		return d.begin()
	case msgp.IntType:
		if i, d.rest, err = msgp.ReadInt64Bytes(d.rest); err == nil {
			d.out = strconv.AppendInt(d.out, i, 10)
		}
	case msgp.UintType:
		if u, d.rest, err = msgp.ReadUint64Bytes(d.rest); err == nil {
			d.out = strconv.AppendUint(d.out, u, 10)
		}
	case msgp.Float32Type, msgp.Float64Type:
		if f, err = d.float(); err == nil {
			d.out = appendFloat(d.out, f)
		}
	case msgp.BoolType:
		var v bool
		if v, d.rest, err = msgp.ReadBoolBytes(d.rest); err == nil {
			d.out = strconv.AppendBool(d.out, v)
		}
	case msgp.NilType:
		if d.rest, err = msgp.ReadNilBytes(d.rest); err == nil {
			d.out = append(d.out, "null"...)
		}
	case msgp.InvalidType:
		return malformed("no msgpack value where one has to be")
	default:
		return d.extension()
	}
	if err != nil {
		return malformed("a msgpack value is cut off")
	}
	return nil
}

// begin begins an array or a map.
func (d *msgpackDecoder) begin() (err error) {
	if len(d.open) >= msgpackDeepest {
		d.out = append(d.out, "[]"...)
		return d.skip()
	}
	o := msgpackOpen{object: msgp.NextType(d.rest) == msgp.MapType}
	c := byte('[')
	if o.object {
		c = '{'
		o.left, d.rest, err = msgp.ReadMapHeaderBytes(d.rest)
	} else {
		o.left, d.rest, err = msgp.ReadArrayHeaderBytes(d.rest)
	}
	if err != nil || uint64(o.left) > uint64(len(d.rest)) { // each element is a byte at least
		return malformed("a msgpack array or map is cut off")
	}
	d.out = append(d.out, c)
	d.open = append(d.open, o)
	return nil
}

// skip passes over one value and all that is in it.
func (d *msgpackDecoder) skip() (err error) {
	for values := uint64(1); values > 0; values-- {
		var n uint32
		switch msgp.NextType(d.rest) {
		case msgp.ArrayType:
			n, d.rest, err = msgp.ReadArrayHeaderBytes(d.rest)
			values += uint64(n)
		case msgp.MapType:
			n, d.rest, err = msgp.ReadMapHeaderBytes(d.rest)
			values += 2 * uint64(n)
		case msgp.StrType, msgp.BinType, msgp.IntType, msgp.UintType, msgp.Float32Type, msgp.Float64Type, msgp.BoolType, msgp.NilType:
			d.rest, err = msgp.Skip(d.rest)
		case msgp.InvalidType:
			return malformed("no msgpack value where one has to be")
		default:
			if _, _, _, ok := d.cutExtension(); !ok {
				return malformed("a msgpack extension is cut off")
			}
		}
		if err != nil || values > uint64(len(d.rest))+1 { // each is a byte at least
			return malformed("a msgpack value is cut off")
		}
	}
	return nil
}

func (d *msgpackDecoder) float() (f float64, err error) {
	if msgp.NextType(d.rest) == msgp.Float32Type {
		var single float32
		single, d.rest, err = msgp.ReadFloat32Bytes(d.rest)
		f = float64(single)
	} else {
		f, d.rest, err = msgp.ReadFloat64Bytes(d.rest)
	}
	if err != nil {
		return 0, malformed("a msgpack value is cut off")
	}
	return f, nil
}

// attach writes what stands for binary.
func (d *msgpackDecoder) attach(b []byte) {
	if d.base64 {
		d.out = append(base64.StdEncoding.AppendEncode(append(d.out, '"'), b), '"')
		return
	}
	if len(d.buffers) > maxAttachments { // the packet is refused, or read once more
		return
	}
	d.out = appendPlaceholder(d.out, len(d.buffers))
	d.buffers = append(d.buffers, b[:len(b):len(b)])
}

// appendText is appendString for bytes, most of which need no escape.
func appendText(dst, text []byte) []byte {
	if isPlainASCII(text) {
		return append(append(append(dst, '"'), text...), '"')
	}
	return appendString(dst, string(text))
}
