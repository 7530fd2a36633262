//go:build full

package tests

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"reflect"
	"testing"

	"github.com/dozeio/doze/pkg/protocol"
)

// said returns what a packet says, without what Decode has noted beside.
func said(p protocol.Packet) protocol.Packet {
	return protocol.Packet{Type: p.Type, Namespace: p.Namespace, ID: p.ID, Data: p.Data, Attachments: p.Attachments, Buffers: p.Buffers}
}

// TestPacketsOfBothParsers has Node write the same random packets in text and in msgpack: they are read as equal
// packets, and what JSON has a form for is written as Node writes it, byte for byte.
func TestPacketsOfBothParsers(t *testing.T) {
	const count = "3000"
	seed := "1"
	if s := os.Getenv("SEED"); s != "" {
		seed = s
	}
	out, err := exec.CommandContext(t.Context(), "node", "kit/reference/packets.mjs", count, seed).Output()
	if err != nil {
		t.Fatalf("node reference/packets.mjs %s %s, which needs the packages of tests/package.json: %v", count, seed, err)
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<24)
	read, written, binary := 0, 0, 0
	for lines.Scan() {
		var line struct {
			Text        string
			Attachments [][]byte
			MsgPack     []byte
			Browser     []byte
			Same        bool
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		want, err := protocol.Decode([]byte(line.Text))
		if err != nil {
			t.Fatalf("%q: %v", line.Text, err)
		}
		for _, a := range line.Attachments {
			if err := want.Add(a); err != nil {
				t.Fatal(err)
			}
		}
		got, err := protocol.DecodeMsgPack(line.MsgPack)
		if err != nil {
			t.Fatalf("%q as %x: %v", line.Text, line.MsgPack, err)
		}
		if page, err := protocol.DecodeMsgPack(line.Browser); err != nil || !reflect.DeepEqual(page, got) {
			t.Fatalf("seed %s, packet %d: %x is %+v, from a page %x is %+v, %v", seed, read, line.MsgPack, got, line.Browser, page, err)
		}
		equal := said(got)
		equal.Data = want.Data
		if !reflect.DeepEqual(equal, said(want)) || !reflect.DeepEqual(parsed(t, got.Data), parsed(t, want.Data)) {
			t.Fatalf("seed %s, packet %d: text is %+v with %s, msgpack %+v with %s", seed, read, want, want.Data, got, got.Data)
		}
		read++
		if want.Attachments > 0 {
			binary++
		}
		if !line.Same {
			continue
		}
		written++
		if m, err := want.EncodeMsgPack(); err != nil || !bytes.Equal(m.Data, line.MsgPack) {
			t.Fatalf("seed %s, packet %d: %q is %x, in Node %x, %v", seed, read, line.Text, m.Data, line.MsgPack, err)
		}
	}
	if lines.Err() != nil || read != 3000 || written < 1000 || binary < 300 {
		t.Errorf("%d packets were read, %d written, %d had binary: %v", read, written, binary, lines.Err())
	}
}

// parsed returns what a JSON text stands for, nil for none.
func parsed(t *testing.T, text []byte) (v any) {
	t.Helper()
	if len(text) == 0 {
		return nil
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}
