package protocol_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dozeio/doze/pkg/protocol"
)

type file struct {
	Name  string            `json:"name"`
	Bytes []byte            `json:"bytes,omitempty"`
	More  map[string][]byte `json:"more,omitempty"`
	Any   any               `json:"any,omitempty"`
	Skip  []byte            `json:"-"`
	*Embedded
}

type Embedded struct {
	Inner []byte `json:"inner"`
}

type named []byte

type marshaler struct{}

func (marshaler) MarshalJSON() ([]byte, error) { return []byte(`{"custom":"<&>"}`), nil }

// slot is what stands for attachment i.
func slot(i int) string { return fmt.Sprintf(`{"_placeholder":true,"num":%d}`, i) }

func TestEncodeArgs(t *testing.T) {
	var nilBytes []byte
	b := func(s string) []byte { return []byte(s) }
	for _, tt := range []struct {
		args    []any
		want    string
		buffers []string
	}{
		{nil, `[]`, nil},
		{[]any{"e", 1, int64(-2), true, false, nil}, `["e",1,-2,true,false,null]`, nil},
		{[]any{uint8(1), 1.5, float32(0.1), 1e21, math.MaxInt64, "2"}, `[1,1.5,0.1,1e+21,9223372036854775807,"2"]`, nil},
		{[]any{"<&>\u2028\x00\n\"\\\x7f€😀"}, "[\"<&>\u2028\\u0000\\n\\\"\\\\\x7f€😀\"]", nil},
		{[]any{"a\xffb", []string{"a\xffb", "<"}}, "[\"a\ufffdb\",[\"a\ufffdb\",\"<\"]]", nil},
		{[]any{json.RawMessage(`{"a": [1]}`), json.RawMessage(nil), marshaler{}}, `[{"a": [1]},null,{"custom":"<&>"}]`, nil},
		{[]any{json.Number("12"), []json.Number{"1.50", ""}, time.Unix(0, 0).UTC(), time.Second}, `[12,[1.50,0],"1970-01-01T00:00:00Z",1000000000]`, nil},
		{[]any{[]string(nil), map[string]int(nil), (*int)(nil), []string{}, [2]byte{1, 2}}, `[null,null,null,[],[1,2]]`, nil},
		{[]any{map[string]any{"b": 1, "a": 2}}, `[{"a":2,"b":1}]`, nil},
		{[]any{named("a"), net.IPv4(1, 2, 3, 4)}, `["YQ==","1.2.3.4"]`, nil},

		{[]any{"e", b("x"), b("")}, `["e",` + slot(0) + `,` + slot(1) + `]`, []string{"x", ""}},
		{[]any{nilBytes, []any{nilBytes}, &nilBytes}, `[null,[null],null]`, nil},
		{[]any{[]any{b("x"), map[string]any{"k": b("y")}}, b("z")}, `[[` + slot(0) + `,{"k":` + slot(1) + `}],` + slot(2) + `]`, []string{"x", "y", "z"}},
		{[]any{[][]byte{b("x"), nil}, map[int][]byte{2: b("y"), 1: b("z")}}, `[[` + slot(0) + `,null],{"1":` + slot(1) + `,"2":` + slot(2) + `}]`, []string{"x", "z", "y"}},
		{
			[]any{&file{Name: "n", Bytes: b("x"), More: map[string][]byte{"m": b("y")}, Any: b("z"), Skip: b("-"), Embedded: &Embedded{b("i")}}},
			`[{"name":"n","bytes":` + slot(0) + `,"more":{"m":` + slot(1) + `},"any":` + slot(2) + `,"inner":` + slot(3) + `}]`,
			[]string{"x", "y", "z", "i"},
		},
		{[]any{file{Bytes: b("")}}, `[{"name":""}]`, nil},
		{[]any{map[string]any{"_placeholder": true, "num": 5}}, `[{"_placeholder":true,"num":5}]`, nil},
		{[]any{map[string]any{"_placeholder": false}, b("x")}, `[{"_placeholder":false},` + slot(0) + `]`, []string{"x"}},
	} {
		data, buffers, err := protocol.EncodeArgs(tt.args...)
		var got []string
		for _, b := range buffers {
			got = append(got, string(b))
		}
		if err != nil || string(data) != tt.want || !reflect.DeepEqual(got, tt.buffers) {
			t.Errorf("EncodeArgs(%v)\n got %s %q, %v\nwant %s %q", tt.args, data, got, err, tt.want, tt.buffers)
		}
	}
}

