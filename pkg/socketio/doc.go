// Package socketio is what an application is written against: a Socket.IO v4 server in which no process waits for
// anybody.
//
// Handlers belong to a namespace and are registered once, at start-up, never inside a connection handler as in Node:
// no object lives between two packets. A [Socket] is what one invocation sees of a client; what must last goes into
// its data or into a database.
//
// Two handlers of one socket may run at the same time over WebSocket, unlike in Node, because API Gateway neither
// waits for one message before it passes on the next nor keeps their order. Per-socket data is therefore changed
// with [UpdateData], under a version condition. A client that needs its events handled one after the other uses
// socket.io-client's retries option, or waits for each ack.
//
// An emit acts at once: its recipients are those of the moment, in program order with Join and Leave; when it returns
// nil, its packets are posted or waiting in an outbox.
package socketio
