package protocol

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// notBinary is the error of a JSON value, of this kind, whose target is a []byte.
type notBinary string

func (e notBinary) Error() string { return string(e) + ", not an attachment" }

// kindNames are what JSON calls values.
var kindNames = map[jsontext.Kind]notBinary{
	'"': "a string", '0': "a number", 't': "a boolean", 'f': "a boolean", '[': "an array", '{': "an object",
}

// DecodeArg decodes one argument, an element of [Packet.Args], into the value
// that into points to. Buffers are those of the argument's packet.
//
// It decodes as encoding/json does, tags and Unmarshalers included, except for three things. An integer of Go takes a
// number that is one however it is written, such as 5.0 or 5e0. A lone surrogate, "\ud83d", is three bytes of the
// string (WTF-8), which [EncodeArgs] turns into the escape again; as encoding/json would have it, all of them were one
// and the same text. And binary: wherever the target is a []byte, the argument must be an attachment or null, because
// text is not binary to a Socket.IO client; wherever the target is an empty interface, an attachment becomes a []byte.
// A target that takes the JSON itself, such as json.RawMessage, gets the placeholders. The attachments are not copied:
// arguments that refer to one attachment share its memory.
//
// With no buffers, an object that looks like a placeholder is just an object.
// With buffers, one that refers to none of them is refused with an error that
// wraps [ErrMalformed]; other errors mean that the argument is not of the type
// that was asked for. No message is longer than 160 bytes.
func DecodeArg(arg []byte, buffers [][]byte, into any) error {
	if decodeSimple(arg, buffers, into) {
		return nil
	}
	return decodeByPackage(arg, buffers, into)
}

// decodeByPackage is DecodeArg by the JSON package, which tests compare the rest with.
func decodeByPackage(arg []byte, buffers [][]byte, into any) error {
	d := argDecoders.Get().(*argDecoder)
	d.buffers = buffers
	err := unmarshal(arg, into, d.options, d.wide)
	d.buffers = nil
	argDecoders.Put(d)
	return err
}

// DecodeJSON decodes a value that came without attachments, such as a client's auth, as encoding/json does, with what
// [DecodeArg] knows of integers and lone surrogates. A []byte is base64 there.
func DecodeJSON(text []byte, into any) error {
	if decodeSimple(text, nil, into) {
		return nil
	}
	return unmarshal(text, into, plainUnmarshal, plainUnmarshalWide)
}

// unmarshal decodes with options, and with the wide ones, which are slower, where these are needed.
func unmarshal(text []byte, into any, options, wide jsonv2.Options) error {
	if hasLoneSurrogate(text) {
		options = wide
	}
	err := jsonv2.Unmarshal(text, into, options)
	if err != nil && isAboutInteger(err) {
		err = jsonv2.Unmarshal(text, into, wide) // overwrites what was decoded by then
	}
	if err != nil {
		return &argError{err}
	}
	return nil
}

// isAboutInteger reports whether an error is that of a number for which the target was one of Go's integers.
func isAboutInteger(err error) bool {
	e := (*jsonv2.SemanticError)(nil)
	return errors.As(err, &e) && e.JSONKind == '0' && e.GoType != nil && isInteger(e.GoType.Kind())
}

// argError keeps long input, which the errors of encoders repeat, out of logs.
type argError struct{ cause error }

func (e *argError) Unwrap() error { return e.cause }

func (e *argError) Error() string {
	const limit = 160
	text := e.text()
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit-3], "") + "..."
	}
	return text
}

// text is the cause's, or without what the package says of the type where there is no attachment.
func (e *argError) text() string {
	where, what := (*jsonv2.SemanticError)(nil), notBinary("")
	switch {
	case !errors.As(e.cause, &where) || !errors.As(where.Err, &what):
		return e.cause.Error()
	case where.JSONPointer == "":
		return what.Error()
	}
	return fmt.Sprintf("%v, within %q", what, where.JSONPointer)
}

// argDecoder is reused, because its unmarshalers, which close over it, cache
// what they know of types.
type argDecoder struct {
	buffers       [][]byte
	options, wide jsonv2.Options
}

var argDecoders = sync.Pool{New: func() any {
	d := new(argDecoder)
	u := jsonv2.JoinUnmarshalers(
		jsonv2.UnmarshalFromFunc(d.unmarshalBytes),
		jsonv2.UnmarshalFromFunc(d.unmarshalAny),
		jsonv2.UnmarshalFromFunc(unmarshalNumber),
	)
	d.options, d.wide = unmarshalOptions(u), unmarshalOptions(jsonv2.JoinUnmarshalers(u, wideUnmarshalers))
	return d
}}

func unmarshalOptions(u *jsonv2.Unmarshalers) jsonv2.Options {
	return jsonv2.JoinOptions(jsonOptions, jsonv2.WithUnmarshalers(u))
}

func (d *argDecoder) unmarshalBytes(dec *jsontext.Decoder, into *[]byte) error {
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	if string(value) == "null" {
		*into = nil
		return nil
	}
	if value.Kind() != '{' {
		return kindNames[value.Kind()]
	}
	v, err := parseKnown(value, d.buffers)
	if err != nil {
		return err
	}
	b, ok := v.([]byte)
	if !ok {
		return kindNames[value.Kind()]
	}
	*into = b
	return nil
}

func (d *argDecoder) unmarshalAny(dec *jsontext.Decoder, into *any) error {
	if *into != nil && reflect.TypeOf(*into).Kind() == reflect.Pointer {
		return errors.ErrUnsupported // encoding/json decodes into what it points to
	}
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	v, err := parseKnown(value, d.buffers)
	if err != nil {
		return err
	}
	*into = v
	return nil
}
