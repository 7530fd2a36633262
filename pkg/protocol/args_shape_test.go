package protocol

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// Each of these types has one of the methods that ownWays lists, and is a struct or string without it.
type (
	marshalsJSON   struct{ N int }
	marshalsTo     struct{ N int }
	marshalsText   struct{ N int }
	appendsText    struct{ N int }
	appendsString  string
	unmarshalsJSON struct{ N int }
	unmarshalsFrom struct{ N int }
	unmarshalsText struct{ N int }
	knowsZero      struct{ N int }
)

func (marshalsJSON) MarshalJSON() ([]byte, error) { return []byte(`"own"`), nil }
func (marshalsTo) MarshalJSONTo(enc *jsontext.Encoder) error {
	return enc.WriteToken(jsontext.String("own"))
}
func (marshalsText) MarshalText() ([]byte, error)         { return []byte("own"), nil }
func (appendsText) AppendText(b []byte) ([]byte, error)   { return append(b, "own"...), nil }
func (appendsString) AppendText(b []byte) ([]byte, error) { return append(b, "own"...), nil }
func (u *unmarshalsJSON) UnmarshalJSON([]byte) error      { u.N = 42; return nil }
func (u *unmarshalsText) UnmarshalText([]byte) error      { u.N = 42; return nil }
func (k knowsZero) IsZero() bool                          { return k.N == 7 }
func (u *unmarshalsFrom) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	u.N = 42
	return dec.SkipValue()
}

// A type that encodes itself has one form on the wire, whatever stands beside it.
func TestTypesEncodeThemselves(t *testing.T) {
	const lone = "\xed\xa0\x80"
	for _, v := range []any{marshalsJSON{}, marshalsTo{}, marshalsText{}, appendsText{}, appendsString("a"), appendsString(lone)} {
		for _, arg := range []any{v, []any{v}, []any{v, lone}, struct{ V any }{v}, struct{ V, Beside any }{v, make(map[int]string)}} {
			data, _, err := EncodeArgs(arg)
			if err != nil || !bytes.Contains(data, []byte(`"own"`)) {
				t.Errorf("EncodeArgs(%#v) = %s, %v", arg, data, err)
			}
		}
		field := reflect.New(reflect.StructOf([]reflect.StructField{{Name: "V", Type: reflect.TypeOf(v)}, {Name: "S", Type: reflect.TypeFor[string]()}})).Elem()
		field.Field(0).Set(reflect.ValueOf(v))
		for _, s := range []string{"", lone} {
			field.Field(1).SetString(s)
			if data, _, err := EncodeArgs(field.Interface()); err != nil || !bytes.HasPrefix(data, []byte(`[{"V":"own",`)) {
				t.Errorf("EncodeArgs(%#v) = %s, %v", field, data, err)
			}
		}
	}
}
