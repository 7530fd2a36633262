package protocol

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// This file has the encoder as it was before it had a way of its own for []any and map[string]any, for a fuzzer to compare
// the present one with.

func oldEncodeArgs(args ...any) (data []byte, buffers [][]byte, err error) {
	e := argEncoders.Get().(*argEncoder)
	defer e.release()
	e.data = append(e.data, '[')
	for i, arg := range args {
		if i > 0 {
			e.data = append(e.data, ',')
		}
		if err := e.oldAppend(arg); err != nil {
			return nil, nil, fmt.Errorf("cannot encode argument %d: %w", i, err)
		}
	}
	e.data = append(e.data, ']')
	if err := e.checkPlaceholders(); err != nil {
		return nil, nil, err
	}
	return append(make([]byte, 0, len(e.data)), e.data...), e.buffers, nil
}

// oldAppend has its own way for what most arguments are.
func (e *argEncoder) oldAppend(arg any) error {
	switch arg := arg.(type) {
	case nil:
		e.data = append(e.data, "null"...)
	case string:
		e.data = oldAppendString(e.data, arg)
	case bool:
		e.data = strconv.AppendBool(e.data, arg)
	case int:
		e.data = strconv.AppendInt(e.data, int64(arg), 10)
	case int64:
		e.data = strconv.AppendInt(e.data, arg, 10)
	case []byte:
		if arg == nil {
			e.data = append(e.data, "null"...)
			return nil
		}
		num, err := e.attach(arg)
		e.data = appendPlaceholder(e.data, num)
		return err
	case json.RawMessage:
		s := scanner{text: arg}
		if _, err := s.scan(); err != nil {
			return e.marshal(arg) // allows more, or finds words for it
		}
		e.data = append(e.data, arg...)
	default:
		return e.marshal(arg)
	}
	return nil
}

func oldAppendString(dst []byte, s string) []byte {
	end, err := jsontext.AppendQuote(dst, s)
	if err != nil {
		return appendSurrogates(dst, s)
	}
	return end
}
