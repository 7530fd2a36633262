package socketio_test

import (
	"context"
	"fmt"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// Clients with socket.io-msgpack-parser, for which handlers are the same: here one sends binary over a WebSocket that
// carries text alone, as its option forceBase64 makes it do.
func ExampleOptions_msgPack() {
	io := socketio.New(socketio.Options{MsgPack: true})
	io.Of("/").On("upload", func(ctx context.Context, s *socketio.Socket, name string, content []byte) (int, error) {
		return len(content), s.Emit(ctx, "stored", name, content[:2])
	})

	s := socketiotest.New(nil, io)
	defer s.Close()
	client := s.Connect("/")
	fmt.Println(client.Emit("upload", "a.png", []byte{0x89, 0x50, 0x4e, 0x47})...)
	fmt.Println(client.Next())
	// Output:
	// 4
	// stored [a.png [137 80]]
}
