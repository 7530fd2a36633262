package socketio

import (
	"context"
	"fmt"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
)

// encode returns the messages of a packet in the form that the server's clients read.
func encode(e *engine.Engine, p protocol.Packet) ([]protocol.EnginePacket, error) {
	if !e.Options().BinaryMessages {
		return p.Encode()
	}
	message, err := p.EncodeMsgPack()
	return []protocol.EnginePacket{message}, err
}

// msgpack handles messages of clients with the msgpack parser, in order. Each is a packet, so that none waits for the
// rest of one, and over WebSocket no order matters for binary.
func (t *turn) msgpack(ctx context.Context, messages []protocol.EnginePacket) error {
	for _, m := range messages {
		if !m.Binary {
			return fmt.Errorf("%w: the client has the default parser, this server the msgpack parser: "+
				"give the client the option parser, from socket.io-msgpack-parser, or take MsgPack from the server's Options", engine.ErrRefused)
		}
		p, err := protocol.DecodeMsgPack(m.Data)
		if err != nil {
			return err
		}
		if err := t.complete(ctx, p); err != nil || t.isClosed() {
			return err
		}
	}
	return nil
}

// isMsgPack reports whether a binary message that nobody expects is a packet of the msgpack parser.
func isMsgPack(message []byte) bool {
	_, err := protocol.DecodeMsgPack(message)
	return err == nil
}
