package protocol

import (
	"encoding/base64"
	"slices"
)

// EngineType is the first character of an Engine.IO packet in text form.
type EngineType byte

// The packet types of Engine.IO.
const (
	EngineOpen EngineType = '0' + iota
	EngineClose
	EnginePing
	EnginePong
	EngineMessage
	EngineUpgrade
	EngineNoop
)

// EnginePacket is one packet of Engine.IO.
type EnginePacket struct {
	Type EngineType

	// Binary marks an EngineMessage whose Data is raw bytes. On a transport
	// that has binary frames, Data is the frame. No other type is ever binary.
	Binary bool

	// Data is what follows the type; empty when nothing does.
	Data []byte
}

// binaryMark begins a binary message in text form: no type, "b", base64.
const binaryMark = 'b'

// DecodeEngine reads one packet in text form: a text frame of a WebSocket, or
// one piece of a polling body. Any transport may carry a binary message as
// "b<base64>", as clients with forceBase64 do on a WebSocket.
//
// Data of a text packet is a part of text, not a copy; it is not checked to be
// UTF-8. The error wraps [ErrMalformed].
//
// Base64 is read as leniently as the reference server does: see decodeBase64.
func DecodeEngine(text []byte) (EnginePacket, error) {
	if len(text) == 0 {
		return EnginePacket{}, malformed("empty engine.io packet")
	}
	mark, data := text[0], text[1:]
	switch {
	case mark == binaryMark:
		return EnginePacket{Type: EngineMessage, Binary: true, Data: decodeBase64(data)}, nil
	case mark < byte(EngineOpen) || mark > byte(EngineNoop):
		return EnginePacket{}, malformed("unknown engine.io packet type %q", mark)
	}
	return EnginePacket{Type: EngineType(mark), Data: data}, nil
}

// Append appends the packet in text form, a binary message as "b<base64>".
func (p EnginePacket) Append(dst []byte) []byte {
	return p.append(slices.Grow(dst, p.textLen()))
}

func (p EnginePacket) append(dst []byte) []byte {
	if p.Binary {
		return base64.StdEncoding.AppendEncode(append(dst, binaryMark), p.Data)
	}
	return append(append(dst, byte(p.Type)), p.Data...)
}

// textLen is the length of what Append appends.
func (p EnginePacket) textLen() int {
	if p.Binary {
		return 1 + base64.StdEncoding.EncodedLen(len(p.Data))
	}
	return 1 + len(p.Data)
}
