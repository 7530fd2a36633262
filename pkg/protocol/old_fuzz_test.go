package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// everyKind has fields of what a type may be made of.
type everyKind struct {
	S      string          `json:"s"`
	N      int             `json:"n,omitempty"`
	W      int64           `json:"w"`
	U      uint8           `json:"u"`
	F      float64         `json:"f"`
	B      bool            `json:"b"`
	A      any             `json:"a,omitempty"`
	R      []byte          `json:"r"`
	J      json.RawMessage `json:"j,omitempty"`
	M      map[string]any  `json:"m"`
	L      []*everyKind    `json:"l"`
	T      time.Time       `json:"t,omitzero"`
	Q      int             `json:"q,string,omitempty"`
	Number json.Number
	named
}

type named string

type octets []byte

type inside struct{ X, Y int }

type lists []lists

// twice has a name for two fields, which vet would not have written out.
var twice = reflect.StructOf([]reflect.StructField{
	{Name: "A", Type: reflect.TypeFor[int](), Tag: `json:"x"`},
	{Name: "B", Type: reflect.TypeFor[int](), Tag: `json:"x"`},
})

// plainKinds has a shape.
type plainKinds struct {
	S     string `json:"s"`
	N     int    `json:"n,omitempty"`
	W     named  `json:"w"`
	U     uint8  `json:"u,omitzero"`
	I     int64
	F     float64        `json:"f"`
	B     bool           `json:"b"`
	A     any            `json:"a"`
	R     []byte         `json:"r"`
	M     map[string]any `json:"m"`
	L     []plainKinds   `json:"l"`
	P     *plainKinds    `json:"p"`
	Names []string       `json:"names"`
	Skip  int            `json:"-"`
	Flags []bool
	Deep  [][]*uint16
	own   string
	Inner struct{ X, Y float64 } `json:"inner_one"`
}

// FuzzDecodeArgAsBefore compares what DecodeArg and DecodeJSON decode with what the decoder before them does, for any
// text and types.
func FuzzDecodeArgAsBefore(f *testing.F) {
	mark := `{"_placeholder":true,"num":0}`
	for _, s := range []string{
		`"a"`, `1`, `-0`, `-0.5e3`, `12345678901234567890`, `1e999`, `5.0`, `true`, `null`, ``, ` 1`, `1 `, `[`, `[1,]`, `{"a":1,}`, `{"a" 1}`, `[1 2]`, `tru`,
		mark, `{"_placeholder":true,"num":5}`, `[{"num":1,"\u005fplaceholder":true},` + mark + `]`, `{"_placeholder":true,"_placeholder":false,"num":0}`,
		`{"a":{"b":[[],{}]},"a":{"c":2}}`, `"\ud800\u00fc"`, `{"\ud83d":"\ud83d\ude00"}`, "\"\xff\"", "{\"\xed\xa0\x80\":[\"\xff\"]}",
		`{"s":"x","n":1,"w":5e0,"u":255,"f":1.5,"b":true,"a":[` + mark + `],"r":` + mark + `,"j":{"x": [1]},"m":{"k":null},"l":[{"s":"y"},null],"q":"7","Number":"12"}`,
		`{"s":"x","n":1,"w":"v","u":256,"I":5.0,"f":1.5,"b":true,"a":[` + mark + `],"r":` + mark + `,"m":{"k":null},"l":[{"s":"y"},null],"p":{"p":{"n":-1}},"names":["a",null],"Skip":3,"own":1}`,
		`{"S":"x","s":"y","Flags":[true,false,1],"Deep":[[1,null],[],null],"inner_one":{"X":1,"y":2,"Z":[{"_placeholder":true,"num":9}]},"unknown":{"a":[[]]}}`,
		`{"i":3,"FLAGS":[true],"deep":[[65535]],"I":-4,"r":"AQ==","m":[],"p":null}`, `[{"s":"a","s":null},{"n":1,"n":2},{"l":[{"n":1}],"l":[{"s":"b"}]}]`, `[{"a":1,"a":"x"},{"a":null},{"\u0073":"x"}]`,
		`{"FLAGS":[true],"N":5,"W":null}`, `{"\u0073":"x"}`, `{"ſ":"long s"}`, `{"\u212a":1}`, `[300]`, `[-129,127,5.0,1e2]`, `{"q":"7"}`, `{"q":7}`, `{"x":{"X":1}}`, `{"X":1,"Y":2}`, `{"x":1}`,
		`{"T":"2026-01-02T03:04:05Z"}`, `{"T":{}}`, `[1,2]`, `{"s":"7"}`, `[[],[[]],null]`, `["127.0.0.1"]`, `"AQ=="`, `["AQ==",[1,2]]`, `{"r":"AQ=="}`, `{"a":1,"b":"2"}`, `{"names":["a","b"],"names":[null]}`, `{"l":[{"n":1}],"p":[]}`,
		`[1,2,3,4,5,6,7,8,9,10,"eleven"]`, `{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"a":10}`,
		`"0123456789abcdef\"` + "\u00fc" + `0123456789"`, "\"01234567\x0189\"", "\"0123456\x7f89\"",
	} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, arg []byte, binary bool) {
		var buffers [][]byte
		if binary {
			buffers = [][]byte{{1}, {2, 3}}
		}
		decodeAsBefore(t, arg, buffers)
	})
}

