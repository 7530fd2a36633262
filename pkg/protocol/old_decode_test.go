package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"sync"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// This file has the decoder as it was before it became one pass, for the fuzzers to compare the present one with. It
// checks the text, walks it once more, and leaves more types to the JSON package.

func oldDecodeArg(arg []byte, buffers [][]byte, into any) error {
	if oldDecodeSimple(arg, buffers, into) {
		return nil
	}
	d := oldDecoders.Get().(*oldDecoder)
	d.buffers = buffers
	err := unmarshal(arg, into, d.options, d.wide)
	d.buffers = nil
	oldDecoders.Put(d)
	return err
}

// oldDecodeSimple decodes into targets that need no reflection. It reports false for
// everything else, mistakes included: those get their error from the slow way.
func oldDecodeSimple(arg []byte, buffers [][]byte, into any) bool {
	if len(arg) == 0 {
		return false
	}
	s := oldParser{scanner: scanner{text: arg}}
	switch into := into.(type) {
	case *string:
		if arg[0] != '"' || s.string(0) != len(arg) || into == nil {
			return false
		}
		*into = oldUnquote(arg)
	case *bool:
		if string(arg) != "true" && string(arg) != "false" || into == nil {
			return false
		}
		*into = arg[0] == 't'
	case *int:
		if s.number(0) != len(arg) || into == nil {
			return false
		}
		n, err := strconv.Atoi(string(arg))
		if err != nil {
			return setInteger(reflect.ValueOf(into).Elem(), arg) == nil
		}
		*into = n
	case *float64:
		if s.number(0) != len(arg) || into == nil {
			return false
		}
		f, err := strconv.ParseFloat(string(arg), 64)
		if err != nil {
			return false
		}
		*into = f
	case *any:
		if into == nil || *into != nil {
			return false
		}
		v, err := oldParseAny(arg, buffers)
		if err != nil {
			return false
		}
		*into = v
	case *[]byte:
		if into == nil || len(buffers) == 0 {
			return false
		}
		v, _ := oldParseAny(arg, buffers)
		b, ok := v.([]byte)
		if !ok {
			return false
		}
		*into = b
	default:
		return false
	}
	return true
}

// oldDecoder is reused, because its unmarshalers, which close over it, cache
// what they know of types.
type oldDecoder struct {
	buffers       [][]byte
	options, wide jsonv2.Options
}

var oldDecoders = sync.Pool{New: func() any {
	d := new(oldDecoder)
	u := jsonv2.JoinUnmarshalers(
		jsonv2.UnmarshalFromFunc(d.unmarshalBytes),
		jsonv2.UnmarshalFromFunc(d.unmarshalAny),
		jsonv2.UnmarshalFromFunc(unmarshalNumber),
	)
	d.options, d.wide = unmarshalOptions(u), unmarshalOptions(jsonv2.JoinUnmarshalers(u, wideUnmarshalers))
	return d
}}

func (d *oldDecoder) unmarshalBytes(dec *jsontext.Decoder, into *[]byte) error {
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	if string(value) == "null" {
		*into = nil
		return nil
	}
	if value.Kind() != '{' {
		return errNotBinary
	}
	v, err := oldParseValid(value, d.buffers)
	if err != nil {
		return err
	}
	b, ok := v.([]byte)
	if !ok {
		return errNotBinary
	}
	*into = b
	return nil
}

func (d *oldDecoder) unmarshalAny(dec *jsontext.Decoder, into *any) error {
	if *into != nil && reflect.TypeOf(*into).Kind() == reflect.Pointer {
		return errors.ErrUnsupported // encoding/json decodes into what it points to
	}
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	v, err := oldParseValid(value, d.buffers)
	if err != nil {
		return err
	}
	*into = v
	return nil
}

// oldParser turns valid JSON into what encoding/json stores in an empty
// interface, and placeholders into attachments, in one pass.
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
