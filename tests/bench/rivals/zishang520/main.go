// Command zishang520 serves, with github.com/zishang520/socket.io, what the benchmark asks of each server: "hello" on
// connection, "echo" with an ack, and "server-emit" to everybody. The contract of the three stands in
// tests/kit/reference/app.mjs. It prints "listening <port>" and ends with SIGTERM.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"

	socket "github.com/zishang520/socket.io/servers/socket/v3"
)

func main() {
	log.SetFlags(0)
	io := socket.NewServer(nil, nil)
	err := io.On("connection", func(clients ...any) {
		client := clients[0].(*socket.Socket)
		_ = client.Emit("hello", map[string]any{"id": client.Id()})
		_ = client.On("echo", func(args ...any) {
			last := len(args) - 1
			args[last].(socket.Ack)(args[:last], nil)
		})
		_ = client.On("server-emit", func(args ...any) {
			if ack, ok := args[len(args)-1].(socket.Ack); ok {
				args = args[:len(args)-1]
				defer ack([]any{"ok"}, nil)
			}
			_ = io.Emit(args[0].(string), args[1:]...)
		})
	})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.Serve(listener, io.ServeHandler(nil)))
}