// Fuzzers are slow with texts of some length.
func TestDecodeDeepArgAsBefore(t *testing.T) {
	for _, n := range []int{1000, 1001, 1002, 10_001} {
		decodeAsBefore(t, []byte(strings.Repeat("[", n)+strings.Repeat("]", n)), nil)
		decodeAsBefore(t, []byte(strings.Repeat(`{"a":`, n)+"1"+strings.Repeat("}", n)), [][]byte{{1}})
		decodeAsBefore(t, []byte(`{"unknown":`+strings.Repeat("[", n)+strings.Repeat("]", n)+`}`), nil)
		decodeAsBefore(t, []byte(strings.Repeat(`{"p":`, n)+"{}"+strings.Repeat("}", n)), nil)
		decodeAsBefore(t, []byte(strings.Repeat(`[{"l":`, n/2)+"null"+strings.Repeat("}]", n/2)), nil)
		decodeAsBefore(t, []byte(`{"a":1,"m":{"k":`+strings.Repeat("[", n)+strings.Repeat("]", n)+`}}`), nil)
	}
}

func decodeAsBefore(t *testing.T, arg []byte, buffers [][]byte) {
	t.Helper()
	for _, target := range []func() any{
		func() any { return new(string) },
		func() any { return new(bool) },
		func() any { return new(int) },
		func() any { return new(int64) },
		func() any { return new(uint16) },
		func() any { return new(float64) },
		func() any { return new(float32) },
		func() any { return new(any) },
		func() any { return &[]any{"old"}[0] },
		func() any { return new([]byte) },
		func() any { return new([]any) },
		func() any { return &[]any{1, "old", nil} },
		func() any { return new(map[string]any) },
		func() any { return &map[string]any{"a": 1, "old": []byte{9}} },
		func() any { return new([]string) },
		func() any { return new(map[string]string) },
		func() any { return new(json.RawMessage) },
		func() any { return &json.RawMessage{'1', '2'} },
		func() any { return new(json.Number) },
		func() any { return new(everyKind) },
		func() any { return new(*everyKind) },
		func() any { return new(plainKinds) },
		func() any { return &plainKinds{N: 7, L: []plainKinds{{S: "old", N: 1}}, own: "own"} },
		func() any { return new(*plainKinds) },
		func() any { return new([]plainKinds) },
		func() any { return new([]*int8) },
		func() any { return new(struct{ T time.Time }) },
		func() any { return new([]net.IP) },
		func() any { return new(octets) },
		func() any { return new([]octets) },
		func() any { return new(lists) },
		func() any {
			return new(struct {
				S string `json:"s,string"`
			})
		},
		func() any { return reflect.New(twice).Interface() },
		func() any { return new(struct{ inside }) },
		func() any { return new(struct{ *everyKind }) },
		func() any { return new(struct{ X inside }) },
		func() any {
			return new(struct {
				Q int `json:"q,string"`
			})
		},
		func() any {
			return new(struct {
				A int `json:"x"`
				B int `json:"X"`
			})
		},
		func() any { return new(struct{ A, B json.Number }) },
		func() any { return new(named) },
		func() any { return new([]int64) },
	} {
		got, want := target(), target()
		isAsBefore(t, "DecodeArg", arg, got, want, DecodeArg(arg, buffers, got), oldDecodeArg(arg, buffers, want))
		got, want = target(), target()
		isAsBefore(t, "DecodeJSON", arg, got, want, DecodeJSON(arg, got), unmarshal(arg, want, plainUnmarshal, plainUnmarshalWide))
	}
}

func isAsBefore(t *testing.T, what string, arg []byte, got, want any, err, wantErr error) {
	t.Helper()
	if (err == nil) != (wantErr == nil) || errors.Is(err, ErrMalformed) != errors.Is(wantErr, ErrMalformed) || err != nil && err.Error() != wantErr.Error() {
		t.Errorf("%s(%q, %T): %v; before: %v", what, arg, got, err, wantErr)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s(%q, %T) = %#v; before: %#v", what, arg, got, got, want)
	}
}

// FuzzEncodeArgsAsBefore compares what EncodeArgs makes of any value, which the fuzzer's bytes describe, with what the
// encoder before it does.
func FuzzEncodeArgsAsBefore(f *testing.F) {
	for kind := range byte(17) {
		for _, x := range []byte{0, 1, 200} {
			f.Add([]byte{kindSlices, x, 2, 'a', 0xff, kind, 2, 'b', 'c', kind, kind, 2, 'b', 'c', kind, kind, kind})
			f.Add([]byte{kindSlices, x, kind, kind, kind, kindArray, 1, kindSlices, x, kind, kind})
		}
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
		args := []any{"e", g.value(0), g.value(0)}
		data, buffers, err := EncodeArgs(args...)
		want, wantBuffers, wantErr := oldEncodeArgs(args...)
		if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
			t.Fatalf("%#v: %v; before: %v", args, err, wantErr)
		}
		if !bytes.Equal(data, want) || !reflect.DeepEqual(buffers, wantBuffers) {
			t.Errorf("%#v:\n%s %q; before:\n%s %q", args, data, buffers, want, wantBuffers)
		}
	})
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
		x := int8(g.byte())
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
			[]int8{x, 1}, []*int8{&x, nil}, [][]string{nil, {}, {string(g.bytes())}}, []bool(nil), (*some)(nil), &some{F: math.Copysign(0, -1)}, []*some{{P: &x, L: []int{}, M: map[string]any{}, R: []byte{}}},
			some{I: x, U: uint(x), F: float64(x), B: x > 0, A: "", S: string(g.bytes()), R: g.bytes(), M: map[string]any{"a": nil}, L: []int{0}},
			struct{ time.Duration }{1}, struct{ T *time.Time }{}, struct{ IP net.IP }{net.IP{1, 2, 3, byte(x)}}, octets{1, byte(x)}, lists{{}, nil, {{}}}, inside{1, 2}, struct{ inside }{},
			reflect.New(twice).Interface(), struct {
				Q string `json:",string"`
				Z int    `json:"z,omitzero"`
			}{"q", int(x)},
		}[int(g.byte())%17]
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
