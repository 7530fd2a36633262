package protocol

import (
	"reflect"
	"strconv"
)

// decodeShape decodes into a value that is zero, if its type has a shape. Otherwise, and after a mistake, it reports
// false and leaves the value zero.
func decodeShape(arg []byte, buffers [][]byte, into any) bool {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return false
	}
	s := shapeOf(v.Type().Elem())
	if v = v.Elem(); s == nil || !v.IsZero() {
		return false
	}
	p := anyParser{scanner: scanner{text: arg}, buffers: buffers}
	end := p.set(v, s, 0, 0)
	if end < 0 || p.deep || p.space(end) != len(arg) {
		v.SetZero()
		return false
	}
	return true
}

// set decodes the value that starts at i into v, which is zero, and returns the index behind the value. It fails where
// the JSON package has to find words, or to judge.
func (p *anyParser) set(v reflect.Value, s *shape, i, depth int) (end int) {
	if p.byte(i) == 'n' {
		return p.literal(i, "null")
	}
	switch kind := v.Kind(); {
	case kind == reflect.String:
		if p.byte(i) != '"' {
			return p.fail(i, "not a string")
		}
		if end = p.string(i); end >= 0 {
			v.SetString(p.unquote(p.text[i:end]))
		}
		return end
	case isInteger(kind) || kind == reflect.Float64:
		return p.setNumber(v, i)
	case kind == reflect.Struct:
		return p.setFields(v, s, i, depth+1)
	case s.elem == nil:
		return p.setAny(v, i, depth)
	case kind == reflect.Pointer:
		v.Set(reflect.New(s.elem.t))
		return p.set(v.Elem(), s.elem, i, depth)
	}
	return p.setElements(v, s, i, depth+1)
}

func (p *anyParser) setNumber(v reflect.Value, i int) (end int) {
	if !isNumberStart(p.byte(i)) {
		return p.fail(i, "not a number")
	}
	if end = p.number(i); end < 0 {
		return end
	}
	number := p.text[i:end]
	if v.CanFloat() {
		f, err := float(number)
		if err != nil {
			return p.fail(i, "out of range")
		}
		v.SetFloat(f)
		return end
	}
	if n, err := strconv.ParseInt(string(number), 10, 64); err == nil && v.CanInt() && !v.OverflowInt(n) {
		v.SetInt(n)
		return end
	}
	if err := setInteger(v, number); err != nil {
		return p.fail(i, "not an integer of that size")
	}
	return end
}

// setAny decodes into a bool, a []byte, or what parse makes.
func (p *anyParser) setAny(v reflect.Value, i, depth int) (end int) {
	parsed, end := p.parse(i, depth)
	if end < 0 {
		return end
	}
	value := reflect.ValueOf(parsed)
	switch {
	case v.Kind() == reflect.Bool && value.Kind() == reflect.Bool:
		v.SetBool(value.Bool())
	case v.Kind() == reflect.Interface || value.Type() == v.Type():
		v.Set(value)
	default:
		return p.fail(i, "of another type")
	}
	return end
}

func (p *anyParser) setElements(v reflect.Value, s *shape, i, depth int) (end int) {
	if p.byte(i) != '[' || depth > maxDepth {
		return p.fail(i, "not an array")
	}
	v.Set(reflect.MakeSlice(s.t, 0, 0))
	if i = p.space(i + 1); p.byte(i) == ']' {
		return i + 1
	}
	for n := 0; ; n++ {
		if n == v.Cap() {
			v.Grow(max(4, n))
		}
		v.SetLen(n + 1)
		if i = p.set(v.Index(n), s.elem, i, depth); i < 0 {
			return i
		}
		i = p.space(i)
		switch p.byte(i) {
		case ',':
			i = p.space(i + 1)
		case ']':
			return i + 1
		default:
			return p.fail(i, "no comma or bracket")
		}
	}
}

func (p *anyParser) setFields(v reflect.Value, s *shape, i, depth int) (end int) {
	if p.byte(i) != '{' || depth > maxDepth {
		return p.fail(i, "not an object")
	}
	if i = p.space(i + 1); p.byte(i) == '}' {
		return i + 1
	}
	for seen, next := uint64(0), 0; ; {
		key, start := p.key(i)
		if start < 0 {
			return start
		}
		if !p.verbatim {
			return p.fail(i, "a name with escapes")
		}
		switch f, ok := s.find(key[1:len(key)-1], next); {
		case ok && f >= 0 && seen>>f&1 == 0:
			seen, next = seen|1<<f, f+1
			i = p.set(v.Field(s.fields[f].index), s.fields[f].shape, start, depth)
		case ok && f < 0:
			i = p.value(start, depth)
		default:
			return p.fail(i, "a member that is there already, or in another case")
		}
		if i < 0 {
			return i
		}
		i = p.space(i)
		switch p.byte(i) {
		case ',':
			i = p.space(i + 1)
		case '}':
			return i + 1
		default:
			return p.fail(i, "no comma or brace")
		}
	}
}