func TestEncodeArgsRefuses(t *testing.T) {
	cycle := map[string]any{}
	cycle["self"] = cycle
	eleven := make([][]byte, 11)
	for i := range eleven {
		eleven[i] = []byte{}
	}
	for _, tt := range []struct {
		arg    any
		reason string
	}{
		{math.NaN(), "NaN"},
		{[]float64{math.Inf(1)}, "Inf"},
		{map[string]any{"f": []any{math.Inf(-1)}}, "Inf"},
		{json.Number("x"), "number"},
		{json.Number("{}"), "number"},
		{make(chan int), "chan"},
		{map[string]any{"f": func() {}}, "func"},
		{cycle, "cycle"},
		{json.RawMessage(`{`), "unexpected EOF"},
		{json.RawMessage(``), "unexpected EOF"},
		{eleven, "more than 10 []byte values"},
		{[]any{[]byte{}, map[string]any{"_placeholder": true, "num": 0}}, "placeholder"},
		{[]any{[]byte{}, json.RawMessage(`{"_placeholder":true,"num":7}`)}, "illegal attachments"},
	} {
		data, buffers, err := protocol.EncodeArgs("e", tt.arg)
		if err == nil || !strings.Contains(err.Error(), tt.reason) || data != nil || buffers != nil {
			t.Errorf("EncodeArgs(%T) = %s, %v, %v; want %q", tt.arg, data, buffers, err, tt.reason)
		}
	}
	// what an encoder keeps for its next call is clean
	if data, buffers, err := protocol.EncodeArgs("e"); err != nil || string(data) != `["e"]` || buffers != nil {
		t.Errorf("after errors: %s, %v, %v", data, buffers, err)
	}
}

func TestDecodeArg(t *testing.T) {
	buffers := [][]byte{{1}, {2, 3}, {}}
	number := 5
	for _, tt := range []struct {
		arg  string
		into any // a pointer to the target
		want any // what it points to afterwards
	}{
		{`"a\n"`, new(string), "a\n"},
		{`"ü"`, new(string), "ü"},
		{`"\ud800"`, new(string), "\xed\xa0\x80"},
		{`null`, new(string), ""},
		{`true`, new(bool), true},
		{`-12`, new(int), -12},
		{`12`, new(uint8), uint8(12)},
		{`1e3`, new(float64), 1000.0},
		{`[1,2]`, new([]int), []int{1, 2}},
		{`"1970-01-01T00:00:00Z"`, new(time.Time), time.Unix(0, 0).UTC()},
		{`{"a":` + slot(1) + `}`, new(json.RawMessage), json.RawMessage(`{"a":` + slot(1) + `}`)},
		{`"YQ=="`, new(named), named("a")},
		{`7`, &number, 7},
		{`1e999`, new(json.Number), json.Number("1e999")},
		{`["12",null,0]`, new([]json.Number), []json.Number{"12", "", "0"}},

		{slot(1), new([]byte), []byte{2, 3}},
		{slot(2), new([]byte), []byte{}},
		{`null`, new([]byte), []byte(nil)},
		{slot(0), new(any), []byte{1}},
		{slot(0), new(*[]byte), &[]byte{1}},
		{`[` + slot(0) + `,` + slot(0) + `]`, new([][]byte), [][]byte{{1}, {1}}},
		{`{"a":` + slot(1) + `,"b":null}`, new(map[string][]byte), map[string][]byte{"a": {2, 3}, "b": nil}},
		{`{"a":[` + slot(1) + `,1,"x",null,true,{}]}`, new(map[string]any), map[string]any{"a": []any{[]byte{2, 3}, 1.0, "x", nil, true, map[string]any{}}}},
		{` [ {"num":2,"x":1,"_placeholder":true} , [ ] ] `, new(any), []any{[]byte{}, []any{}}},
		{`{"_placeholder":false,"num":9}`, new(any), map[string]any{"_placeholder": false, "num": 9.0}},
		{
			`{"NAME":"n","bytes":` + slot(0) + `,"more":{"m":` + slot(1) + `},"any":{"x":` + slot(2) + `},"inner":null,"unknown":` + slot(1) + `}`,
			new(file),
			file{Name: "n", Bytes: []byte{1}, More: map[string][]byte{"m": {2, 3}}, Any: map[string]any{"x": []byte{}}, Embedded: &Embedded{}},
		},
	} {
		err := protocol.DecodeArg([]byte(tt.arg), buffers, tt.into)
		got := reflect.ValueOf(tt.into).Elem().Interface()
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("DecodeArg(%s, %T) = %#v, %v; want %#v", tt.arg, tt.into, got, err, tt.want)
		}
	}
}

