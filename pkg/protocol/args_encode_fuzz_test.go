package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"reflect"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzEncodeArgsAsPackage compares what EncodeArgs makes of any value, which the fuzzer's bytes describe, with what the
// JSON package does.
func FuzzEncodeArgsAsPackage(f *testing.F) {
	for i := range byte(len(typedValues(0, "", nil))) {
		f.Add([]byte{kindSlices, 3, 2, 'a', 0xff, 1, 7, i, kindArray, 1, kindSlices, 0, 0, 0, i})
	}
	for kind := range byte(kinds) {
		for _, more := range []byte{0, 200, 254, 255} {
			f.Add([]byte{kindPlain, 2, 'a', '<', 1, 5, 2, 0xff, 'b', 7, 1, 9, 200, 200, kind, 1, 'x', 1, 'n', more, 1, 5, 1, 'm', kind, 2, kind, 0})
		}
	}
	for kind := range byte(kinds) {
		f.Add([]byte{kind, 3, kind, 'k', kind, 'x', 'y', kind, 250, 251})
		f.Add([]byte{kindObject, 2, 2, 'a', 'b', kind, 3, 0xed, 0xa0, 0x80, kindArray, 2, kind, 4, 'a', '"', 0xff, 0xc3, kind, 1, 2, 3, 4, 5, 6, 7, 8})
		f.Add([]byte{kindObject, 3, 1, 0xff, kind, 3, 0xef, 0xbf, 0xbf, kind, 1, 0xfe})
		f.Add([]byte{kindDeep, 200, kind, 5, 1, 2, 3, 4, 5})
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		g := generator{script: script}
		encodeAsPackage(t, "e", g.value(0), g.value(0))
	})
}

func encodeAsPackage(t *testing.T, args ...any) {
	t.Helper()
	data, buffers, err := EncodeArgs(args...)
	want, wantBuffers, wantErr := referenceEncode(args...)
	if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
		t.Fatalf("%#v: %v; the package: %v", args, err, wantErr)
	}
	if !bytes.Equal(data, want) || !reflect.DeepEqual(buffers, wantBuffers) {
		t.Errorf("%#v:\n%s %q; the package:\n%s %q", args, data, buffers, want, wantBuffers)
	}
}

// referenceEncode leaves all but JSON to the JSON package.
func referenceEncode(args ...any) (data []byte, buffers [][]byte, err error) {
	e := argEncoders.Get().(*argEncoder)
	defer e.release()
	e.data = append(e.data, '[')
	for i, arg := range args {
		if i > 0 {
			e.data = append(e.data, ',')
		}
		encode := e.marshal
		if _, ok := arg.(json.RawMessage); ok {
			encode = e.append
		}
		if err := encode(arg); err != nil {
			return nil, nil, fmt.Errorf("cannot encode argument %d: %w", i, err)
		}
	}
	e.data = append(e.data, ']')
	if err := e.checkPlaceholders(); err != nil {
		return nil, nil, err
	}
	return bytes.Clone(e.data), e.buffers, nil
}

const (
	kindNil = iota
	kindBool
	kindString
	kindInt
	kindInt64
	kindFloat
	kindUint8
	kindFloat32
	kindBytes
	kindArray
	kindObject
	kindStrings
	kindRaw
	kindNumber
	kindNamed
	kindStruct
	kindPointer
	kindMap
	kindMarshaler
	kindDeep
	kindShared
	kindFaults
	kindPlain
	kindSlices
	kinds
)

// generator makes values of a script of bytes.
type generator struct {
	script []byte
	made   int
	last   any
}

func (g *generator) byte() byte {
	if len(g.script) == 0 {
		return 0
	}
	b := g.script[0]
	g.script = g.script[1:]
	return b
}

func (g *generator) bytes() []byte {
	b := make([]byte, min(int(g.byte()%16), len(g.script)))
	g.script = g.script[copy(b, g.script):]
	return b
}

func (g *generator) number() (n uint64) {
	for _, b := range g.bytes() {
		n = n<<8 | uint64(b)
	}
	return n
}

// pointed has its method on the pointer, which is called where a value can be addressed.
type pointed struct{ V any }

func (p *pointed) MarshalJSON() ([]byte, error) { return json.Marshal(p.V) }

