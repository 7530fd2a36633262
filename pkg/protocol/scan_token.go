package protocol

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// plain marks the bytes that stand for themselves inside a JSON string.
var plain = func() (table [256]bool) {
	for c := range table {
		table[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return table
}()

// string passes over a string and notes whether it is verbatim.
func (s *scanner) string(i int) int {
	text, begin, all := s.text, i+1, byte(0)
	s.verbatim = true
	for i++; ; i++ {
		i = skipASCII(text, i)
		for i < len(text) && plain[text[i]] {
			all |= text[i]
			i++
		}
		switch s.byte(i) {
		case '"':
			if all >= utf8.RuneSelf && !utf8.Valid(text[begin:i]) {
				if s.verbatim = false; !s.known {
					return s.fail(begin, "text is not utf-8")
				}
			}
			return i + 1
		case '\\':
			s.verbatim = false
			if i = s.escape(i + 1); i < 0 {
				return i
			}
		default:
			if i == len(text) {
				return s.fail(i, "unterminated string")
			}
			return s.fail(i, "control character in a string")
		}
	}
}

// skipASCII returns the index of the first byte that is not both ASCII and plain, or one of the last seven. It looks at
// eight bytes at a time, as one number: subtracting sets the top bit of a byte that is too small, and of no byte before
// it.
func skipASCII(text []byte, i int) int {
	const each, tops = 0x0101_0101_0101_0101, 0x8080_8080_8080_8080
	for ; i+8 <= len(text); i += 8 {
		eight := binary.LittleEndian.Uint64(text[i:])
		quotes, backslashes := eight^'"'*each, eight^'\\'*each // zero where there is one
		if found := (eight | (eight - ' '*each) | (quotes - each) | (backslashes - each)) & tops; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	return i
}

// escape takes the index behind a backslash and returns that of the last
// character of the escape.
func (s *scanner) escape(i int) int {
	switch s.byte(i) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i
	case 'u':
		for range 4 {
			i++
			if c := s.byte(i); !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
				return s.fail(i, "invalid escape")
			}
		}
		return i
	}
	return s.fail(i, "invalid escape")
}

// isPlainASCII reports whether a text of ASCII stands for itself inside a JSON string.
func isPlainASCII(text []byte) bool {
	i := skipASCII(text, 0)
	for i < len(text) && plain[text[i]] && text[i] < utf8.RuneSelf {
		i++
	}
	return i == len(text)
}

func (s *scanner) number(i int) int {
	if s.byte(i) == '-' {
		i++
	}
	if s.byte(i) == '0' {
		i++
	} else if i = s.digits(i); i < 0 {
		return i
	}
	if s.byte(i) == '.' {
		if i = s.digits(i + 1); i < 0 {
			return i
		}
	}
	if c := s.byte(i); c == 'e' || c == 'E' {
		i++
		if c := s.byte(i); c == '+' || c == '-' {
			i++
		}
		return s.digits(i)
	}
	return i
}

// digits wants at least one.
func (s *scanner) digits(i int) int {
	start := i
	for isDigit(s.byte(i)) {
		i++
	}
	if i == start {
		return s.fail(i, "invalid number")
	}
	return i
}

func isDigit(c byte) bool       { return c >= '0' && c <= '9' }
func isNumberStart(c byte) bool { return isDigit(c) || c == '-' }

// unquote returns what a valid JSON string stands for. Lone surrogates become
// WTF-8.
func unquote(quoted []byte) string {
	if inner := quoted[1 : len(quoted)-1]; bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner)
	}
	b, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil { // it has replaced something
		b = unquoteSurrogates(quoted)
	}
	return string(b)
}

// appendString appends s as JSON.stringify would: only what must be escaped is.
// WTF-8 becomes the escapes of lone surrogates, other invalid UTF-8 U+FFFD.
func appendString(dst []byte, s string) []byte {
	if isPlainASCII([]byte(s)) {
		return append(append(append(dst, '"'), s...), '"')
	}
	end, err := jsontext.AppendQuote(dst, s)
	if err != nil { // it has replaced something
		return appendSurrogates(dst, s)
	}
	return end
}
