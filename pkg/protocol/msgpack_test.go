package protocol_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"github.com/dozeio/doze/pkg/protocol"
)

// msgpackMap returns a map of members, each of which is a key and the bytes of its value.
func msgpackMap(members ...string) []byte {
	b := msgp.AppendMapHeader(nil, uint32(len(members)/2))
	for i, m := range members {
		if i%2 == 0 {
			b = msgp.AppendString(b, m)
		} else {
			b = append(b, m...)
		}
	}
	return b
}

// msgpackEvent returns an event that has values after its name "e".
func msgpackEvent(values ...string) []byte {
	data := string(msgp.AppendString(msgp.AppendArrayHeader(nil, uint32(1+len(values))), "e")) + strings.Join(values, "")
	return msgpackMap("type", "\x02", "nsp", "\xa1/", "data", data)
}

// The message that the README of socket.io-msgpack-parser shows.
func TestMsgPackExample(t *testing.T) {
	message, _ := hex.DecodeString("83a47479706502a36e7370a12fa46461746192a568656c6c6fa3796f75")
	p, err := protocol.DecodeMsgPack(message)
	want := packet(protocol.Event, "/", protocol.NoID, `["hello","you"]`)
	if err != nil || !reflect.DeepEqual(p, want) {
		t.Errorf("%+v, %v", p, err)
	}
	m, err := p.EncodeMsgPack()
	if err != nil || !m.Binary || m.Type != protocol.EngineMessage || !bytes.Equal(m.Data, message) {
		t.Errorf("%x, %v", m.Data, err)
	}
}

func TestDecodeMsgPackValues(t *testing.T) {
	double := func(f float64) string { return string(msgp.AppendFloat64(nil, f)) }
	for value, want := range map[string]string{
		"\x00": `0`, "\x7f": `127`, "\xe0": `-32`, "\xcc\xff": `255`, "\xd1\x80\x00": `-32768`,
		"\xcf\xff\xff\xff\xff\xff\xff\xff\xff": `18446744073709551615`, "\xd3\x80\x00\x00\x00\x00\x00\x00\x00": `-9223372036854775808`,
		double(5): `5`, double(0.1): `0.1`, double(1e21): `1e+21`, double(-1e-7): `-1e-7`, "\xca\x3f\x80\x00\x00": `1`,
		double(math.NaN()): `null`, double(math.Inf(-1)): `null`, double(math.MaxFloat64): `1.7976931348623157e+308`,
		"\xc0": `null`, "\xc2": `false`, "\xc3": `true`,
		"\xa0": `""`, "\xa3a\"\n": `"a\"\n"`, "\xd9\x02\xc3\xbc": `"ü"`, "\xa2\xff\x1e": "\"\uFFFD\\u001e\"", "\xa3\xed\xa0\xbd": `"\ud83d"`,
		"\x90": `[]`, "\x80": `{}`, "\x92\x01\x91\x90": `[1,[[]]]`, "\x82\xa1a\x01\xa1b\x81\xa1c\xc0": `{"a":1,"b":{"c":null}}`,
		"\xdc\x00\x01\x02": `[2]`, "\xdf\x00\x00\x00\x01\xa1a\x90": `{"a":[]}`,
		// keys that are no text
		"\x81\x01\x02": `{"1":2}`, "\x81\xff\x02": `{"-1":2}`, "\x81\xc3\x02": `{"true":2}`, "\x81\xc0\x02": `{"null":2}`,
		"\x81" + double(1.5) + "\x02": `{"1.5":2}`, "\x81" + double(math.NaN()) + "\x02": `{"NaN":2}`,
		"\x81" + double(math.Inf(1)) + "\x02": `{"Infinity":2}`, "\x81" + double(math.Inf(-1)) + "\x02": `{"-Infinity":2}`,
		// undefined, Date, and extensions that are others'
		"\xd4\x00\x00": `null`, "\x92\xd4\x00\x00\x01": `[null,1]`, "\x82\xa1a\xd4\x00\x00\xa1b\x01": `{"b":1}`, "\x82\xa1a\x01\xa1b\xd4\x00\x00": `{"a":1}`,
		"\x81\xa1a\xd4\x00\x00":                          `{}`,
		"\xd7\x00\x00\x00\x01\x8b\xcf\xe5\x68\x01":       `"2023-11-14T22:13:20.001Z"`,
		"\xd7\x00\xff\xff\xff\xff\xff\xff\xff\xff":       `"1969-12-31T23:59:59.999Z"`,
		"\xd7\x00\x00\x1e\xb2\x08\xc2\xdc\x00\x00":       `"+275760-09-13T00:00:00.000Z"`,
		"\xd7\x00\x00\x1e\xb2\x08\xc2\xdc\x00\x01":       `null`,
		"\xd7\x00\xff\xff\xc7\x75\x90\xfb\x9f\xff":       `"-000001-12-31T23:59:59.999Z"`,
		"\x81\xac_placeholder\xc3":                       `{"_placeholder":true}`,
		"\x82\xac_placeholder\xc3\xa3num\x00":            `{"_placeholder":true,"num":0}`,
		"\x91\x81\xac_placeholder\x82\xa1a\xc3\xa1b\x01": `[{"_placeholder":{"a":true,"b":1}}]`,
	} {
		p, err := protocol.DecodeMsgPack(msgpackEvent(value))
		if err != nil || string(p.Data) != `["e",`+want+`]` || p.Buffers != nil {
			t.Errorf("%x: %s, %q, %v; want %s", value, p.Data, p.Buffers, err, want)
		}
	}
}

