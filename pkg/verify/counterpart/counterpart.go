// Package counterpart is what a deployment answers doze verify with: a namespace of its own, /doze-verify, which is
// there only where the parameter Verify of the template, or doze dev -verify, asks for it.
//
// Everybody who may connect may use it while it is on. What one message of theirs makes the deployment do is bounded:
// one answer of 128 KiB, 50 small ones, or one to each of 50 sockets that have joined a room whose name they know. It
// keeps nothing, and reaches no other namespace.
package counterpart

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/dozeio/doze/pkg/socketio"
)

// Namespace is its name.
const Namespace = "/doze-verify"

// What one message can ask for.
const (
	MaxFill    = 128<<10 - 100 // bytes of text, with the packet's own below what API Gateway takes
	MaxCount   = 50            // events of one answer
	MaxMembers = 50            // of a room, or a few more who join at the same moment
	RoomName   = 26            // characters of a room's name, random ones: nobody meets others by chance
)

// Welcome is the argument of the event "welcome", which each socket gets when it has joined.
type Welcome struct {
	Process string `json:"process"` // a name by chance of the process that handled the CONNECT
}

// Numbered is what "number" is acked with.
type Numbered struct {
	Number  int    `json:"number"`
	At      int64  `json:"at"` // when its handler began, in microseconds since 1970 by that process's clock
	Process string `json:"process"`
}

// Left is the argument of the event "left", which the rooms of a socket get when it is gone.
type Left struct {
	Socket string          `json:"socket"`
	Reason socketio.Reason `json:"reason"`
}

// Register adds the namespace to an application. Call it before Bind.
//
//	number n         acked with a Numbered
//	length text      acked with the number of its bytes
//	quiet ...        nothing comes back
//	fill n           the event "filled" with n bytes of text comes back, then the ack
//	count n          the events "counted" 1 to n come back, then the ack
//	join room        acked; fails where the room is full
//	tell room text   the others in the room get the event "told" with the text; acked when it was sent to all
//
// What is out of bounds is acked with an object that has "error".
func Register(io *socketio.Server) {
	process := rand.Text()
	n := io.Of(Namespace)
	n.OnConnection(func(ctx context.Context, s *socketio.Socket) error {
		return s.Emit(ctx, "welcome", Welcome{process})
	})
	n.On("number", func(_ context.Context, _ *socketio.Socket, number int) (Numbered, error) {
		return Numbered{number, time.Now().UnixMicro(), process}, nil
	})
	n.On("length", func(_ context.Context, _ *socketio.Socket, text string) (int, error) { return len(text), nil })
	n.On("quiet", func(context.Context, *socketio.Socket) error { return nil })
	n.On("fill", fill)
	n.On("count", count)
	n.On("join", join)
	n.On("tell", tell)
	n.OnDisconnecting(func(ctx context.Context, s *socketio.Socket, reason socketio.Reason) error {
		rooms, err := s.Rooms(ctx)
		if err != nil || len(rooms) == 0 {
			return err
		}
		return s.To(rooms...).Emit(ctx, "left", Left{s.ID(), reason})
	})
}

func fill(ctx context.Context, s *socketio.Socket, n int) (int, error) {
	if n < 1 || n > MaxFill {
		return 0, refused("fill takes 1 to %d bytes", MaxFill)
	}
	return n, s.Emit(ctx, "filled", strings.Repeat("x", n))
}

func count(ctx context.Context, s *socketio.Socket, n int) (int, error) {
	if n < 1 || n > MaxCount {
		return 0, refused("count takes 1 to %d", MaxCount)
	}
	for i := range n {
		if err := s.Emit(ctx, "counted", i+1); err != nil {
			return 0, err
		}
	}
	return n, nil
}

func join(ctx context.Context, s *socketio.Socket, room string) (string, error) {
	if len(room) != RoomName {
		return "", refused("a room's name has %d characters", RoomName)
	}
	if joined, err := s.Rooms(ctx); err != nil || len(joined) > 0 {
		return "", either(err, "a socket joins one room")
	}
	if members, err := s.Namespace().To(room).SocketIDs(ctx); err != nil || len(members) >= MaxMembers {
		return "", either(err, "the room is full")
	}
	return room, s.Join(ctx, room)
}

func tell(ctx context.Context, s *socketio.Socket, room, text string) (string, error) {
	if len(room) != RoomName || len(text) > RoomName {
		return "", refused("tell takes a room and a text of %d bytes", RoomName)
	}
	return text, s.To(room).Emit(ctx, "told", text)
}

// either returns err, or what the client is told when it is nil.
func either(err error, text string) error {
	if err != nil {
		return err
	}
	return refused("%s", text)
}

func refused(format string, args ...any) error {
	return &socketio.AckError{Data: map[string]string{"error": fmt.Sprintf(format, args...)}}
}
