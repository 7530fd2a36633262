package socketio

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
)

var _ engine.Commanded = handlerOf{}

// command is what somebody outside has put on the job queue, who needs no Go for it: docs/elsewhere.md describes it.
type command struct {
	namespace  string
	all        bool // there is no "to"
	to, except []string

	emit        *string // exactly one of these four is there
	join, leave []string
	disconnect  bool

	args  []any // of emit
	close bool  // of disconnect: the connection too

	reason string // of disconnect: see Because

	skip, only string // ids of sockets, of an emitter's: see Broadcast.skip and Broadcast.own
}

// commandExample is in the errors of messages that are none.
const commandExample = `{"emit": "news", "to": ["room"], "args": ["rain"]}`

// Command implements engine.Commanded. What can never be done is an engine.ErrNotAJob, and so comes once.
func (h handlerOf) Command(ctx context.Context, message []byte) error {
	c, err := readCommand(message)
	if err != nil {
		return fmt.Errorf("%w: %w", engine.ErrNotAJob, err)
	}
	return h.s.carryOut(ctx, c)
}

// carryOut does what a command says. Those who have not been served when there is no time left are disconnected by
// jobs, as an emit does it, so that such a command is done: once more, it would come twice to the others.
func (s *Server) carryOut(ctx context.Context, c command) error {
	n := s.namespace(ctx, c.namespace)
	if n == nil {
		return s.nowhere(ctx, c.namespace)
	}
	b := Broadcast{namespace: n}.Except(c.except...)
	if !c.all {
		b = b.To(c.to...)
	}
	if b.skip = c.skip; c.only != "" {
		b.own = &Socket{namespace: n, id: c.only}
	}
	switch {
	case c.emit != nil:
		if _, err := eventParcel(s.engine, n.name, *c.emit, c.args); err != nil {
			return fmt.Errorf("%w: %w", engine.ErrNotAJob, err)
		}
		err := b.Emit(ctx, *c.emit, c.args...)
		if unserved := (*UnservedError)(nil); errors.As(err, &unserved) { // it is in the log
			return nil
		}
		return err
	case c.join != nil:
		err := b.SocketsJoin(ctx, c.join...)
		if isLimited(err) { // it would be the next time, too
			return fmt.Errorf("%w: %w", engine.ErrNotAJob, err)
		}
		return err
	case c.leave != nil:
		return b.SocketsLeave(ctx, c.leave...)
	}
	return b.DisconnectSockets(Because(ctx, c.reason), c.close)
}

// nowhere ends a command for a namespace that this version of the application does not have. Where nobody is in it,
// there is nothing to do, now or later, and one line of the log says so. Where somebody is, the namespace is that of
// another version, such as one that is being deployed: the error asks for another delivery.
func (s *Server) nowhere(ctx context.Context, name string) error {
	there, err := s.somebodyIn(ctx, name)
	switch {
	case err != nil:
		return err
	case there:
		return fmt.Errorf("socketio: there is no namespace %q in this version of the application, and sockets are in it: is another version being deployed?", cut(name, maxLogged))
	}
	s.opt.Logger.ErrorContext(ctx, "nothing is done in a namespace that does not exist and that nobody is in: is its name right?", "namespace", cut(name, maxLogged))
	return nil
}

// somebodyIn reports whether a namespace has a socket.
func (s *Server) somebodyIn(ctx context.Context, name string) (bool, error) {
	for cursor := ""; ; {
		page, next, err := s.store.Members(ctx, name, "", cursor)
		if err != nil || len(page) > 0 || next == "" {
			return len(page) > 0, err
		}
		cursor = next
	}
}

// readCommand reads a message. The error says what is wrong with it and what to write. Names are taken as they are
// written, and one that is not known is an error: a "rooms" for a "to" would reach everybody.
func readCommand(message []byte) (c command, err error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(message, &fields); err != nil || fields == nil {
		return c, fmt.Errorf("the message is no JSON object: write %s", commandExample)
	}
	c = command{namespace: "/", all: true}
	var actions []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		value := fields[name]
		switch name {
		case "namespace":
			err = field(value, name, &c.namespace, `"/admin"`)
			if !strings.HasPrefix(c.namespace, "/") {
				c.namespace = "/" + c.namespace
			}
		case "to":
			c.all = false
			err = field(value, name, &c.to, `["room"], or leave it out for all`)
		case "except":
			err = field(value, name, &c.except, `["room"]`)
		case "args":
			c.args, err = readArgs(value)
		case "closeConnection":
			err = field(value, name, &c.close, "true")
		case "reason":
			err = field(value, name, &c.reason, `"spam", for the log`)
		case "emit":
			actions = append(actions, name)
			c.emit = new(string)
			err = field(value, name, c.emit, `"news", the event's name`)
		case "join":
			actions = append(actions, name)
			err = readRooms(value, name, &c.join)
		case "leave":
			actions = append(actions, name)
			err = readRooms(value, name, &c.leave)
		case "disconnect":
			actions = append(actions, name)
			if err = field(value, name, &c.disconnect, "true"); err == nil && !c.disconnect {
				err = errors.New(`"disconnect" is false: write true`)
			}
		default:
			err = fmt.Errorf(`there is no %q in a message: it has "emit", "join", "leave" or "disconnect", and "to", "except", "namespace", "args", "closeConnection" and "reason"`, name)
		}
		if err != nil {
			return c, err
		}
	}
	switch {
	case len(actions) != 1:
		return c, fmt.Errorf(`the message has %d of "emit", "join", "leave" and "disconnect": write one of them, as in %s`, len(actions), commandExample)
	case c.emit == nil && fields["args"] != nil:
		return c, fmt.Errorf(`"args" are those of an event, and the message has %q`, actions[0])
	case !c.disconnect && fields["closeConnection"] != nil:
		return c, fmt.Errorf(`"closeConnection" goes with "disconnect", and the message has %q`, actions[0])
	case !c.disconnect && fields["reason"] != nil:
		return c, fmt.Errorf(`"reason" goes with "disconnect", and the message has %q`, actions[0])
	case c.emit != nil && protocol.ReservedEvent(*c.emit):
		return c, fmt.Errorf("the event's name %q is reserved: choose another", *c.emit)
	}
	return c, nil
}

