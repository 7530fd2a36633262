package protocol_test

import (
	"bytes"
	"encoding/base64"
	"slices"
	"testing"

	"github.com/dozeio/doze/pkg/protocol"
)

// TestBase64IsReadAsNodeDoes has what Buffer.from(text, "base64") of Node 20.20 makes of each text.
func TestBase64IsReadAsNodeDoes(t *testing.T) {
	for text, want := range map[string]string{
		"AQI": "\x01\x02", "AQI=": "\x01\x02", // no padding, as a client in Swift sends it, or some of it
		"YQ": "a", "YQ=": "a", "YQ==": "a", "YWI": "ab", "YWJj": "abc", "YWJjZA": "abcd",
		"-_-_": "\xfb\xff\xbf", "+/-_": "\xfb\xff\xbf", "_w": "\xff", "-w==": "\xfb",
		"": "", "Y": "", "=": "", "====": "", "=YQ": "", "A=BC": "", "ABCDE": "\x00\x10\x83", "YR": "a",
		"YQ==YQ==": "a", "YQ=YQ": "a", "YWJj=ZGVm": "abc", "YWJjZA=ZGVm": "abcd", "YQ==x": "a",
		"Y Q = =": "a", "YQ\n==": "a", "YWJj\r\nZGVm": "abcdef", "!!!!": "", "Y.Q": "a", "é": "", "aé": "", "YQ\xff": "a", "Y\x00Q": "a",
	} {
		p, err := protocol.DecodeEngine([]byte("b" + text))
		if err != nil || !p.Binary || p.Type != protocol.EngineMessage || string(p.Data) != want {
			t.Errorf("%q: %v, %v; want %q", text, p, err, want)
		}
		if packets, err := protocol.DecodePayload([]byte("4a\x1eb" + text + "\x1e4b")); err != nil || len(packets) != 3 || string(packets[1].Data) != want {
			t.Errorf("%q in a payload: %v, %v; want %q", text, packets, err, want)
		}
	}
}

// FuzzBase64 holds the lenient decoder to the strict ones of the standard library: it reads what they read, in each
// alphabet, with padding and without, also when something that is no base64 stands in between.
func FuzzBase64(f *testing.F) {
	for _, s := range []string{"", "a", "ab", "abc", "\xfb\xff\xbf\xfe", "AQI=", "bAQIDBA==", "YQ==\n"} {
		f.Add([]byte(s), uint8(1))
	}
	junk := []byte(" !.\n\x00\x7f\x80é{")
	f.Fuzz(func(t *testing.T, data []byte, at uint8) {
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			text := encoding.AppendEncode(nil, data)
			spoilt := text
			for i, c := range junk {
				spoilt = slices.Insert(slices.Clone(spoilt), int(at)*(i+1)%(len(spoilt)+1), c)
			}
			for _, wire := range [][]byte{text, spoilt} {
				if p, err := protocol.DecodeEngine(append([]byte("b"), wire...)); err != nil || !bytes.Equal(p.Data, data) {
					t.Errorf("%q of %q: %q, %v", wire, data, p.Data, err)
				}
			}
		}
		strict, err := base64.StdEncoding.AppendDecode(nil, data)
		for _, before := range []string{"b", "b!"} { // a ! takes the strict decoder out of the way
			p, mistake := protocol.DecodeEngine(append([]byte(before), data...))
			if mistake != nil || err == nil && !bytes.Equal(p.Data, strict) {
				t.Errorf("%s%q: %q, %v; strictly %q, %v", before, data, p.Data, mistake, strict, err)
			}
		}
	})
}
