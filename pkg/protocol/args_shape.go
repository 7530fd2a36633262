package protocol

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"
)

// shape says how a type is decoded and encoded without the JSON package: structs of plain fields, and slices of and
// pointers to them, are what most handlers ask for and answer. A type has none if anything of it is left to the JSON
// package.
type shape struct {
	t      reflect.Type
	elem   *shape         // of a pointer or slice
	fields []shapeField   // of a struct
	names  map[string]int // in lower case, of fields
}

const (
	mostFields  = 64 // for which a uint64 has a bit each
	longestName = 64
)

type shapeField struct {
	name      string
	index     int
	omitEmpty bool
	omitZero  bool
	shape     *shape
}

var (
	anyType    = reflect.TypeFor[any]()
	bytesType  = reflect.TypeFor[[]byte]()
	objectType = reflect.TypeFor[map[string]any]()

	// ownWays are what a type decodes and encodes itself with.
	ownWays = []reflect.Type{
		reflect.TypeFor[json.Unmarshaler](), reflect.TypeFor[encoding.TextUnmarshaler](), reflect.TypeFor[jsonv2.UnmarshalerFrom](),
		reflect.TypeFor[json.Marshaler](), reflect.TypeFor[jsonv2.MarshalerTo](), reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.TextAppender](),
		reflect.TypeFor[interface{ IsZero() bool }](),
	}

	shapes sync.Map // of reflect.Type: *shape, nil for none
)

// shapeOf returns the shape of a type, nil if it has none.
func shapeOf(t reflect.Type) *shape {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape)
	}
	s := newShape(t, map[reflect.Type]*shape{})
	shapes.Store(t, s)
	return s
}

// newShape finds the types in seen, which are those that t is a part of. If one of them turns out to have no shape,
// nor has any.
func newShape(t reflect.Type, seen map[reflect.Type]*shape) *shape {
	if s := seen[t]; s != nil {
		return s
	}
	for _, way := range ownWays {
		if reflect.PointerTo(t).Implements(way) {
			return nil
		}
	}
	s := &shape{t: t}
	seen[t] = s
	switch t.Kind() {
	case reflect.String:
		if t == reflect.TypeFor[json.Number]() {
			return nil
		}
	case reflect.Bool, reflect.Float64:
	case reflect.Interface, reflect.Map:
		if t != anyType && t != objectType {
			return nil
		}
	case reflect.Pointer, reflect.Slice:
		if t == bytesType {
			break
		}
		if t.Elem().Kind() == reflect.Uint8 { // base64
			return nil
		}
		if s.elem = newShape(t.Elem(), seen); s.elem == nil {
			return nil
		}
	case reflect.Struct:
		if !s.addFields(seen) {
			return nil
		}
	default:
		if !isInteger(t.Kind()) {
			return nil
		}
	}
	return s
}

// addFields reports false if there is anything about the fields that takes more than their names.
func (s *shape) addFields(seen map[reflect.Type]*shape) bool {
	s.names = map[string]int{}
	for i := range s.t.NumField() {
		f := s.t.Field(i)
		tag, tagged := f.Tag.Lookup("json")
		if f.Anonymous || tagged && !f.IsExported() || strings.HasSuffix(tag, ",") { // which is malformed
			return false
		}
		if !f.IsExported() || tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if name == "" {
			name = f.Name
		}
		if !isPlainName(name) || options != "" && options != "omitempty" && options != "omitzero" {
			return false
		}
		lower := strings.ToLower(name)
		if _, twice := s.names[lower]; twice {
			return false
		}
		s.names[lower] = len(s.fields)
		of := newShape(f.Type, seen)
		if of == nil {
			return false
		}
		s.fields = append(s.fields, shapeField{name, i, options == "omitempty", options == "omitzero", of})
	}
	return len(s.fields) <= mostFields
}

// isPlainName reports whether a tag's name is one in every reading of tags, and not too long for find.
func isPlainName(name string) bool {
	if len(name) > longestName {
		return false
	}
	for _, c := range []byte(name) {
		if c != '_' && !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}

// find returns the index of the field that a member of this name sets, below zero if there is none: next where members
// come in the order of the fields. It is not ok where the JSON package has to judge, by the case of letters.
func (s *shape) find(name []byte, next int) (field int, ok bool) {
	if next < len(s.fields) && s.fields[next].name == string(name) {
		return next, true
	}
	var lower [longestName]byte
	for i, c := range name {
		if c >= utf8.RuneSelf { // may be a letter's other case, such as the long s
			return 0, false
		}
		if i < longestName {
			lower[i] = toLower(c)
		}
	}
	if len(name) > longestName {
		return -1, true
	}
	field, found := s.names[string(lower[:len(name)])]
	if !found {
		return -1, true
	}
	return field, s.fields[field].name == string(name)
}

func toLower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}
