package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// oldParser is what anyParser was before it checked the text itself, for tests to compare anyParser with. It turns valid
// JSON into what encoding/json stores in an empty interface, and placeholders into attachments.
type oldParser struct {
	scanner
	buffers [][]byte
}

func oldParseAny(text []byte, buffers [][]byte) (any, error) {
	if !json.Valid(text) || !utf8.Valid(text) || deepest(text) > maxDepth || bytes.ContainsAny(text[:1], " \t\r\n") {
		return nil, errors.New("not for the simple way")
	}
	return oldParseValid(text, buffers)
}

// oldParseValid is for text that is known to be one JSON value.
func oldParseValid(text []byte, buffers [][]byte) (any, error) {
	p := oldParser{scanner: scanner{text: text}, buffers: buffers}
	v, _, err := p.parse(0)
	return v, err
}

func (p *oldParser) parse(i int) (v any, end int, err error) {
	switch c := p.byte(i); c {
	case '{':
		return p.parseObject(i)
	case '[':
		return p.parseArray(i)
	case '"':
		end = p.string(i)
		return oldUnquote(p.text[i:end]), end, nil
	case 't', 'f':
		end = p.value(i, 0)
		return c == 't', end, nil
	case 'n':
		return nil, i + len("null"), nil
	default:
		end = p.number(i)
		f, err := strconv.ParseFloat(string(p.text[i:end]), 64)
		if err != nil {
			return nil, 0, errors.New("number out of range of float64")
		}
		return f, end, nil
	}
}

func (p *oldParser) parseArray(i int) (v any, end int, err error) {
	array := []any{}
	for i = p.space(i + 1); p.byte(i) != ']'; {
		if v, i, err = p.parse(i); err != nil {
			return nil, 0, err
		}
		if len(array) == 0 {
			array = make([]any, 0, 4)
		}
		array = append(array, v)
		if i = p.space(i); p.byte(i) == ',' {
			i = p.space(i + 1)
		}
	}
	return array, i + 1, nil
}

func (p *oldParser) parseObject(i int) (v any, end int, err error) {
	object := map[string]any{}
	var mark placeholder
	for i = p.space(i + 1); p.byte(i) != '}'; {
		key := p.text[i:p.string(i)]
		start := p.space(p.space(i+len(key)) + 1) // behind the colon
		if v, i, err = p.parse(start); err != nil {
			return nil, 0, err
		}
		object[oldUnquote(key)] = v
		if len(p.buffers) > 0 {
			mark.member(key, p.text[start:i])
		}
		if i = p.space(i); p.byte(i) == ',' {
			i = p.space(i + 1)
		}
	}
	if !mark.marked {
		return object, i + 1, nil
	}
	num := mark.num(len(p.buffers))
	if num < 0 {
		return nil, 0, malformed(illegalAttachments)
	}
	b := p.buffers[num]
	return b[:len(b):len(b)], i + 1, nil
}

func (s *oldParser) string(i int) int {
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

// oldUnquote returns what a valid JSON string stands for. Lone surrogates become
// WTF-8.
func oldUnquote(quoted []byte) string {
	if inner := quoted[1 : len(quoted)-1]; bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner)
	}
	b, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil { // it has replaced something
		b = unquoteSurrogates(quoted)
	}
	return string(b)
}