func TestDecodeMsgPackBinary(t *testing.T) {
	const zero, one = `{"_placeholder":true,"num":0}`, `{"_placeholder":true,"num":1}`
	for value, want := range map[string]protocol.Packet{
		"\xc4\x02\x01\x02":                                  {Data: []byte(zero), Buffers: [][]byte{{1, 2}}},
		"\xc5\x00\x01\xff":                                  {Data: []byte(zero), Buffers: [][]byte{{255}}},
		"\xc6\x00\x00\x00\x00":                              {Data: []byte(zero), Buffers: [][]byte{{}}},
		"\xc7\x02\x00\x01\x02":                              {Data: []byte(zero), Buffers: [][]byte{{1, 2}}}, // an ArrayBuffer
		"\xc8\x00\x01\x00\x07":                              {Data: []byte(zero), Buffers: [][]byte{{7}}},
		"\xc9\x00\x00\x00\x01\x00\x07":                      {Data: []byte(zero), Buffers: [][]byte{{7}}},
		"\x92\xc4\x01\x01\x81\xa1a\xc4\x01\x02":             {Data: []byte(`[` + zero + `,{"a":` + one + `}]`), Buffers: [][]byte{{1}, {2}}},
		"\xd6\xff\x00\x00\x00\x01":                          {Data: []byte(`[-1,` + zero + `]`), Buffers: [][]byte{{0, 0, 0, 1}}}, // msgpack's own time
		"\xd5\x00\x01\x02":                                  {Data: []byte(`[0,` + zero + `]`), Buffers: [][]byte{{1, 2}}},
		"\xc7\x01\x05\x09":                                  {Data: []byte(`[5,` + zero + `]`), Buffers: [][]byte{{9}}},
		"\xd4\x03\x09":                                      {Data: []byte(`[3,` + zero + `]`), Buffers: [][]byte{{9}}},
		"\xd8\x04" + strings.Repeat("\x01", 16):             {Data: []byte(`[4,` + zero + `]`), Buffers: [][]byte{bytes.Repeat([]byte{1}, 16)}},
		"\x92\x81\xac_placeholder\xc2\xc4\x00":              {Data: []byte(`[{"_placeholder":false},` + zero + `]`), Buffers: [][]byte{{}}},
		"\x92\x81\xac_placeholder\x91\xc3\xc4\x00":          {Data: []byte(`[{"_placeholder":[true]},` + zero + `]`), Buffers: [][]byte{{}}},
		"\x9a" + strings.Repeat("\xc4\x01\x00", 10):         {Buffers: make([][]byte, 10)},
		"\x92\x82\xac_placeholder\x80\xa1b\xc3\xc4\x01\x00": {Data: []byte(`[{"_placeholder":{},"b":true},` + zero + `]`), Buffers: [][]byte{{0}}},
	} {
		p, err := protocol.DecodeMsgPack(msgpackEvent(value))
		if err != nil || want.Data != nil && string(p.Data) != `["e",`+string(want.Data)+`]` {
			t.Errorf("%x: %s, %v; want %s", value, p.Data, err, want.Data)
			continue
		}
		if p.Type != protocol.BinaryEvent || p.Attachments != len(want.Buffers) || !p.Complete() || want.Data != nil && !reflect.DeepEqual(p.Buffers, want.Buffers) {
			t.Errorf("%x: %+v", value, p)
		}
	}
	auth := "\x81\xa1k\xc4\x02\x01\x02"
	p, err := protocol.DecodeMsgPack(msgpackMap("data", auth, "nsp", "\xa1/", "type", "\x00"))
	if err != nil || string(p.Data) != `{"k":"AQI="}` || p.Buffers != nil {
		t.Errorf("auth with binary: %s, %q, %v", p.Data, p.Buffers, err)
	}
}

