// Package histories lets clients join, leave, emit, upgrade and disconnect at random, on a deployment whose functions
// are processes that are killed, whose table throttles, fails and loses answers, and whose gateway is as bad as AWS's
// can be; and on one process that stays alive, on the direct way, with that table and without. At the end the table has exactly the rows that the live sockets account for, and everybody got what
// docs/guarantees.md promises.
package histories

import (
	"context"

	"github.com/dozeio/doze/pkg/socketio"
)

// Namespaces are those of the application.
var Namespaces = []string{"/", "/h"}

// App returns the application that the clients talk to. Every event is acked with "ok" when it has been done:
//
//	join room...        leave room...
//	say room id count   sends the room's members count events: said id 0, said id 1, ...
//	echo
func App() *socketio.Server {
	io := socketio.New(socketio.Options{})
	for _, name := range Namespaces {
		n := io.Of(name)
		n.On("join", func(ctx context.Context, s *socketio.Socket, rooms ...string) (string, error) {
			return "ok", s.Join(ctx, rooms...)
		})
		n.On("leave", func(ctx context.Context, s *socketio.Socket, rooms ...string) (string, error) {
			return "ok", s.Leave(ctx, rooms...)
		})
		n.On("say", func(ctx context.Context, _ *socketio.Socket, room string, id, count int) (string, error) {
			for i := range count {
				if err := n.To(room).Emit(ctx, "said", id, i); err != nil {
					return "", err
				}
			}
			return "ok", nil
		})
		n.On("echo", func(context.Context, *socketio.Socket) (string, error) { return "ok", nil })
	}
	return io
}
