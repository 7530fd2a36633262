package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"regexp"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/gobwas/ws"

	"github.com/dozeio/doze/pkg/gateway"
)

// ended reads frames up to the close frame, expects the stream to end there, and returns the code.
func ended(t *testing.T, c net.Conn) int {
	t.Helper()
	for {
		f, err := readFrame(c)
		if err != nil {
			t.Fatal(err)
		}
		if f.Header.OpCode == ws.OpClose {
			if _, err := c.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("after the close frame: %v", err)
			}
			code, _ := ws.ParseCloseFrameData(f.Payload)
			return int(code)
		}
	}
}

func masked(f ws.Frame) ws.Frame { return ws.MaskFrame(f) }

func TestForbiddenFramesCloseTheConnection(t *testing.T) {
	text := func(n int) ws.Frame { return masked(ws.NewTextFrame(make([]byte, n))) }
	part := func(op ws.OpCode, fin bool, n int) ws.Frame { return masked(ws.NewFrame(op, fin, make([]byte, n))) }
	reserved := part(ws.OpText, true, 1)
	reserved.Header.Rsv = 4
	for name, c := range map[string]struct {
		code   int
		frames []ws.Frame
	}{
		"binary is 1003":                        {1003, []ws.Frame{masked(ws.NewBinaryFrame([]byte{1}))}},
		"fragmented binary is 1003":             {1003, []ws.Frame{part(ws.OpBinary, false, 1)}},
		"frame over 32 KiB is 1009":             {1009, []ws.Frame{text(32<<10 + 1)}},
		"message over 128 KiB is 1009":          {1009, []ws.Frame{part(ws.OpText, false, 32<<10), part(0, false, 32<<10), part(0, false, 32<<10), part(0, false, 32<<10), part(0, true, 1)}},
		"invalid UTF-8 is 1007":                 {1007, []ws.Frame{masked(ws.NewTextFrame([]byte{0xff}))}},
		"long invalid UTF-8 is 1007":            {1007, []ws.Frame{masked(ws.NewTextFrame([]byte(strings.Repeat("x", 5000) + "\xff")))}},
		"unmasked is 1002":                      {1002, []ws.Frame{ws.NewTextFrame([]byte("x"))}},
		"reserved bits are 1002":                {1002, []ws.Frame{reserved}},
		"reserved opcode is 1002":               {1002, []ws.Frame{part(3, true, 1)}},
		"continuation of nothing is 1002":       {1002, []ws.Frame{part(0, true, 1)}},
		"message within a message is 1002":      {1002, []ws.Frame{part(ws.OpText, false, 1), part(ws.OpText, true, 1)}},
		"fragmented ping is 1002":               {1002, []ws.Frame{part(ws.OpPing, false, 1)}},
		"long ping is 1002":                     {1002, []ws.Frame{part(ws.OpPing, true, 126)}},
		"close frame of one byte is 1002":       {1002, []ws.Frame{part(ws.OpClose, true, 1)}},
		"close code that is none is 1002":       {1002, []ws.Frame{masked(ws.NewCloseFrame(ws.NewCloseFrameBody(1006, "")))}},
		"close reason that is no UTF-8 is 1002": {1002, []ws.Frame{masked(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, "\xff")))}},
		"legal close code is answered alike":    {4321, []ws.Frame{masked(ws.NewCloseFrame(ws.NewCloseFrameBody(4321, "mine")))}},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, gateway.Options{})
			raw := b.raw()
			for _, f := range c.frames {
				b.writeRaw(raw, f)
			}
			if code := ended(t, raw); code != c.code {
				t.Errorf("code %d", code)
			}
			if e := b.next(b.disconnects); int(e.RequestContext.DisconnectStatusCode) != c.code {
				t.Errorf("$disconnect %+v", e.RequestContext)
			}
			if len(b.messages) != 0 {
				t.Error("it reached the function")
			}
		})
	}
}

func TestCloseCodes(t *testing.T) {
	for code, legal := range map[int]bool{
		0: false, 999: false, 1000: true, 1003: true, 1004: false, 1005: false, 1006: false, 1007: true, 1011: true,
		1012: true, 1013: true, 1014: true, 1015: false, 1016: false, 2999: false, 3000: true, 4999: true, 5000: false, 65535: false,
	} {
		b := start(t, gateway.Options{})
		raw := b.raw()
		b.writeRaw(raw, masked(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusCode(code), "why"))))
		want := 1002
		if legal {
			want = code
		}
		if got := ended(t, raw); got != want {
			t.Errorf("%d was answered with %d", code, got)
		}
		if e := b.next(b.disconnects); int(e.RequestContext.DisconnectStatusCode) != want {
			t.Errorf("%d: $disconnect %+v", code, e.RequestContext)
		}
	}
}

func TestLargestFrameAndMessagePass(t *testing.T) {
	b := start(t, gateway.Options{})
	raw := b.raw()
	part := strings.Repeat("x", 32<<10)
	for i := range 4 {
		op := ws.OpContinuation
		if i == 0 {
			op = ws.OpText
		}
		b.writeRaw(raw, masked(ws.NewFrame(op, i == 3, []byte(part))))
		b.writeRaw(raw, masked(ws.NewPingFrame([]byte("between")))) // control frames may come between
	}
	var got string
	for pongs := 0; pongs < 4 || got == ""; {
		f, err := readFrame(raw)
		if err != nil {
			t.Fatal(err)
		}
		switch f.Header.OpCode {
		case ws.OpPong:
			pongs++
		case ws.OpText:
			got = string(f.Payload)
		}
	}
	if got != strings.Repeat(part, 4) {
		t.Fatalf("%d bytes came back", len(got))
	}
}

