package socketiotest

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
)

// frame takes a frame from the server.
func (c *session) frame(f engine.Frame) {
	p := protocol.EnginePacket{Type: protocol.EngineMessage, Binary: true, Data: f.Data}
	if !f.Binary {
		var err error
		if p, err = protocol.DecodeEngine(f.Data); err != nil {
			c.s.t.Errorf("socketiotest: the server sent %q: %v", f.Data, err)
			return
		}
	}
	c.packet(p)
}

// packet takes one packet, as socket.io-client does. It sends nothing itself: an answer is a task.
func (c *session) packet(p protocol.EnginePacket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason != "" || c.silent {
		return
	}
	switch p.Type {
	case protocol.EngineOpen:
		var open protocol.Open
		if err := json.Unmarshal(p.Data, &open); err != nil || c.sid != "" {
			c.s.t.Errorf("socketiotest: the server sent an open packet %q after %q", p.Data, c.sid)
		}
		c.sid = open.SID
	case protocol.EnginePing:
		c.s.soon(func(context.Context) { c.send(protocol.EnginePacket{Type: protocol.EnginePong}) })
	case protocol.EnginePong:
		c.probed = c.probed || string(p.Data) == "probe"
	case protocol.EngineClose:
		c.close(transportClose)
	case protocol.EngineMessage:
		if err := c.message(p); err != nil {
			c.s.t.Errorf("socketiotest: the server sent %q: %v", p.Data, err)
		}
	}
}

// message puts Socket.IO packets together. c.mu is held.
func (c *session) message(m protocol.EnginePacket) (err error) {
	switch {
	case c.s.msgpack():
		p, err := protocol.DecodeMsgPack(m.Data)
		if err != nil {
			return err
		}
		c.pending = &p
	case m.Binary:
		if c.pending == nil {
			return errors.New("a binary message that nothing announces")
		}
		if err := c.pending.Add(m.Data); err != nil {
			return err
		}
	default:
		if c.pending != nil {
			return errors.New("a text message where attachments are missing")
		}
		p, err := protocol.Decode(m.Data)
		if err != nil {
			return err
		}
		c.pending = &p
	}
	if !c.pending.Complete() {
		return nil
	}
	p := *c.pending
	c.pending = nil
	if client := c.clients[p.Namespace]; client != nil {
		client.packet(p)
	}
	return nil
}
