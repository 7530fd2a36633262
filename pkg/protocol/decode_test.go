package protocol_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/protocol"
)

func packet(kind protocol.Type, namespace string, id int64, data string) protocol.Packet {
	p := protocol.Packet{Type: kind, Namespace: namespace, ID: id}
	if data != "" {
		p.Data = []byte(data)
	}
	return p
}

// written is a packet as somebody writes it: without what Decode has found out besides.
func written(p protocol.Packet) protocol.Packet {
	return protocol.Packet{Type: p.Type, Namespace: p.Namespace, ID: p.ID, Data: p.Data, Attachments: p.Attachments, Buffers: p.Buffers}
}

func announcing(n int, p protocol.Packet) protocol.Packet {
	p.Attachments = n
	return p
}

const two = `{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}`

func TestDecode(t *testing.T) {
	const none = protocol.NoID
	for wire, want := range map[string]protocol.Packet{
		// one of each, as the protocol's documents show them
		`0`:                                packet(protocol.Connect, "/", none, ``),
		`0{"token":"123"}`:                 packet(protocol.Connect, "/", none, `{"token":"123"}`),
		`0/custom,{"sid":"…"}`:             packet(protocol.Connect, "/custom", none, `{"sid":"…"}`),
		`1`:                                packet(protocol.Disconnect, "/", none, ``),
		`1/custom,`:                        packet(protocol.Disconnect, "/custom", none, ``),
		`2["e",1]`:                         packet(protocol.Event, "/", none, `["e",1]`),
		`212["e"]`:                         packet(protocol.Event, "/", 12, `["e"]`),
		`2/admin,456["a",{}]`:              packet(protocol.Event, "/admin", 456, `["a",{}]`),
		`312["r"]`:                         packet(protocol.Ack, "/", 12, `["r"]`),
		`30[]`:                             packet(protocol.Ack, "/", 0, `[]`),
		`4/random,{"message":""}`:          packet(protocol.ConnectError, "/random", none, `{"message":""}`),
		`4{"message":"Invalid namespace"}`: packet(protocol.ConnectError, "/", none, `{"message":"Invalid namespace"}`),
		`4"why"`:                           packet(protocol.ConnectError, "/", none, `"why"`),
		`52-789["e",` + two + `]`:          announcing(2, packet(protocol.BinaryEvent, "/", 789, `["e",`+two+`]`)),
		`62-789[` + two + `]`:              announcing(2, packet(protocol.BinaryAck, "/", 789, `[`+two+`]`)),
		`51-/n,["e",{"_placeholder":true,"num":0}]`: announcing(1, packet(protocol.BinaryEvent, "/n", none, `["e",{"_placeholder":true,"num":0}]`)),

		// namespaces
		`0/random`:       packet(protocol.Connect, "/random", none, ``),
		`1/custom`:       packet(protocol.Disconnect, "/custom", none, ``),
		`0/a?x=1,{}`:     packet(protocol.Connect, "/a?x=1", none, `{}`),
		`0/a/b-ü,{}`:     packet(protocol.Connect, "/a/b-ü", none, `{}`),
		`2/,["e"]`:       packet(protocol.Event, "/", none, `["e"]`),
		`0/n["e"]`:       packet(protocol.Connect, `/n["e"]`, none, ``),
		`2/1,2["e",","]`: packet(protocol.Event, "/1", 2, `["e",","]`),

		// ack ids
		`20["e"]`:                packet(protocol.Event, "/", 0, `["e"]`),
		`2007["e"]`:              packet(protocol.Event, "/", 7, `["e"]`),
		`29007199254740991["e"]`: packet(protocol.Event, "/", 1<<53-1, `["e"]`),
		`01{}`:                   packet(protocol.Connect, "/", 1, `{}`),

		// names of events
		`2[1,"e"]`:              packet(protocol.Event, "/", none, `[1,"e"]`),
		`2[-1.5e3]`:             packet(protocol.Event, "/", none, `[-1.5e3]`),
		`2[""]`:                 packet(protocol.Event, "/", none, `[""]`),
		`2["Connect"]`:          packet(protocol.Event, "/", none, `["Connect"]`),
		`2["error","connect"]`:  packet(protocol.Event, "/", none, `["error","connect"]`),
		`2[ "e" , [ 1 ] ]`:      packet(protocol.Event, "/", none, `[ "e" , [ 1 ] ]`),
		"2[\"e\"] \r\n":         packet(protocol.Event, "/", none, `["e"]`),
		`2["e","\ud83d\u0000"]`: packet(protocol.Event, "/", none, `["e","\ud83d\u0000"]`),

		// attachments
		`50-["e"]`: packet(protocol.Event, "/", none, `["e"]`),
		`60-1[]`:   packet(protocol.Ack, "/", 1, `[]`),
		`53-["e"]`: announcing(3, packet(protocol.BinaryEvent, "/", none, `["e"]`)),
		`510-["e",{"_placeholder":true,"num":9}]`:                      announcing(10, packet(protocol.BinaryEvent, "/", none, `["e",{"_placeholder":true,"num":9}]`)),
		`51-["e",{"_placeholder":false,"num":9}]`:                      announcing(1, packet(protocol.BinaryEvent, "/", none, `["e",{"_placeholder":false,"num":9}]`)),
		`51-["e",{"_placeholder":true,"num":9,"_placeholder":"true"}]`: announcing(1, packet(protocol.BinaryEvent, "/", none, `["e",{"_placeholder":true,"num":9,"_placeholder":"true"}]`)),
		`2["e",{"_placeholder":true,"num":9}]`:                         packet(protocol.Event, "/", none, `["e",{"_placeholder":true,"num":9}]`),
	} {
		got, err := protocol.Decode([]byte(wire))
		got = written(got)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Decode(%q)\n got %+v, %v\nwant %+v", wire, got, err, want)
		}
	}
}

