package protocol

import (
	"strings"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"
)

// DecodeMsgPack reads a packet of socket.io-msgpack-parser, which is one binary message: a map with the members type,
// nsp, data and id in any order, of which others are ignored. The packet is what [Decode] and [Packet.Add] make of the
// same packet in text form: Data is JSON, in which placeholders stand for binary, and Buffers, at most 10, are parts of
// message, not copies. The error wraps [ErrMalformed].
//
// What nests more than 10,000 deep, which nothing here reads, is left out of Data.
// What JSON has no form for becomes what the text form would have sent: a Date is its ISO text, NaN and Infinity are
// null, a member that is undefined is left out, an undefined element is null. Integers keep all their digits. Binary in
// the payload of a CONNECT is base64 text. An extension that is none of the parser's own is an array of its number and
// its bytes, and a key that is a number, a bool or null is its text: both as in the reference. Text that is no UTF-8
// has U+FFFD in its place.
//
// DecodeMsgPack is stricter than the reference in what [Decode] is stricter in, and where the text form could not carry
// a packet: a namespace begins with a slash and has neither comma nor 0x1e, an event has a name, keys of maps are no
// arrays, maps or binary, and an object that looks like a placeholder must not stand beside binary.
func DecodeMsgPack(message []byte) (Packet, error) {
	var kind, namespace, id []byte
	var data msgpackData
	n, rest, err := msgp.ReadMapHeaderBytes(message)
	if err != nil {
		return Packet{}, malformed("not a msgpack packet: the message is no map")
	}
	d := msgpackDecoder{rest: rest, out: make([]byte, 0, len(message)+32)}
	for range n {
		key, err := d.value()
		if err != nil {
			return Packet{}, err
		}
		from := d.rest
		d.buffers, d.marked = nil, false
		value, err := d.value()
		if err != nil {
			return Packet{}, err
		}
		switch string(key) {
		case `"type"`:
			kind = value
		case `"nsp"`:
			namespace = value
		case `"id"`:
			id = value
		case `"data"`:
			data = msgpackData{value, from, d.buffers, d.marked}
		}
	}
	if len(d.rest) > 0 {
		return Packet{}, malformed("%d bytes behind the msgpack packet", len(d.rest))
	}
	p := Packet{}
	if p.Type, err = msgpackType(kind); err != nil {
		return Packet{}, err
	}
	if p.Namespace, err = msgpackNamespace(namespace); err != nil {
		return Packet{}, err
	}
	if p.ID, err = msgpackID(id); err != nil {
		return Packet{}, err
	}
	if err := p.takeMsgPack(data); err != nil {
		return Packet{}, err
	}
	return p, nil
}

// msgpackData is the member data of a packet.
type msgpackData struct {
	text    []byte // as JSON; nothing when it is undefined
	from    []byte // the message, from where it begins
	buffers [][]byte
	marked  bool // an object in it looks like a placeholder
}

// takeMsgPack sets what a packet carries, if it is what the packet's type wants.
func (p *Packet) takeMsgPack(data msgpackData) (err error) {
	binary, arguments := len(data.buffers) > 0, p.Type == Event || p.Type == Ack
	switch {
	case binary && !arguments:
		d := msgpackDecoder{rest: data.from, base64: true}
		if data.text, err = d.value(); err != nil {
			return err
		}
	case len(data.buffers) > maxAttachments:
		return malformed("more than %d attachments", maxAttachments)
	case binary && data.marked:
		return malformed("an object looks like the placeholder of an attachment")
	}
	if len(data.text) > 0 {
		p.Data = data.text
	}
	if err := p.checkShape(p.Data); err != nil {
		return err
	}
	if p.Type == Event {
		s := scanner{text: p.Data}
		end := max(1, s.value(1, 1)) // there is none in an empty array
		if err := checkName(p.Data[1:end]); err != nil {
			return err
		}
	}
	if binary && arguments {
		p.Type, p.Buffers, p.Attachments = p.Type+BinaryEvent-Event, data.buffers, len(data.buffers)
	}
	return nil
}

func msgpackType(number []byte) (Type, error) {
	n, ok := wholeNumber(number, uint64(ConnectError))
	if !ok {
		return 0, malformed("unknown packet type")
	}
	return Type(n), nil
}

// wholeNumber returns a JSON number that is an integer from 0 to most. What else a member may be, or nothing, is none.
func wholeNumber(text []byte, most uint64) (n uint64, ok bool) {
	if len(text) == 1 && isDigit(text[0]) { // mostly
		n = uint64(text[0] - '0')
		return n, n <= most
	}
	if len(text) == 0 || !isNumberStart(text[0]) {
		return 0, false
	}
	negative, n, err := integer(text)
	return n, err == nil && !negative && n <= most
}

func msgpackNamespace(quoted []byte) (string, error) {
	if len(quoted) == 0 || quoted[0] != '"' {
		return "", malformed("packet without a namespace")
	}
	name := unquote(quoted)
	if name == "" || name[0] != '/' || strings.ContainsAny(name, ",\x1e") || !utf8.ValidString(name) {
		return "", malformed("namespace is not a slash and utf-8 without comma and 0x1e")
	}
	return name, nil
}

func msgpackID(number []byte) (int64, error) {
	if len(number) == 0 {
		return NoID, nil
	}
	n, ok := wholeNumber(number, maxID)
	if !ok {
		return 0, malformed("ack id is no integer from 0 to 10^18-1")
	}
	return int64(n), nil
}
