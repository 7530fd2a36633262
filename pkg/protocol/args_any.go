package protocol

import (
	"errors"
	"strconv"
)

// anyParser makes of JSON what encoding/json stores in an empty interface, and of placeholders attachments. It checks
// the text in the same pass, and gives up at what is nested too deep, unless the text is known.
//
// Its methods return the index behind a value, or -1 after they have set fault.
type anyParser struct {
	scanner
	buffers [][]byte
}

// parseAny is for any text; parseKnown for a text that a decoder has checked.
func parseAny(text []byte, buffers [][]byte) (any, error) {
	return parse(anyParser{scanner: scanner{text: text}, buffers: buffers})
}

func parseKnown(text []byte, buffers [][]byte) (any, error) {
	return parse(anyParser{scanner: scanner{text: text, known: true}, buffers: buffers})
}

func parse(p anyParser) (any, error) {
	v, end := p.parse(0, 0)
	if end >= 0 && p.space(end) != len(p.text) {
		end = p.fail(end, "text after the value")
	}
	switch {
	case end >= 0:
		return v, nil
	case p.fault == illegalAttachments:
		return nil, malformed(illegalAttachments)
	}
	return nil, errors.New(p.fault)
}

func (p *anyParser) parse(i, depth int) (v any, end int) {
	switch c := p.byte(i); c {
	case '{':
		return p.parseObject(i, depth+1)
	case '[':
		return p.parseArray(i, depth+1)
	case '"':
		if end = p.string(i); end < 0 {
			return nil, end
		}
		return p.unquote(p.text[i:end]), end
	case 't':
		return true, p.literal(i, "true")
	case 'f':
		return false, p.literal(i, "false")
	case 'n':
		return nil, p.literal(i, "null")
	default:
		if !isNumberStart(c) {
			return nil, p.fail(i, "no value")
		}
		if end = p.number(i); end < 0 {
			return nil, end
		}
		f, err := float(p.text[i:end])
		if err != nil {
			return nil, p.fail(i, "number out of range of float64")
		}
		return f, end
	}
}

// unquote returns the string that the scanner has passed over last.
func (p *anyParser) unquote(quoted []byte) string {
	if p.verbatim {
		return string(quoted[1 : len(quoted)-1])
	}
	return unquote(quoted)
}

// float returns what a valid number stands for.
func float(number []byte) (float64, error) {
	const exact = 15 // so many digits a float64 holds, whatever they are
	if len(number) > exact {
		return strconv.ParseFloat(string(number), 64)
	}
	n := 0
	for _, c := range number {
		if !isDigit(c) {
			return strconv.ParseFloat(string(number), 64)
		}
		n = n*10 + int(c-'0')
	}
	return float64(n), nil
}

func (p *anyParser) parseArray(i, depth int) (v any, end int) {
	if depth > maxDepth && !p.known {
		return nil, p.fail(i, "nested too deep")
	}
	if i = p.space(i + 1); p.byte(i) == ']' {
		return []any{}, i + 1
	}
	array := make([]any, 0, 4)
	for {
		if v, i = p.parse(i, depth); i < 0 {
			return nil, i
		}
		array = append(array, v)
		i = p.space(i)
		switch p.byte(i) {
		case ',':
			i = p.space(i + 1)
		case ']':
			return array, i + 1
		default:
			return nil, p.fail(i, "no comma or bracket")
		}
	}
}

func (p *anyParser) parseObject(i, depth int) (v any, end int) {
	if depth > maxDepth && !p.known {
		return nil, p.fail(i, "nested too deep")
	}
	begin := i
	if i = p.space(i + 1); p.byte(i) == '}' {
		return map[string]any{}, i + 1
	}
	object := map[string]any{}
	var mark placeholder
	for {
		key, start := p.key(i)
		if start < 0 {
			return nil, start
		}
		name := p.unquote(key)
		if v, i = p.parse(start, depth); i < 0 {
			return nil, i
		}
		object[name] = v
		if len(p.buffers) > 0 {
			mark.member(key, p.text[start:i])
		}
		i = p.space(i)
		switch p.byte(i) {
		case ',':
			i = p.space(i + 1)
		case '}':
			if !mark.marked {
				return object, i + 1
			}
			num := mark.num(len(p.buffers))
			if num < 0 {
				return nil, p.fail(begin, illegalAttachments)
			}
			b := p.buffers[num]
			return b[:len(b):len(b)], i + 1
		default:
			return nil, p.fail(i, "no comma or brace")
		}
	}
}
