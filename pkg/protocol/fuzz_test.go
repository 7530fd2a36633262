package protocol_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
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
	if json.Unmarshal(args[0], &name) == nil && (p.EventName() != name || protocol.ReservedEvent(name)) {
		t.Errorf("name of %s is %q", p.Data, p.EventName())
	}
}

// Without attachments, DecodeArg agrees with encoding/json on every target that
// is not binary.
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
			err, wantErr := protocol.DecodeArg(data, nil, got), json.Unmarshal(data, want)
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
