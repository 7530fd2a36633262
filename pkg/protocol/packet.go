package protocol

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Type is the type of a Socket.IO packet. Its wire form is a digit.
type Type byte

// The packet types of Socket.IO.
const (
	Connect Type = iota
	Disconnect
	Event
	Ack
	ConnectError
	BinaryEvent
	BinaryAck
)

const (
	// NoID is the ID of a packet without an ack id. Zero is an ack id.
	NoID = -1

	// maxID is what an ack id of 18 digits may be. Clients in JavaScript count to
	// 2^53-1, others may take any integer.
	maxID = 1_000_000_000_000_000_000 - 1

	// maxAttachments is what socket.io-parser accepts in one packet since 4.2.6.
	maxAttachments = 10
)

// Packet is one packet of Socket.IO.
type Packet struct {
	Type Type

	// Namespace starts with a slash. Decode sets "/" when the wire names none.
	Namespace string

	// ID connects an event with the ack that answers it, or is NoID.
	ID int64

	// Data is JSON text, nil when absent: an object for Connect, an object or a
	// string for ConnectError, an array of arguments for events and acks, of
	// which an event's first is its name. What Decode has returned may be replaced
	// by other text, and not be changed where it is.
	Data []byte

	// Attachments is how many binary messages follow the text of a received
	// packet. A packet to be sent may leave it zero.
	Attachments int

	// Buffers holds the attachments, in order.
	Buffers [][]byte

	// found is where Decode has seen the elements of Data, as long as that is scanned bytes that begin at from.
	found   spans
	from    *byte
	scanned int
}

// spans are the first elements of an array, in a text.
type spans struct {
	count int // of all elements
	of    [6]struct{ from, to uint32 }
}

// Add takes the next binary message as an attachment of an incomplete packet.
// The packet keeps it without copying. A binary message that no packet waits for
// is refused with an error that wraps [ErrMalformed].
func (p *Packet) Add(attachment []byte) error {
	if p.Complete() {
		return malformed("binary message without a packet that announced it")
	}
	if p.Buffers == nil {
		p.Buffers = make([][]byte, 0, min(p.Attachments, maxAttachments))
	}
	p.Buffers = append(p.Buffers, attachment)
	return nil
}

// Complete reports whether the packet has every attachment that it announced.
// Until then the sender must send nothing but binary messages: any text message
// in between breaks the protocol, and it is for the caller to refuse it.
func (p *Packet) Complete() bool {
	return len(p.Buffers) >= p.Attachments
}

// Args returns the elements of the array in Data, each a part of it, not a copy:
// for an event its name and its arguments, for an ack its arguments.
// The error wraps [ErrMalformed] when there is no such array. A packet that
// [Decode] returned gives another one when its arguments nest more than 1,000
// deep: the rest of the session is sound.
func (p Packet) Args() ([]json.RawMessage, error) {
	if len(p.Data) == 0 || p.Data[0] != '[' {
		return nil, malformed("packet carries no arguments")
	}
	if n := p.found.count; p.isScanned() && n <= len(p.found.of) {
		elements := make([]json.RawMessage, n)
		for i, at := range p.found.of[:n] {
			elements[i] = p.Data[at.from:at.to:at.to]
		}
		return elements, nil
	}
	s := scanner{text: p.Data, collect: true}
	if _, err := s.scan(); err != nil {
		return nil, err
	}
	return s.elements, nil
}

// EventName returns the first element of an event's array. A number, which the
// protocol allows as a name, is returned as JavaScript writes it: 1.0 as "1".
// For packets other than events the name is empty.
func (p Packet) EventName() string {
	if p.Type != Event && p.Type != BinaryEvent {
		return ""
	}
	name := p.first()
	switch {
	case name == nil:
		return ""
	case name[0] == '"':
		if inner := name[1 : len(name)-1]; p.isScanned() && bytes.IndexByte(inner, '\\') < 0 {
			return intern(inner)
		}
		return unquote(name)
	case isNumberStart(name[0]):
		return numberName(name)
	}
	return ""
}

// isScanned reports whether Decode has found the elements of Data.
func (p *Packet) isScanned() bool {
	return p.found.count > 0 && len(p.Data) > 0 && len(p.Data) == p.scanned && &p.Data[0] == p.from
}

// first returns the first element of Data, nil if there is none.
func (p *Packet) first() []byte {
	if p.isScanned() {
		return p.Data[p.found.of[0].from:p.found.of[0].to]
	}
	s := scanner{text: p.Data}
	start := s.space(1)
	end := s.value(start, 1)
	if end < 0 {
		return nil
	}
	return p.Data[start:end]
}

// reserved names are those that a client or a server raises by itself.
var reserved = []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}

// ReservedEvent reports whether name must not be used for an event: both sides
// use these names for what happens to a socket, and refuse them on the wire.
func ReservedEvent(name string) bool {
	return slices.Contains(reserved, name)
}
