package socketiotest

import (
	"fmt"
	"reflect"

	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/socketio"
)

// Emit sends an event, []byte anywhere in its arguments as binary, and returns the arguments of its ack. An ack that
// does not come fails the test. Binary over WebSocket is refused as it is behind API Gateway, unless Options.Engine has
// OrderedFrames: use Polling.
func (c *Client) Emit(event string, args ...any) socketio.Args {
	c.s.t.Helper()
	ack, ok := c.TryEmit(event, args...)
	if reason := c.Disconnected(); !ok && reason != "" {
		c.s.t.Fatalf("%q was not acked, the client is disconnected: %s; the log may say why", event, reason)
	}
	if !ok {
		c.s.t.Fatalf("%q was not acked: it has no handler, or the handler failed and has logged why", event)
	}
	return ack
}

// TryEmit is Emit for an ack that may not come: ok is then false.
func (c *Client) TryEmit(event string, args ...any) (ack socketio.Args, ok bool) {
	c.session.mu.Lock()
	id := c.emitted
	c.emitted++
	c.session.mu.Unlock()
	c.emit(id, event, args)
	c.session.mu.Lock()
	p, ok := c.acks[id]
	c.session.mu.Unlock()
	if !ok {
		return nil, false
	}
	ack, err := decode(p, 0)
	if err != nil {
		c.s.t.Errorf("socketiotest: the ack of %q: %v", event, err)
	}
	return ack, true
}

// EmitNoAck sends an event that asks for no ack.
func (c *Client) EmitNoAck(event string, args ...any) { c.emit(protocol.NoID, event, args) }

func (c *Client) emit(id int64, event string, args []any) {
	p := protocol.Packet{Type: protocol.Event, Namespace: c.namespace, ID: id}
	var err error
	if p.Data, p.Buffers, err = protocol.EncodeArgs(append([]any{event}, args...)...); err != nil {
		c.s.t.Fatalf("socketiotest: Emit(%q): %v", event, err)
	}
	c.send(p)
}

// Next returns the next event that the client got. None fails the test.
func (c *Client) Next() (event string, args socketio.Args) {
	c.s.t.Helper()
	p := c.take("an event")
	args, err := decode(p, 1)
	if err != nil {
		c.s.t.Fatalf("the arguments of %q: %v", p.EventName(), err)
	}
	return p.EventName(), args
}

// Expect takes the next event that the client got and fails the test unless it has this name and these arguments.
// One that is a pointer is decoded into what it points to; any other has to be equal to what the client got, decoded
// into its type. Arguments beyond are ignored.
func (c *Client) Expect(event string, args ...any) {
	c.s.t.Helper()
	p := c.take(fmt.Sprintf("%q", event))
	got, err := p.Args()
	if err != nil || p.EventName() != event {
		c.s.t.Fatalf("the client got %s, want %q", describe(p), event)
	}
	if len(got)-1 < len(args) {
		c.s.t.Fatalf("the client got %s with %d arguments, want %d", describe(p), len(got)-1, len(args))
	}
	for i, want := range args {
		if into := reflect.ValueOf(want); into.Kind() == reflect.Pointer && !into.IsNil() {
			if err := protocol.DecodeArg(got[i+1], p.Buffers, want); err != nil {
				c.s.t.Fatalf("argument %d of %s: %v", i+1, describe(p), err)
			}
			continue
		}
		var v any
		into := reflect.ValueOf(&v)
		if want != nil {
			into = reflect.New(reflect.TypeOf(want))
		}
		err := protocol.DecodeArg(got[i+1], p.Buffers, into.Interface())
		if v := into.Elem().Interface(); err != nil || !reflect.DeepEqual(v, want) {
			c.s.t.Fatalf("argument %d of %s is %s, want %#v", i+1, describe(p), got[i+1], want)
		}
	}
}

// ExpectNothing fails the test when the client got events that no Next or Expect has taken.
func (c *Client) ExpectNothing() {
	c.s.t.Helper()
	c.session.settle()
	c.session.mu.Lock()
	events := c.events
	c.session.mu.Unlock()
	for _, p := range events {
		c.s.t.Errorf("the client got %s, want nothing", describe(p))
	}
	if len(events) > 0 {
		c.s.t.Fatalf("the client got %d events, want none", len(events))
	}
}

// take removes the first event.
func (c *Client) take(want string) protocol.Packet {
	c.s.t.Helper()
	c.session.settle()
	c.session.mu.Lock()
	events, reason := c.events, c.reason
	if len(events) > 0 {
		c.events, c.taken = events[1:], events[0]
	}
	c.session.mu.Unlock()
	if len(events) == 0 {
		if reason != "" {
			reason = ": it is disconnected: " + reason
		}
		c.s.t.Fatalf("the client got nothing, want %s%s", want, reason)
	}
	return events[0]
}

// decode returns the arguments of a packet from an index on.
func decode(p protocol.Packet, from int) (socketio.Args, error) {
	raw, err := p.Args()
	if err != nil {
		return nil, err
	}
	args := make(socketio.Args, 0, len(raw))
	for _, arg := range raw[from:] {
		var v any
		if err := protocol.DecodeArg(arg, p.Buffers, &v); err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	return args, nil
}

func describe(p protocol.Packet) string { return fmt.Sprintf("event %s", p.Data) }
