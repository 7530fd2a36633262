package protocol

import (
	"bytes"
	"math"
)

// checkPayload returns the JSON that starts the rest of the text, if it is what
// the packet's type wants.
func (p *Packet) checkPayload(rest []byte) ([]byte, error) {
	if err := p.checkShape(rest); err != nil {
		return nil, err
	}
	if len(rest) == 0 {
		return nil, nil
	}
	if len(rest) > math.MaxUint32 {
		return nil, malformed("more than 4 GiB")
	}
	s := scanner{text: rest, attachments: p.Attachments}
	end, err := s.scan()
	if err != nil && err != errTooDeep {
		return nil, err
	}
	if p.Type == Event || p.Type == BinaryEvent {
		name := s.found.of[0]
		if err := checkName(rest[name.from:name.to]); err != nil {
			return nil, err
		}
	}
	if !s.deep && rest[0] == '[' { // else Args says so
		p.found, p.from, p.scanned = s.found, &rest[0], end
	}
	return rest[:end:end], nil
}

// checkShape looks at what every packet must have, on either way, and at the
// first byte of its payload.
func (p *Packet) checkShape(data []byte) error {
	var first byte
	if len(data) > 0 {
		first = data[0]
	}
	switch p.Type {
	case Connect:
		if len(data) > 0 && first != '{' {
			return malformed("payload of a connect packet is not an object")
		}
	case Disconnect:
		if len(data) > 0 {
			return malformed("disconnect packet with a payload")
		}
	case ConnectError:
		if first != '{' && first != '"' {
			return malformed("payload of a connect error is neither object nor string")
		}
	case Event, BinaryEvent, Ack, BinaryAck:
		if first != '[' {
			return malformed("payload of an event or ack is not an array")
		}
		if p.ID == NoID && (p.Type == Ack || p.Type == BinaryAck) {
			return malformed("ack without an id")
		}
	default:
		return malformed("unknown packet type")
	}
	return nil
}

// checkName wants the first element of an event to be a number, or a string
// that is not reserved.
func checkName(element []byte) error {
	switch {
	case len(element) > 0 && isNumberStart(element[0]):
		return nil
	case len(element) > 0 && element[0] == '"':
		inner := element[1 : len(element)-1]
		if bytes.IndexByte(inner, '\\') >= 0 {
			inner = []byte(unquote(element))
		}
		if ReservedEvent(string(inner)) {
			return malformed("reserved event name")
		}
		return nil
	}
	return malformed("event without a name")
}
