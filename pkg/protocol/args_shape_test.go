package protocol

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"strings"
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

func TestShapeFindsFields(t *testing.T) {
	long := strings.Repeat("Long", 16)
	s := shapeOf(reflect.StructOf([]reflect.StructField{
		{Name: "First", Type: reflect.TypeFor[int](), Tag: `json:"first"`},
		{Name: "Kid_1", Type: reflect.TypeFor[int]()},
		{Name: "Long", Type: reflect.TypeFor[int](), Tag: reflect.StructTag(`json:"` + long + `"`)},
	}))
	if s == nil {
		t.Fatal("no shape")
	}
	for _, tt := range []struct {
		name  string
		field int
		ok    bool
	}{
		{"first", 0, true}, {"Kid_1", 1, true}, {long, 2, true},
		{"", -1, true}, {"firs", -1, true}, {"firsts", -1, true}, {"Kid1", -1, true}, {"Kid-1", -1, true}, {"\x0bid_1", -1, true}, {"Kid\x7f1", -1, true}, {long + "g", -1, true},
		{"First", 0, false}, {"kid_1", 1, false}, {strings.ToUpper(long), 2, false},
		{"fir\u017ft", 0, false}, {"\u212aid_1", 0, false}, {"ü", 0, false}, {"\xff", 0, false}, {strings.Repeat("x", 100) + "\u212a", 0, false},
	} {
		for next := range 4 {
			if field, ok := s.find([]byte(tt.name), next); field != tt.field || ok != tt.ok {
				t.Errorf("%q, after %d: %d, %t", tt.name, next-1, field, ok)
			}
		}
	}
}

// The JSON package would decode and encode all this as well, so that only a test sees who has.
func TestPlainValuesNeedNoPackage(t *testing.T) {
	plain := plainKinds{
		S: "s", N: 1, W: "w", U: 2, I: -3, F: 1.5, B: true, A: []any{map[string]any{"a": nil, "b": []any{}}}, R: []byte{1}, M: map[string]any{"m": map[string]any{"n": 1.0}, "k": "v"},
		L: []plainKinds{{S: "inner"}}, P: &plainKinds{I: 4}, Names: []string{"a", ""}, Flags: []bool{true}, Deep: [][]*uint16{{nil, new(uint16)}, nil},
	}
	for _, v := range []any{
		"text", true, 1, int64(2), 1.5, []byte{1}, plain, &plain, []plainKinds{plain, {}}, []*plainKinds{&plain, nil}, []string{"a"}, []int{1}, named("a"), uint8(1), inside{1, 2},
		[]any{1.5, "a", nil}, map[string]any{"a": map[string]any{"b": map[string]any{"c": 1.5}, "z": "z"}, "x": []any{map[string]any{"y": true}, 1.5}},
	} {
		e := argEncoders.New().(*argEncoder)
		if !e.appendValue(v, 0) {
			t.Errorf("%#v is not encoded", v)
			continue
		}
		into := reflect.New(reflect.TypeOf(v))
		if !decodeSimple(e.data, e.buffers, into.Interface()) {
			t.Errorf("%s is not decoded into %T", e.data, v)
		} else if !reflect.DeepEqual(into.Elem().Interface(), v) {
			t.Errorf("%s is %#v; want %#v", e.data, into.Elem(), v)
		}
	}
}

// A member that comes twice is merged into a map, which takes a bit for each field.
func TestShapesHave64Fields(t *testing.T) {
	var fields []reflect.StructField
	for i := range mostFields + 1 {
		fields = append(fields, reflect.StructField{Name: fmt.Sprint("F", i), Type: objectType})
	}
	for n, want := range map[int]bool{mostFields: true, mostFields + 1: false} {
		typ := reflect.StructOf(fields[:n])
		if got := shapeOf(typ) != nil; got != want {
			t.Errorf("a struct of %d fields has a shape: %t", n, got)
		}
		for _, last := range []string{fields[n-1].Name, "unknown"} {
			decodeIntoAsPackage(t, fmt.Appendf(nil, `{"F0":{"a":1},%[1]q:{"a":1},%[1]q:{"b":2}}`, last), nil, func() any { return reflect.New(typ).Interface() })
		}
	}
}

