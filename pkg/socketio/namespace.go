package socketio

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
)

// Namespace holds the handlers of the sockets that join it. Get one with Server.Of, or many that share their handlers
// with Server.OfFunc, and register before Bind.
type Namespace struct {
	server *Server
	name   string // empty: of OfFunc
	*registered
	counts counts
}

// registered is what the application has registered for a namespace. Those of one OfFunc share it.
type registered struct {
	middlewares   []func(context.Context, *Socket) error
	connection    []func(context.Context, *Socket) error
	disconnecting []func(context.Context, *Socket, Reason) error
	disconnect    []func(context.Context, *Socket, Reason) error
	any           []func(context.Context, *Socket, string, Args) error
	outgoing      []func(context.Context, Outgoing) error
	handlers      map[string]*handler
	acks          map[string]*ackHandler
}

func newRegistered() *registered { return &registered{handlers: map[string]*handler{}} }

func newNamespace(s *Server, name string, r *registered) *Namespace {
	return &Namespace{server: s, name: name, registered: r, counts: counts{reading: make(chan struct{}, 1)}}
}

// Name returns the name, which begins with a slash. What OfFunc returns has none: it is empty.
func (n *Namespace) Name() string { return n.name }

// backend returns the engine, or why nothing can be sent to the namespace or read of it.
func (n *Namespace) backend() (*engine.Engine, error) {
	if n.name == "" {
		return nil, errParent
	}
	return n.server.backend()
}

// Use registers a middleware: it runs for every socket that wants to join, in the order of registration, before the
// socket is connected. It may read the handshake, set data, join rooms and emit to the socket. An error keeps the
// socket out, and neither OnDisconnecting nor OnDisconnect runs for it: a *ConnectError says to the client what it
// holds; any other error is logged, and the client learns only that the connection was refused, as it does when what
// the *ConnectError holds cannot be sent.
func (n *Namespace) Use(f func(context.Context, *Socket) error) {
	n.server.registering("Use")
	n.middlewares = append(n.middlewares, f)
}

// OnConnection registers a function that runs when a socket has joined; the client knows by then, or will before it
// gets anything that the function emits to it. An error is logged and disconnects the socket; functions registered
// later do not run for a socket that is disconnected. For a client that is lost just before, only OnDisconnecting and
// OnDisconnect run.
func (n *Namespace) OnConnection(f func(context.Context, *Socket) error) {
	n.server.registering("OnConnection")
	n.connection = append(n.connection, f)
}

// OnDisconnecting registers a function that runs when a socket leaves, while its rooms are still there. The client
// cannot be reached any more, and broadcasts leave it out. An error is logged. It runs once for each socket, or again
// after a crash or an error of the store.
func (n *Namespace) OnDisconnecting(f func(context.Context, *Socket, Reason) error) {
	n.server.registering("OnDisconnecting")
	n.disconnecting = append(n.disconnecting, f)
}

// OnDisconnect registers a function that runs when a socket has left its rooms and the namespace. An error is logged.
// It runs once for each socket; after a crash or an error of the store it may run again, or not at all.
func (n *Namespace) OnDisconnect(f func(context.Context, *Socket, Reason) error) {
	n.server.registering("OnDisconnect")
	n.disconnect = append(n.disconnect, f)
}

// OnAny registers a function that runs for every event of a client, also for those without a handler, in the order of
// registration and before the handler. An error is that of the event: the functions behind and the handler do not run,
// and it is treated as one that the handler returns. So an *AckError answers the client, and any other error is logged.
func (n *Namespace) OnAny(f func(ctx context.Context, s *Socket, event string, args Args) error) {
	n.server.registering("OnAny")
	n.any = append(n.any, f)
}

// OnAnyOutgoing registers a function that runs for every event that a socket of the namespace is sent, once for each
// socket, when the event has been posted to it or waits for its next GET. It runs in the invocation that emits,
// whoever's client that handles, or in a process that emits without one, and the emit returns when it has. Of one
// broadcast it runs for many sockets at a time, in no order; in doze serve for one after the other. Acks, and what a
// socket that is gone was to get, are not among them.
//
// An error or a panic of the function is logged, as Server.OnError has it; the event is sent. What the function emits
// with the context that it gets is not seen by another one.
func (n *Namespace) OnAnyOutgoing(f func(context.Context, Outgoing) error) {
	n.server.registering("OnAnyOutgoing")
	n.outgoing = append(n.outgoing, f)
}

