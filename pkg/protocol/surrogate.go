package protocol

import (
	"bytes"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Text in JavaScript is a sequence of UTF-16 units, and JSON carries one half of a surrogate pair as an escape,
// "\ud83d". UTF-8 has no form for it. WTF-8 gives it the three bytes that its number would have
// (https://simonsapin.github.io/wtf-8/), so that different texts stay different strings:
//
//	d800 to dbff  ed a0 80 to ed af bf   first halves
//	dc00 to dfff  ed b0 80 to ed bf bf   second halves

// replacement is U+FFFD, which the JSON package puts in the place of what is no UTF-8.
var replacement = []byte("\uFFFD")

// hasLoneSurrogate reports whether a JSON text may have the escape of one half of a pair. It may err on the safe side.
func hasLoneSurrogate(text []byte) bool {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 || i+1 == len(text) {
			return false
		}
		text = text[i:]
		switch unit, pair := escaped(text), escaped(text[min(6, len(text)):]); {
		case isFirstHalf(unit) && isSecondHalf(pair):
			text = text[12:]
		case isFirstHalf(unit) || isSecondHalf(unit):
			return true
		default:
			text = text[2:]
		}
	}
}

// escaped returns the UTF-16 unit of the escape that a text begins with, -1 if that is another escape or none.
func escaped(text []byte) int {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return int(n)
}

func isFirstHalf(unit int) bool  { return unit >= 0xd800 && unit <= 0xdbff }
func isSecondHalf(unit int) bool { return unit >= 0xdc00 && unit <= 0xdfff }

// unquoteSurrogates is unquote for a string with lone surrogates.
func unquoteSurrogates(quoted []byte) (s []byte) {
	rest := quoted[1 : len(quoted)-1]
	flush := func(n int) { // unquotes what is in front of a lone surrogate
		part := append(append([]byte{'"'}, rest[:n]...), '"')
		s, _ = jsontext.AppendUnquote(s, part)
		rest = rest[n:]
	}
	for i := 0; i < len(rest); {
		unit := escaped(rest[i:])
		switch {
		case rest[i] != '\\':
			i++
		case isFirstHalf(unit) && isSecondHalf(escaped(rest[i+6:])):
			i += 12
		case isFirstHalf(unit) || isSecondHalf(unit):
			flush(i)
			s = append(s, 0xe0|byte(unit>>12), 0x80|byte(unit>>6)&0x3f, 0x80|byte(unit)&0x3f)
			rest, i = rest[6:], 0
		default:
			i += 2
		}
	}
	flush(len(rest))
	return s
}

// appendSurrogates is appendString for a string that is no UTF-8.
func appendSurrogates(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for len(s) > 0 {
		n := 0
		for n < len(s) && surrogate(s[n:]) < 0 {
			n++
		}
		part, _ := jsontext.AppendQuote(nil, s[:n])
		dst = append(dst, part[1:len(part)-1]...)
		if s = s[n:]; s != "" {
			dst = strconv.AppendInt(append(dst, '\\', 'u'), int64(surrogate(s)), 16)
			s = s[3:]
		}
	}
	return append(dst, '"')
}

// surrogate returns the half of a pair that a string begins with in WTF-8, -1 if it begins otherwise.
func surrogate(s string) int {
	if len(s) < 3 || s[0] != 0xed || s[1] < 0xa0 || s[1] > 0xbf || s[2]&0xc0 != 0x80 {
		return -1
	}
	return 0xd000 | int(s[1]&0x3f)<<6 | int(s[2]&0x3f)
}

// hasSurrogate reports whether a string has WTF-8.
func hasSurrogate(s string) bool {
	for i := range len(s) {
		if s[i] == 0xed && surrogate(s[i:]) >= 0 {
			return true
		}
	}
	return false
}
