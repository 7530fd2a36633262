package protocol

import (
	"encoding/json"
	"errors"

	"github.com/go-json-experiment/json/jsontext"
)

var errNotNumber = errors.New("not a number")

// The encoder of package v1 knows a json.Number of its own, but not the one of
// encoding/json. These two functions treat the latter as encoding/json does.

func marshalNumber(enc *jsontext.Encoder, n json.Number) error {
	if n == "" {
		n = "0"
	}
	value := jsontext.Value(n)
	if value.Kind() != '0' || !value.IsValid() {
		return errNotNumber
	}
	return enc.WriteValue(value)
}

func unmarshalNumber(dec *jsontext.Decoder, into *json.Number) error {
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	switch value.Kind() {
	case 'n':
		return nil
	case '"':
		value = jsontext.Value(unquote(value))
		if value.Kind() != '0' || !value.IsValid() {
			return errNotNumber
		}
	case '0':
	default:
		return errNotNumber
	}
	*into = json.Number(value)
	return nil
}
