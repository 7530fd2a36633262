package protocol_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/dozeio/doze/pkg/protocol"
)

func FuzzDecodeEngine(f *testing.F) {
	for _, s := range []string{"", "0{}", "1", "2probe", "4hello", "bAQIDBA==", "b", "b====", "7"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := protocol.DecodeEngine(data)
		if err != nil {
			wantMalformed(t, err)
			return
		}
		again, err := protocol.DecodeEngine(p.Append(nil))
		if err != nil || !equalEngine(again, p) {
			t.Errorf("%q: %v, then %v, %v", data, p, again, err)
		}
		if !p.Binary && !bytes.Equal(p.Append(nil), data) {
			t.Errorf("%q became %q", data, p.Append(nil))
		}
	})
}

func FuzzDecodePayload(f *testing.F) {
	for _, s := range []string{"", "\x1e", "4a\x1e4b\x1ebAQID", "6\x1e1", "2\x1e\x1e2", "40{}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		packets, err := protocol.DecodePayload(data)
		if err != nil {
			wantMalformed(t, err)
			return
		}
		again, err := protocol.DecodePayload(protocol.AppendPayload(nil, packets...))
		if err != nil || len(again) != len(packets) {
			t.Fatalf("%q: %d packets, then %d, %v", data, len(packets), len(again), err)
		}
		for i := range again {
			if !equalEngine(again[i], packets[i]) {
				t.Errorf("%q: packet %d was %v, then %v", data, i, packets[i], again[i])
			}
		}
	})
}