func (g *generator) value(depth int) (v any) {
	if g.made++; depth > 20 || g.made > 200 {
		return nil
	}
	switch g.byte() % kinds {
	case kindBool:
		return g.byte()%2 == 0
	case kindString:
		return string(g.bytes())
	case kindInt:
		return int(g.number())
	case kindInt64:
		return int64(g.number())
	case kindFloat:
		return math.Float64frombits(g.number())
	case kindUint8:
		return g.byte()
	case kindFloat32:
		return math.Float32frombits(uint32(g.number()))
	case kindBytes:
		if b := g.bytes(); len(b) != 3 {
			return b
		}
		return []byte(nil)
	case kindArray:
		n := int(g.byte() % 16)
		if n == 15 {
			return []any(nil)
		}
		array := []any{}
		for range n {
			array = append(array, g.value(depth+1))
		}
		g.last = array
		return array
	case kindObject:
		n := int(g.byte() % 16)
		if n == 15 {
			return map[string]any(nil)
		}
		object := map[string]any{}
		for range n {
			name := string(g.bytes())
			if !utf8.ValidString(name) && !hasSurrogate(name) { // two that become one have any order
				name = fmt.Sprint("\xff", len(object))
			}
			object[name] = g.value(depth + 1)
		}
		g.last = object
		return object
	case kindStrings:
		return []string{string(g.bytes()), string(g.bytes())}
	case kindRaw:
		return json.RawMessage(g.bytes())
	case kindNumber:
		return json.Number(g.bytes())
	case kindNamed:
		return named(g.bytes())
	case kindStruct:
		return everyKind{S: string(g.bytes()), N: int(g.number()), F: float64(g.byte()), A: g.value(depth + 1), R: g.bytes(), M: map[string]any{"k": g.value(depth + 1)}}
	case kindPointer:
		v := g.value(depth + 1)
		return &v
	case kindMap:
		return map[named]any{named(g.bytes()): g.value(depth + 1), "b": 1}
	case kindMarshaler:
		if g.byte()%2 == 0 {
			return pointed{g.value(depth + 1)}
		}
		return &pointed{g.value(depth + 1)}
	case kindPlain:
		p := plainKinds{
			S: string(g.bytes()), N: int(g.number()), W: named(g.bytes()), U: g.byte(), I: int64(g.number()), F: float64(int8(g.byte())), B: g.byte() > 127, A: g.value(depth + 1),
			Names: []string{string(g.bytes())}, Skip: 1, own: "own",
		}
		if n := g.byte(); n > 127 {
			p.R, p.M, p.L, p.P = g.bytes(), map[string]any{string(g.bytes()): g.value(depth + 1)}, []plainKinds{{}}, &plainKinds{A: g.value(depth + 1)}
			if n == 255 {
				p.P.P = p.P
			}
			if n == 254 {
				p.F = math.Inf(1)
			}
		}
		if g.byte()%2 == 0 {
			return p
		}
		return &p
	case kindSlices:
		all := typedValues(int8(g.byte()), string(g.bytes()), g.bytes())
		return all[int(g.byte())%len(all)]
	case kindDeep:
		n := g.byte()
		for v = g.value(depth + 1); n > 0; n-- {
			if v = []any{v}; n%2 == 0 {
				v = map[string]any{"d": v}
			}
		}
		return v
	case kindShared:
		return g.last
	case kindFaults:
		object := map[string]any{"f": func() {}}
		if g.byte()%2 == 0 {
			object["f"] = object
		}
		return object
	}
	return nil
}

// never says of itself that it is not zero.
type never int

func (never) IsZero() bool { return false }

// typedValues are of types with a shape and of some without.
func typedValues(x int8, text string, b []byte) []any {
	type some struct {
		I  int8           `json:"i,omitempty"`
		U  uint           `json:",omitempty"`
		F  float64        `json:"f,omitempty"`
		B  bool           `json:"b,omitempty"`
		A  any            `json:"a,omitempty"`
		S  string         `json:"s,omitempty"`
		R  []byte         `json:"r,omitempty"`
		M  map[string]any `json:"m,omitempty"`
		L  []int          `json:"l,omitempty"`
		P  *int8          `json:"p,omitempty"`
		St struct{}       `json:"st,omitempty"`
	}
	return []any{
		[]int8{x, 1}, []*int8{&x, nil}, [][]string{nil, {}, {text}}, []bool(nil), (*some)(nil), &some{F: math.Copysign(0, -1)},
		[]*some{{P: &x, L: []int{}, M: map[string]any{}, R: []byte{}}},
		some{I: x, U: uint(x), F: float64(x), B: x > 0, A: "", S: text, R: b, M: map[string]any{"a": nil}, L: []int{0}},
		struct{ time.Duration }{1}, struct{ T *time.Time }{}, struct{ IP net.IP }{net.IP{1, 2, 3, byte(x)}}, octets{1, byte(x)}, lists{{}, nil, {{}}}, inside{1, 2},
		struct{ inside }{}, reflect.New(twice).Interface(), map[string]int8{"x": x}, map[int]string{int(x): text}, []map[int8]any{{x: b, 1: text}},
		[]any{struct {
			Z int     `json:"z,omitzero"`
			F float64 `json:"f,omitzero"`
			N never   `json:"n,omitzero"`
		}{Z: int(x)}},
		struct {
			Z int     `json:"z,omitzero"`
			F float64 `json:"f,omitzero"`
		}{Z: int(x), F: math.Copysign(0, -1)},
	}
}

func TestEncodeTypedValuesAsPackage(t *testing.T) {
	for _, x := range []int8{0, 1, -7} {
		for _, v := range typedValues(x, "<a\xed\xa0\x80>", []byte{1}) {
			encodeAsPackage(t, v, []any{v})
		}
	}
}
