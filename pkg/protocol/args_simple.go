package protocol

import (
	"encoding/json"
	"reflect"
	"strconv"
)

// decodeSimple decodes into targets that need no JSON package. It reports false for
// everything else, mistakes included: those get their error from the slow way.
func decodeSimple(arg []byte, buffers [][]byte, into any) bool {
	switch into := into.(type) {
	case *string:
		return into != nil && decodeString(arg, into)
	case *bool:
		if string(arg) != "true" && string(arg) != "false" || into == nil {
			return false
		}
		*into = arg[0] == 't'
		return true
	case *int:
		return into != nil && decodeInteger(arg, strconv.IntSize, into)
	case *int64:
		return into != nil && decodeInteger(arg, 64, into)
	case *float64:
		return into != nil && decodeFloat(arg, into)
	case *json.RawMessage:
		return into != nil && decodeRaw(arg, into)
	case *any:
		if into == nil || *into != nil {
			return false
		}
		v, err := parseAny(arg, buffers)
		*into = v // nil when there is an error
		return err == nil
	case *map[string]any:
		return into != nil && *into == nil && decodeAny(arg, buffers, into)
	case *[]any:
		return into != nil && *into == nil && decodeAny(arg, buffers, into)
	case *[]byte:
		return into != nil && len(buffers) > 0 && decodeAny(arg, buffers, into)
	}
	return decodeShape(arg, buffers, into)
}

func decodeString(arg []byte, into *string) bool {
	s := scanner{text: arg}
	if len(arg) == 0 || arg[0] != '"' || s.string(0) != len(arg) {
		return false
	}
	if s.verbatim {
		*into = string(arg[1 : len(arg)-1])
	} else {
		*into = unquote(arg)
	}
	return true
}

func decodeInteger[T int | int64](arg []byte, bits int, into *T) bool {
	if s := (scanner{text: arg}); s.number(0) != len(arg) {
		return false
	}
	n, err := strconv.ParseInt(string(arg), 10, bits)
	if err != nil {
		return setInteger(reflect.ValueOf(into).Elem(), arg) == nil
	}
	*into = T(n)
	return true
}

func decodeFloat(arg []byte, into *float64) bool {
	if s := (scanner{text: arg}); s.number(0) != len(arg) {
		return false
	}
	f, err := float(arg)
	if err != nil {
		return false
	}
	*into = f
	return true
}

func decodeRaw(arg []byte, into *json.RawMessage) bool {
	s := scanner{text: arg}
	if end, err := s.scan(); err != nil || end != len(arg) {
		return false
	}
	*into = append((*into)[:0], arg...)
	return true
}

// decodeAny decodes what parseAny has a value of the target's own type for. Null is none.
func decodeAny[T map[string]any | []any | []byte](arg []byte, buffers [][]byte, into *T) bool {
	v, err := parseAny(arg, buffers)
	t, ok := v.(T)
	if err != nil || !ok {
		return false
	}
	*into = t
	return true
}
