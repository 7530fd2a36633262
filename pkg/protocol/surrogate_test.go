package protocol_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/dozeio/doze/pkg/protocol"
)

type nick string

// upper is a string that encodes and decodes itself.
type upper string

func (u upper) MarshalJSON() ([]byte, error)     { return []byte(`"u"`), nil }
func (u *upper) UnmarshalJSON(text []byte) error { *u = "decoded"; return nil }

// What JavaScript's strings hold and UTF-8 has no form for comes back as it was, wherever it stands.
func TestLoneSurrogatesComeBack(t *testing.T) {
	const high, low, pair = "\xed\xa0\xbd", "\xed\xb8\x80", "😀"
	for _, tt := range []struct {
		arg  string
		want any
	}{
		{`"\ud83d"`, high},
		{`"\ude00"`, low},
		{`"\ude00\ud83d"`, low + high},
		{`"a\ud83db"`, "a" + high + "b"},
		{`"\ud83d\n"`, high + "\n"},
		{`"\ud83d\ud83d"`, high + high},
		{`"\ud83d😀"`, high + pair},
		{`"\ud83d\ufffd"`, high + "\ufffd"},
		{`"\\ud83d"`, `\ud83d`},
		{`"\ud83d"`, nick(high)},
		{`["\ud83d"]`, []string{high}},
		{`["\ud83d"]`, []nick{nick(high)}},
		{`["\ud83d"]`, []any{high}},
		{`"\ud83d"`, any(high)},
		{`{"\ud83d":1,"\ud83e":2}`, any(map[string]any{high: 1.0, "\xed\xa0\xbe": 2.0})},
		{`{"\ud83d":1,"\ud83e":2}`, map[string]int{high: 1, "\xed\xa0\xbe": 2}},
		{`{"\ud83d":1,"\ud83e":2}`, map[nick]int{nick(high): 1, "\xed\xa0\xbe": 2}},
		{`{"b":"\ud83d","\ud83d":{"a":["\ude00"]}}`, map[string]any{"b": high, high: map[string]any{"a": []any{low}}}},
		{`{"S":"\ud83d","N":5.0,"R":"\ud83d","B":null,"U":"x"}`, mixed{S: high, N: 5, R: json.RawMessage(`"\ud83d"`), U: "decoded"}},
		{`"\ud83d"`, json.RawMessage(`"\ud83d"`)},
		{`[{"\ud83d":"\ud83d"}]`, []json.RawMessage{json.RawMessage(`{"\ud83d":"\ud83d"}`)}},
	} {
		into := reflect.New(reflect.TypeOf(tt.want))
		if err := protocol.DecodeArg([]byte(tt.arg), nil, into.Interface()); err != nil || !reflect.DeepEqual(into.Elem().Interface(), tt.want) {
			t.Errorf("DecodeArg(%s, %T) = %+q, %v; want %+q", tt.arg, tt.want, into.Elem(), err, tt.want)
		}
		data, buffers, err := protocol.EncodeArgs(tt.want, []byte{1})
		want := `[` + tt.arg + `,` + slot(0) + `]`
		switch tt.want.(type) {
		case mixed:
			want = `[{"S":"\ud83d","N":5,"R":"\ud83d","B":null,"U":"u"},` + slot(0) + `]`
		case string:
			if tt.want == high+"\ufffd" {
				want = `["\ud83d` + "\ufffd" + `",` + slot(0) + `]`
			}
		}
		if err != nil || string(data) != want || len(buffers) != 1 {
			t.Errorf("EncodeArgs(%+q) = %s, %d buffers, %v; want %s", tt.want, data, len(buffers), err, want)
		}
	}
}

type mixed struct {
	S string
	N int
	R json.RawMessage
	B []byte
	U upper
}

// A second try must not keep the attachments of the first.
func TestAttachmentsBesideLoneSurrogates(t *testing.T) {
	v := map[string]any{"b": []byte{1}, "s": "\xed\xa0\xbd", "z": [][]byte{{2}, {3}}}
	data, buffers, err := protocol.EncodeArgs(v)
	want := `[{"b":` + slot(0) + `,"s":"\ud83d","z":[` + slot(1) + `,` + slot(2) + `]}]`
	if err != nil || string(data) != want || !reflect.DeepEqual(buffers, [][]byte{{1}, {2}, {3}}) {
		t.Errorf("encoded %s, %v, %v", data, buffers, err)
	}
	var back any
	arg := data[1 : len(data)-1]
	if err := protocol.DecodeArg(arg, buffers, &back); err != nil || !reflect.DeepEqual(back, any(map[string]any{"b": []byte{1}, "s": "\xed\xa0\xbd", "z": []any{[]byte{2}, []byte{3}}})) {
		t.Errorf("decoded %+q, %v", back, err)
	}
}

func TestOtherInvalidTextIsReplaced(t *testing.T) {
	for s, want := range map[string]string{
		"\xff":             `["�","�"]`,
		"\xed":             `["�","�"]`,
		"\xed\xa0":         `["��","��"]`,
		"\xed\xa0\xbd\xff": `["\ud83d�","\ud83d�"]`,
		"\ufffd":           `["�","�"]`,
	} {
		if data, _, err := protocol.EncodeArgs(s, nick(s)); err != nil || string(data) != want {
			t.Errorf("EncodeArgs(%+q) = %s, %v; want %s", s, data, err, want)
		}
	}
}

func TestJSONKeepsLoneSurrogates(t *testing.T) {
	type person struct {
		Nick string         `json:"nick"`
		Seen map[string]any `json:"seen"`
		Key  []byte         `json:"key"`
	}
	in := person{"\xed\xa0\xbd", map[string]any{"\xed\xa0\xbe": []any{"\xed\xb8\x80"}}, []byte{0xde, 0xad}}
	text, err := protocol.EncodeJSON(in)
	if want := `{"nick":"\ud83d","seen":{"\ud83e":["\ude00"]},"key":"3q0="}`; err != nil || string(text) != want {
		t.Errorf("encoded %s, %v; want %s", text, err, want)
	}
	var out person
	if err := protocol.DecodeJSON(text, &out); err != nil || !reflect.DeepEqual(in, out) {
		t.Errorf("decoded %+q, %v", out, err)
	}
}

func ExampleEncodeJSON() {
	text, err := protocol.EncodeJSON(map[string]any{"nick": "<\xed\xa0\xbd>", "key": []byte{0xde, 0xad}})
	fmt.Println(string(text), err)
	// Output: {"key":"3q0=","nick":"<\ud83d>"} <nil>
}