// field reads a field, which is never null: that would be as if it were not there.
func field(value json.RawMessage, name string, into any, write string) error {
	if string(value) == "null" || json.Unmarshal(value, into) != nil || hasNull(value) {
		return fmt.Errorf("%q is %s: write %s", name, cut(string(value), 60), write)
	}
	return nil
}

// hasNull reports whether an array has an element that is null, which Go would take for an empty text.
func hasNull(value json.RawMessage) bool {
	var elements []json.RawMessage
	_ = json.Unmarshal(value, &elements)
	return slices.ContainsFunc(elements, func(e json.RawMessage) bool { return string(e) == "null" })
}

// readRooms reads the rooms to join or to leave, of which there is at least one.
func readRooms(value json.RawMessage, name string, into *[]string) error {
	if err := field(value, name, into, `["room"]`); err != nil {
		return err
	}
	if len(*into) == 0 {
		return fmt.Errorf(`%q is empty: write ["room"]`, name)
	}
	for _, room := range *into {
		if err := checkRoom(room); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
	}
	return nil
}

// binaryKey is the one name of an object that stands for binary.
const binaryKey = "$binary"

// readArgs reads the arguments of an event. {"$binary": "aGVsbG8="} is binary, in base64, wherever it stands. An
// argument without any is sent as it was written.
func readArgs(value json.RawMessage) (args []any, err error) {
	var all []json.RawMessage
	if string(value) == "null" || json.Unmarshal(value, &all) != nil {
		return nil, fmt.Errorf(`"args" is %s: write ["one argument", 2]`, cut(string(value), 60))
	}
	for _, text := range all {
		if !bytes.Contains(text, []byte(`binary"`)) {
			args = append(args, text)
			continue
		}
		var v any
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			return nil, err
		}
		if v, err = withBinary(v); err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	return args, nil
}

// withBinary puts binary in the place of what stands for it.
func withBinary(v any) (_ any, err error) {
	switch v := v.(type) {
	case []any:
		for i := range v {
			if v[i], err = withBinary(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		if encoded, ok := v[binaryKey]; ok && len(v) == 1 {
			text, ok := encoded.(string)
			data, err := base64.StdEncoding.DecodeString(text)
			if !ok || err != nil {
				return nil, fmt.Errorf(`{%q: ...} is not base64: write {%q: "aGVsbG8="}`, binaryKey, binaryKey)
			}
			return data, nil
		}
		for name := range v {
			if v[name], err = withBinary(v[name]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// disconnecting is the job by which an emitter has sockets disconnected where the handlers are that run then. Names are
// bytes, for they may be no UTF-8.
type disconnecting struct {
	Namespace string   `json:"namespace"`
	All       bool     `json:"all,omitempty"`
	To        [][]byte `json:"to,omitempty"`
	Except    [][]byte `json:"except,omitempty"`
	Close     bool     `json:"close,omitempty"`
	Skip      string   `json:"skip,omitempty"`
	Only      string   `json:"only,omitempty"`
	Reason    []byte   `json:"reason,omitempty"`
}

// disconnectElsewhere has one of the deployment's functions disconnect sockets.
func (b Broadcast) disconnectElsewhere(ctx context.Context, closeConnection bool) error {
	d := disconnecting{Namespace: b.namespace.name, All: !b.toRooms, Close: closeConnection, Skip: b.skip, Reason: []byte(reasonOf(ctx))}
	if b.own != nil {
		d.Only = b.own.id
	}
	for _, room := range b.to {
		d.To = append(d.To, []byte(room))
	}
	for _, room := range b.except {
		d.Except = append(d.Except, []byte(room))
	}
	work, err := json.Marshal(unserved{Disconnect: &d})
	if err != nil {
		return err
	}
	return b.namespace.server.engine.Later(ctx, work)
}

// command returns what is to be done.
func (d disconnecting) command() command {
	c := command{namespace: d.Namespace, all: d.All, disconnect: true, close: d.Close, skip: d.Skip, only: d.Only, reason: string(d.Reason)}
	for _, room := range d.To {
		c.to = append(c.to, string(room))
	}
	for _, room := range d.Except {
		c.except = append(c.except, string(room))
	}
	return c
}

// hasHandlersElsewhere reports whether this is an emitter.
func (s *Server) hasHandlersElsewhere() bool { return s.engine.Options().HandlersElsewhere }
