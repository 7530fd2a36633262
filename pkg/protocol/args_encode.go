package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

var errTooManyAttachments = fmt.Errorf("more than %d []byte values: clients refuse packets with more attachments", maxAttachments)

// EncodeArgs returns args as the JSON array of an event or ack, and the buffers
// that its placeholders stand for.
//
// Values are encoded as encoding/json does, tags and Marshalers included, so a
// nil slice becomes null and invalid UTF-8 is replaced, with four differences:
// a type with AppendText and no MarshalText is the text that it appends,
// HTML is not escaped, the three bytes of a lone surrogate (WTF-8, see
// [DecodeArg]) become its escape, and a []byte, wherever it is inside a value, becomes an
// attachment, at most 10 in all. A nil []byte becomes null, an empty one does
// not. Only the type []byte is binary: what a named type, an array of bytes or a
// Marshaler makes of its bytes is left to it.
//
// The option string of a json tag has no effect on a string with a lone surrogate,
// and the keys of a map are sent as they are, without their MarshalText, if one of
// them has a lone surrogate. What stands beside is encoded as ever.
//
// The buffers are the caller's own slices, not copies. A Marshaler may be called
// more than once, and for arguments that are refused in the end.
//
// EncodeArgs refuses what JSON cannot hold (NaN, channels, functions, cycles),
// and, in a packet with attachments, a foreign object that looks like a
// placeholder: the receiver would put an attachment in its place, or close the
// connection.
func EncodeArgs(args ...any) (data []byte, buffers [][]byte, err error) {
	e := argEncoders.Get().(*argEncoder)
	defer e.release()
	e.data = append(e.data, '[')
	for i, arg := range args {
		if i > 0 {
			e.data = append(e.data, ',')
		}
		if err := e.append(arg); err != nil {
			return nil, nil, fmt.Errorf("cannot encode argument %d: %w", i, err)
		}
	}
	e.data = append(e.data, ']')
	if err := e.checkPlaceholders(); err != nil {
		return nil, nil, err
	}
	return append(make([]byte, 0, len(e.data)), e.data...), e.buffers, nil
}

// argEncoder collects the JSON and the attachments of one call. It is reused,
// because its marshalers, which close over it, cache what they know of types.
type argEncoder struct {
	data          []byte
	buffers       [][]byte
	members       []member // of the maps that are not finished
	options, wide jsonv2.Options
}

var argEncoders = sync.Pool{New: func() any {
	e := new(argEncoder)
	m := jsonv2.JoinMarshalers(jsonv2.MarshalToFunc(e.marshalBytes), jsonv2.MarshalToFunc(marshalNumber))
	e.options, e.wide = marshalOptions(m), marshalOptions(jsonv2.JoinMarshalers(m, wideMarshalers))
	return e
}}

func marshalOptions(m *jsonv2.Marshalers) jsonv2.Options {
	return jsonv2.JoinOptions(jsonOptions, jsonv2.WithMarshalers(m))
}

// jsonOptions are those of encoding/json, except for its escapes and for its
// older error messages, which repeat the input.
var jsonOptions = jsonv2.JoinOptions(
	jsonv1.DefaultOptionsV1(),
	jsonv1.ReportErrorsWithLegacySemantics(false),
	jsontext.EscapeForHTML(false),
	jsontext.EscapeForJS(false),
)

// release keeps the encoder for another call, but not the caller's buffers, nor
// the memory of a large message.
func (e *argEncoder) release() {
	e.data, e.buffers = e.data[:0], nil
	if cap(e.data) > 64<<10 {
		e.data = nil
	}
	if len(e.members) > 0 || cap(e.members) > 1<<10 { // len is what an error left
		e.members = nil
	}
	argEncoders.Put(e)
}

// append appends an argument. What its own way does not know or does not allow gets its text, or its error, from the
// JSON package.
func (e *argEncoder) append(arg any) error {
	switch arg := arg.(type) {
	case []byte:
		return e.appendBytes(arg)
	case json.RawMessage: // as it is, white space included
		s := scanner{text: arg}
		if _, err := s.scan(); err == nil {
			e.data = append(e.data, arg...)
			return nil
		}
	default:
		before, attached := len(e.data), len(e.buffers)
		if e.appendValue(arg, 0) {
			return nil
		}
		e.data, e.buffers = e.data[:before], e.buffers[:attached]
	}
	return e.marshal(arg)
}

// marshal appends what has no way of its own.
func (e *argEncoder) marshal(arg any) error {
	before, attached := len(e.data), len(e.buffers)
	if err := jsonv2.MarshalWrite(e, arg, e.options); err != nil || !bytes.Contains(e.data[before:], replacement) {
		return err
	}
	e.data, e.buffers = e.data[:before], e.buffers[:attached] // what was replaced may have been a surrogate
	return jsonv2.MarshalWrite(e, arg, e.wide)
}

// EncodeJSON returns a value that goes without attachments as JSON: a []byte as base64, everything else as
// [EncodeArgs] does.
func EncodeJSON(v any) ([]byte, error) {
	text, err := jsonv2.Marshal(v, plainMarshal)
	if err != nil || !bytes.Contains(text, replacement) {
		return text, err
	}
	return jsonv2.Marshal(v, plainMarshalWide)
}

// Write makes the encoder the io.Writer of its options' marshalers.
func (e *argEncoder) Write(p []byte) (int, error) {
	e.data = append(e.data, p...)
	return len(p), nil
}

func (e *argEncoder) marshalBytes(enc *jsontext.Encoder, b []byte) error {
	if b == nil {
		return enc.WriteToken(jsontext.Null)
	}
	num, err := e.attach(b)
	if err != nil {
		return err
	}
	return enc.WriteValue(appendPlaceholder(nil, num))
}

func (e *argEncoder) appendBytes(b []byte) error {
	if b == nil {
		e.data = append(e.data, "null"...)
		return nil
	}
	num, err := e.attach(b)
	e.data = appendPlaceholder(e.data, num)
	return err
}

func (e *argEncoder) attach(b []byte) (num int, err error) {
	if len(e.buffers) == maxAttachments {
		return 0, errTooManyAttachments
	}
	e.buffers = append(e.buffers, b)
	return len(e.buffers) - 1, nil
}

func (e *argEncoder) checkPlaceholders() error {
	if len(e.buffers) == 0 {
		return nil
	}
	s := scanner{text: e.data, attachments: len(e.buffers)}
	if _, err := s.scan(); err != nil {
		return fmt.Errorf("cannot encode arguments: %w", err)
	}
	if s.placeholders != len(e.buffers) {
		return errors.New("cannot encode arguments: an object looks like the placeholder of an attachment")
	}
	return nil
}
