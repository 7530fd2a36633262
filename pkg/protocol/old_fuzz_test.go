package protocol

import (
	"encoding/json"
	"errors"
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
	named
}

type named string

// FuzzDecodeArgAsBefore compares what DecodeArg decodes with what the decoder before it does, for any text and types.
func FuzzDecodeArgAsBefore(f *testing.F) {
	mark := `{"_placeholder":true,"num":0}`
	for _, s := range []string{
		`"a"`, `1`, `-0`, `-0.5e3`, `12345678901234567890`, `1e999`, `5.0`, `true`, `null`, ``, ` 1`, `1 `, `[`, `[1,]`, `{"a":1,}`, `{"a" 1}`, `[1 2]`, `tru`,
		mark, `{"_placeholder":true,"num":5}`, `[{"num":1,"\u005fplaceholder":true},` + mark + `]`, `{"_placeholder":true,"_placeholder":false,"num":0}`,
		`{"a":{"b":[[],{}]},"a":{"c":2}}`, `"\ud800\u00fc"`, `{"\ud83d":"\ud83d\ude00"}`, "\"\xff\"", "{\"\xed\xa0\x80\":[\"\xff\"]}",
		`{"s":"x","n":1,"w":5e0,"u":255,"f":1.5,"b":true,"a":[` + mark + `],"r":` + mark + `,"j":{"x": [1]},"m":{"k":null},"l":[{"s":"y"},null],"q":"7","Number":"12"}`,
		`[1,2,3,4,5,6,7,8,9,10,"eleven"]`, `{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"a":10}`,
		strings.Repeat("[", 1001) + strings.Repeat("]", 1001), strings.Repeat("[", 1002) + strings.Repeat("]", 1002), strings.Repeat(`{"a":`, 1002) + "1" + strings.Repeat("}", 1002),
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
			func() any { return new(named) },
			func() any { return new([]int64) },
		} {
			got, want := target(), target()
			err, wantErr := DecodeArg(arg, buffers, got), oldDecodeArg(arg, buffers, want)
			if (err == nil) != (wantErr == nil) || errors.Is(err, ErrMalformed) != errors.Is(wantErr, ErrMalformed) || !reflect.DeepEqual(got, want) {
				t.Errorf("DecodeArg(%q, %T) = %#v, %v; before: %#v, %v", arg, got, got, err, want, wantErr)
			}
			if err != nil && err.Error() != wantErr.Error() {
				t.Errorf("DecodeArg(%q, %T): %v; before: %v", arg, got, err, wantErr)
			}
		}
	})
}
