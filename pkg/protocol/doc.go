// Package protocol reads and writes the two wire formats of a Socket.IO
// server: Engine.IO version 4, which frames packets on a transport, and
// Socket.IO version 5, which the messages of Engine.IO carry.
//
//	polling body      4<text> 0x1e b<base64> 0x1e 2
//	WebSocket frame   4<text>                          one packet per frame
//	Socket.IO text    <type>[<attachments>-][<namespace>,][<ack id>][<JSON>]
//	... or msgpack    {"type": 2, "nsp": "/", "data": [...], "id": 1}
//
// An event with a binary argument is one text message, in which placeholders
// stand for the []byte values, followed by one binary message for each. Clients
// with socket.io-msgpack-parser send each packet as one binary message instead,
// a map of msgpack; [DecodeMsgPack] and [Packet.EncodeMsgPack] have the same
// [Packet] for it.
//
// The package does no I/O, keeps no state but what it knows of types and some
// names that came lately, and trusts nothing that it decodes:
// every decoder uses memory linear in its input, whose size the caller bounds,
// and reports what it refuses as [ErrMalformed]. Everything may be called
// concurrently, except methods on one [Packet] that is being changed.
//
// Sources: https://github.com/socketio/engine.io-protocol,
// https://github.com/socketio/socket.io-protocol,
// https://github.com/socketio/socket.io-msgpack-parser.
package protocol

import (
	"errors"
	"fmt"
)

// ErrMalformed is wrapped by every error about input that breaks the protocol.
// The sender is not to be trusted with the rest of its session: the reference
// server closes it with the reason "parse error".
var ErrMalformed = errors.New("malformed packet")

// malformed must not be given the input itself: errors end up in logs.
func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}