// On registers the handler of an event: a function
//
//	func(context.Context, *socketio.Socket, A, B, ...) (R, S, ..., error)
//
// with any number of arguments and results, of types that JSON knows. The event's arguments are decoded into A, B, …:
// one that the client did not send is an error, unless it is a pointer, which is then nil; the last may be variadic.
// Arguments beyond are ignored. []byte takes binary, also inside structs, maps and slices.
//
// An integer takes 5.0 and 5e0 too, which is how some clients write 5. A string may hold half a surrogate pair, as text
// of JavaScript may, in three bytes that are no UTF-8 (WTF-8); it is sent as it came.
//
// When the client asked for an ack, the results but the error are its arguments. Results that JSON does not know, or
// that are too large (see Broadcast.Emit), close the session, so that the client does not wait for ever. With an error
// no ack is sent and the error is logged, once for all events of a request that fail alike, except for an *AckError,
// whose data is then the ack's only argument. Arguments that do not fit are such an error too, an *ArgumentError, and
// only a warning in the log. Server.OnError sees them all.
//
// The raw form func(context.Context, *socketio.Socket, socketio.Args) (socketio.Args, error) takes and acks any
// arguments. On panics when the function is of another form, when the event has a handler already, and for names that
// Socket.IO keeps for itself.
func (n *Namespace) On(event string, f any) {
	n.server.registering("On(%q)", event)
	if protocol.ReservedEvent(event) || event == "connection" {
		panic(fmt.Sprintf("socketio: On(%q): the name is reserved; use OnConnection, OnDisconnecting or OnDisconnect", event))
	}
	if n.handlers[event] != nil {
		panic(fmt.Sprintf("socketio: On(%q): the %s has a handler for it already", event, n.called()))
	}
	h, err := newHandler(f)
	if err != nil {
		panic(fmt.Sprintf("socketio: On(%q): %v", event, err))
	}
	n.handlers[event] = h
}

// To returns a broadcast to the sockets that are in any of the rooms, each once; without rooms, to nobody. A socket's
// id is the name of a room.
func (n *Namespace) To(rooms ...string) Broadcast { return Broadcast{namespace: n}.To(rooms...) }

// In is To.
func (n *Namespace) In(rooms ...string) Broadcast { return n.To(rooms...) }

// Except returns a broadcast to all sockets but the members of rooms; without rooms, to all.
func (n *Namespace) Except(rooms ...string) Broadcast {
	return Broadcast{namespace: n}.Except(rooms...)
}

// Volatile returns a broadcast to all sockets of what is worth nothing later. See Broadcast.Volatile.
func (n *Namespace) Volatile() Broadcast { return Broadcast{namespace: n}.Volatile() }

// Emit sends an event to all sockets of the namespace. See Broadcast.Emit.
func (n *Namespace) Emit(ctx context.Context, event string, args ...any) error {
	return Broadcast{namespace: n}.Emit(ctx, event, args...)
}

// SocketIDs returns the ids of all sockets of the namespace. See Broadcast.SocketIDs.
func (n *Namespace) SocketIDs(ctx context.Context) ([]string, error) {
	return Broadcast{namespace: n}.SocketIDs(ctx)
}

// FetchSockets returns all sockets of the namespace. See Broadcast.FetchSockets.
func (n *Namespace) FetchSockets(ctx context.Context) ([]*Socket, error) {
	return Broadcast{namespace: n}.FetchSockets(ctx)
}

// SocketsJoin adds all sockets of the namespace to rooms. See Broadcast.SocketsJoin.
func (n *Namespace) SocketsJoin(ctx context.Context, rooms ...string) error {
	return Broadcast{namespace: n}.SocketsJoin(ctx, rooms...)
}

// SocketsLeave removes all sockets of the namespace from rooms. See Broadcast.SocketsLeave.
func (n *Namespace) SocketsLeave(ctx context.Context, rooms ...string) error {
	return Broadcast{namespace: n}.SocketsLeave(ctx, rooms...)
}

// DisconnectSockets disconnects all sockets of the namespace. See Broadcast.DisconnectSockets.
func (n *Namespace) DisconnectSockets(ctx context.Context, closeConnection bool) error {
	return Broadcast{namespace: n}.DisconnectSockets(ctx, closeConnection)
}

// Room is a room and the number of sockets in it.
type Room struct {
	Name    string `json:"name"`
	Members int    `json:"members"`
}

// Private reports whether the room is a socket's own, named like its id. Its Members are those that have joined it by
// JoinSocketRoom, the socket itself left out. All other rooms are for whoever the application lets join them.
func (r Room) Private() bool { return isID(r.Name) }

// Rooms returns the rooms of the namespace that have members, sorted by name; of the rooms that are sockets' own only
// those that others have joined. The counts may be some time old. It reads every membership: not for hot paths. For the
// handlers of clients' packets each process does so once in two seconds at most, so that clients who ask often cost
// little more than one who asks once; everybody else's call reads.
func (n *Namespace) Rooms(ctx context.Context) ([]Room, error) {
	if _, err := n.backend(); err != nil {
		return nil, err
	}
	t := turnOf(ctx)
	if err := t.spend(1); err != nil {
		return nil, err
	}
	if t == nil {
		return n.readCounts(ctx)
	}
	return n.counts.get(ctx, n.server.now, n.readCounts)
}

func (n *Namespace) readCounts(ctx context.Context) ([]Room, error) {
	counts, err := n.server.store.Counts(ctx, n.name)
	if err != nil {
		return nil, err
	}
	all := make([]Room, 0, len(counts))
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, Room{name, counts[name]})
	}
	return all, nil
}
