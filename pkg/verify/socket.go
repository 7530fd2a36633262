package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dozeio/doze/pkg/verify/counterpart"
)

// What begins the packets of the counterpart's namespace.
const (
	connectPacket = "40" + counterpart.Namespace + "," // and that of its reply
	refusalPrefix = "44" + counterpart.Namespace + ","
	eventPrefix   = "42" + counterpart.Namespace + ","
	ackPrefix     = "43" + counterpart.Namespace + ","
)

// socket is a WebSocket connection whose session is in the counterpart's namespace.
type socket struct {
	*conn
	opened
	id      string
	process string        // that handled the CONNECT
	open    time.Duration // from the beginning of the handshake to the open packet
	acks    atomic.Int64
}

// connect opens a WebSocket without a session before it, and waits for the open packet.
func (d *deployment) connect(ctx context.Context) (*socket, error) {
	c, err := d.dial(ctx, query(d.websocket, "websocket", ""), nil)
	if err != nil {
		return nil, err
	}
	f, err := c.next(ctx)
	if err != nil {
		c.close()
		return nil, err
	}
	o, ok := parseOpen(f.text)
	if !ok {
		c.close()
		return nil, fmt.Errorf("the first frame is %s", show(f.text))
	}
	return &socket{conn: c, opened: o, open: f.at.Sub(c.began)}, nil
}

// join is connect, and joins the namespace.
func (d *deployment) join(ctx context.Context) (*socket, error) {
	s, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.enter(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *socket) enter(ctx context.Context) error {
	if err := s.send(ctx, connectPacket); err != nil {
		return err
	}
	reply, err := s.await(ctx, connectPacket, refusalPrefix)
	if err != nil {
		return err
	}
	var joined struct{ SID string }
	if json.Unmarshal([]byte(strings.TrimPrefix(reply.text, connectPacket)), &joined) != nil {
		return fmt.Errorf("the namespace was refused: %s", show(reply.text))
	}
	s.id = joined.SID
	var w counterpart.Welcome
	if _, err := s.event(ctx, "welcome", &w); err != nil {
		return err
	}
	s.process = w.Process
	return nil
}

// packet makes an event, to be acked when its id is not negative.
func packet(id int64, event string, args ...any) string {
	data, err := json.Marshal(append([]any{event}, args...))
	if err != nil {
		panic(err) // they are numbers and texts
	}
	if id < 0 {
		return eventPrefix + string(data)
	}
	return fmt.Sprintf("%s%d%s", eventPrefix, id, data)
}

// emit sends an event that asks for no ack.
func (s *socket) emit(ctx context.Context, event string, args ...any) error {
	return s.send(ctx, packet(-1, event, args...))
}

// call sends an event and decodes the first argument of its ack.
func (s *socket) call(ctx context.Context, into any, event string, args ...any) error {
	id := s.acks.Add(1)
	if err := s.send(ctx, packet(id, event, args...)); err != nil {
		return err
	}
	return s.acked(ctx, id, into)
}

func (s *socket) acked(ctx context.Context, id int64, into any) error {
	f, err := s.await(ctx, fmt.Sprintf("%s%d[", ackPrefix, id))
	if err != nil {
		return err
	}
	return ackOf(f.text, into)
}

// ackOf decodes the first argument of an ack. That of one that says what is out of bounds is an error.
func ackOf(text string, into any) error {
	_, data, _ := strings.Cut(text, "[")
	var args []json.RawMessage
	if json.Unmarshal([]byte("["+data), &args) != nil || len(args) == 0 {
		return fmt.Errorf("the ack is %s", show(text))
	}
	var refusal struct{ Error string }
	if json.Unmarshal(args[0], &refusal) == nil && refusal.Error != "" {
		return errors.New(refusal.Error)
	}
	return json.Unmarshal(args[0], into)
}

// event waits for an event and decodes its first argument.
func (s *socket) event(ctx context.Context, name string, into any) (frame, error) {
	f, err := s.await(ctx, fmt.Sprintf("%s[%q", eventPrefix, name))
	if err != nil {
		return f, err
	}
	args := []json.RawMessage{}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(f.text, eventPrefix)), &args); err != nil || len(args) < 2 {
		return f, fmt.Errorf("the event is %s", show(f.text))
	}
	return f, json.Unmarshal(args[1], into)
}
