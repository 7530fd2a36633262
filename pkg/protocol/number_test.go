package protocol_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/protocol"
)

type level int16

// roman is an integer that decodes itself.
type roman int

func (r *roman) UnmarshalJSON(text []byte) error { *r = roman(len(text)); return nil }

type reading struct {
	N     int            `json:"n"`
	Level *level         `json:"level"`
	List  []uint16       `json:"list"`
	Array [2]int64       `json:"array"`
	Map   map[string]int `json:"map"`
	Inner struct {
		At int64 `json:"at"`
	} `json:"inner"`
	Quoted int             `json:"quoted,string"`
	Raw    json.RawMessage `json:"raw"`
	Number json.Number     `json:"number"`
	Any    any             `json:"any"`
	Roman  roman           `json:"roman"`
	Float  float64         `json:"float"`
}

// Clients whose language keeps all numbers as doubles write integers as such.
func TestIntegersAreThoseOfJSON(t *testing.T) {
	two := level(2)
	for _, tt := range []struct {
		arg  string
		want any
	}{
		{`5.0`, 5},
		{`5e0`, 5},
		{`5E+00`, 5},
		{`50e-1`, 5},
		{`0.05e2`, 5},
		{`5.000000000000000000000000000000`, 5},
		{`-5.0`, -5},
		{`-0`, 0},
		{`-0.0`, 0},
		{`0e999999999999999999999`, 0},
		{`0.0e-999999999999999999999`, 0},
		{`9223372036854775807.0`, math.MaxInt64},
		{`-9223372036854775808.0`, math.MinInt64},
		{`9007199254740993.0`, 9007199254740993}, // as it is written, although a double has no such number
		{`127.0`, int8(127)},
		{`-128.0`, int8(-128)},
		{`1e2`, int16(100)},
		{`1e5`, int32(100000)},
		{`1e18`, int64(1e18)},
		{`-0`, uint(0)},
		{`-0.0`, uint8(0)},
		{`255.0`, uint8(255)},
		{`1.8446744073709551615e19`, uint64(math.MaxUint64)},
		{`7.0`, level(7)},
		{`2.0`, &two},
		{`[1.0,2]`, []int{1, 2}},
		{`{"a":1.0}`, map[string]uint{"a": 1}},
		{`{"a":[{"N":3.0}]}`, map[string][]struct{ N int }{"a": {{3}}}},
		{`5.0`, 5.0},
		{`5.0`, float32(5)},
		{`1.0`, any(1.0)},
		{`1.0`, json.RawMessage(`1.0`)},
		{`1.0`, json.Number(`1.0`)},
		{`1.0`, roman(3)},
	} {
		into := reflect.New(reflect.TypeOf(tt.want))
		if err := protocol.DecodeArg([]byte(tt.arg), nil, into.Interface()); err != nil || !reflect.DeepEqual(into.Elem().Interface(), tt.want) {
			t.Errorf("DecodeArg(%s, %T) = %v, %v; want %v", tt.arg, tt.want, into.Elem(), err, tt.want)
		}
	}
	for _, decode := range []func([]byte, any) error{
		func(arg []byte, into any) error { return protocol.DecodeArg(arg, nil, into) },
		protocol.DecodeJSON,
	} {
		var r reading
		err := decode([]byte(`{"n":1.0,"level":2.0,"list":[3.0,4],"array":[5e0,-0],"map":{"a":6.0},"inner":{"at":7.0},"quoted":"8",`+
			`"raw":9.0,"number":10.0,"any":11.0,"roman":12.0,"float":-0.5}`), &r)
		want := reading{1, &two, []uint16{3, 4}, [2]int64{5, 0}, map[string]int{"a": 6}, struct {
			At int64 `json:"at"`
		}{7}, 8, json.RawMessage(`9.0`), "10.0", 11.0, 4, -0.5}
		if err != nil || !reflect.DeepEqual(r, want) {
			t.Errorf("decoded %+v, %v; want %+v", r, err, want)
		}
	}
}

func TestWhatIsNoIntegerIsRefused(t *testing.T) {
	for _, tt := range []struct {
		arg    string
		into   any
		reason string
	}{
		{`5.5`, new(int), "number 5.5 into Go int: not an integer"},
		{`5e-1`, new(int), "not an integer"},
		{`1e-999999999999999999999`, new(int), "not an integer"},
		{`9223372036854775808.0`, new(int), "out of range"},
		{`-9223372036854775809.0`, new(int64), "out of range"},
		{`-18446744073709551615.0`, new(int64), "out of range"},
		{`1e999999999999999999999`, new(int), "out of range"},
		{`1e20`, new(uint64), "out of range"},
		{`128.0`, new(int8), "number 128.0 into Go int8: out of range"},
		{`256.0`, new(uint8), "out of range"},
		{`-1.0`, new(uint), "out of range"},
		{`32768.0`, new(level), "level: out of range"},
		{`[1.0,2.5]`, new([]int), `number 2.5 into Go int within "/1": not an integer`},
		{`{"list":[1.0,"x"]}`, new(reading), "string"},
		{`{"level":2.5}`, new(reading), "not an integer"},
		{`"5.0"`, new(int), "string"},
		{`true`, new(int), "bool"},
		{`5.0`, new(string), "number"},
		{`5.0`, new(bool), "number"},
	} {
		if err := protocol.DecodeArg([]byte(tt.arg), nil, tt.into); err == nil || !strings.Contains(err.Error(), tt.reason) {
			t.Errorf("DecodeArg(%s, %T): %v; want %q", tt.arg, tt.into, err, tt.reason)
		}
	}
}

func ExampleDecodeJSON() {
	var auth struct {
		Room  int    `json:"room"`
		Token []byte `json:"token"`
	}
	err := protocol.DecodeJSON([]byte(`{"room":5.0,"token":"3q2+7w=="}`), &auth)
	fmt.Printf("%d %x %v\n", auth.Room, auth.Token, err)
	// Output: 5 deadbeef <nil>
}