// Whatever Decode accepts can be encoded, decodes to the same packet then, and
// encodes to the same text from there on; its arguments are sound.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`0{"token":"123"}`, `0/custom,{"sid":"a"}`, `4/random,{"message":"m"}`, `2["e",1]`, `212["e"]`, `312["r"]`,
		`52-789["e",` + two + `]`, `62-789[` + two + `]`, `1`, `1/custom,`, `50-["e"]`, `2["e",{"a":[1.5e-3,"\u00fc\ud83d"]} ]`,
		`51-["e",{"_placeholder":true,"num":"0"}]`, `2[1]`, `2/,0["e"]`, `2["\u0063onnect"]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := protocol.Decode(data)
		if err != nil {
			wantMalformed(t, err)
			return
		}
		if len(p.Data) > 0 && !json.Valid(p.Data) {
			t.Errorf("%q: accepted invalid JSON %q", data, p.Data)
		}
		for !p.Complete() {
			if err := p.Add([]byte("attachment")); err != nil {
				t.Fatal(err)
			}
		}
		checkArgs(t, p)

		first, err := p.Encode()
		if err != nil {
			t.Fatalf("%q: cannot encode %+v: %v", data, p, err)
		}
		again, err := protocol.Decode(first[0].Data)
		if err != nil {
			t.Fatalf("%q became %q: %v", data, first[0].Data, err)
		}
		again.Buffers = p.Buffers
		if !reflect.DeepEqual(p, again) {
			t.Errorf("%q: %+v, then %+v", data, p, again)
		}
		second, err := again.Encode()
		if err != nil || !reflect.DeepEqual(first, second) {
			t.Errorf("%q: %v, then %v, %v", data, first, second, err)
		}
	})
}

func checkArgs(t *testing.T, p protocol.Packet) {
	t.Helper()
	args, err := p.Args()
	if err != nil && !errors.Is(err, protocol.ErrMalformed) && len(p.Data) > 2000 { // nested too deep
		return
	}
	if (err != nil) != (len(p.Data) == 0 || p.Data[0] != '[') {
		t.Errorf("Args of %+v: %v", p, err)
	}
	var want []json.RawMessage
	if err == nil && (json.Unmarshal(p.Data, &want) != nil || len(want) != len(args)) {
		t.Errorf("Args of %s: %s", p.Data, args)
	}
	for i, arg := range args {
		if !bytes.Equal(arg, want[i]) {
			t.Errorf("Args of %s: %s", p.Data, args)
		}
		var v any
		if err := protocol.DecodeArg(arg, p.Buffers, &v); err != nil && json.Unmarshal(arg, &v) == nil {
			t.Errorf("DecodeArg(%s): %v", arg, err)
		}
	}
	if p.Type != protocol.Event && p.Type != protocol.BinaryEvent {
		return
	}
	var name string
	if json.Unmarshal(args[0], &name) == nil && !loneSurrogate.Match(args[0]) && (p.EventName() != name || protocol.ReservedEvent(name)) {
		t.Errorf("name of %s is %q", p.Data, p.EventName())
	}
}

// Without attachments, DecodeArg agrees with encoding/json on every target that
// is not binary, but for lone surrogates, and for integers that are written
// otherwise.
func FuzzDecodeArg(f *testing.F) {
	for _, s := range []string{
		`"a"`, `1`, `-0.5e3`, `true`, `null`, slot(0), slot(1), `{"name":"n","bytes":` + slot(1) + `,"any":[` + slot(0) + `]}`,
		`[{"_placeholder":true,"num":0,"num":1}]`, `{"a":{"b":[[],{}]}}`, `"\ud800\u00fc"`, `1e999`, `0x1`, ``,
		`{"\u005fplaceholder":true,"num":0}`, `{"a":1,"a":2}`,
	} {
		f.Add([]byte(s))
	}
	buffers := [][]byte{{1}, {2, 3}}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !utf8.Valid(data) {
			return
		}
		for _, target := range []func() any{
			func() any { return new(string) },
			func() any { return new(bool) },
			func() any { return new(int) },
			func() any { return new(float64) },
			func() any { return new(any) },
			func() any { return new([]any) },
			func() any { return new(map[string]string) },
			func() any { return new(chatMessage) },
			func() any { return new(json.RawMessage) },
		} {
			got, want := target(), target()
			if loneSurrogate.Match(data) {
				continue
			}
			err, wantErr := protocol.DecodeArg(data, nil, got), json.Unmarshal(data, want)
			if n, ok := got.(*int); ok && wantErr != nil && err == nil {
				r, ok := new(big.Rat).SetString(strings.TrimSpace(string(data)))
				if !ok || !r.IsInt() || !r.Num().IsInt64() || r.Num().Int64() != int64(*n) {
					t.Errorf("DecodeArg(%q) = %d", data, *n)
				}
				continue
			}
			if (err == nil) != (wantErr == nil) || err == nil && !reflect.DeepEqual(got, want) {
				t.Errorf("DecodeArg(%q, %T) = %+v, %v; encoding/json: %+v, %v", data, got, got, err, want, wantErr)
			}
		}
		var (
			v any
			x file
			b []byte
		)
		if err := protocol.DecodeArg(data, buffers, &v); err == nil {
			if _, _, err := protocol.EncodeArgs(v); err != nil && countBytes(v) <= 10 {
				t.Errorf("cannot encode %#v: %v", v, err)
			}
		}
		if err := protocol.DecodeArg(data, buffers, &b); err == nil && b != nil && !bytes.Equal(b, buffers[0]) && !bytes.Equal(b, buffers[1]) {
			t.Errorf("%q decodes to %v", data, b)
		}
		_ = protocol.DecodeArg(data, buffers, &x)
	})
}

var loneSurrogate = regexp.MustCompile(`(?i)\\u(d[89a-f])`)

// FuzzSurrogates sends any UTF-16 through strings and back.
func FuzzSurrogates(f *testing.F) {
	for _, s := range []string{"\xd8\x3d", "\xd8\x3d\xde\x00", "\xde\x00\xd8\x3d", "\x00\x5c\xd8\x3d\x00\x22\xdf\xff", "\x00a\xd8\x00\xd8\x00\xdc\x00\xdc\x00\xff\xfd"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var units []uint16
		var text strings.Builder
		for ; len(data) >= 2; data = data[2:] {
			units = append(units, uint16(data[0])<<8|uint16(data[1]))
			fmt.Fprintf(&text, `\u%04X`, units[len(units)-1])
		}
		quoted := `"` + text.String() + `"`
		var s string
		var all struct {
			S    named16
			Any  any
			Keys map[string]json.RawMessage
			List []string
		}
		arg := `{"S":` + quoted + `,"Any":{` + quoted + `:[` + quoted + `]},"Keys":{` + quoted + `:` + quoted + `},"List":[` + quoted + `]}`
		if err := errors.Join(protocol.DecodeArg([]byte(quoted), nil, &s), protocol.DecodeArg([]byte(arg), nil, &all)); err != nil {
			t.Fatal(err)
		}
		if string(all.S) != s || all.List[0] != s || !reflect.DeepEqual(all.Any, map[string]any{s: []any{s}}) || string(all.Keys[s]) != quoted {
			t.Errorf("%s: decoded %q and %+q", quoted, s, all)
		}
		encoded, _, err := protocol.EncodeArgs(s, all, all.Any, all.Keys)
		if err != nil || !utf8.Valid(encoded) {
			t.Fatalf("%s: encoded %q, %v", quoted, encoded, err)
		}
		want := fmt.Sprint(units)
		var n int
		for text := range stringsOf(encoded) {
			if fmt.Sprint(unitsOf(t, text)) == want {
				n++
			}
		}
		if n < 9 {
			t.Errorf("%s became %s", quoted, encoded)
		}
	})
}

type named16 string

// stringsOf yields the strings of a JSON text, quotes and escapes included.
func stringsOf(text []byte) func(func(string) bool) {
	return func(yield func(string) bool) {
		for len(text) > 0 {
			i := bytes.IndexByte(text, '"')
			if i < 0 {
				return
			}
			end := i + 1
			for ; text[end] != '"'; end++ {
				if text[end] == '\\' {
					end++
				}
			}
			if !yield(string(text[i : end+1])) {
				return
			}
			text = text[end+1:]
		}
	}
}

// unitsOf returns the UTF-16 of a JSON string, as JSON.parse would have it.
func unitsOf(t *testing.T, quoted string) (units []uint16) {
	for rest := quoted[1 : len(quoted)-1]; rest != ""; {
		if n, err := strconv.ParseUint(rest[min(2, len(rest)):min(6, len(rest))], 16, 16); rest[0] == '\\' && rest[1] == 'u' {
			if err != nil {
				t.Fatal(err)
			}
			units, rest = append(units, uint16(n)), rest[6:]
			continue
		}
		size := 2
		if rest[0] != '\\' {
			_, size = utf8.DecodeRuneInString(rest)
		}
		var s string
		if err := json.Unmarshal([]byte(`"`+rest[:size]+`"`), &s); err != nil {
			t.Fatal(err)
		}
		units, rest = append(units, utf16.Encode([]rune(s))...), rest[size:]
	}
	return units
}

func countBytes(v any) (n int) {
	switch v := v.(type) {
	case []byte:
		n = 1
	case []any:
		for _, e := range v {
			n += countBytes(e)
		}
	case map[string]any:
		for _, e := range v {
			n += countBytes(e)
		}
	}
	return n
}

func wantMalformed(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, protocol.ErrMalformed) || len(err.Error()) > 120 {
		t.Errorf("error is %v", err)
	}
}