func TestDecodeMalformed(t *testing.T) {
	for wire, reason := range map[string]string{
		``:    "unknown packet type",
		`abc`: "unknown packet type",
		`7`:   "unknown packet type",
		`/`:   "unknown packet type",

		`0"x"`:   "connect packet is not an object",
		`0[]`:    "connect packet is not an object",
		`0null`:  "connect packet is not an object",
		`0{`:     "no key",
		`0{}x`:   "text after the value",
		`1{}`:    "disconnect packet with a payload",
		`1/n,[]`: "disconnect packet with a payload",
		`4`:      "connect error is neither",
		`4[]`:    "connect error is neither",
		`4abc`:   "connect error is neither",
		`4/n,1`:  "connect error is neither",

		`2`:                                "not an array",
		`2/n`:                              "not an array",
		`25`:                               "not an array",
		`2{}`:                              "not an array",
		`2abc["e"]`:                        "not an array",
		`2 ["e"]`:                          "not an array",
		`2-1["e"]`:                         "not an array",
		`2"e"`:                             "not an array",
		`2[]`:                              "event without a name",
		`2[{}]`:                            "event without a name",
		`2[null,"e"]`:                      "event without a name",
		`2[["e"]]`:                         "event without a name",
		`2["connect"]`:                     "reserved",
		`2["connect_error"]`:               "reserved",
		`2["disconnect"]`:                  "reserved",
		`2["disconnecting"]`:               "reserved",
		`2["newListener"]`:                 "reserved",
		`2["removeListener"]`:              "reserved",
		`2["\u0063onnect"]`:                "reserved",
		`2/n,1["connect"]`:                 "reserved",
		`3`:                                "not an array",
		`31`:                               "not an array",
		`31{}`:                             "not an array",
		`3["r"]`:                           "ack without an id",
		`21000000000000000000["e"]`:        "ack id",
		`299999999999999999999999999["e"]`: "ack id",

		`5["e"]`:                                 "without the number",
		`5-["e"]`:                                "without the number",
		`5`:                                      "without the number",
		`51`:                                     "without the number",
		`51["e"]`:                                "without the number",
		`51.0-["e"]`:                             "without the number",
		`51e0-["e"]`:                             "without the number",
		`5 1-["e"]`:                              "without the number",
		`5-1-["e"]`:                              "without the number",
		`511-["e"]`:                              "more than 10",
		`599999999999999999999-["e"]`:            "more than 10",
		`61-["r"]`:                               "ack without an id",
		`51-{}`:                                  "not an array",
		`51-["e",{"_placeholder":true,"num":1}]`: "illegal attachments",
		`51-["e",{"_placeholder":true,"num":-1}]`:          "illegal attachments",
		`51-["e",{"_placeholder":true,"num":"0"}]`:         "illegal attachments",
		`51-["e",{"_placeholder":true,"num":0.5}]`:         "illegal attachments",
		`51-["e",{"_placeholder":true}]`:                   "illegal attachments",
		`51-["e",[{"a":{"num":1,"_placeholder" : true}}]]`: "illegal attachments",
		`51-["e",{"\u005fplaceholder":true,"num":1}]`:      "illegal attachments",
		`51-["e",{"_placeholder":true,"num":0,"num":1}]`:   "illegal attachments",

		"0/a\x1eb,":                         "0x1e",
		"0/\xff,{}":                         "not utf-8",
		"2[\"\xff\"]":                       "not utf-8",
		"2[\"\xed\xa0\x80\"]":               "not utf-8",
		"2[\"e\",\"\x00\"]":                 "control character",
		`2["e`:                              "unterminated",
		`2["e\`:                             "invalid escape",
		`2["\x"]`:                           "invalid escape",
		`2["\u12g4"]`:                       "invalid escape",
		`2["e",]`:                           "no value",
		`2["e" 1]`:                          "no comma",
		`2["e",01]`:                         "no comma",
		`2["e",1.]`:                         "invalid number",
		`2["e",-]`:                          "invalid number",
		`2["e",1e+]`:                        "invalid number",
		`2["e",NaN]`:                        "no value",
		`2["e",nul]`:                        "no value",
		`2["e",{1:2}]`:                      "no key",
		`2["e",{"a"}]`:                      "no colon",
		`2["e",{"a":1,}]`:                   "no key",
		`2["e",{"a":1]`:                     "no comma or brace",
		`2["e"]]`:                           "text after",
		`2["e",` + strings.Repeat("[", 1e6): "no value at byte 1000005",
		`0` + strings.Repeat(`{"a":`, 1e6):  "no value at byte 5000000",
	} {
		p, err := protocol.Decode([]byte(wire))
		if !errors.Is(err, protocol.ErrMalformed) || !strings.Contains(err.Error(), reason) {
			t.Errorf("Decode(%.60q) = %+v, %v; want %q", wire, p, err, reason)
		}
		if err != nil && len(err.Error()) > 100 {
			t.Errorf("long error: %v", err)
		}
	}
}

// What nests too deep is one event's fault: it is no error of the packet, and what is no JSON still is, at any depth.
func TestDecodeDeep(t *testing.T) {
	objects := func(depth int) string {
		return strings.Repeat(`{"a" : `, depth) + "1" + strings.Repeat(" }", depth)
	}
	for name, c := range map[string]struct {
		wire          string
		malformed, ok bool
	}{
		"128 arrays":              {wire: `2["e",` + nested(128) + `]`, ok: true},
		"1,000 arrays":            {wire: `2["e",` + nested(1000) + `]`, ok: true},
		"1,001 arrays":            {wire: `2["e",` + nested(1001) + `]`},
		"100,000 arrays":          {wire: `2["e",` + nested(100_000) + `]`},
		"1,000 objects":           {wire: `2["e",` + objects(1000) + `]`, ok: true},
		"1,001 objects":           {wire: `2["e",` + objects(1001) + `]`},
		"both":                    {wire: `2["e",` + strings.Repeat(`[{"a":[],"b":`, 2000) + `0` + strings.Repeat(` , "c":{} }, 1]`, 2000) + `]`},
		"the second argument":     {wire: `2["e",1,` + nested(1001) + `]`},
		"an ack":                  {wire: `31[` + nested(1001) + `]`},
		"with attachments":        {wire: `51-["e",{"_placeholder":true,"num":0},` + nested(1001) + `]`},
		"one bracket missing":     {wire: `2["e",` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000), malformed: true},
		"one bracket more":        {wire: `2["e",` + nested(2000) + `]]`, malformed: true},
		"the wrong bracket":       {wire: `2["e",` + strings.Repeat("[", 2000) + "}" + strings.Repeat("]", 2000), malformed: true},
		"no comma":                {wire: `2["e",` + strings.Repeat("[", 2000) + "1 1" + strings.Repeat("]", 2001), malformed: true},
		"no comma in an object":   {wire: `2["e",` + strings.Replace(objects(2000), `1 }`, `1 "b":1 }`, 1) + `]`, malformed: true},
		"no key":                  {wire: `2["e",` + strings.Replace(objects(2000), `1 }`, `1,}`, 1) + `]`, malformed: true},
		"no colon":                {wire: `2["e",` + strings.Replace(objects(2000), `1 }`, `1,"b"}`, 1) + `]`, malformed: true},
		"a bad key":               {wire: `2["e",` + strings.Replace(objects(2000), `1 }`, `1,"\x":1}`, 1) + `]`, malformed: true},
		"a bad number":            {wire: `2["e",` + strings.Replace(objects(2000), `1 }`, `01 }`, 1) + `]`, malformed: true},
		"a comma and no value":    {wire: `2["e",` + strings.Repeat("[", 2000) + "1," + strings.Repeat("]", 2001), malformed: true},
		"a deep name":             {wire: `2[` + nested(1001) + `]`, malformed: true},
		"a deep array as payload": {wire: `0` + nested(2000), malformed: true},
	} {
		p, err := protocol.Decode([]byte(c.wire))
		if errors.Is(err, protocol.ErrMalformed) != c.malformed || (err == nil) == c.malformed {
			t.Errorf("%s: Decode returned %v", name, err)
		}
		if c.malformed {
			continue
		}
		if string(p.Data) != c.wire[len(c.wire)-len(p.Data):] || len(p.Data) < 100 {
			t.Errorf("%s: the data has %d bytes", name, len(p.Data))
		}
		if _, err := p.Args(); (err == nil) != c.ok || errors.Is(err, protocol.ErrMalformed) {
			t.Errorf("%s: Args returned %v", name, err)
		}
	}
	p, err := protocol.Decode([]byte(`0` + objects(2000)))
	if err != nil || len(p.Data) != len(objects(2000)) {
		t.Errorf("a deep payload of a CONNECT: %v", err)
	}
}

// What was decoded from 1,000 levels can be encoded again.
func TestDeepArgumentsComeBack(t *testing.T) {
	var v any
	if err := protocol.DecodeArg([]byte(nested(1000)), nil, &v); err != nil {
		t.Fatal(err)
	}
	if data, _, err := protocol.EncodeArgs(v); err != nil || string(data) != "["+nested(1000)+"]" {
		t.Errorf("encoded %.20s, %v", data, err)
	}
}

func nested(depth int) string {
	return strings.Repeat("[", depth) + strings.Repeat("]", depth)
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	wire := []byte(`212["message",1,"2",{"3":[true]}]`)
	if n := testing.AllocsPerRun(100, func() { _, _ = protocol.Decode(wire) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAttachments(t *testing.T) {
	p, err := protocol.Decode([]byte(`52-["e",` + two + `]`))
	if err != nil {
		t.Fatal(err)
	}
	for i := range byte(2) {
		if p.Complete() {
			t.Errorf("complete with %d attachments", i)
		}
		if err := p.Add([]byte{i}); err != nil {
			t.Error(err)
		}
	}
	if !p.Complete() || !reflect.DeepEqual(p.Buffers, [][]byte{{0}, {1}}) {
		t.Errorf("buffers are %v", p.Buffers)
	}
	if err := p.Add(nil); !errors.Is(err, protocol.ErrMalformed) {
		t.Errorf("third attachment: %v", err)
	}
	event := packet(protocol.Event, "/", protocol.NoID, `["e"]`)
	if err := event.Add(nil); !event.Complete() || !errors.Is(err, protocol.ErrMalformed) {
		t.Errorf("attachment of a packet without: %v", err)
	}
}

func TestArgs(t *testing.T) {
	for data, want := range map[string][]string{
		`[]`:                                  nil,
		`[ ]`:                                 nil,
		`["e"]`:                               {`"e"`},
		` ["e"]`:                              {"malformed"},
		`{}`:                                  {"malformed"},
		``:                                    {"malformed"},
		`["e",`:                               {"malformed"},
		`["e" , {"a":[1, 2]},[[3]],null , 5]`: {`"e"`, `{"a":[1, 2]}`, `[[3]]`, `null`, `5`},
	} {
		args, err := packet(protocol.Ack, "/", 1, data).Args()
		var got []string
		for _, arg := range args {
			got = append(got, string(arg))
		}
		if err != nil {
			got = []string{"malformed"}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("Args of %s = %q, %v", data, got, err)
		}
	}
}

// A packet that Decode returned has the arguments and the name that its Data has, however many, and also when somebody
// has given it other Data.
func TestArgsOfADecodedPacket(t *testing.T) {
	for _, data := range []string{
		`[]`, `["e"]`, ` ["e"]`, `[ "e" , [ 1 ] ]`, `[1.0,{"a":[2,3]}]`, `["\u0065","\ud83d"]`, "[\"e\",1] \r\n",
		`["e"` + strings.Repeat(",1", 4) + `]`, `["e"` + strings.Repeat(",1", 5) + `]`, `["e"` + strings.Repeat(",1", 6) + `]`, `["e"` + strings.Repeat(",[[1],[2]]", 100) + `]`,
		`["e",` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `]`,
		`["e",` + strings.Repeat("[", 1001) + strings.Repeat("]", 1001) + `]`, // too deep for Args
	} {
		for _, prefix := range []string{"2", "2/n,7", "30"} {
			decoded, err := protocol.Decode([]byte(prefix + data))
			if err != nil { // an event without a name
				continue
			}
			for range 2 {
				got, err := decoded.Args()
				want, wantErr := written(decoded).Args()
				if !reflect.DeepEqual(got, want) || fmt.Sprint(err) != fmt.Sprint(wantErr) {
					t.Errorf("Args of %.80q: %q, %v; want %q, %v", prefix+data, got, err, want, wantErr)
				}
				if got, want := decoded.EventName(), written(decoded).EventName(); got != want {
					t.Errorf("the name in %.80q: %q, want %q", prefix+data, got, want)
				}
				clear(got) // is the caller's alone
			}
			decoded.Data = []byte(`["other",2]`)
			if got, err := decoded.Args(); err != nil || fmt.Sprintf("%s", got) != `["other" 2]` {
				t.Errorf("Args of other data: %s, %v", got, err)
			}
			if name := decoded.EventName(); name != "other" && decoded.Type == protocol.Event {
				t.Errorf("the name in other data: %q", name)
			}
			decoded.Data = nil
			if _, err := decoded.Args(); !errors.Is(err, protocol.ErrMalformed) {
				t.Errorf("Args of no data: %v", err)
			}
		}
	}
}

func TestArgsCannotOverwriteTheirNeighbours(t *testing.T) {
	p := packet(protocol.Ack, "/", 1, `[1,2]`)
	args, err := p.Args()
	if err != nil {
		t.Fatal(err)
	}
	_ = append(args[0], "overwritten"...)
	if string(p.Data) != `[1,2]` {
		t.Errorf("data is %s", p.Data)
	}
}

func TestEventName(t *testing.T) {
	for data, want := range map[string]string{
		`["e",1]`:                  "e",
		`[ "a b" ]`:                "a b",
		`[12]`:                     "12",
		`["\u00fc\n\ud83d\ude00"]`: "ü\n😀",
		`["\ud83d"]`:               "\xed\xa0\xbd",
		`[1.0]`:                    "1",
		`[-0]`:                     "0",
		`[-0.0e5]`:                 "0",
		`[10e-1]`:                  "1",
		`[1.50]`:                   "1.5",
		`[-7]`:                     "-7",
		`[1e21]`:                   "1e+21",
		`[1e20]`:                   "100000000000000000000",
		`[1E-7]`:                   "1e-7",
		`[0.000001]`:               "0.000001",
		`[9007199254740993]`:       "9007199254740992",
		`[1e999]`:                  "Infinity",
		`[-1e999]`:                 "-Infinity",
		`[1e-999]`:                 "0",
		`["ü"]`:                    "ü",
		`[]`:                       "",
		`[null]`:                   "",
		`["`:                       "",
		``:                         "",
	} {
		if got := packet(protocol.Event, "/", 1, data).EventName(); got != want {
			t.Errorf("EventName of %s = %q", data, got)
		}
	}
	if got := packet(protocol.Ack, "/", 1, `["e"]`).EventName(); got != "" {
		t.Errorf("EventName of an ack = %q", got)
	}
	if got := packet(protocol.BinaryEvent, "/", 1, `["e"]`).EventName(); got != "e" {
		t.Errorf("EventName of a binary event = %q", got)
	}
}

// A packet's Data is its owner's to replace: what Decode has seen of the text before is not that of the new one.
func TestArgumentsAreThoseOfDataAsItIs(t *testing.T) {
	const text = `2["say",{"a":1},"x"]`
	for name, data := range map[string]func(data []byte) []byte{
		"cut":              func(data []byte) []byte { return data[:7:7] },
		"cut, and written": func(data []byte) []byte { return append(data[:6], `]    `...) },
		"another":          func([]byte) []byte { return []byte(`["shout"]`) },
		"the same again":   func(data []byte) []byte { return append([]byte(nil), data...) },
		"none":             func([]byte) []byte { return nil },
	} {
		p, err := protocol.Decode([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		p.Data = data(p.Data)
		fresh := protocol.Packet{Type: p.Type, Namespace: p.Namespace, ID: p.ID, Data: p.Data}
		args, err := p.Args()
		want, wantErr := fresh.Args()
		if fmt.Sprintf("%s %v", args, err) != fmt.Sprintf("%s %v", want, wantErr) || p.EventName() != fresh.EventName() {
			t.Errorf("%s: %s %v %q, want %s %v %q", name, args, err, p.EventName(), want, wantErr, fresh.EventName())
		}
	}
}

func ExampleDecode() {
	p, err := protocol.Decode([]byte(`2/chat,12["say","hello"]`))
	fmt.Println(p.Namespace, p.ID, p.EventName(), err)
	args, err := p.Args()
	fmt.Printf("%s %v\n", args, err)

	_, err = protocol.Decode([]byte(`2{"not":"an array"}`))
	fmt.Println(err)
	// Output:
	// /chat 12 say <nil>
	// ["say" "hello"] <nil>
	// malformed packet: payload of an event or ack is not an array
}

func ExamplePacket_Add() {
	p, err := protocol.Decode([]byte(`51-["upload",{"_placeholder":true,"num":0}]`))
	fmt.Println(p.Complete(), err)
	err = p.Add([]byte{1, 2, 3}) // the binary message that follows
	fmt.Println(p.Complete(), err)
	// Output:
	// false <nil>
	// true <nil>
}

func ExamplePacket_Args() {
	p, err := protocol.Decode([]byte(`312["ok",{"id":7}]`))
	if err != nil {
		fmt.Println(err)
	}
	args, err := p.Args()
	fmt.Printf("%s %s %v", args[0], args[1], err)
	// Output: "ok" {"id":7} <nil>
}

func ExampleReservedEvent() {
	fmt.Println(protocol.ReservedEvent("disconnect"), protocol.ReservedEvent("message"))
	// Output: true false
}