func TestDecodeMsgPackPackets(t *testing.T) {
	const undefined = "\xd4\x00\x00"
	const none = protocol.NoID
	for wire, want := range map[string]protocol.Packet{
		string(msgpackMap("type", "\x00", "nsp", "\xa1/")):                                                                                                   packet(protocol.Connect, "/", none, ``),
		string(msgpackMap("type", "\x00", "data", undefined, "nsp", "\xa1/")):                                                                                packet(protocol.Connect, "/", none, ``), // as the client sends it
		string(msgpackMap("data", "\x81\xa5token\xa1x", "type", "\x00", "nsp", "\xa6/admin")):                                                                packet(protocol.Connect, "/admin", none, `{"token":"x"}`),
		string(msgpackMap("type", "\x01", "nsp", "\xa2/a")):                                                                                                  packet(protocol.Disconnect, "/a", none, ``),
		string(msgpackMap("type", "\x01", "nsp", "\xa2/a", "id", undefined, "data", undefined)):                                                              packet(protocol.Disconnect, "/a", none, ``),
		string(msgpackMap("type", "\x02", "data", "\x91\xa1e", "options", "\x81\xa8compress\xc3", "nsp", "\xa1/", "id", "\x00")):                             packet(protocol.Event, "/", 0, `["e"]`),
		string(msgpackMap("type", "\xcb\x40\x00\x00\x00\x00\x00\x00\x00", "data", "\x91\x01", "nsp", "\xa1/", "id", "\xcb\x40\x14\x00\x00\x00\x00\x00\x00")): packet(protocol.Event, "/", 5, `[1]`),
		string(msgpackMap("type", "\x03", "data", "\x90", "nsp", "\xa1/", "id", "\xce\xff\xff\xff\xff")):                                                     packet(protocol.Ack, "/", math.MaxUint32, `[]`),
		string(msgpackMap("type", "\x04", "data", "\xa1x", "nsp", "\xa1/")):                                                                                  packet(protocol.ConnectError, "/", none, `"x"`),
		string(msgpackMap("type", "\x04", "data", "\x80", "nsp", "\xa1/")):                                                                                   packet(protocol.ConnectError, "/", none, `{}`),
		string(msgpackMap("type", "\x07", "type", "\x02", "data", "\x90", "data", "\x91\xa1e", "nsp", "\xa1/")):                                              packet(protocol.Event, "/", none, `["e"]`), // the last counts
		string(msgpackMap("binary", "\xc4\x01\x00", "type", "\x02", "data", "\x91\xa1e", "nsp", "\xa1/")):                                                    packet(protocol.Event, "/", none, `["e"]`),
	} {
		if p, err := protocol.DecodeMsgPack([]byte(wire)); err != nil || !reflect.DeepEqual(p, want) {
			t.Errorf("%q: %+v, %v; want %+v", wire, p, err, want)
		}
	}
}

