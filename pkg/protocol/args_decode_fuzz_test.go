package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"
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
	inside
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

// FuzzDecodeArgAsPackage compares what DecodeArg and DecodeJSON decode with what the JSON package does, for any text and
// some types.
func FuzzDecodeArgAsPackage(f *testing.F) {
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
		decodeAsPackage(t, arg, buffers)
	})
}

// Fuzzers are slow with texts of some length.
func TestDecodeDeepArgAsPackage(t *testing.T) {
	for _, n := range []int{1000, 1001, 1002, 10_001} {
		decodeAsPackage(t, []byte(strings.Repeat("[", n)+strings.Repeat("]", n)), nil)
		decodeAsPackage(t, []byte(strings.Repeat(`{"a":`, n)+"1"+strings.Repeat("}", n)), [][]byte{{1}})
		decodeAsPackage(t, []byte(`{"unknown":`+strings.Repeat("[", n)+strings.Repeat("]", n)+`}`), nil)
		decodeAsPackage(t, []byte(`{"unknown":`+strings.Repeat("[", n)+strings.Repeat("]", n)+`,"s":"behind what is too deep"}`), nil)
		decodeAsPackage(t, []byte(strings.Repeat(`{"p":`, n)+"{}"+strings.Repeat("}", n)), nil)
		decodeAsPackage(t, []byte(strings.Repeat(`[{"l":`, n/2)+"null"+strings.Repeat("}]", n/2)), nil)
		decodeAsPackage(t, []byte(`{"a":1,"m":{"k":`+strings.Repeat("[", n)+strings.Repeat("]", n)+`}}`), nil)
	}
}

func decodeAsPackage(t *testing.T, arg []byte, buffers [][]byte) {
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
		decodeIntoAsPackage(t, arg, buffers, target)
	}
}

// decodeIntoAsPackage decodes texts that are overwritten then, as frames are.
func decodeIntoAsPackage(t *testing.T, arg []byte, buffers [][]byte, target func() any) {
	t.Helper()
	text := bytes.Clone(arg)
	got, want := target(), target()
	err, wantErr := DecodeArg(text, buffers, got), referenceDecode(arg, buffers, want)
	copy(text, bytes.Repeat([]byte("Z"), len(text)))
	isAsPackage(t, "DecodeArg", arg, got, want, err, wantErr)

	copy(text, arg)
	got, want = target(), target()
	err, wantErr = DecodeJSON(text, got), unmarshal(arg, want, plainUnmarshal, plainUnmarshalWide)
	copy(text, bytes.Repeat([]byte("Z"), len(text)))
	isAsPackage(t, "DecodeJSON", arg, got, want, err, wantErr)
}

// referenceDecode is the JSON package, for which anyParser decodes into an any: there it is oldParser.
func referenceDecode(arg []byte, buffers [][]byte, into any) error {
	if into, ok := into.(*any); ok && into != nil && *into == nil {
		if v, err := oldParseAny(arg, buffers); err == nil {
			*into = v
			return nil
		}
	}
	return decodeByPackage(arg, buffers, into)
}

func isAsPackage(t *testing.T, what string, arg []byte, got, want any, err, wantErr error) {
	t.Helper()
	if (err == nil) != (wantErr == nil) || errors.Is(err, ErrMalformed) != errors.Is(wantErr, ErrMalformed) || err != nil && err.Error() != wantErr.Error() {
		t.Errorf("%s(%q, %T): %v; the package: %v", what, arg, got, err, wantErr)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s(%q, %T) = %#v; the package: %#v", what, arg, got, got, want)
	}
}
