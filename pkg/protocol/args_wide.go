package protocol

import (
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// What the JSON package does not do, and cannot be taught by the type: named types count. These functions look at every
// value, which takes time, so that they are called only where something went wrong without them.
var (
	wideUnmarshalers = jsonv2.UnmarshalFromFunc(unmarshalWide)
	wideMarshalers   = jsonv2.MarshalToFunc(marshalWide)

	plainUnmarshal     = unmarshalOptions(jsonv2.UnmarshalFromFunc(unmarshalNumber))
	plainUnmarshalWide = unmarshalOptions(jsonv2.JoinUnmarshalers(
		jsonv2.UnmarshalFromFunc(unmarshalNumber), jsonv2.UnmarshalFromFunc(unmarshalAnyWide), wideUnmarshalers))
	plainMarshal     = marshalOptions(jsonv2.MarshalToFunc(marshalNumber))
	plainMarshalWide = marshalOptions(jsonv2.JoinMarshalers(jsonv2.MarshalToFunc(marshalNumber), wideMarshalers))
)

// unmarshalWide decodes integers and strings: see integer and unquoteSurrogates.
func unmarshalWide(dec *jsontext.Decoder, into any) error {
	switch into.(type) {
	case json.Unmarshaler, jsonv2.UnmarshalerFrom, encoding.TextUnmarshaler:
		return errors.ErrUnsupported
	}
	v := reflect.ValueOf(into).Elem()
	number := isInteger(v.Kind()) && dec.PeekKind() == '0'
	if !number && (v.Kind() != reflect.String || dec.PeekKind() != '"') {
		return errors.ErrUnsupported
	}
	value, err := dec.ReadValue()
	switch {
	case err != nil:
		return err
	case number:
		if err := setInteger(v, value); err != nil {
			return &jsonv2.SemanticError{JSONKind: '0', JSONValue: value.Clone(), GoType: v.Type(), Err: err}
		}
		return nil
	}
	v.SetString(unquote(value))
	return nil
}

// unmarshalAnyWide decodes into an empty interface where there are no attachments.
func unmarshalAnyWide(dec *jsontext.Decoder, into *any) error {
	return new(argDecoder).unmarshalAny(dec, into)
}

// marshalWide encodes strings and keys of maps that have lone surrogates.
func marshalWide(enc *jsontext.Encoder, from any) error {
	switch from.(type) {
	case json.Marshaler, jsonv2.MarshalerTo, encoding.TextMarshaler, encoding.TextAppender:
		return errors.ErrUnsupported
	}
	v := reflect.ValueOf(from).Elem()
	switch {
	case v.Kind() == reflect.String && hasSurrogate(v.String()):
		return enc.WriteValue(appendString(nil, v.String()))
	case v.Kind() == reflect.Map && v.Type().Key().Kind() == reflect.String && slices.ContainsFunc(v.MapKeys(), func(key reflect.Value) bool { return hasSurrogate(key.String()) }):
		return marshalMap(enc, v)
	}
	return errors.ErrUnsupported
}

// marshalMap encodes a map by its keys, sorted: the JSON package would replace what is no UTF-8 in them.
func marshalMap(enc *jsontext.Encoder, m reflect.Value) error {
	if err := enc.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	keys := m.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	for _, key := range keys {
		if err := enc.WriteValue(appendString(nil, key.String())); err != nil {
			return err
		}
		if err := jsonv2.MarshalEncode(enc, m.MapIndex(key).Interface()); err != nil {
			return err
		}
	}
	return enc.WriteToken(jsontext.EndObject)
}
