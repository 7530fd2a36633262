package protocol_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/protocol"
)

func text(kind protocol.EngineType, data string) protocol.EnginePacket {
	return protocol.EnginePacket{Type: kind, Data: []byte(data)}
}

func binary(data ...byte) protocol.EnginePacket {
	return protocol.EnginePacket{Type: protocol.EngineMessage, Binary: true, Data: data}
}

func equalEngine(a, b protocol.EnginePacket) bool {
	return a.Type == b.Type && a.Binary == b.Binary && bytes.Equal(a.Data, b.Data)
}

func TestEnginePacket(t *testing.T) {
	for _, tt := range []struct {
		wire   string
		packet protocol.EnginePacket
	}{
		{`0{"sid":"x"}`, text(protocol.EngineOpen, `{"sid":"x"}`)},
		{"1", text(protocol.EngineClose, "")},
		{"2", text(protocol.EnginePing, "")},
		{"2probe", text(protocol.EnginePing, "probe")},
		{"3", text(protocol.EnginePong, "")},
		{"3probe", text(protocol.EnginePong, "probe")},
		{"4hello", text(protocol.EngineMessage, "hello")},
		{"4", text(protocol.EngineMessage, "")},
		{"4bAQID", text(protocol.EngineMessage, "bAQID")},
		{"4€", text(protocol.EngineMessage, "€")},
		{"5", text(protocol.EngineUpgrade, "")},
		{"6", text(protocol.EngineNoop, "")},
		{"bAQIDBA==", binary(1, 2, 3, 4)},
		{"b", binary()},
	} {
		got, err := protocol.DecodeEngine([]byte(tt.wire))
		if err != nil || !equalEngine(got, tt.packet) {
			t.Errorf("DecodeEngine(%q) = %v, %v", tt.wire, got, err)
		}
		if wire := tt.packet.Append(nil); string(wire) != tt.wire {
			t.Errorf("%v.Append = %q, want %q", tt.packet, wire, tt.wire)
		}
	}
}

func TestEnginePacketMalformed(t *testing.T) {
	for _, wire := range []string{"", "7", "abc", " 4", "B", "=bAQ"} {
		if p, err := protocol.DecodeEngine([]byte(wire)); !errors.Is(err, protocol.ErrMalformed) {
			t.Errorf("DecodeEngine(%q) = %v, %v", wire, p, err)
		}
	}
}

func TestPayload(t *testing.T) {
	for _, tt := range []struct {
		body    string
		packets []protocol.EnginePacket
	}{
		{`40{"sid":"…"}`, []protocol.EnginePacket{text('4', `0{"sid":"…"}`)}},
		{"2", []protocol.EnginePacket{text('2', "")}},
		{"6", []protocol.EnginePacket{text('6', "")}},
		{"6\x1e1", []protocol.EnginePacket{text('6', ""), text('1', "")}},
		{"4a\x1e4b\x1ebAQID", []protocol.EnginePacket{text('4', "a"), text('4', "b"), binary(1, 2, 3)}},
	} {
		got, err := protocol.DecodePayload([]byte(tt.body))
		if err != nil || len(got) != len(tt.packets) {
			t.Errorf("DecodePayload(%q) = %v, %v", tt.body, got, err)
			continue
		}
		for i := range got {
			if !equalEngine(got[i], tt.packets[i]) {
				t.Errorf("DecodePayload(%q)[%d] = %v", tt.body, i, got[i])
			}
		}
		if body := protocol.AppendPayload(nil, tt.packets...); string(body) != tt.body {
			t.Errorf("AppendPayload = %q, want %q", body, tt.body)
		}
	}
}

func TestPayloadMalformed(t *testing.T) {
	for _, tt := range []struct {
		body   string
		before int // packets in front of the malformed one
	}{
		{"", 0},
		{"abc", 0},
		{"\x1e", 0},
		{"4a\x1e", 1},
		{"4a\x1e\x1e4b", 1},
		{"4a\x1e4b\x1e9", 2},
		{"4a\x1eB!", 1},
		{strings.Repeat("2\x1e", 1<<16) + "2", 0},
	} {
		got, err := protocol.DecodePayload([]byte(tt.body))
		if !errors.Is(err, protocol.ErrMalformed) || len(got) != tt.before {
			t.Errorf("DecodePayload(%.20q) = %d packets, %v", tt.body, len(got), err)
		}
	}
	if got, err := protocol.DecodePayload([]byte(strings.Repeat("2\x1e", 1<<16-1) + "2")); err != nil || len(got) != 1<<16 {
		t.Errorf("65536 packets: %d, %v", len(got), err)
	}
}

func TestOpen(t *testing.T) {
	for _, o := range []protocol.Open{
		{},
		{SID: "a\"\\\x01€", Upgrades: []string{"websocket", "x"}, PingInterval: 300, PingTimeout: 200, MaxPayload: 1e6},
	} {
		p := o.Packet()
		if p.Type != protocol.EngineOpen || p.Binary {
			t.Errorf("packet is %v", p)
		}
		var got protocol.Open
		if err := json.Unmarshal(p.Data, &got); err != nil {
			t.Fatal(err)
		}
		if got.Upgrades == nil {
			t.Error("upgrades is null")
		}
		if o.Upgrades == nil {
			o.Upgrades = []string{}
		}
		if !reflect.DeepEqual(got, o) {
			t.Errorf("%s decodes to %+v", p.Data, got)
		}
		var keys map[string]any
		if err := json.Unmarshal(p.Data, &keys); err != nil || len(keys) != 5 {
			t.Errorf("keys of %s: %d, %v", p.Data, len(keys), err)
		}
	}
}

func ExampleDecodePayload() {
	packets, err := protocol.DecodePayload([]byte("2probe\x1e42[\"hi\"]\x1ebAQID"))
	if err != nil {
		fmt.Println(err)
	}
	for _, p := range packets {
		fmt.Printf("%c binary=%t %q\n", p.Type, p.Binary, p.Data)
	}
	// Output:
	// 2 binary=false "probe"
	// 4 binary=false "2[\"hi\"]"
	// 4 binary=true "\x01\x02\x03"
}

func ExampleAppendPayload() {
	body := protocol.AppendPayload(nil,
		protocol.EnginePacket{Type: protocol.EngineMessage, Data: []byte("hello")},
		protocol.EnginePacket{Type: protocol.EngineMessage, Data: []byte{1, 2, 3}, Binary: true},
	)
	fmt.Printf("%q", body)
	// Output: "4hello\x1ebAQID"
}

func ExampleDecodeEngine() {
	p, err := protocol.DecodeEngine([]byte("2probe"))
	fmt.Printf("%t %s %v\n", p.Type == protocol.EnginePing, p.Data, err)

	_, err = protocol.DecodeEngine([]byte("hello"))
	fmt.Println(err)
	// Output:
	// true probe <nil>
	// malformed packet: unknown engine.io packet type 'h'
}

func ExampleEnginePacket_Append() {
	p := protocol.EnginePacket{Type: protocol.EngineMessage, Data: []byte{1, 2, 3, 4}, Binary: true}
	fmt.Printf("%s", p.Append(nil))
	// Output: bAQIDBA==
}

func ExampleOpen() {
	open := protocol.Open{SID: "lv_VI97HAXpY6yYWAAAC", PingInterval: 25000, PingTimeout: 20000, MaxPayload: 1000000}
	fmt.Printf("%s", open.Packet().Append(nil))
	// Output: 0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}
}