// An encoder that waits for its next call keeps nothing of an application's values.
func TestEncodersKeepNoValues(t *testing.T) {
	odd, large := map[string]any{"\xff": 1}, map[string]any{}
	for i := range 50 {
		odd[fmt.Sprint(i)] = i
	}
	for i := range 2000 {
		large[fmt.Sprint(i)] = i
	}
	for _, v := range []any{
		map[string]any{"a": "x", "b": map[string]any{"c": []byte{1}, "d": map[string]any{}}},
		odd,
		map[string]any{"a": map[string]any{"b": func() {}}, "c": 3},
		map[string]any{"a": math.Inf(1)},
		large,
	} {
		e := argEncoders.New().(*argEncoder)
		_ = e.append(v)
		e.release()
		if len(e.data) > 0 || e.buffers != nil || len(e.members) > 0 || cap(e.members) > 1<<10 {
			t.Errorf("after %.100v: %d bytes, %d attachments, %d members of %d", v, len(e.data), len(e.buffers), len(e.members), cap(e.members))
		}
		for _, m := range e.members[:cap(e.members)] {
			if m != (member{}) {
				t.Errorf("after %.100v: %v", v, m)
			}
		}
	}
}

// A tag that ends in a comma is refused in every type, whatever stands beside the field.
func TestMalformedTagsAreRefused(t *testing.T) {
	for _, tag := range []reflect.StructTag{`json:"a,"`, `json:","`, `json:"-,"`, `json:"a,omitempty,"`} {
		for _, beside := range []reflect.Type{reflect.TypeFor[int](), reflect.TypeFor[float32]()} {
			typ := reflect.StructOf([]reflect.StructField{{Name: "A", Type: reflect.TypeFor[int](), Tag: tag}, {Name: "B", Type: beside}})
			if data, _, err := EncodeArgs(reflect.Zero(typ).Interface()); err == nil {
				t.Errorf("%s: %s", typ, data)
			}
			if err := DecodeArg([]byte(`{"a":1}`), nil, reflect.New(typ).Interface()); err == nil {
				t.Errorf("decoded into %s", typ)
			}
		}
	}
}

// A lone surrogate takes the option string from its string, and MarshalText from the keys of its map.
func TestLoneSurrogatesConcernTheirValue(t *testing.T) {
	const lone = "\xed\xa0\x80"
	type quoted struct {
		Q string `json:"q,string"`
	}
	type plain struct {
		A any
		S string
	}
	type notPlain struct {
		A any
		S string
		F float32
	}
	for _, tt := range []struct {
		arg  any
		want string
	}{
		{plain{quoted{"x"}, lone}, `[{"A":{"q":"\"x\""},"S":"\ud800"}]`},
		{[]plain{{A: quoted{"x"}}, {A: lone}}, `[[{"A":{"q":"\"x\""},"S":""},{"A":"\ud800","S":""}]]`},
		{[]any{quoted{"x"}, lone}, `[[{"q":"\"x\""},"\ud800"]]`},
		{notPlain{A: quoted{"x"}, S: lone}, `[{"A":{"q":"\"x\""},"S":"\ud800","F":0}]`},
		{notPlain{A: map[loud]int{"k": 1}, S: lone}, `[{"A":{"K":1},"S":"\ud800","F":0}]`},
		{plain{[]any{map[loud]int{"k": 1}, map[loud]int{"k": 1, lone: 2}}, ""}, `[{"A":[{"K":1},{"k":1,"\ud800":2}],"S":""}]`},
		{plain{quoted{lone}, "x"}, `[{"A":{"q":"\ud800"},"S":"x"}]`},
	} {
		if data, _, err := EncodeArgs(tt.arg); err != nil || string(data) != tt.want {
			t.Errorf("EncodeArgs(%+q) = %s, %v; want %s", tt.arg, data, err, tt.want)
		}
	}
}

// loud is a key in upper case.
type loud string

func (l loud) MarshalText() ([]byte, error) { return []byte(strings.ToUpper(string(l))), nil }

// counted counts its calls.
type counted struct{ calls *int }

func (c counted) MarshalJSON() ([]byte, error) { *c.calls++; return []byte("1"), nil }

func TestMarshalersMayBeCalledAgain(t *testing.T) {
	calls := 0
	if _, _, err := EncodeArgs([]any{counted{&calls}, func() {}}); err == nil || calls != 2 {
		t.Errorf("%d calls, %v", calls, err)
	}
}
