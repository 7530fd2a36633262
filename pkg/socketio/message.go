package socketio

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/protocol"
)

// handlerOf is the Server as the engine sees it.
type handlerOf struct{ s *Server }

var _ engine.Handler = handlerOf{}

// Message implements engine.Handler.
func (h handlerOf) Message(ctx context.Context, v *engine.Invocation, messages []protocol.EnginePacket) error {
	t := &turn{server: h.s, v: v}
	h.s.came(ctx, messages)
	defer t.tally.write(ctx, h.s.opt.Logger)
	err := t.messages(context.WithValue(ctx, turnKey{}, t), messages)
	if errors.Is(err, ErrOutboxFull) || errors.Is(err, ErrBusy) { // the client's doing, not the server's
		h.s.opt.Logger.WarnContext(ctx, "a client takes no answers, so its session is closed", "session", v.Address(), "error", err)
		t.close(ctx, TransportError)
		err = nil
	}
	return errors.Join(err, t.end(ctx))
}

// messages puts packets together from messages and handles them in order. What is incomplete at the end is kept for
// the invocation that brings the rest.
func (t *turn) messages(ctx context.Context, messages []protocol.EnginePacket) error {
	if t.server.engine.Options().BinaryMessages {
		return t.msgpack(ctx, messages)
	}
	kept := t.v.Pending()
	pending, err := restore(kept)
	if err != nil {
		return err
	}
	raw := kept
	var decoded protocol.Packet
	for _, m := range messages {
		switch {
		case m.Binary && pending == nil && isMsgPack(m.Data):
			return fmt.Errorf("%w: the client has the msgpack parser, this server the default one: "+
				"set MsgPack in the server's Options, or take the option parser from the client", engine.ErrRefused)
		case m.Binary && !t.ordered(): // an attachment of a packet that began over polling could be another's
			return fmt.Errorf("%w: binary%s", engine.ErrRefused, binaryHint)
		case m.Binary && pending == nil:
			return fmt.Errorf("%w: binary without a packet that announces it", engine.ErrRefused)
		case m.Binary:
			if err := pending.Add(m.Data); err != nil {
				return err
			}
			raw = append(raw[:len(raw):len(raw)], m.Data)
		case pending != nil:
			return fmt.Errorf("%w: text where %d attachments are missing", engine.ErrRefused, pending.Attachments-len(pending.Buffers))
		default:
			if decoded, err = protocol.Decode(m.Data); err != nil {
				return err
			}
			if pending = &decoded; pending.Complete() {
				break
			}
			if raw = [][]byte{m.Data}; !t.ordered() {
				return fmt.Errorf("%w: a packet with binary%s", engine.ErrRefused, binaryHint)
			}
		}
		if !pending.Complete() {
			continue
		}
		p := *pending
		pending, raw = nil, nil
		if len(kept) > 0 { // before the handler, which a lost response must not make run twice
			if err := t.v.Keep(ctx, nil); err != nil {
				return err
			}
			kept = nil
		}
		if err := t.complete(ctx, p); err != nil || t.isClosed() {
			return err
		}
	}
	if pending != nil {
		return t.v.Keep(ctx, raw)
	}
	return nil
}

// restore rebuilds an unfinished packet from its messages.
func restore(kept [][]byte) (*protocol.Packet, error) {
	if len(kept) == 0 {
		return nil, nil
	}
	p, err := protocol.Decode(kept[0])
	if err != nil {
		return nil, err
	}
	for _, b := range kept[1:] {
		if err := p.Add(b); err != nil {
			return nil, err
		}
	}
	return &p, nil
}

const binaryHint = " came over WebSocket, where this gateway does not keep frames in order, so that attachments could be mixed up:" +
	` let clients that send binary use transports: ["polling"], or send it base64-encoded in a string`

// complete handles one complete packet, if there is time left for it: the client has to know when there is not.
func (t *turn) complete(ctx context.Context, p protocol.Packet) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return t.packet(ctx, p)
}

// packet handles one complete packet. An error closes the session.
func (t *turn) packet(ctx context.Context, p protocol.Packet) error {
	if t.count++; t.tooMany() {
		return fmt.Errorf("%w: more than %d packets in one request: send fewer at a time, or raise ClientRate, "+
			"which is -client-rate of doze serve and doze dev, and the parameter ClientRate of a deployment", engine.ErrRefused, t.count-1)
	}
	if p.Type == protocol.Connect || p.Type == protocol.Disconnect {
		if t.moves++; t.moves > 2*t.server.opt.MaxNamespaces {
			return fmt.Errorf("%w: more than %d CONNECTs and DISCONNECTs in one request", engine.ErrRefused, 2*t.server.opt.MaxNamespaces)
		}
	}
	if t.count > 1 { // each of the packets of a request has its own
		if id := observe.ID(ctx); id != "" {
			ctx = observe.WithID(ctx, id+"."+strconv.Itoa(t.count))
		}
	}
	if p.Type == protocol.Connect {
		return t.connect(ctx, p)
	}
	s, err := t.socket(ctx, p.Namespace)
	if err != nil || s == nil {
		return err
	}
	switch p.Type {
	case protocol.Event, protocol.BinaryEvent:
		return t.event(ctx, s, p)
	case protocol.Disconnect:
		return t.server.disconnect(ctx, s, ClientDisconnect)
	case protocol.ConnectError:
		return fmt.Errorf("%w: CONNECT_ERROR is the server's to send", engine.ErrRefused)
	}
	return t.answered(ctx, s, p)
}
