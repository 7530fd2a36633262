package protocol

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

// FuzzTypesAsPackage makes types, values of them and texts for them of the fuzzer's bytes. Most types have a shape, or
// something that keeps them from having one.
func FuzzTypesAsPackage(f *testing.F) {
	for script := range scripts(100) {
		f.Add(script)
	}
	f.Fuzz(typesAsPackage)
}

func TestTypesAsPackage(t *testing.T) {
	for script := range scripts(3000) {
		if typesAsPackage(t, script); t.Failed() {
			return
		}
	}
}

func scripts(n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		r := rand.New(rand.NewPCG(1, 2))
		for range n {
			script := make([]byte, 20+r.IntN(200))
			for i := range script {
				script[i] = byte(r.Uint32())
			}
			if !yield(script) {
				return
			}
		}
	}
}

func typesAsPackage(t *testing.T, script []byte) {
	g := &generator{script: script}
	typ := g.typ(0)
	twin := *g
	target := reflect.New(typ)
	g.fill(target.Elem(), 0)
	for _, v := range []any{target.Elem().Interface(), []any{target.Elem().Interface()}, target.Interface()} {
		encodeAsPackage(t, v)
	}
	for _, buffers := range [][][]byte{nil, {{1}}} {
		text := g.text(nil, typ, 0)
		decodeIntoAsPackage(t, text, buffers, func() any { return reflect.New(typ).Interface() })
		decodeIntoAsPackage(t, text, buffers, func() any {
			g, into := twin, reflect.New(typ)
			g.fill(into.Elem(), 0)
			return into.Interface()
		})
	}
}

type (
	shouter interface{ Shout() }
	flag    bool
	ratio   float64
	object  map[string]any
)

var leaves = []reflect.Type{
	reflect.TypeFor[string](), reflect.TypeFor[int](), reflect.TypeFor[float64](), reflect.TypeFor[bool](), reflect.TypeFor[any](), reflect.TypeFor[map[string]any](),
	reflect.TypeFor[[]any](), reflect.TypeFor[[]byte](), reflect.TypeFor[int8](), reflect.TypeFor[uint64](), reflect.TypeFor[named](), reflect.TypeFor[flag](), reflect.TypeFor[ratio](),
	reflect.TypeFor[plainKinds](), reflect.TypeFor[inside](), reflect.TypeFor[lists](), reflect.TypeFor[struct{}](), reflect.TypeFor[time.Duration](),

	reflect.TypeFor[marshalsJSON](), reflect.TypeFor[marshalsTo](), reflect.TypeFor[marshalsText](), reflect.TypeFor[appendsText](), reflect.TypeFor[appendsString](), reflect.TypeFor[pointed](),
	reflect.TypeFor[unmarshalsJSON](), reflect.TypeFor[unmarshalsFrom](), reflect.TypeFor[unmarshalsText](), reflect.TypeFor[knowsZero](), reflect.TypeFor[shouter](), reflect.TypeFor[object](),
	reflect.TypeFor[float32](), reflect.TypeFor[uintptr](), reflect.TypeFor[json.Number](), reflect.TypeFor[json.RawMessage](), reflect.TypeFor[time.Time](), reflect.TypeFor[octets](),
	reflect.TypeFor[[3]int](), reflect.TypeFor[map[int]string](), reflect.TypeFor[everyKind](),
}

var tags = []reflect.StructTag{
	``, ``, ``, `json:"a"`, `json:"A"`, `json:"k"`, `json:"s,omitempty"`, `json:"Kiss_1"`, `json:"x_y"`, `json:",omitempty"`, `json:",omitzero"`, `json:"z,omitzero"`, `json:"-"`, `xml:"a"`, `json:""`,
	`json:"-,"`, `json:"a,"`, `json:","`, `json:",string"`, `json:"x-y"`, `json:"x y"`, `json:"'q'"`, `json:"ü"`, `json:"a<b"`, `json:"a\\b"`, `json:"a,omitempty,omitzero"`, `json:"a,omitempty,"`, `json:",inline"`, `json:a`,
}

func (g *generator) typ(depth int) reflect.Type {
	switch kind := g.byte() % 8; {
	case kind < 2 || depth > 3:
		return pick(g, leaves)
	case kind == 2:
		return reflect.PointerTo(g.typ(depth + 1))
	case kind == 3:
		return reflect.SliceOf(g.typ(depth + 1))
	}
	fields := make([]reflect.StructField, g.byte()%5)
	for i := range fields {
		fields[i] = reflect.StructField{Name: []string{"A", "Bs", "KID", "X_y", "Uü"}[i], Type: g.typ(depth + 1), Tag: pick(g, tags)}
	}
	return reflect.StructOf(fields)
}

func pick[T any](g *generator, of []T) T { return of[int(g.byte())%len(of)] }