func TestDecodeArgRefuses(t *testing.T) {
	buffers := [][]byte{{1}}
	long := strings.Repeat("x", 1000)
	for _, tt := range []struct {
		arg    string
		into   any
		reason string
	}{
		{`"AQ=="`, new([]byte), "a string, not an attachment"},
		{`[1,2]`, new([]byte), "an array, not an attachment"},
		{`1`, new([]byte), "a number, not an attachment"},
		{`true`, new([]byte), "a boolean, not an attachment"},
		{`{}`, new([]byte), "an object, not an attachment"},
		{`{"bytes":"AQ=="}`, new(file), `a string, not an attachment, within "/bytes"`},
		{`[null,false]`, new([][]byte), `a boolean, not an attachment, within "/1"`},
		{slot(1), new([]byte), "illegal attachments"},
		{slot(1), new(any), "illegal attachments"},
		{`{"any":[` + slot(1) + `]}`, new(file), "illegal attachments"},
		{`{"_placeholder":true,"num":"0"}`, new(any), "illegal attachments"},
		{slot(0), new(string), "string"},
		{slot(0), new(named), "named"},
		{`1.5`, new(int), "int"},
		{`99999999999999999999`, new(int), "int"},
		{`-1`, new(uint), "uint"},
		{`1e999`, new(float64), "float64"},
		{`1e999`, new(any), "float64"},
		{`"x"`, new(bool), "bool"},
		{`"` + long + `"`, new(time.Time), "parsing time"},
		{`{"` + long + `":1}`, new(map[string]string), "string"},
		{`"x"`, new(json.Number), "number"},
		{`{}`, new(json.Number), "number"},
		{`1`, nil, "nil"},
		{`1`, 5, "pointer"},
		{`"x"`, (*string)(nil), "nil"},
		{`true`, (*bool)(nil), "nil"},
		{`1`, (*int)(nil), "nil"},
		{`1`, (*float64)(nil), "nil"},
		{`1`, (*any)(nil), "nil"},
		{slot(0), (*[]byte)(nil), "nil"},
		{``, new(string), "EOF"},
		{`0x1p-2`, new(float64), "invalid character"},
		{`[`, new(any), "EOF"},
	} {
		err := protocol.DecodeArg([]byte(tt.arg), buffers, tt.into)
		if err == nil || !strings.Contains(err.Error(), tt.reason) || len(err.Error()) > 200 {
			t.Errorf("DecodeArg(%.80s, %T): %v; want %q", tt.arg, tt.into, err, tt.reason)
			continue
		}
		if illegal := tt.reason == "illegal attachments"; errors.Is(err, protocol.ErrMalformed) != illegal {
			t.Errorf("DecodeArg(%.80s, %T): %v is malformed: %t", tt.arg, tt.into, err, !illegal)
		}
	}
}

