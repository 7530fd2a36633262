package protocol_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/protocol"
)

func TestEncode(t *testing.T) {
	const none = protocol.NoID
	withBuffers := func(p protocol.Packet, n int) protocol.Packet {
		for i := range n {
			p.Buffers = append(p.Buffers, []byte{byte(i)})
		}
		return p
	}
	for _, tt := range []struct {
		packet protocol.Packet
		want   string // as a polling body
	}{
		{packet(protocol.Connect, "/", none, ``), `40`},
		{packet(protocol.Connect, "", none, `{"sid":"a"}`), `40{"sid":"a"}`},
		{packet(protocol.Connect, "/n", none, `{"sid":"a"}`), `40/n,{"sid":"a"}`},
		{packet(protocol.Disconnect, "/", none, ``), `41`},
		{packet(protocol.Disconnect, "/n", none, ``), `41/n,`},
		{packet(protocol.Event, "/", none, `["e",1]`), `42["e",1]`},
		{packet(protocol.Event, "/n", 0, `["e"]`), `42/n,0["e"]`},
		{packet(protocol.Ack, "/", 1<<53-1, `[]`), `439007199254740991[]`},
		{packet(protocol.ConnectError, "/n", none, `{"message":"m"}`), `44/n,{"message":"m"}`},
		{packet(protocol.ConnectError, "/", none, `"m"`), `44"m"`},
		{withBuffers(packet(protocol.Event, "/", none, `["e"]`), 2), "452-[\"e\"]\x1ebAA==\x1ebAQ=="},
		{withBuffers(packet(protocol.Ack, "/n", 7, `[]`), 1), "461-/n,7[]\x1ebAA=="},
		{withBuffers(announcing(1, packet(protocol.BinaryEvent, "/", none, `["e"]`)), 1), "451-[\"e\"]\x1ebAA=="},
		{withBuffers(packet(protocol.BinaryAck, "/", 7, `[]`), 1), "461-7[]\x1ebAA=="},
		{packet(protocol.BinaryEvent, "/", none, `["e"]`), `42["e"]`},
		{packet(protocol.BinaryAck, "/", 7, `[]`), `437[]`},
		{withBuffers(packet(protocol.Event, "/", none, `[1]`), 10), "4510-[1]\x1ebAA==\x1ebAQ==\x1ebAg==\x1ebAw==\x1ebBA==\x1ebBQ==\x1ebBg==\x1ebBw==\x1ebCA==\x1ebCQ=="},
	} {
		messages, err := tt.packet.Encode()
		if got := protocol.AppendPayload(nil, messages...); err != nil || string(got) != tt.want {
			t.Errorf("%+v encodes to %q, %v; want %q", tt.packet, got, err, tt.want)
		}
	}

	for reason, p := range map[string]protocol.Packet{
		"unknown packet type":       packet(7, "/", none, ``),
		"disconnect packet":         packet(protocol.Disconnect, "/", none, `{}`),
		"connect packet is not":     packet(protocol.Connect, "/", none, `[]`),
		"connect error is neither":  packet(protocol.ConnectError, "/", none, ``),
		"not an array":              packet(protocol.Event, "/", none, ``),
		"ack without an id":         packet(protocol.Ack, "/", none, `[]`),
		"start with a slash":        packet(protocol.Event, "n", none, `["e"]`),
		"without comma":             packet(protocol.Event, "/a,b", none, `["e"]`),
		"and 0x1e":                  packet(protocol.Event, "/a\x1eb", none, `["e"]`),
		"must start with":           packet(protocol.Event, "/a\xff", none, `["e"]`),
		"neither NoID nor between":  packet(protocol.Event, "/", -2, `["e"]`),
		"nor between 0 and 10^18-1": packet(protocol.Event, "/", 1_000_000_000_000_000_000, `["e"]`),
		"more than 10":              withBuffers(packet(protocol.Event, "/", none, `["e"]`), 11),
		"has 1 of 2 attachments":    withBuffers(announcing(2, packet(protocol.BinaryEvent, "/", none, `["e"]`)), 1),
		"only events and acks":      withBuffers(packet(protocol.Connect, "/", none, `{}`), 1),
		"events and acks have":      withBuffers(packet(protocol.ConnectError, "/", none, `{}`), 1),
	} {
		if messages, err := p.Encode(); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%+v encodes to %v, %v; want %q", p, messages, err, reason)
		}
	}
}

func TestEncodeSharesBuffers(t *testing.T) {
	p := packet(protocol.Event, "/", protocol.NoID, `["e"]`)
	p.Buffers = [][]byte{make([]byte, 1<<20)}
	messages, err := p.Encode()
	if err != nil || len(messages) != 2 || &messages[1].Data[0] != &p.Buffers[0][0] {
		t.Errorf("buffer was copied, or %v", err)
	}
}

// A server sends one packet to many clients from many goroutines.
func TestEncodeConcurrently(t *testing.T) {
	data, buffers, err := protocol.EncodeArgs("e", []byte{1}, map[string]any{"b": []byte{2}})
	if err != nil {
		t.Fatal(err)
	}
	p := protocol.Packet{Type: protocol.Event, ID: protocol.NoID, Data: data, Buffers: buffers}
	want := "452-[\"e\",{\"_placeholder\":true,\"num\":0},{\"b\":{\"_placeholder\":true,\"num\":1}}]\x1ebAQ==\x1ebAg=="
	done := make(chan []byte)
	for range 8 {
		go func() {
			messages, _ := p.Encode()
			done <- protocol.AppendPayload(nil, messages...)
		}()
	}
	for range 8 {
		if got := <-done; !bytes.Equal(got, []byte(want)) {
			t.Errorf("got %q", got)
		}
	}
}

func ExamplePacket_Encode() {
	data, buffers, err := protocol.EncodeArgs("image", "a.png", []byte{1, 2, 3, 4})
	if err != nil {
		fmt.Println(err)
	}
	p := protocol.Packet{Type: protocol.Event, Namespace: "/chat", ID: protocol.NoID, Data: data, Buffers: buffers}
	messages, err := p.Encode()
	if err != nil {
		fmt.Println(err)
	}
	for _, m := range messages {
		fmt.Printf("%s\n", m.Append(nil))
	}
	// Output:
	// 451-/chat,["image","a.png",{"_placeholder":true,"num":0}]
	// bAQIDBA==
}
