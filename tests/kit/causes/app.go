package causes

import (
	"context"
	"errors"
	"time"

	"github.com/dozeio/doze/pkg/admin"
	"github.com/dozeio/doze/pkg/socketio"
)

// refusing is a namespace whose OnConnection fails.
const refusing = "/fails"

// App returns the application of the causes, with an Admin UI that lets everybody in.
func App(o socketio.Options) (*socketio.Server, error) {
	io := socketio.New(o)
	n := io.Of("/")
	n.On("nothing", func(context.Context, *socketio.Socket) error { return nil })
	n.On("leave", func(ctx context.Context, s *socketio.Socket) error { return s.Disconnect(ctx) })
	n.On("unsendable", func(context.Context, *socketio.Socket) (any, error) { return func() {}, nil })
	n.On("put out", func(ctx context.Context, _ *socketio.Socket, id string) error {
		return io.In(id).DisconnectSockets(socketio.Because(ctx, "as asked"), false)
	})
	n.On("tell me", func(ctx context.Context, s *socketio.Socket) error {
		if err := s.Join(ctx, "told"); err != nil {
			return err
		}
		return io.To("told").Emit(ctx, "news") // a broadcast: an emit to one socket would leave it to the handler
	})
	n.On("hold", hold)
	io.Of(refusing).OnConnection(func(context.Context, *socketio.Socket) error { return errors.New("as asked") })
	return io, admin.Instrument(io, admin.Options{InsecureNoAuth: true, Mode: admin.Production})
}

// hold keeps its function busy until another socket is gone, and says when it has begun.
func hold(ctx context.Context, s *socketio.Socket, until string) error {
	if err := s.Emit(ctx, "holding"); err != nil {
		return err
	}
	for tick := time.Tick(50 * time.Millisecond); ; {
		switch ids, err := s.Namespace().In(until).SocketIDs(ctx); {
		case err != nil:
			return err
		case len(ids) == 0:
			return nil
		}
		select {
		case <-tick:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