func TestDecodeArgWithoutBuffers(t *testing.T) {
	var v any
	if err := protocol.DecodeArg([]byte(slot(0)), nil, &v); err != nil || !reflect.DeepEqual(v, map[string]any{"_placeholder": true, "num": 0.0}) {
		t.Errorf("into any: %v, %v", v, err)
	}
	var b []byte
	if err := protocol.DecodeArg([]byte(slot(0)), nil, &b); err == nil {
		t.Errorf("into []byte: %v", b)
	}
}

func TestDecodeArgIntoPointerInsideAny(t *testing.T) {
	target := new(chatMessage)
	var v any = target
	if err := protocol.DecodeArg([]byte(`{"room":"r"}`), nil, &v); err != nil || target.Room != "r" {
		t.Errorf("got %+v, %v", v, err)
	}
}

func TestDecodedAttachmentsCannotGrowIntoEachOther(t *testing.T) {
	whole := []byte{1, 2}
	var b []byte
	if err := protocol.DecodeArg([]byte(slot(0)), [][]byte{whole[:1]}, &b); err != nil {
		t.Fatal(err)
	}
	_ = append(b, 9)
	if !bytes.Equal(whole, []byte{1, 2}) {
		t.Errorf("overwrote the neighbour: %v", whole)
	}
}

