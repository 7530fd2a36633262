package protocol

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Encode returns the Engine.IO messages that carry the packet: its text, then
// each of its buffers, which are not copied. They must reach the client in this
// order, with nothing but pings in between.
//
// An Event or Ack that has buffers leaves as BinaryEvent or BinaryAck; a binary
// packet without any leaves as Event or Ack, because receivers wait in vain for
// the attachments of one that announces none.
//
// Namespace may be empty for "/". Data must be valid JSON, as from [EncodeArgs];
// only its first character is looked at. The error says which rule of the
// protocol the packet breaks.
func (p Packet) Encode() ([]EnginePacket, error) {
	if err := p.checkEncodable(); err != nil {
		return nil, fmt.Errorf("cannot encode packet: %w", err)
	}
	kind := p.Type
	switch {
	case len(p.Buffers) > 0 && (kind == Event || kind == Ack):
		kind += BinaryEvent - Event
	case len(p.Buffers) == 0 && (kind == BinaryEvent || kind == BinaryAck):
		kind -= BinaryEvent - Event
	}

	const numbers = 1 + 3 + 1 + 18 // type, attachments, comma, ack id
	text := make([]byte, 0, numbers+len(p.Namespace)+len(p.Data))
	text = append(text, '0'+byte(kind))
	if len(p.Buffers) > 0 {
		text = append(strconv.AppendInt(text, int64(len(p.Buffers)), 10), '-')
	}
	if p.Namespace != "" && p.Namespace != "/" {
		text = append(append(text, p.Namespace...), ',')
	}
	if p.ID != NoID {
		text = strconv.AppendInt(text, p.ID, 10)
	}
	text = append(text, p.Data...)

	packets := make([]EnginePacket, 1, 1+len(p.Buffers))
	packets[0] = EnginePacket{Type: EngineMessage, Data: text}
	for _, b := range p.Buffers {
		packets = append(packets, EnginePacket{Type: EngineMessage, Binary: true, Data: b})
	}
	return packets, nil
}

func (p *Packet) checkEncodable() error {
	if err := p.checkShape(p.Data); err != nil {
		return err
	}
	switch {
	case p.Namespace != "" && (p.Namespace[0] != '/' || strings.ContainsAny(p.Namespace, ",\x1e") || !utf8.ValidString(p.Namespace)):
		return errors.New("namespace must start with a slash and be utf-8 without comma and 0x1e")
	case p.ID < NoID || p.ID > maxID:
		return errors.New("ack id is neither NoID nor between 0 and 10^18-1")
	case len(p.Buffers) > maxAttachments:
		return errTooManyAttachments
	case p.Attachments != 0 && p.Attachments != len(p.Buffers):
		return fmt.Errorf("packet has %d of %d attachments", len(p.Buffers), p.Attachments)
	case len(p.Buffers) > 0 && (p.Type <= Disconnect || p.Type == ConnectError):
		return errors.New("only events and acks have attachments")
	}
	return nil
}
