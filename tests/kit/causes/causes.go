// Package causes are the ways in which clients come to be disconnected, each with what docs/operate.md says that one
// finds of it. pkg/socketio tries them in one process, tests/survives/disconnects on deployments whose functions
// are processes.
package causes

import (
	"slices"

	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/socketio"
)

// Client is what a cause needs of a client in the namespace "/", over whatever it is connected.
type Client interface {
	ID() string  // of its socket in "/"
	Disconnect() // sends a DISCONNECT of "/"
	Close()      // closes the connection, as a page does that is closed
	Vanish()     // says nothing any more, and reads nothing
	Join(namespace string)
	Emit(namespace, event string, args ...any) // without an ack
	Ask(event string)                          // for an ack, which need not come
	Malformed()                                // sends a packet that the protocol does not have
}

// Fault is what posts meet, from before a cause begins until its client is gone.
type Fault int

// The faults.
const (
	None  Fault = iota
	Fails       // they fail, and nobody knows whether they arrived
	Busy        // they are answered 429
)

// ClientRate is the engine's option of an application whose client is to send too much: a second's messages.
const ClientRate = 2

// Cause is one way.
type Cause struct {
	Name string
	// Do has c disconnected. Other is a client that stays.
	Do    func(c, other Client)
	Fault Fault

	Reasons []socketio.Reason // one of them: where the connection is cut, $disconnect may come first
	Besides string            // message of a line besides; "" when there is none of a level above INFO
	Figure  *observe.Figure   // besides Disconnects; nil for none
	Label   string            // of Figure; "" for any
}

// All returns the causes, other than those of the operator's commands.
func All() []Cause {
	return []Cause{
		{Name: "its own disconnect", Do: func(c, _ Client) { c.Disconnect() }, Reasons: reasons(socketio.ClientDisconnect)},
		{Name: "its own close", Do: func(c, _ Client) { c.Close() }, Reasons: reasons(socketio.TransportClose)},
		{Name: "a ping timeout", Do: func(c, _ Client) { c.Vanish() }, Reasons: reasons(socketio.PingTimeout)},
		{Name: "an error in OnConnection", Do: func(c, _ Client) { c.Join(refusing) }, Reasons: reasons(socketio.ServerDisconnect),
			Besides: "OnConnection failed, so the socket is disconnected", Figure: observe.HandlerErrors},
		{Name: "a handler's ack that cannot be sent", Do: func(c, _ Client) { c.Ask("unsendable") }, Reasons: reasons(socketio.TransportError),
			Besides: "an ack cannot be sent, so its session is closed", Figure: observe.HandlerErrors},
		{Name: "a handler that disconnects its client", Do: func(c, _ Client) { c.Emit("/", "leave") }, Reasons: reasons(socketio.ServerDisconnect)},
		{Name: "a handler that disconnects others", Do: func(c, other Client) { other.Emit("/", "put out", c.ID()) }, Reasons: reasons(socketio.ServerDisconnect),
			Besides: "sockets are disconnected"},
		{Name: "a page of the Admin UI", Do: func(c, other Client) {
			other.Join("/admin")
			other.Emit("/admin", "_disconnect", "/", false, c.ID())
		}, Reasons: reasons(socketio.ServerDisconnect), Besides: "sockets are disconnected"},
		{Name: "a post that failed", Do: func(c, _ Client) { c.Emit("/", "tell me") }, Fault: Fails, Reasons: reasons(socketio.TransportClose, socketio.TransportError),
			Besides: "a recipient did not get an event and is disconnected", Figure: observe.Posts},
		{Name: "a throttle of posts", Do: func(c, _ Client) { c.Emit("/", "tell me") }, Fault: Busy, Reasons: reasons(socketio.TransportClose, socketio.TransportError),
			Besides: "a recipient did not get an event and is disconnected", Figure: observe.Posts, Label: "429"},
		{Name: "a throttle of its messages", Do: func(c, _ Client) {
			for range 15 * ClientRate { // ten seconds' worth are let through
				c.Emit("/", "nothing")
			}
		}, Reasons: reasons(socketio.ForcedClose), Besides: "a client that sends too many messages is disconnected: send fewer, or raise ClientRate"},
		{Name: "what the protocol forbids", Do: func(c, _ Client) { c.Malformed() }, Reasons: reasons(socketio.ParseError), Besides: "a session is closed"},
	}
}

func reasons(all ...socketio.Reason) []socketio.Reason { return all }

// Has reports whether a reason is one of the cause's.
func (c Cause) Has(reason string) bool { return slices.Contains(c.Reasons, socketio.Reason(reason)) }
