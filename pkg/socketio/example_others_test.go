package socketio_test

import (
	"context"
	"fmt"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// What is done to many is for those that match at the moment: it moves a room's members, or sends them away.
func ExampleBroadcast_SocketsJoin() {
	io := socketio.New(socketio.Options{})
	game := io.Of("/")
	game.OnConnection(func(ctx context.Context, s *socketio.Socket) error { return s.Join(ctx, "lobby") })
	game.OnDisconnect(func(_ context.Context, _ *socketio.Socket, why socketio.Reason) error {
		fmt.Println(why)
		return nil
	})

	s := socketiotest.New(nil, io)
	defer s.Close()
	s.Connect("/")
	late := s.Connect("/")
	ctx := context.Background()
	fmt.Println(io.In("lobby").Except(late.ID()).SocketsJoin(ctx, "playing"))
	fmt.Println(io.In("playing").SocketsLeave(ctx, "lobby"))
	fmt.Println(game.Rooms(ctx))
	fmt.Println(io.DisconnectSockets(ctx, true))
	// Output:
	// <nil>
	// <nil>
	// [{lobby 1} {playing 1}] <nil>
	// server namespace disconnect
	// server namespace disconnect
	// <nil>
}

// A socket of another client can do all that a handler's own can: here an administrator promotes somebody.
func ExampleServer_FetchSocket() {
	type user struct{ Role string }
	io := socketio.New(socketio.Options{})
	io.Of("/admin").On("promote", func(ctx context.Context, s *socketio.Socket, id string) error {
		member, err := io.FetchSocket(ctx, id) // in the namespace "/"
		if err != nil {
			return err // ErrGone: nobody has the id
		}
		if err := member.Join(ctx, "moderators"); err != nil {
			return err
		}
		if err := socketio.UpdateData(ctx, member, func(u *user) error { u.Role = "moderator"; return nil }); err != nil {
			return err
		}
		return member.Emit(ctx, "promoted")
	})
	io.Of("/").On("role", func(ctx context.Context, s *socketio.Socket) (string, error) {
		var u user
		err := s.Data(&u)
		return u.Role, err
	})

	s := socketiotest.New(nil, io)
	defer s.Close()
	ada := s.Connect("/")
	s.Connect("/admin").Emit("promote", ada.ID())
	ada.Expect("promoted")
	fmt.Println(ada.Emit("role"))
	fmt.Println(io.Of("/").Rooms(context.Background()))
	// Output:
	// [moderator]
	// [{moderators 1}] <nil>
}

// Where a cursor is, is worth nothing a moment later: who cannot take it now gets the next one.
func ExampleBroadcast_Volatile() {
	io := socketio.New(socketio.Options{})
	io.Of("/").On("cursor", func(ctx context.Context, s *socketio.Socket, x, y int) error {
		return s.Broadcast().Volatile().Emit(ctx, "cursor", s.ID(), x, y)
	})

	s := socketiotest.New(nil, io)
	defer s.Close()
	ada, bob := s.Connect("/"), s.Connect("/")
	polls := s.Connect("/", socketiotest.Polling()) // no GET of it waits
	ada.EmitNoAck("cursor", 3, 4)
	bob.Expect("cursor", ada.ID(), 3, 4)
	polls.ExpectNothing()
	fmt.Println("ok")
	// Output: ok
}
