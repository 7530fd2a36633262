package control

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/dozeio/doze/pkg/protocol"
)

// Event is one that a client of a namespace gets.
type Event struct {
	Name string            `json:"event"`
	Args []json.RawMessage `json:"args"` // binary is {"$binary": "base64"}
}

// Tail is an ordinary client over WebSocket, which is put into rooms and sees what their members, and all of its
// namespace, are sent. The application sees it as any other client.
type Tail struct {
	ID string // of its socket

	ws        *websocket.Conn
	namespace string
	packet    protocol.Packet // whose attachments come
}

// maxFrame is more than one frame of a deployment has.
const maxFrame = 1 << 20

// Follow connects to a WebSocket address, such as ws://127.0.0.1:3000/socket.io/, joins a namespace with what auth
// says, JSON or nothing, and has d put its socket into rooms. The error says whether the application has refused it.
// The caller has to call Close.
func Follow(ctx context.Context, d Deployment, address, namespace string, auth json.RawMessage, rooms ...string) (*Tail, error) {
	if namespace == "" {
		namespace = "/"
	}
	ws, _, err := websocket.Dial(ctx, address+"?EIO=4&transport=websocket", nil)
	if err != nil {
		return nil, fmt.Errorf("no WebSocket at %s: %w", address, err)
	}
	ws.SetReadLimit(maxFrame)
	t := &Tail{ws: ws, namespace: namespace}
	if err := t.join(ctx, auth); err != nil {
		t.Close()
		return nil, err
	}
	if len(rooms) > 0 {
		if err := d.Join(ctx, Target{Namespace: namespace, To: []string{t.ID}}, rooms...); err != nil {
			t.Close()
			return nil, err
		}
	}
	return t, nil
}

// Close says goodbye.
func (t *Tail) Close() { _ = t.ws.Close(websocket.StatusNormalClosure, "") }

// join connects to the namespace, and finds out the id of the socket.
func (t *Tail) join(ctx context.Context, auth json.RawMessage) error {
	if len(auth) == 0 {
		auth = nil
	}
	for opened := false; !opened; { // as every client does
		_, frame, err := t.ws.Read(ctx)
		if err != nil {
			return lost(err)
		}
		e, err := protocol.DecodeEngine(frame)
		if err != nil {
			return err
		}
		opened = e.Type == protocol.EngineOpen
	}
	connect, err := protocol.Packet{Type: protocol.Connect, Namespace: t.namespace, ID: protocol.NoID, Data: auth}.Encode()
	if err != nil {
		return err
	}
	if err := t.ws.Write(ctx, websocket.MessageText, connect[0].Append(nil)); err != nil {
		return err
	}
	for {
		p, err := t.next(ctx)
		switch {
		case err != nil:
			return err
		case p.Namespace != t.namespace:
		case p.Type == protocol.Connect:
			var said struct{ SID string }
			if err := json.Unmarshal(p.Data, &said); err != nil {
				return err
			}
			t.ID = said.SID
			return nil
		case p.Type == protocol.ConnectError && strings.Contains(string(p.Data), "Invalid namespace"): // Socket.IO's own words
			return fmt.Errorf("the application has no namespace %s (%s): doze ls lists the sockets of all", t.namespace, p.Data)
		case p.Type == protocol.ConnectError:
			return fmt.Errorf("the application keeps this client out of %s: %s: perhaps it needs -auth", t.namespace, p.Data)
		}
	}
}

// Next returns the next event. An error is the end of the connection, or ctx's.
func (t *Tail) Next(ctx context.Context) (Event, error) {
	for {
		p, err := t.next(ctx)
		if err != nil {
			return Event{}, err
		}
		switch p.Type {
		case protocol.Event, protocol.BinaryEvent:
			return eventOf(p)
		case protocol.Disconnect:
			return Event{}, errors.New("the application has disconnected this client")
		}
	}
}

// next returns the next whole packet of Socket.IO, and answers pings.
func (t *Tail) next(ctx context.Context) (protocol.Packet, error) {
	for {
		kind, frame, err := t.ws.Read(ctx)
		if err != nil {
			return protocol.Packet{}, lost(err)
		}
		e := protocol.EnginePacket{Type: protocol.EngineMessage, Data: frame, Binary: true}
		if kind == websocket.MessageText {
			if e, err = protocol.DecodeEngine(frame); err != nil {
				return protocol.Packet{}, err
			}
		}
		switch {
		case e.Type == protocol.EnginePing:
			err = t.ws.Write(ctx, websocket.MessageText, protocol.EnginePacket{Type: protocol.EnginePong}.Append(nil))
		case e.Type != protocol.EngineMessage:
		case e.Binary:
			err = t.packet.Add(e.Data)
		default:
			t.packet, err = protocol.Decode(e.Data)
		}
		if err != nil {
			return protocol.Packet{}, err
		}
		if e.Type == protocol.EngineMessage && t.packet.Complete() {
			return t.packet, nil
		}
	}
}

// lost says how the connection has ended.
func lost(err error) error {
	var closed websocket.CloseError
	switch {
	case !errors.As(err, &closed):
		return fmt.Errorf("the connection has ended: %w", err)
	case closed.Code == websocket.StatusGoingAway:
		return errors.New("the server has ended, or the gateway has closed this connection for its age or its silence (1001): run doze tail again when it is back")
	case closed.Code == websocket.StatusNormalClosure, closed.Code == websocket.StatusNoStatusRcvd:
		return fmt.Errorf("the server has closed this connection (%d), as doze drain and the end of a session do: run doze tail again", closed.Code)
	}
	return fmt.Errorf("the server has closed this connection with the code %d %s", closed.Code, closed.Reason)
}

func eventOf(p protocol.Packet) (Event, error) {
	args, err := p.Args()
	if err != nil || len(args) == 0 {
		return Event{}, fmt.Errorf("an event without a name: %w", err)
	}
	e := Event{Args: args[1:]}
	if err := json.Unmarshal(args[0], &e.Name); err != nil {
		e.Name = string(args[0]) // Node sends numbers, too
	}
	for i := range p.Buffers { // as Socket.IO's parsers write it
		place := `{"_placeholder":true,"num":` + strconv.Itoa(i) + `}`
		binary := `{"$binary":"` + base64.StdEncoding.EncodeToString(p.Buffers[i]) + `"}`
		for j := range e.Args {
			e.Args[j] = json.RawMessage(strings.ReplaceAll(string(e.Args[j]), place, binary))
		}
	}
	return e, nil
}

// Line writes an event for people.
func (e Event) Line(at time.Time) string {
	line := at.Format("15:04:05.000") + " " + e.Name
	for _, a := range e.Args {
		line += " " + string(a)
	}
	return line
}
