package protocol

import (
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// deepestValue is how deep values nest that are encoded without the JSON package. Cycles are deeper.
const deepestValue = 100

// appendValue appends what most arguments are, as the JSON package would. It reports false for what is at fault or for
// the JSON package to judge, with anything in data, buffers and members.
func (e *argEncoder) appendValue(v any, depth int) bool {
	switch v := v.(type) {
	case nil:
		e.data = append(e.data, "null"...)
	case string:
		e.data = appendString(e.data, v)
	case bool:
		e.data = strconv.AppendBool(e.data, v)
	case int:
		e.data = strconv.AppendInt(e.data, int64(v), 10)
	case int64:
		e.data = strconv.AppendInt(e.data, v, 10)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
		e.data = appendFloat(e.data, v)
	case []byte:
		return e.appendBytes(v) == nil
	case []any:
		return depth < deepestValue && e.appendArray(v, depth+1)
	case map[string]any:
		return depth < deepestValue && e.appendObject(v, depth+1)
	default:
		typed := reflect.ValueOf(v)
		if s := shapeOf(typed.Type()); s != nil {
			return depth < deepestValue && e.appendShape(typed, s, depth+1)
		}
		return depth > 0 && e.marshal(v) == nil
	}
	return true
}

func (e *argEncoder) appendArray(array []any, depth int) bool {
	if array == nil {
		e.data = append(e.data, "null"...)
		return true
	}
	e.data = append(e.data, '[')
	for i, v := range array {
		if i > 0 {
			e.data = append(e.data, ',')
		}
		if !e.appendValue(v, depth) {
			return false
		}
	}
	e.data = append(e.data, ']')
	return true
}

// member is one of an object.
type member struct {
	name  string
	value any
}

// appendObject appends an object whose members are sorted by their names.
func (e *argEncoder) appendObject(object map[string]any, depth int) bool {
	if object == nil {
		e.data = append(e.data, "null"...)
		return true
	}
	first := len(e.members)
	for name, v := range object {
		if !utf8.ValidString(name) {
			clear(e.members[first:])
			e.members = e.members[:first]
			return e.marshal(object) == nil // which sorts by what it puts in the place of such names
		}
		e.members = append(e.members, member{name, v})
	}
	members := e.members[first:]
	slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.name, b.name) })
	e.data = append(e.data, '{')
	for i, m := range members {
		if i > 0 {
			e.data = append(e.data, ',')
		}
		e.data = append(appendString(e.data, m.name), ':')
		if !e.appendValue(m.value, depth) {
			return false
		}
	}
	e.data = append(e.data, '}')
	clear(e.members[first:])
	e.members = e.members[:first]
	return true
}
