package socketiotest

import (
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/socketio"
)

// Answer has the client ack the events of a name, which ask for it, with what answer makes of their arguments: in a
// goroutine of its own, as soon as it gets one, so that a handler may wait for it. A client that polls gets events only
// when the test calls one of its methods. Next and Expect return the events nevertheless. Call it before the event is
// sent, once for a name.
func (c *Client) Answer(event string, answer func(args socketio.Args) socketio.Args) {
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	c.answers[event] = answer
}

// Ack acks the event that Next or Expect has returned last, which asks for it, with arguments. One that does not ask
// fails the test. It may be called again, as no stock client does.
func (c *Client) Ack(args ...any) {
	c.s.t.Helper()
	c.session.mu.Lock()
	p := c.taken
	c.session.mu.Unlock()
	if p.ID == protocol.NoID || p.Data == nil {
		c.s.t.Fatalf("%s asks for no ack", describe(p))
	}
	c.ack(p.ID, args)
	c.session.settle()
}

// ack sends an ack.
func (c *Client) ack(id int64, args []any) {
	p := protocol.Packet{Type: protocol.Ack, Namespace: c.namespace, ID: id}
	var err error
	if p.Data, p.Buffers, err = protocol.EncodeArgs(args...); err != nil {
		c.s.t.Errorf("socketiotest: an ack: %v", err)
		return
	}
	packets, err := c.encode(p)
	if err != nil {
		c.s.t.Errorf("socketiotest: an ack: %v", err)
		return
	}
	c.session.send(packets...)
}

// answer acks an event if the test wants it. session.mu is held.
func (c *Client) answer(p protocol.Packet) {
	f := c.answers[p.EventName()]
	if f == nil || p.ID == protocol.NoID {
		return
	}
	c.s.answering.Go(func() {
		args, err := decode(p, 1)
		if err != nil {
			c.s.t.Errorf("socketiotest: the arguments of %q: %v", p.EventName(), err)
			return
		}
		c.ack(p.ID, f(args))
	})
}

// AckID returns the ack id of the event that Next or Expect has returned last, -1 when it asks for no ack.
func (c *Client) AckID() int64 {
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	return c.taken.ID
}