func (g *generator) fill(v reflect.Value, depth int) {
	if g.made++; depth > 6 || g.made > 200 || g.byte()%8 == 0 {
		return
	}
	switch v.Kind() {
	case reflect.String: // without lone surrogates, which change what some options do
		v.SetString(pick(g, []string{"", "a", "12", "true", "<x>&", "ü\u2028", "\xff", `"\` + "\x01"}))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64, reflect.Float32:
		v.SetFloat(pick(g, []float64{1.5, -3, math.Copysign(0, -1), 1e21, 1e-7, math.Inf(1)}))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		g.fill(v.Elem(), depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), int(g.byte()%4), 4))
		for i := range v.Len() {
			g.fill(v.Index(i), depth+1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				g.fill(v.Field(i), depth+1)
			}
		}
	case reflect.Interface:
		if v.NumMethod() == 0 {
			inner := reflect.New(g.typ(2)).Elem()
			g.fill(inner, depth+1)
			v.Set(inner)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for i := range g.byte() % 4 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			if key.CanInt() {
				key.SetInt(int64(i))
			} else {
				key.SetString([]string{"b", "<", "", "ü"}[i])
			}
			g.fill(value, depth+1)
			v.SetMapIndex(key, value)
		}
	default:
		if v.CanInt() {
			v.SetInt(pick(g, []int64{1, -1, 7, math.MaxInt8}))
		} else if v.CanUint() {
			v.SetUint(pick(g, []uint64{1, 7, math.MaxUint8, math.MaxUint64}))
		}
	}
}

// text appends JSON that fits the type, as a rule.
func (g *generator) text(b []byte, t reflect.Type, depth int) []byte {
	if g.made++; depth > 6 || g.made > 400 || g.byte()%16 == 0 {
		return append(b, pick(g, []string{
			"null", "1", "-0", "1.5", "5e0", "300", "1e999", "12345678901234567890", `"s"`, `"12"`, "\"\xff\"", `"\u00fc\ud800"`, "true", "[]", "{}", `{"a":1,"A":2}`, `[1,"x",null]`,
			`{"a":{"_placeholder":true,"num":0}}`, `{"_placeholder":true,"num":0}`, `{"_placeholder":true,"num":1}`, `"AQ=="`, `"2026-01-02T03:04:05Z"`, "", "nul", "[1,]", `{"a" 1}`,
		})...)
	}
	space := pick(g, []string{"", "", "", " ", "\n\t"})
	switch t.Kind() {
	case reflect.Pointer:
		return g.text(b, t.Elem(), depth+1)
	case reflect.Interface:
		return g.text(b, g.typ(2), depth+1)
	case reflect.String:
		return append(b, pick(g, []string{`"a"`, `""`, `"ü"`, `"\u0041\"x"`, `"0123456789\\abcdefg"`})...)
	case reflect.Bool:
		return append(b, pick(g, []string{"true", "false"})...)
	case reflect.Slice, reflect.Array:
		b = append(b, '[')
		for i := range g.byte() % 8 {
			if i > 0 {
				b = append(b, ',')
			}
			b = g.text(append(b, space...), t.Elem(), depth+1)
		}
		return append(append(append(b, space...), ']'), space...)
	case reflect.Struct, reflect.Map:
		return g.members(b, t, space, depth+1)
	}
	return append(b, pick(g, []string{"0", "1", "-1", "127", "128", "5.0", "1e2", "-0", "0.1", "123456789012345", "18446744073709551615"})...)
}

func (g *generator) members(b []byte, t reflect.Type, space string, depth int) []byte {
	b = append(b, '{')
	begin := len(b)
	member := func(name string, of reflect.Type) {
		if len(b) > begin {
			b = append(b, ',')
		}
		b = g.text(fmt.Appendf(b, `%s"%s"%s:%s`, space, name, space, space), of, depth)
	}
	if t.Kind() == reflect.Map {
		for range g.byte() % 12 {
			member(pick(g, []string{"1", "2", "a", "b", "", "a", `\u0061`, "name"}), t.Elem())
		}
		return append(append(b, space...), '}')
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			name = f.Name
		}
		if name = strings.NewReplacer(`\`, `\\`, "'", "").Replace(name); g.byte()%8 == 0 {
			name = pick(g, []string{
				f.Name, strings.ToLower(name), strings.ToUpper(name), "unknown", strings.ReplaceAll(name, "k", "\u212a"), strings.ReplaceAll(name, "s", "ſ"),
				strings.ReplaceAll(name, "_", ""), strings.ReplaceAll(name, "a", `\u0061`),
			})
		}
		for range max(1, int(g.byte()%16)-13) {
			member(name, f.Type)
		}
	}
	return append(append(b, space...), '}')
}