func TestArgsRoundTrip(t *testing.T) {
	in := file{Name: "<ü>", Bytes: []byte{0, 255}, Any: []any{"x", []byte("y"), 1.5, nil}, Embedded: &Embedded{[]byte("z")}}
	data, buffers, err := protocol.EncodeArgs("e", in, []byte("w"))
	if err != nil {
		t.Fatal(err)
	}
	messages, err := protocol.Packet{Type: protocol.Event, ID: 3, Data: data, Buffers: buffers}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	received, err := protocol.DecodePayload(protocol.AppendPayload(nil, messages...))
	if err != nil {
		t.Fatal(err)
	}
	p, err := protocol.Decode(received[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range received[1:] {
		if err := p.Add(m.Data); err != nil {
			t.Fatal(err)
		}
	}
	args, err := p.Args()
	if err != nil || len(args) != 3 || !p.Complete() {
		t.Fatal(args, err)
	}
	out, last := file{Embedded: &Embedded{}}, []byte(nil)
	if err := errors.Join(protocol.DecodeArg(args[1], p.Buffers, &out), protocol.DecodeArg(args[2], p.Buffers, &last)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(in, out) || string(last) != "w" {
		t.Errorf("sent %+v, received %+v and %q", in, out, last)
	}
}

func ExampleEncodeArgs() {
	type photo struct {
		Title string `json:"title"`
		JPEG  []byte `json:"jpeg"`
	}
	data, buffers, err := protocol.EncodeArgs("photo", 1, photo{"<sea>", []byte{0xff, 0xd8}})
	fmt.Printf("%s\n%x %v\n", data, buffers, err)
	// Output:
	// ["photo",1,{"title":"<sea>","jpeg":{"_placeholder":true,"num":0}}]
	// [ffd8] <nil>
}

func ExampleDecodeArg() {
	var photo struct {
		Title string `json:"title"`
		JPEG  []byte `json:"jpeg"`
	}
	arg := []byte(`{"title":"sea","jpeg":{"_placeholder":true,"num":0}}`)
	err := protocol.DecodeArg(arg, [][]byte{{0xff, 0xd8}}, &photo)
	fmt.Printf("%s %x %v\n", photo.Title, photo.JPEG, err)

	err = protocol.DecodeArg([]byte(`"text"`), nil, &photo.JPEG)
	fmt.Println(err != nil)
	// Output:
	// sea ffd8 <nil>
	// true
}

// An event that is left as JSON takes memory for the list of its arguments, and its handler's own copy of one.
func TestJSONLeftAsItIsTakesThreeAllocations(t *testing.T) {
	frame := []byte(`42["said",{"room":"lobby","text":"hello","at":1700000000},[1,"two"]]`)
	n := testing.AllocsPerRun(100, func() {
		engine, err := protocol.DecodeEngine(frame)
		if err != nil {
			t.Fatal(err)
		}
		p, err := protocol.Decode(engine.Data)
		if err != nil {
			t.Fatal(err)
		}
		args, err := p.Args()
		if err != nil || p.EventName() != "said" {
			t.Fatal(args, err)
		}
		var raw json.RawMessage
		if err := protocol.DecodeArg(args[1], nil, &raw); err != nil || len(raw) != len(args[1]) {
			t.Fatal(err)
		}
	})
	if n > 3 {
		t.Errorf("%.0f allocations", n)
	}
}

// Names of events are kept for the next one, each in one of 256 places.
func TestEventNamesAreNotMixedUp(t *testing.T) {
	for i := range 4000 {
		i %= 2000
		p, err := protocol.Decode(fmt.Appendf(nil, `2["event%d"]`, i))
		if name := fmt.Sprint("event", i); err != nil || p.EventName() != name {
			t.Fatalf("%s is %s, %v", name, p.EventName(), err)
		}
	}
}

// What handlers ask for and answer most takes memory for what it is, and for nothing beside it.
func TestAllocationsOfPlainValues(t *testing.T) {
	object, list, structs := []byte(`{"room":"lobby","text":"hello","at":1700000000}`), []byte(`[true,"two",null]`), []byte(`[{"room":"a"},{"room":"b"}]`)
	var message, values, said any = chatMessage{"lobby", "hello", 1700000000}, map[string]any{"b": "x", "a": []any{1.5, map[string]any{"c": true}}}, "said"
	for _, tt := range []struct {
		name string
		most float64 // the target, or the text, is one
		do   func() error
	}{
		{"decode a struct", 3, func() error { return protocol.DecodeArg(object, nil, new(chatMessage)) }},
		{"decode a list of structs", 4, func() error { return protocol.DecodeArg(structs, nil, new([]chatMessage)) }},
		{"decode an any", 11, func() error { return protocol.DecodeArg(object, nil, new(any)) }},
		{"decode a map", 11, func() error { return protocol.DecodeArg(object, nil, new(map[string]any)) }},
		{"decode a list", 5, func() error { return protocol.DecodeArg(list, nil, new([]any)) }},
		{"decode JSON", 2, func() error { return protocol.DecodeArg(object, nil, new(json.RawMessage)) }},
		{"decode without attachments", 3, func() error { return protocol.DecodeJSON(object, new(chatMessage)) }},
		{"encode a struct", 1, func() error { return encode(said, message) }},
		{"encode a map", 1, func() error { return encode(said, values) }},
	} {
		n := math.Inf(1)
		for range 30 { // a pool forgets now and then
			n = min(n, testing.AllocsPerRun(1, func() {
				if err := tt.do(); err != nil {
					t.Fatal(err)
				}
			}))
		}
		if n > tt.most {
			t.Errorf("%s: %.0f allocations", tt.name, n)
		}
	}
}

func encode(args ...any) error {
	_, _, err := protocol.EncodeArgs(args...)
	return err
}

// What comes again takes no more memory: a client may send one name as often as fits into a message.
func TestMembersThatComeAgainTakeNoMemory(t *testing.T) {
	arg := []byte(`{"1":1,"2":2,"3":3,"4":4,"5":5,"6":6,"7":7,"8":8` + strings.Repeat(`,"a":null`, 100_000) + `}`)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var v any
	if err := protocol.DecodeArg(arg, nil, &v); err != nil || len(v.(map[string]any)) != 9 {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 100_000 {
		t.Errorf("%d bytes for 9 members", n)
	}
}