func TestDecodeMsgPackRefuses(t *testing.T) {
	const nsp = "\xa1/"
	event := string(msgpackEvent("\x01"))
	for name, wire := range map[string]string{
		"nothing": "", "a text packet": `0`, "text": "\xa1a", "an array": "\x90", "no members": "\x80",
		"cut off": event[:len(event)-1], "behind": event + "\x00", "a map of too many": "\xdf\xff\xff\xff\xff", "an array of too many": string(msgpackEvent("\xdd\xff\xff\xff\xff")),
		"type missing": string(msgpackMap("nsp", nsp, "data", "\x91\xa1e")), "type of the text form": string(msgpackMap("type", "\x05", "nsp", nsp, "data", "\x91\xa1e")),
		"type text": string(msgpackMap("type", "\xa12", "nsp", nsp, "data", "\x91\xa1e")), "type -1": string(msgpackMap("type", "\xff", "nsp", nsp, "data", "\x91\xa1e")),
		"type 1.5": string(msgpackMap("type", "\xca\x3f\xc0\x00\x00", "nsp", nsp)), "type NaN": string(msgpackMap("type", "\xca\x7f\xc0\x00\x00", "nsp", nsp)),
		"namespace missing": string(msgpackMap("type", "\x00")), "namespace null": string(msgpackMap("type", "\x00", "nsp", "\xc0")), "namespace 1": string(msgpackMap("type", "\x00", "nsp", "\x01")),
		"namespace empty": string(msgpackMap("type", "\x00", "nsp", "\xa0")), "namespace without slash": string(msgpackMap("type", "\x00", "nsp", "\xa1a")),
		"namespace with comma": string(msgpackMap("type", "\x00", "nsp", "\xa3/,a")), "namespace with 1e": string(msgpackMap("type", "\x00", "nsp", "\xa2/\x1e")),
		"id null": string(msgpackMap("type", "\x02", "nsp", nsp, "data", "\x91\xa1e", "id", "\xc0")), "id -1": string(msgpackMap("type", "\x02", "nsp", nsp, "data", "\x91\xa1e", "id", "\xff")),
		"id text": string(msgpackMap("type", "\x02", "nsp", nsp, "data", "\x91\xa1e", "id", "\xa11")), "id 10^18": string(msgpackMap("type", "\x02", "nsp", nsp, "data", "\x91\xa1e", "id", "\xcf\x0d\xe0\xb6\xb3\xa7\x64\x00\x00")),
		"id 0.5":       string(msgpackMap("type", "\x02", "nsp", nsp, "data", "\x91\xa1e", "id", "\xca\x3f\x00\x00\x00")),
		"connect null": string(msgpackMap("type", "\x00", "nsp", nsp, "data", "\xc0")), "connect array": string(msgpackMap("type", "\x00", "nsp", nsp, "data", "\x90")),
		"connect binary":  string(msgpackMap("type", "\x00", "nsp", nsp, "data", "\xc4\x01\x00")),
		"disconnect data": string(msgpackMap("type", "\x01", "nsp", nsp, "data", "\xc0")), "connect error without": string(msgpackMap("type", "\x04", "nsp", nsp)),
		"event without data": string(msgpackMap("type", "\x02", "nsp", nsp)), "event of a map": string(msgpackMap("type", "\x02", "nsp", nsp, "data", "\x80")),
		"event of binary": string(msgpackMap("type", "\x02", "nsp", nsp, "data", "\xc4\x00")), "event without name": string(msgpackMap("type", "\x02", "nsp", nsp, "data", "\x90")),
		"name null": string(msgpackMap("type", "\x02", "nsp", nsp, "data", "\x91\xc0")), "reserved name": string(msgpackMap("type", "\x02", "nsp", nsp, "data", "\x91\xa7connect")),
		"name undefined": string(msgpackMap("type", "\x02", "nsp", nsp, "data", "\x91\xd4\x00\x00")),
		"ack without id": string(msgpackMap("type", "\x03", "nsp", nsp, "data", "\x90")), "ack without data": string(msgpackMap("type", "\x03", "nsp", nsp, "id", "\x01")),
		"key array": string(msgpackEvent("\x81\x90\x01")), "key binary": string(msgpackEvent("\x81\xc4\x01a\x01")), "key undefined": string(msgpackEvent("\x81\xd4\x00\x00\x01")),
		"key of the packet": "\x81\x90\x01", "0xc1": string(msgpackEvent("\xc1")), "extension cut off": string(msgpackEvent("\xc9\xff\xff\xff\xff\x00")), "extension header": string(msgpackEvent("\xc8\x00")),
		"11 attachments":          string(msgpackEvent("\x9b" + strings.Repeat("\xc4\x00", 11))),
		"placeholder and binary":  string(msgpackEvent("\x82\xac_placeholder\xc3\xa3num\x00", "\xc4\x01\x00")),
		"placeholder and binary2": string(msgpackEvent("\xc4\x01\x00", "\x81\xac_placeholder\xc3")),
	} {
		p, err := protocol.DecodeMsgPack([]byte(wire))
		if !errors.Is(err, protocol.ErrMalformed) || len(err.Error()) > 120 {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

// What nests too deep is no fault of the session here either, and costs no stack. What nobody could read is left out.
func TestMsgPackDepth(t *testing.T) {
	for levels, tooDeep := range map[int]bool{999: false, 1000: false, 1001: true, 10_000: true, 200_000: true} {
		p, err := protocol.DecodeMsgPack(msgpackEvent(strings.Repeat("\x91", levels-1)+"\x90", "\x07"))
		if err != nil {
			t.Fatalf("%d levels: %v", levels, err)
		}
		if written := min(levels, 10_001); string(p.Data) != `["e",`+strings.Repeat("[", written)+strings.Repeat("]", written)+`,7]` {
			t.Errorf("%d levels: %d bytes", levels, len(p.Data))
		}
		if levels > 10_001 {
			if _, err := p.Args(); err == nil || errors.Is(err, protocol.ErrMalformed) {
				t.Errorf("%d levels: %v", levels, err)
			}
			for _, wire := range []string{"", "\xc1", "\x92\x00", "\xd9", "\xdf\xff\xff\xff\xff", "\xc9\xff"} { // what is left out is whole, too
				if _, err := protocol.DecodeMsgPack(msgpackEvent(strings.Repeat("\x91", levels) + wire)); !errors.Is(err, protocol.ErrMalformed) {
					t.Errorf("%q in there: %v", wire, err)
				}
			}
			continue
		}
		text, err := protocol.Decode([]byte(`2["e",` + strings.Repeat("[", levels) + strings.Repeat("]", levels) + `,7]`))
		if err != nil || !reflect.DeepEqual(written(p), written(text)) {
			t.Errorf("%d levels: not what text is: %v", levels, err)
		}
		if _, err := p.Args(); (err != nil) != tooDeep || errors.Is(err, protocol.ErrMalformed) {
			t.Errorf("%d levels: %v", levels, err)
		}
		if m, err := p.EncodeMsgPack(); err != nil || !bytes.Equal(m.Data[len(m.Data)-levels-1:], []byte(strings.Repeat("\x91", levels-1)+"\x90\x07")) {
			t.Errorf("%d levels: %v", levels, err)
		}
	}
}

func TestEncodeMsgPackValues(t *testing.T) {
	for text, want := range map[string]string{
		`0`: "\x00", `-0`: "\x00", `127`: "\x7f", `128`: "\xcc\x80", `65535`: "\xcd\xff\xff", `65536`: "\xce\x00\x01\x00\x00", `4294967296`: "\xcf\x00\x00\x00\x01\x00\x00\x00\x00",
		`-1`: "\xff", `-32`: "\xe0", `-33`: "\xd0\xdf", `-129`: "\xd1\xff\x7f", `-32769`: "\xd2\xff\xff\x7f\xff", `-2147483649`: "\xd3\xff\xff\xff\xff\x7f\xff\xff\xff",
		`18446744073709551615`: "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", `-9223372036854775808`: "\xd3\x80\x00\x00\x00\x00\x00\x00\x00",
		`5.0`: "\x05", `5e0`: "\x05", `1.5`: "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", `1e400`: "\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", `-1e400`: "\xcb\xff\xf0\x00\x00\x00\x00\x00\x00",
		`18446744073709551616`: "\xcb\x43\xf0\x00\x00\x00\x00\x00\x00", `-9223372036854775809`: "\xcb\xc3\xe0\x00\x00\x00\x00\x00\x00",
		`null`: "\xc0", `true`: "\xc3", `false`: "\xc2", `""`: "\xa0", `"a\u0000\n"`: "\xa3a\x00\n", `"ü"`: "\xa2ü", `"\ud83d"`: "\xa3\uFFFD", `"\ud83d\ude00"`: "\xa4😀",
		`"` + strings.Repeat("a", 32) + `"`: "\xd9\x20" + strings.Repeat("a", 32), `[ ]`: "\x90", `{ }`: "\x80", `[ 1 , [ ] , { } ]`: "\x93\x01\x90\x80",
		`{ "a" : { "b" : [ 1, 2 ] } , "c" : "}],:{[" }`: "\x82\xa1a\x81\xa1b\x92\x01\x02\xa1c\xa6}],:{[",
		`[` + strings.Repeat(`0,`, 15) + `0]`:           "\xdc\x00\x10" + strings.Repeat("\x00", 16),
		`{"_placeholder":true,"num":0}`:                 "\x82\xac_placeholder\xc3\xa3num\x00",
	} {
		p := packet(protocol.Event, "/", protocol.NoID, `["e",`+text+`]`)
		m, err := p.EncodeMsgPack()
		if err != nil || !bytes.Equal(m.Data, msgpackEvent(want)) {
			t.Errorf("%s: %x, %v; want %x", text, m.Data, err, want)
		}
	}
}

func TestEncodeMsgPackBinary(t *testing.T) {
	buffers := [][]byte{{1, 2}, {}}
	for data, want := range map[string]string{
		`["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`:                                                          "\x93\xa1e\xc4\x02\x01\x02\xc4\x00",
		`["e", { "num" : 1 , "x":[{"y":[]},2], "\u005fplaceholder" : true } , { "a" : {"_placeholder":true,"num":0} , "b":[[3]] } ]`: "\x93\xa1e\xc4\x00\x82\xa1a\xc4\x02\x01\x02\xa1b\x91\x91\x03",
		`["e",{"_placeholder":true,"num":0},{"_placeholder":false,"num":9},{"_placeholder":true,"num":1}]`:                           "\x94\xa1e\xc4\x02\x01\x02\x82\xac_placeholder\xc2\xa3num\x09\xc4\x00",
	} {
		p := protocol.Packet{Type: protocol.Event, Namespace: "/", ID: protocol.NoID, Data: []byte(data), Buffers: buffers}
		m, err := p.EncodeMsgPack()
		if err != nil || !bytes.Equal(m.Data, msgpackMap("type", "\x02", "nsp", "\xa1/", "data", want)) {
			t.Errorf("%s: %x, %v", data, m.Data, err)
		}
	}
	for _, data := range []string{`["e",{"_placeholder":true,"num":2}]`, `["e",{"_placeholder":true,"num":"0"}]`, `["e",{"_placeholder":true}]`} {
		p := protocol.Packet{Type: protocol.Event, Namespace: "/", ID: protocol.NoID, Data: []byte(data), Buffers: buffers}
		if m, err := p.EncodeMsgPack(); err == nil {
			t.Errorf("%s: %x", data, m.Data)
		}
	}
}

// What Encode refuses, EncodeMsgPack refuses with the same words; data that is no JSON does not make it panic.
func TestEncodeMsgPackRefuses(t *testing.T) {
	for _, p := range []protocol.Packet{
		{Type: protocol.Event, ID: protocol.NoID}, {Type: protocol.Ack, ID: protocol.NoID, Data: []byte(`[]`)}, {Type: 9}, {Type: protocol.Event, ID: -2, Data: []byte(`["e"]`)},
		{Type: protocol.Disconnect, ID: protocol.NoID, Data: []byte(`[]`)}, {Type: protocol.Connect, ID: protocol.NoID, Namespace: "a"},
		{Type: protocol.Event, ID: protocol.NoID, Data: []byte(`["e"]`), Buffers: make([][]byte, 11)}, {Type: protocol.Event, ID: protocol.NoID, Data: []byte(`["e"]`), Attachments: 1},
	} {
		_, text := p.Encode()
		_, err := p.EncodeMsgPack()
		if text == nil || err == nil || text.Error() != err.Error() {
			t.Errorf("%+v: %v, %v", p, text, err)
		}
	}
	for _, data := range []string{`[`, `["e"`, `[}]`, `["e",x]`, `["e"]]`, `["e",{"a}]`, `[1 2`, `[,`, `["e",{:}]`, `["e",tru]`} {
		p := packet(protocol.Event, "/", protocol.NoID, data)
		_, _ = p.EncodeMsgPack()
		p.Buffers = [][]byte{{}}
		_, _ = p.EncodeMsgPack()
	}
}

// FuzzDecodeMsgPack: whatever is accepted is a packet that text can carry, the same one, and msgpack again.
func FuzzDecodeMsgPack(f *testing.F) {
	for _, s := range []string{"", "\x80", "\x93\x01\x90\x80", "\x81\xac_placeholder\xc3", "\xd4\x00\x00", "\xc4\x02\x01\x02", "\xd7\x00\x00\x00\x01\x8b\xcf\xe5\x68\x01", "\xca\x7f\xc0\x00\x00",
		"\x82\xa1a\xd4\x00\x00\xa1b\x01", "\x81\xcb\x40\x14\x00\x00\x00\x00\x00\x00\xc7\x01\x05\x09", "\xa3\xed\xa0\xbd", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"} {
		f.Add(msgpackEvent(s))
	}
	f.Add(msgpackMap("type", "\x00", "nsp", "\xa2/a", "data", "\x81\xa1k\xc4\x02\x01\x02"))
	f.Add(msgpackMap("type", "\x03", "nsp", "\xa2/a", "data", "\x90", "id", "\x07"))
	f.Fuzz(func(t *testing.T, message []byte) {
		p, err := protocol.DecodeMsgPack(message)
		if err != nil {
			wantMalformed(t, err)
			return
		}
		text, err := p.Encode()
		if err != nil {
			t.Fatalf("%x: %+v cannot be text: %v", message, p, err)
		}
		again, err := protocol.Decode(text[0].Data)
		for _, m := range text[1:] {
			err = errors.Join(err, again.Add(m.Data))
		}
		if err != nil || !reflect.DeepEqual(written(p), written(again)) {
			t.Fatalf("%x: %+v, as text %+v, %v", message, p, again, err)
		}
		checkArgs(t, p)
		m, err := p.EncodeMsgPack()
		if err != nil {
			t.Fatalf("%x: %+v cannot be msgpack: %v", message, p, err)
		}
		once, err := protocol.DecodeMsgPack(m.Data)
		if err != nil || once.Type != p.Type || once.Namespace != p.Namespace || once.ID != p.ID || len(once.Buffers) != len(p.Buffers) {
			t.Fatalf("%x: %+v, then %+v, %v", message, p, once, err)
		}
		for i := range p.Buffers {
			if !bytes.Equal(p.Buffers[i], once.Buffers[i]) {
				t.Errorf("%x: %q, then %q", message, p.Buffers, once.Buffers)
			}
		}
		if m2, err := once.EncodeMsgPack(); err != nil || !bytes.Equal(m.Data, m2.Data) {
			t.Errorf("%x: %x, then %x, %v", message, m.Data, m2.Data, err)
		}
	})
}

// FuzzMsgPackOfText: whatever text is accepted comes out of msgpack as the same values.
func FuzzMsgPackOfText(f *testing.F) {
	for _, s := range []string{
		`0{"token":"123"}`, `0/custom,{"sid":"a"}`, `4/random,{"message":"m"}`, `4"x"`, `2["e",1]`, `212["e"]`, `312["r"]`, `52-789["e",` + two + `]`, `62-789[` + two + `]`, `1`, `1/custom,`,
		`2["e",{"a":[1.5e-3,"\u00fc\ud83d\ude00"]} ]`, `2[1]`, `2["e",{"a":1,"a":[]},{"_placeholder":true}]`, `51-["e",{"num":0,"x":[{}],"_placeholder":true},{"_placeholder":1}]`, `2["e",1e400,-0.0,18446744073709551616]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := protocol.Decode(data)
		if err != nil {
			return
		}
		for i := 0; !p.Complete(); i++ {
			if err := p.Add([]byte{byte(i)}); err != nil {
				t.Fatal(err)
			}
		}
		m, err := p.EncodeMsgPack()
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		if strings.HasSuffix(p.EventName(), "Infinity") { // a number that msgpack cannot carry as an event's name
			return
		}
		back, err := protocol.DecodeMsgPack(m.Data)
		if err != nil {
			t.Fatalf("%q: %x: %v", data, m.Data, err)
		}
		if p.ID != back.ID || p.Namespace != back.Namespace || p.Attachments == len(back.Buffers) && p.Type != back.Type {
			t.Errorf("%q: %+v", data, back)
		}
		if p.Type < protocol.Event || p.Type == protocol.ConnectError { // one value that is no array
			p.Data, back.Data = inArray(p.Data), inArray(back.Data)
		}
		checkSameArgs(t, p, back)
	})
}

func inArray(value []byte) []byte { return append(append([]byte{'['}, value...), ']') }

// checkSameArgs compares the arguments of two packets by their values, binary included.
func checkSameArgs(t *testing.T, p, q protocol.Packet) {
	t.Helper()
	a, err := p.Args()
	if err != nil { // nothing to compare
		return
	}
	b, err := q.Args()
	if err != nil || len(a) != len(b) {
		t.Fatalf("%s: %s, %v", p.Data, q.Data, err)
	}
	for i := range a {
		var v, w any
		if protocol.DecodeArg(a[i], p.Buffers, &v) != nil { // a number that float64 does not hold
			continue
		}
		if err := protocol.DecodeArg(b[i], q.Buffers, &w); err != nil || !equalValues(v, w) {
			t.Errorf("%s: %#v, then %s: %#v, %v", a[i], v, b[i], w, err)
		}
	}
}

// equalValues is reflect.DeepEqual for what JSON is decoded into, except that half of a surrogate pair is U+FFFD, of
// which there may be fewer, and that the two zeros are equal.
func equalValues(v, w any) bool {
	switch v := v.(type) {
	case string:
		w, ok := w.(string)
		return ok && strings.ToValidUTF8(v, "\uFFFD") == w
	case []any:
		w, ok := w.([]any)
		if !ok || len(v) != len(w) {
			return false
		}
		for i := range v {
			if !equalValues(v[i], w[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		w, ok := w.(map[string]any)
		if !ok {
			return false
		}
		for key := range v {
			valid := strings.ToValidUTF8(key, "\uFFFD")
			if valid != key { // another may be the same now
				return true
			}
			if other, ok := w[valid]; !ok || !equalValues(v[key], other) {
				return false
			}
		}
		return len(v) == len(w)
	case float64:
		w, ok := w.(float64)
		return ok && v == w
	}
	return reflect.DeepEqual(v, w)
}

func BenchmarkDecodeEventMsgPack(b *testing.B) {
	message := msgpackBench(b).Data
	b.ReportAllocs()
	for b.Loop() {
		if _, err := protocol.DecodeMsgPack(message); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeEventMsgPack(b *testing.B) {
	p := protocol.Packet{Type: protocol.Event, Namespace: "/", ID: protocol.NoID, Data: []byte(`["message",1,"2",{"3":[true]}]`)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.EncodeMsgPack(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeBinaryEventMsgPack(b *testing.B) {
	p := protocol.Packet{Type: protocol.Event, ID: protocol.NoID, Data: []byte(`["file",{"_placeholder":true,"num":0}]`), Buffers: [][]byte{{1, 2, 3, 4}}}
	m, err := p.EncodeMsgPack()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := protocol.DecodeMsgPack(m.Data); err != nil {
			b.Fatal(err)
		}
	}
}

func msgpackBench(b *testing.B) protocol.EnginePacket {
	b.Helper()
	p := protocol.Packet{Type: protocol.Event, Namespace: "/", ID: protocol.NoID, Data: []byte(`["message",1,"2",{"3":[true]}]`)}
	m, err := p.EncodeMsgPack()
	if err != nil || !json.Valid(p.Data) {
		b.Fatal(err)
	}
	return m
}

// What a message makes a decoder allocate is bounded by its size, whatever is in it.
func TestMsgPackIsDecodedInMemoryOfAFewTimesItsSize(t *testing.T) {
	const size = 1 << 20
	array := []byte{0xdd, 0, 7, 0, 0} // of more elements than there are bytes for is refused
	for name, data := range map[string][]byte{
		"nested": append(bytes.Repeat([]byte{0x91}, size), 0xc0),
		"binary": append(array, bytes.Repeat([]byte{0xc4, 0}, 7<<16)...),
		"nil":    append(array, bytes.Repeat([]byte{0xc0}, 7<<16)...),
	} {
		message := append([]byte("\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1e"), data...)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := protocol.DecodeMsgPack(message)
		runtime.ReadMemStats(&after)
		if times := (after.TotalAlloc - before.TotalAlloc) / uint64(len(message)); times > 30 {
			t.Errorf("%s: %d times its size is allocated (%v)", name, times, err)
		}
	}
}
