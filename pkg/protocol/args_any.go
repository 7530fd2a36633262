package protocol

import (
	"errors"
	"strconv"
)

// anyParser turns valid JSON into what encoding/json stores in an empty
// interface, and placeholders into attachments, in one pass.
type anyParser struct {
	scanner
	buffers [][]byte
}

func parseAny(text []byte, buffers [][]byte) (any, error) {
	s := scanner{text: text}
	if _, err := s.scan(); err != nil {
		return nil, err
	}
	return parseValid(text, buffers)
}

// parseValid is for text that is known to be one JSON value.
func parseValid(text []byte, buffers [][]byte) (any, error) {
	p := anyParser{scanner: scanner{text: text}, buffers: buffers}
	v, _, err := p.parse(0)
	return v, err
}

func (p *anyParser) parse(i int) (v any, end int, err error) {
	switch c := p.byte(i); c {
	case '{':
		return p.parseObject(i)
	case '[':
		return p.parseArray(i)
	case '"':
		end = p.string(i)
		return unquote(p.text[i:end]), end, nil
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

func (p *anyParser) parseArray(i int) (v any, end int, err error) {
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

func (p *anyParser) parseObject(i int) (v any, end int, err error) {
	object := map[string]any{}
	var mark placeholder
	for i = p.space(i + 1); p.byte(i) != '}'; {
		key := p.text[i:p.string(i)]
		start := p.space(p.space(i+len(key)) + 1) // behind the colon
		if v, i, err = p.parse(start); err != nil {
			return nil, 0, err
		}
		object[unquote(key)] = v
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