func TestFragmentsAreOneMessage(t *testing.T) {
	b := start(t, gateway.Options{})
	raw := b.raw()
	euro := "€" // cut within the character
	b.writeRaw(raw, masked(ws.NewFrame(ws.OpText, false, nil)))
	b.writeRaw(raw, masked(ws.NewFrame(ws.OpContinuation, false, []byte(euro[:1]))))
	b.writeRaw(raw, masked(ws.NewFrame(ws.OpContinuation, true, []byte(euro[1:]))))
	if e := b.next(b.messages); e.Body != euro {
		t.Fatalf("%q", e.Body)
	}
	b.writeRaw(raw, masked(ws.NewTextFrame(nil))) // empty, whole
	if e := b.next(b.messages); e.Body != "" {
		t.Fatalf("%q", e.Body)
	}
}

func TestClientPingIsAnsweredAndReachesNoFunction(t *testing.T) {
	b := start(t, gateway.Options{})
	raw := b.raw()
	b.writeRaw(raw, masked(ws.NewPingFrame([]byte("are you there"))))
	b.writeRaw(raw, masked(ws.NewPongFrame(nil)))
	f, err := readFrame(raw)
	if err != nil || f.Header.OpCode != ws.OpPong || string(f.Payload) != "are you there" {
		t.Fatalf("%+v %v", f, err)
	}
	b.writeRaw(raw, masked(ws.NewTextFrame([]byte("x"))))
	if b.next(b.messages); b.Stats().Messages != 1 {
		t.Fatalf("%+v", b.Stats())
	}
}

// TestOfPingsThatComeTogetherTheLastIsAnswered, among fragments that end no message, and the one before a message before
// that is handled.
func TestOfPingsThatComeTogetherTheLastIsAnswered(t *testing.T) {
	b := start(t, gateway.Options{})
	raw := b.raw()
	frame := func(f ws.Frame) []byte { return ws.MustCompileFrame(masked(f)) }
	const pings = 2000
	sent := frame(ws.NewFrame(ws.OpText, false, nil))
	for n := range pings {
		sent = append(sent, frame(ws.NewPingFrame(fmt.Append(nil, n)))...)
		sent = append(sent, frame(ws.NewFrame(ws.OpContinuation, false, nil))...)
	}
	sent = append(sent, frame(ws.NewPingFrame([]byte("last")))...)
	sent = append(sent, frame(ws.NewFrame(ws.OpContinuation, true, []byte("x")))...)
	if _, err := raw.Write(sent); err != nil {
		t.Fatal(err)
	}
	for n := 1; ; n++ {
		f, err := readFrame(raw)
		if err != nil || f.Header.OpCode != ws.OpPong {
			t.Fatalf("%+v %v", f, err)
		}
		if string(f.Payload) == "last" {
			break
		}
		if n > pings/10 {
			t.Fatalf("%d of %d pings are answered, one for each", n, pings)
		}
	}
	if e := b.next(b.messages); e.Body != "x" {
		t.Fatalf("%q", e.Body)
	}
}

func TestLimitsOfFrameAndMessageAreOptions(t *testing.T) {
	b := start(t, gateway.Options{MaxFrame: 1 << 20, MaxMessage: 1 << 20})
	c, _ := b.connect()
	text := strings.Repeat("x", 1<<20)
	b.say(c, text)
	if got := b.hear(c); got != text {
		t.Fatalf("%d bytes", len(got))
	}
	if err := c.Write(b.ctx, websocket.MessageText, []byte(text+"x")); err != nil {
		t.Fatal(err)
	}
	if code := b.closeCode(c); code != 1009 {
		t.Fatal(code)
	}
}

// TestTheLogSaysWhyAClientsConnectionIsClosed breaks a rule each time, and looks for the one line that says so.
func TestTheLogSaysWhyAClientsConnectionIsClosed(t *testing.T) {
	part := func(op ws.OpCode, fin bool, n int) ws.Frame {
		return masked(ws.NewFrame(op, fin, bytes.Repeat([]byte("x"), n)))
	}
	for name, c := range map[string]struct {
		frames []ws.Frame
		want   string
	}{
		"a frame":   {[]ws.Frame{part(ws.OpText, true, 1001)}, "because the limit is API Gateway's, or send it over HTTP long-polling, which takes MaxPayload, 1 MB by default\" connection=ID bytes=1001 limit=1000"},
		"a message": {[]ws.Frame{part(ws.OpText, false, 900), part(0, false, 900), part(0, true, 300)}, "bytes=2100 limit=2000"},
		"binary":    {[]ws.Frame{part(ws.OpBinary, true, 1)}, "code=1003"},
		"no text":   {[]ws.Frame{masked(ws.NewTextFrame([]byte{0xff}))}, "code=1007"},
		"a leave":   {[]ws.Frame{masked(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, "")))}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var log lockedBuffer
			b := start(t, gateway.Options{MaxFrame: 1000, MaxMessage: 2000, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			raw := b.raw()
			for _, f := range c.frames {
				b.writeRaw(raw, f)
			}
			ended(t, raw)
			if s := regexp.MustCompile(`connection=\S+`).ReplaceAllString(log.String(), "connection=ID"); strings.Count(s, "level=WARN") != min(1, len(c.want)) || !strings.Contains(s, c.want) {
				t.Errorf("want %q, the log says %q", c.want, s)
			}
		})
	}
}
