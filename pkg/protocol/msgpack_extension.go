package protocol

import (
	"encoding/binary"
	"strconv"
	"time"
)

// The extension of number 0 is the parser's own. By the form of its header it is one of these, else it is like others.
const (
	undefinedHeader = 0xd4 // fixext 1
	dateHeader      = 0xd7 // fixext 8: milliseconds since 1970
	bufferHeader8   = 0xc7 // ext 8, 16 and 32: an ArrayBuffer
	bufferHeader32  = 0xc9
)

// extension writes a value of a type that msgpack itself does not know.
func (d *msgpackDecoder) extension() error {
	header, number, content, ok := d.cutExtension()
	if !ok {
		return malformed("a msgpack extension is cut off")
	}
	switch {
	case number == 0 && header == undefinedHeader:
		d.undefined()
	case number == 0 && header == dateHeader:
		d.out = appendDate(d.out, int64(binary.BigEndian.Uint64(content)))
	case number == 0 && header >= bufferHeader8 && header <= bufferHeader32:
		d.attach(content)
	default:
		d.out = append(strconv.AppendInt(append(d.out, '['), int64(number), 10), ',')
		d.attach(content)
		d.out = append(d.out, ']')
	}
	return nil
}

// cutExtension takes an extension off the message.
func (d *msgpackDecoder) cutExtension() (header byte, number int8, content []byte, ok bool) {
	header = d.rest[0]
	size, at := 1<<(header-0xd4), 1 // fixext 1 to 16
	if header <= bufferHeader32 {
		at = 1 + 1<<(header-bufferHeader8)
		if len(d.rest) < at {
			return 0, 0, nil, false
		}
		size = 0
		for _, c := range d.rest[1:at] {
			size = size<<8 | int(c)
		}
	}
	if len(d.rest)-at-1 < size {
		return 0, 0, nil, false
	}
	number, content, d.rest = int8(d.rest[at]), d.rest[at+1:at+1+size], d.rest[at+1+size:]
	return header, number, content, true
}

// undefined writes what JSON.stringify makes of an undefined value: nothing for a member, null for an element.
func (d *msgpackDecoder) undefined() {
	if len(d.open) == 0 {
		return
	}
	if top := d.open[len(d.open)-1]; top.object {
		d.out = d.out[:top.key]
		return
	}
	d.out = append(d.out, "null"...)
}

// appendDate writes a Date as its toJSON does, which is null for one that JavaScript has no date for.
func appendDate(dst []byte, ms int64) []byte {
	const most = 8_640_000_000_000_000
	if ms < -most || ms > most {
		return append(dst, "null"...)
	}
	t := time.UnixMilli(ms).UTC()
	dst = append(dst, '"')
	switch year := t.Year(); {
	case year < 0:
		dst = append(dst, '-')
		dst = appendPadded(dst, -year)
	case year > 9999:
		dst = append(dst, '+')
		dst = appendPadded(dst, year)
	default:
		dst = t.AppendFormat(dst, "2006")
	}
	return t.AppendFormat(dst, `-01-02T15:04:05.000Z"`)
}

// appendPadded writes a year of more than four digits, or before the year 0, in six.
func appendPadded(dst []byte, year int) []byte {
	text := strconv.Itoa(year)
	return append(append(dst, "000000"[:6-len(text)]...), text...)
}
