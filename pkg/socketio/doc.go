// Package socketio is what an application is written against: a Socket.IO v4 server in which no process waits for
// anybody. This is an application, whole:
//
//	package app
//
//	import (
//		"context"
//
//		"github.com/dozeio/doze/pkg/socketio"
//	)
//
//	type message struct {
//		Room string `json:"room"`
//		Text string `json:"text"`
//	}
//
//	func New() *socketio.Server {
//		io := socketio.New(socketio.Options{})
//		chat := io.Of("/")
//		chat.On("join", func(ctx context.Context, s *socketio.Socket, room string) error {
//			return s.Join(ctx, "#"+room) // without the #, a room is a socket's own if its name is the socket's id
//		})
//		chat.On("say", func(ctx context.Context, s *socketio.Socket, m message) (string, error) {
//			return "delivered", s.To("#"+m.Room).Emit(ctx, "said", m) // the results but the error are the ack's arguments
//		})
//		return io
//	}
//
// A main gives it a backend with [Server.Bind], doze dev runs it on a laptop, and a test runs it with clients in memory
// by the package socketiotest.
//
// # Handlers
//
// Handlers belong to a namespace and are registered once, at start-up, never inside a connection handler as in Node: no
// object lives between two packets. A [Socket] is what one invocation sees of a client, and is of no use after it; what
// must last goes into its data or into a database.
//
// Two handlers of one socket may run at the same time over WebSocket, unlike in Node, because API Gateway neither
// waits for one message before it passes on the next nor keeps their order. Per-socket data is therefore changed
// with [UpdateData], under a version condition. A client that needs its events handled one after the other uses
// socket.io-client's retries option, or waits for each ack.
//
// A handler's error, or panic, is logged with the event and the socket's id, and sends no ack, for an ack has no slot
// for errors: [AckError] is for what the client is to know, and [Server.OnError] for what is to be said of all the
// others, such as "internal error, id 123". The connection lives on, unless there are results and they cannot be sent:
// then the session is closed, because the client waits for them. What goes wrong alike in one
// request is one line, with a count, written when the request has been handled; what a client can bring about by
// itself, such as an argument that does not fit, is a warning. When the server itself cannot do its part, because the
// store fails or the invocation's time is over, the session is closed, so that the client knows.
//
// # Emits
//
// An emit acts at once: its recipients are those of the moment, in program order with Join and Leave; when it returns
// nil, its packets are posted or waiting in an outbox. Give it the context that the handler got: by that, what goes to
// the handler's own client keeps its order.
//
// # Acks from clients
//
// EmitWithAck asks clients and waits for their acks in the invocation that calls it. Then does not wait: the function
// that Namespace.OnAck has registered gets each ack, or ErrNoAck, in whatever process that comes to. Only Then can ask
// the client whose handler calls it, when that client polls, as each does that has just connected.
//
// # Sockets of others
//
// FetchSockets and FetchSocket return Sockets like a handler's own, whoever's client they are: their data can be read
// and changed, they can join rooms, be asked and be disconnected. SocketsJoin, SocketsLeave and DisconnectSockets do so
// with all whom a Broadcast names.
package socketio
