package protocol_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/protocol"
)

func BenchmarkDecodeEvent(b *testing.B) {
	text := []byte(`2["message",1,"2",{"3":[true]}]`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := protocol.Decode(text); err != nil {
			b.Fatal(err)
		}
	}
}

// The way of an event through a server: frame, packet, name, arguments.
func BenchmarkDecodeFrameToArgs(b *testing.B) {
	frame := []byte(`42["message",1,"2",{"3":[true]}]`)
	b.ReportAllocs()
	for b.Loop() {
		engine, _ := protocol.DecodeEngine(frame)
		p, err := protocol.Decode(engine.Data)
		if err != nil {
			b.Fatal(err)
		}
		if args, err := p.Args(); err != nil || len(args) != 4 || p.EventName() != "message" {
			b.Fatal(err)
		}
	}
}

// An event of 10 KB: its name and its arguments cost nothing that grows with it.
func BenchmarkDecodeLargeToArgs(b *testing.B) {
	text := []byte(`2["message"` + strings.Repeat(`,{"room":"lobby","at":1700000000,"text":"`+strings.Repeat("hello ", 400)+`"}`, 4) + `]`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		p, err := protocol.Decode(text)
		if err != nil {
			b.Fatal(err)
		}
		if args, err := p.Args(); err != nil || len(args) != 5 || p.EventName() != "message" {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeEvent(b *testing.B) {
	p := protocol.Packet{Type: protocol.Event, Namespace: "/", ID: protocol.NoID, Data: []byte(`["message",1,"2",{"3":[true]}]`)}
	frame := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		messages, err := p.Encode()
		if err != nil {
			b.Fatal(err)
		}
		frame = messages[0].Append(frame[:0])
	}
}

// BenchmarkEncodeFrame makes the frame of an event, as it is posted.
func BenchmarkEncodeFrame(b *testing.B) {
	p := protocol.Packet{Type: protocol.Event, Namespace: "/", ID: protocol.NoID, Data: []byte(`["message",1,"2",{"3":[true]}]`)}
	b.ReportAllocs()
	for b.Loop() {
		messages, err := p.Encode()
		if err != nil {
			b.Fatal(err)
		}
		sink = messages[0].Append(nil)
	}
}

var sink []byte

func BenchmarkDecodeBinaryEvent(b *testing.B) {
	text := []byte(`51-["file",{"_placeholder":true,"num":0}]`)
	attachment := []byte("bAQIDBA==")
	b.ReportAllocs()
	for b.Loop() {
		p, err := protocol.Decode(text)
		if err != nil {
			b.Fatal(err)
		}
		engine, _ := protocol.DecodeEngine(attachment)
		if err := p.Add(engine.Data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeBinaryEvent(b *testing.B) {
	p := protocol.Packet{
		Type: protocol.Event, ID: protocol.NoID,
		Data:    []byte(`["file",{"_placeholder":true,"num":0}]`),
		Buffers: [][]byte{{1, 2, 3, 4}},
	}
	body := make([]byte, 0, 128)
	b.ReportAllocs()
	for b.Loop() {
		messages, err := p.Encode()
		if err != nil {
			b.Fatal(err)
		}
		body = protocol.AppendPayload(body[:0], messages...)
	}
}

func payloadOfTen() []protocol.EnginePacket {
	packets := make([]protocol.EnginePacket, 10)
	for i := range packets {
		packets[i] = protocol.EnginePacket{Type: protocol.EngineMessage, Data: []byte(`2["message",1,"2",{"3":[true]}]`)}
	}
	return packets
}

func BenchmarkDecodePayload10(b *testing.B) {
	body := protocol.AppendPayload(nil, payloadOfTen()...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := protocol.DecodePayload(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendPayload10(b *testing.B) {
	packets := payloadOfTen()
	var body []byte
	b.ReportAllocs()
	for b.Loop() {
		body = protocol.AppendPayload(body[:0], packets...)
	}
}

func BenchmarkEncodeArgsSmall(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := protocol.EncodeArgs("message", 1, "2", true); err != nil {
			b.Fatal(err)
		}
	}
}

type chatMessage struct {
	Room string `json:"room"`
	Text string `json:"text"`
	At   int64  `json:"at"`
}

func BenchmarkEncodeArgsStruct(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := protocol.EncodeArgs("said", chatMessage{"lobby", "hello", 1700000000}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeArgsBinary(b *testing.B) {
	image := map[string]any{"name": "a.png", "bytes": make([]byte, 1024)}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := protocol.EncodeArgs("file", image); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeArgString(b *testing.B) {
	arg := []byte(`"hello"`)
	b.ReportAllocs()
	for b.Loop() {
		var s string
		if err := protocol.DecodeArg(arg, nil, &s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeArgStruct(b *testing.B) {
	arg := []byte(`{"room":"lobby","text":"hello","at":1700000000}`)
	b.ReportAllocs()
	for b.Loop() {
		var m chatMessage
		if err := protocol.DecodeArg(arg, nil, &m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeArgAny(b *testing.B) {
	arg := []byte(`{"3":[true,1,"two",null]}`)
	b.ReportAllocs()
	for b.Loop() {
		var v any
		if err := protocol.DecodeArg(arg, nil, &v); err != nil {
			b.Fatal(err)
		}
	}
}

// The whole way between wire and values, which is what socket.io-parser does: make bench compares them.

func BenchmarkWireToValues(b *testing.B) {
	text := []byte(`2["message",1,"2",{"3":[true]}]`)
	b.ReportAllocs()
	for b.Loop() {
		p, err := protocol.Decode(text)
		if err != nil {
			b.Fatal(err)
		}
		args, err := p.Args()
		if err != nil || p.EventName() != "message" {
			b.Fatal(err)
		}
		var (
			one   int
			two   string
			three any
		)
		for i, into := range []any{&one, &two, &three} {
			if err := protocol.DecodeArg(args[i+1], p.Buffers, into); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkValuesToWire(b *testing.B) {
	valuesToWire(b, "message", 1, "2", map[string]any{"3": []any{true}})
}

func valuesToWire(b *testing.B, args ...any) {
	b.ReportAllocs()
	for b.Loop() {
		data, buffers, err := protocol.EncodeArgs(args...)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := (protocol.Packet{Type: protocol.Event, ID: protocol.NoID, Data: data, Buffers: buffers}).Encode(); err != nil {
			b.Fatal(err)
		}
	}
}

// The event of a handler whose argument is a struct, an any, a map, or JSON.

const wireOfObject = `2["said",{"room":"lobby","text":"hello","at":1700000000}]`

func BenchmarkWireToStruct(b *testing.B) { wireTo[chatMessage](b) }
func BenchmarkWireToAny(b *testing.B)    { wireTo[any](b) }
func BenchmarkWireToMap(b *testing.B)    { wireTo[map[string]any](b) }
func BenchmarkWireToRaw(b *testing.B)    { wireTo[json.RawMessage](b) }

func wireTo[T any](b *testing.B) {
	text := []byte(wireOfObject)
	b.ReportAllocs()
	for b.Loop() {
		p, err := protocol.Decode(text)
		if err != nil {
			b.Fatal(err)
		}
		args, err := p.Args()
		if err != nil || p.EventName() != "said" {
			b.Fatal(err)
		}
		var into T
		if err := protocol.DecodeArg(args[1], p.Buffers, &into); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStructToWire(b *testing.B) {
	valuesToWire(b, "said", chatMessage{"lobby", "hello", 1700000000})
}

// BenchmarkDecodeAnyObjects decodes objects of some numbers of members.
func BenchmarkDecodeAnyObjects(b *testing.B) {
	for _, n := range []int{1, 3, 8, 12, 30} {
		var arg strings.Builder
		for i := range n {
			fmt.Fprintf(&arg, `,"member%d":{"value":"some text"}`, i)
		}
		text := []byte("{" + arg.String()[1:] + "}")
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var v any
				if err := protocol.DecodeArg(text, nil, &v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDecodeArgFields decodes into structs of some numbers of fields: members in the order of the fields, in the
// opposite order, and as many that no field has.
func BenchmarkDecodeArgFields(b *testing.B) {
	for _, n := range []int{8, 16, 64} {
		var fields []reflect.StructField
		for i := range n {
			fields = append(fields, reflect.StructField{Name: fmt.Sprint("Field", i), Type: reflect.TypeFor[int](), Tag: reflect.StructTag(fmt.Sprintf(`json:"field%d"`, i))})
		}
		var ordered, reversed, unknown []string
		for i := range n {
			ordered = append(ordered, fmt.Sprintf(`"field%d":%d`, i, i))
			unknown = append(unknown, fmt.Sprintf(`"fields%d":%d`, i, i))
		}
		reversed = slices.Clone(ordered)
		slices.Reverse(reversed)
		for _, order := range []struct {
			name    string
			members []string
		}{{"ordered", ordered}, {"reversed", reversed}, {"unknown", unknown}} {
			text := []byte("{" + strings.Join(order.members, ",") + "}")
			into := reflect.New(reflect.StructOf(fields))
			b.Run(fmt.Sprint(n, "/", order.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					into.Elem().SetZero()
					if err := protocol.DecodeArg(text, nil, into.Interface()); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
