package gateway

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

// FuzzFrames feeds the reader of a connection that is already closed, so that nothing but the decoding happens.
func FuzzFrames(f *testing.F) {
	for _, frames := range [][]ws.Frame{
		{ws.NewTextFrame([]byte("hello")), ws.NewPingFrame(nil), ws.NewCloseFrame(ws.NewCloseFrameBody(1000, ""))},
		{ws.NewFrame(ws.OpText, false, []byte("a")), ws.NewFrame(ws.OpContinuation, true, make([]byte, 1000))},
		{ws.NewBinaryFrame(make([]byte, 600))},
	} {
		var b bytes.Buffer
		for _, frame := range frames {
			ws.WriteFrame(&b, ws.MaskFrame(frame))
		}
		f.Add(b.Bytes(), true)
	}
	f.Add([]byte{0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}, false)
	gateways := make(map[bool]*Gateway)
	for _, binary := range []bool{false, true} {
		g, err := New(Options{BinaryFrames: binary})
		if err != nil {
			f.Fatal(err)
		}
		gateways[binary] = g
	}
	f.Fuzz(func(t *testing.T, stream []byte, binary bool) {
		c := &conn{g: gateways[binary], state: closed, in: bufio.NewReaderSize(bytes.NewReader(stream), readBuffer)}
		switch e := c.frames(); {
		case e.theirs && e.code != statusNoStatus && ws.StatusCode(e.code).IsNotUsed():
			t.Errorf("close code %d was taken", e.code)
		case e.code == 0:
			t.Error("ended without a code")
		}
	})
}

func FuzzString(f *testing.F) {
	f.Add("plain")
	f.Add("\x00\x1f\"\\/\n\r\t\u2028<>&\x7f\xff\xc3")
	f.Fuzz(func(t *testing.T, s string) {
		b := appendString(nil, s)
		if !bytes.Equal(b, appendString(nil, []byte(s))) {
			t.Errorf("%q differs from its bytes", s)
		}
		var got string
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%v in %s", err, b)
		}
		var want strings.Builder // one U+FFFD for each bad byte
		for _, r := range s {
			want.WriteRune(r)
		}
		if got != want.String() {
			t.Errorf("%q became %q", s, got)
		}
	})
}
