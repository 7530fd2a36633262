package protocol

import (
	"bytes"
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

func (s *scanner) string(i int) int {
	text := s.text
	for i++; ; i++ {
		for i < len(text) && plain[text[i]] {
			i++
		}
		switch s.byte(i) {
		case '"':
			return i + 1
		case '\\':
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
	end, err := jsontext.AppendQuote(dst, s)
	if err != nil { // it has replaced something
		return appendSurrogates(dst, s)
	}
	return end
}
