package protocol

import (
	"errors"
	"reflect"
	"strconv"
	"strings"
	"sync"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var errNotBinary = errors.New("not an attachment, cannot be decoded into []byte")

// DecodeArg decodes one argument, an element of [Packet.Args], into the value
// that into points to. Buffers are those of the argument's packet.
//
// It decodes as encoding/json does, tags and Unmarshalers included, except for
// binary: wherever the target is a []byte, the argument must be an attachment or
// null, because text is not binary to a Socket.IO client; wherever the target is
// an empty interface, an attachment becomes a []byte. A target that takes the
// JSON itself, such as json.RawMessage, gets the placeholders. The attachments
// are not copied: arguments that refer to one attachment share its memory.
//
// With no buffers, an object that looks like a placeholder is just an object.
// With buffers, one that refers to none of them is refused with an error that
// wraps [ErrMalformed]; other errors mean that the argument is not of the type
// that was asked for. No message is longer than 160 bytes.
func DecodeArg(arg []byte, buffers [][]byte, into any) error {
	if decodeSimple(arg, buffers, into) {
		return nil
	}
	d := argDecoders.Get().(*argDecoder)
	d.buffers = buffers
	err := jsonv2.Unmarshal(arg, into, d.options)
	d.buffers = nil
	argDecoders.Put(d)
	if err != nil {
		return &argError{err}
	}
	return nil
}

// argError keeps long input, which the errors of encoders repeat, out of logs.
type argError struct{ cause error }

func (e *argError) Unwrap() error { return e.cause }

func (e *argError) Error() string {
	const limit = 160
	text := e.cause.Error()
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit-3], "") + "..."
	}
	return text
}

// decodeSimple decodes into targets that need no reflection. It reports false for
// everything else, mistakes included: those get their error from the slow way.
func decodeSimple(arg []byte, buffers [][]byte, into any) bool {
	if len(arg) == 0 {
		return false
	}
	s := scanner{text: arg}
	switch into := into.(type) {
	case *string:
		if arg[0] != '"' || s.string(0) != len(arg) || into == nil {
			return false
		}
		*into = unquote(arg)
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
			return false
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
		v, err := parseAny(arg, buffers)
		if err != nil {
			return false
		}
		*into = v
	case *[]byte:
		if into == nil || len(buffers) == 0 {
			return false
		}
		v, _ := parseAny(arg, buffers)
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

// argDecoder is reused, because its unmarshalers, which close over it, cache
// what they know of types.
type argDecoder struct {
	buffers [][]byte
	options jsonv2.Options
}

var argDecoders = sync.Pool{New: func() any {
	d := new(argDecoder)
	d.options = jsonv2.JoinOptions(jsonOptions, jsonv2.WithUnmarshalers(jsonv2.JoinUnmarshalers(
		jsonv2.UnmarshalFromFunc(d.unmarshalBytes),
		jsonv2.UnmarshalFromFunc(d.unmarshalAny),
		jsonv2.UnmarshalFromFunc(unmarshalNumber),
	)))
	return d
}}

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
		return errNotBinary
	}
	v, err := parseValid(value, d.buffers)
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

func (d *argDecoder) unmarshalAny(dec *jsontext.Decoder, into *any) error {
	if *into != nil && reflect.TypeOf(*into).Kind() == reflect.Pointer {
		return errors.ErrUnsupported // encoding/json decodes into what it points to
	}
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	v, err := parseValid(value, d.buffers)
	if err != nil {
		return err
	}
	*into = v
	return nil
}
