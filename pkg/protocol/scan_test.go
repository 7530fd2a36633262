package protocol

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzScanner compares the scanner with encoding/json, whose notion of validity
// differs in invalid UTF-8 and in white space before the value.
func FuzzScanner(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,-0.5e+3,true,false,null,"\u00fc\n\/"]}`, `[]`, `{}`, `[1,]`, `01`, `1.`, `-`, `"`, `"\u12"`, "\"\x01\"", "\"\xff\"",
		`[[[[]]]] `, `{"a":{}}`, `{"a"}`, `{"a":1,}`, `nul`, `truex`, strings.Repeat("[", 1002), strings.Repeat("[", 1002) + strings.Repeat("]", 1002), strings.Repeat(`{"a":[`, 501) + strings.Repeat(`]}`, 501),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := scanner{text: text, collect: true, attachments: maxAttachments}
		end, err := s.scan()
		if err == errTooDeep {
			err = nil
			if deepest(text) <= maxDepth {
				t.Errorf("%q is too deep", text)
			}
		} else if deepest(text) > maxDepth && err == nil {
			t.Errorf("%q is not too deep", text)
		}
		want := json.Valid(text) && utf8.Valid(text) && !bytes.ContainsAny(text[:1], " \t\r\n")
		if err == nil && !bytes.Equal(text[:end], bytes.TrimRight(text, " \t\r\n")) {
			t.Errorf("value of %q is %q", text, text[:end])
		}
		if (err == nil) != want && s.fault != illegalAttachments {
			t.Errorf("scan of %q: %v", text, err)
		}
	})
}

// Strings are looked at eight bytes at a time: each byte is found at each place of them.
func TestScannerFindsEachByte(t *testing.T) {
	for place := range 20 {
		for c := range 256 {
			text := []byte(`"` + strings.Repeat("x", 20) + `"`)
			text[1+place] = byte(c)
			s := scanner{text: text}
			_, err := s.scan()
			if want := json.Valid(text) && utf8.Valid(text); (err == nil) != want {
				t.Errorf("%q: %v", text, err)
			}
			if err == nil && !s.verbatim {
				t.Errorf("%q does not stand for itself", text)
			}
		}
	}
}

// deepest is right for valid JSON only.
func deepest(text []byte) (most int) {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
			most = max(most, depth)
		case c == ']' || c == '}':
			depth--
		}
	}
	return most
}
