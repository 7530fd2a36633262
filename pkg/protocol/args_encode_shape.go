package protocol

import (
	"math"
	"reflect"
	"strconv"
)

// appendShape appends a value of a type that has a shape. It reports what appendValue does.
func (e *argEncoder) appendShape(v reflect.Value, s *shape, depth int) bool {
	switch kind := v.Kind(); {
	case kind == reflect.String:
		e.data = appendString(e.data, v.String())
	case kind == reflect.Bool:
		e.data = strconv.AppendBool(e.data, v.Bool())
	case v.CanInt():
		e.data = strconv.AppendInt(e.data, v.Int(), 10)
	case v.CanUint():
		e.data = strconv.AppendUint(e.data, v.Uint(), 10)
	case v.CanFloat():
		if math.IsNaN(v.Float()) || math.IsInf(v.Float(), 0) {
			return false
		}
		e.data = appendFloat(e.data, v.Float())
	case kind == reflect.Struct:
		return e.appendFields(v, s, depth)
	case v.IsNil():
		e.data = append(e.data, "null"...)
	case s.elem == nil:
		return e.appendValue(v.Interface(), depth)
	case depth >= deepestValue:
		return false
	case kind == reflect.Pointer:
		return e.appendShape(v.Elem(), s.elem, depth+1)
	default:
		return e.appendElements(v, s, depth+1)
	}
	return true
}

func (e *argEncoder) appendElements(v reflect.Value, s *shape, depth int) bool {
	e.data = append(e.data, '[')
	for i := range v.Len() {
		if i > 0 {
			e.data = append(e.data, ',')
		}
		if !e.appendShape(v.Index(i), s.elem, depth) {
			return false
		}
	}
	e.data = append(e.data, ']')
	return true
}

func (e *argEncoder) appendFields(v reflect.Value, s *shape, depth int) bool {
	before := len(e.data)
	for i := range s.fields {
		f := &s.fields[i]
		field := v.Field(f.index)
		if f.omitEmpty && isEmpty(field) || f.omitZero && field.IsZero() {
			continue
		}
		e.data = append(append(append(e.data, ',', '"'), f.name...), '"', ':')
		if !e.appendShape(field, f.shape, depth) {
			return false
		}
	}
	if len(e.data) == before {
		e.data = append(e.data, '{')
	}
	e.data[before] = '{'
	e.data = append(e.data, '}')
	return true
}

// isEmpty is what the option omitempty of a json tag asks.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String, reflect.Slice, reflect.Map:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}
