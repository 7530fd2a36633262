package protocol

import (
	"bytes"
	"slices"
)

// separator stands between the packets of a polling body. JSON text never
// contains it, because JSON escapes control characters.
const separator = '\x1e'

// maxPackets bounds the packets of one body, so that a body of separators costs
// at most 2 MiB of packets. A client that sends everything it queued in one
// request, up to the 1 MB that servers announce by default, stays below with
// packets of 16 bytes.
const maxPackets = 1 << 16

// DecodePayload reads the body of a polling request or response. The caller
// bounds its size; a body of more than 65,536 packets is refused.
//
// When a packet is malformed, DecodePayload returns those before it and an error
// that wraps [ErrMalformed]: the reference, too, handles them before it closes
// the session. An empty body is malformed.
//
// Data of text packets are parts of body, not copies.
func DecodePayload(body []byte) ([]EnginePacket, error) {
	n := 1 + bytes.Count(body, []byte{separator})
	if n > maxPackets {
		return nil, malformed("payload of %d packets", n)
	}
	packets := make([]EnginePacket, 0, n)
	for range n {
		var text []byte
		text, body, _ = bytes.Cut(body, []byte{separator})
		packet, err := DecodeEngine(text)
		if err != nil {
			return packets, err
		}
		packets = append(packets, packet)
	}
	return packets, nil
}

// AppendPayload appends packets as the body of a polling request or response.
//
// The Data of a text packet must not contain the separator 0x1e, which the
// receiver would take for the start of another packet. What [Packet.Encode] and
// [Open.Packet] return never does.
func AppendPayload(dst []byte, packets ...EnginePacket) []byte {
	size := len(packets)
	for _, p := range packets {
		size += p.textLen()
	}
	dst = slices.Grow(dst, size)
	for i, p := range packets {
		if i > 0 {
			dst = append(dst, separator)
		}
		dst = p.append(dst)
	}
	return dst
}
