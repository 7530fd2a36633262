package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

var (
	errNotNumber  = errors.New("not a number")
	errNotInteger = errors.New("not an integer")
	errOutOfRange = errors.New("out of range")
)

// integer returns what a valid JSON number stands for if that is an integer, however it is written: clients whose
// language has no integers, or that keep all numbers as doubles, write 5.0 or 5e0.
func integer(number []byte) (negative bool, magnitude uint64, err error) {
	mantissa, exponent := number, 0
	if i := bytes.IndexAny(number, "eE"); i >= 0 {
		const far = 1 << 30                              // further than any message is long
		exponent, _ = strconv.Atoi(string(number[i+1:])) // the largest or smallest int when it is beyond
		mantissa, exponent = number[:i], max(-far, min(exponent, far))
	}
	mantissa, negative = bytes.CutPrefix(mantissa, []byte("-"))
	whole, fraction, _ := bytes.Cut(mantissa, []byte("."))
	all := strings.TrimLeft(string(whole)+string(fraction), "0")
	digits := strings.TrimRight(all, "0")
	exponent += len(all) - len(digits) - len(fraction)
	switch {
	case digits == "":
		return false, 0, nil
	case exponent < 0:
		return false, 0, errNotInteger
	case len(digits)+exponent > len("18446744073709551615"):
		return false, 0, errOutOfRange
	}
	magnitude, err = strconv.ParseUint(digits+strings.Repeat("0", exponent), 10, 64)
	if err != nil {
		return false, 0, errOutOfRange
	}
	return negative, magnitude, nil
}

// setInteger stores an integer in a value of one of Go's kinds of integers.
func setInteger(into reflect.Value, number []byte) error {
	negative, magnitude, err := integer(number)
	if err != nil {
		return err
	}
	if into.CanUint() {
		if negative || into.OverflowUint(magnitude) {
			return errOutOfRange
		}
		into.SetUint(magnitude)
		return nil
	}
	n := int64(magnitude)
	if negative {
		n = -n
	}
	if magnitude != 0 && negative != (n < 0) || into.OverflowInt(n) {
		return errOutOfRange
	}
	into.SetInt(n)
	return nil
}

func isInteger(k reflect.Kind) bool { return k >= reflect.Int && k <= reflect.Uintptr }

// numberName returns the name of an event that is a number as String(JSON.parse(number)) of JavaScript does, which is
// what the reference looks for a handler by: 1.0 and 1 are one event.
func numberName(number []byte) string {
	f, err := strconv.ParseFloat(string(number), 64)
	switch {
	case f == 0:
		return "0"
	case err != nil && f < 0:
		return "-Infinity"
	case err != nil:
		return "Infinity"
	}
	return string(appendFloat(nil, f))
}

// appendFloat writes a number as JSON.stringify does: 5 for 5.0, null for what JSON cannot hold.
func appendFloat(dst []byte, f float64) []byte {
	abs := math.Abs(f)
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return append(dst, "null"...)
	case abs != 0 && (abs < 1e-6 || abs >= 1e21):
		dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
		if n := len(dst); string(dst[n-3:n-1]) == "-0" { // 1e-7 has no zero in JavaScript
			dst = append(dst[:n-2], dst[n-1])
		}
		return dst
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}

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
