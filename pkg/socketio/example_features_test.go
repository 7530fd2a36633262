package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// Each namespace has its own handlers and its own sockets.
func ExampleServer_Of() {
	io := socketio.New(socketio.Options{})
	where := func(ctx context.Context, s *socketio.Socket) (string, error) { return s.Namespace().Name(), nil }
	io.Of("/").On("where", where)
	io.Of("/admin").On("where", where)

	s := socketiotest.New(nil, io)
	defer s.Close()
	main := s.Connect("/")
	admin := main.Connect("/admin") // over the same connection
	fmt.Println(main.Emit("where")[0], admin.Emit("where")[0], s.ConnectError("/nope"))
	// Output: / /admin Invalid namespace
}

// A middleware decides who may join. What it says in a ConnectError is for the client, any other error for the log.
func ExampleNamespace_Use() {
	io := socketio.New(socketio.Options{})
	io.Of("/").Use(func(ctx context.Context, s *socketio.Socket) error {
		var auth struct{ Token string }
		if err := s.Auth(&auth); err != nil || auth.Token != "secret" {
			return &socketio.ConnectError{Message: "not authorized", Data: map[string]string{"hint": "log in again"}}
		}
		return errors.Join(
			socketio.UpdateData(ctx, s, func(user *string) error { *user = "ada"; return nil }),
			s.Join(ctx, "members"),
		)
	})

	s := socketiotest.New(nil, io)
	defer s.Close()
	refused := s.ConnectError("/", socketiotest.Auth(map[string]string{"token": "guess"}))
	fmt.Println(refused.Message, refused.Data)
	s.Connect("/", socketiotest.Auth(map[string]string{"token": "secret"}))
	fmt.Println(io.Of("/").Rooms(context.Background()))
	// Output:
	// not authorized map[hint:log in again]
	// [{members 1}] <nil>
}

// Arguments and results have the types that the function says. A pointer is an argument that may be missing.
func ExampleNamespace_On() {
	type order struct {
		Item  string `json:"item"`
		Count int    `json:"count"`
	}
	io := socketio.New(socketio.Options{})
	io.Of("/").On("order", func(ctx context.Context, s *socketio.Socket, o order, note *string) (id int, text string, err error) {
		if o.Count < 1 {
			return 0, "", &socketio.AckError{Data: "order something"} // the ack's only argument
		}
		text = fmt.Sprintf("%d x %s", o.Count, o.Item)
		if note != nil {
			text += ", " + *note
		}
		return 7, text, nil
	})

	s := socketiotest.New(nil, io)
	defer s.Close()
	client := s.Connect("/")
	fmt.Println(client.Emit("order", order{"tea", 2})...)
	fmt.Println(client.Emit("order", order{"tea", 1}, "no sugar")...)
	fmt.Println(client.Emit("order", order{"tea", 0})...)
	// Output:
	// 7 2 x tea
	// 7 1 x tea, no sugar
	// order something
}

// The raw form takes and acks arguments of any number and types.
func ExampleArgs() {
	io := socketio.New(socketio.Options{})
	io.Of("/").On("reverse", func(ctx context.Context, s *socketio.Socket, args socketio.Args) (socketio.Args, error) {
		var reversed socketio.Args
		for i := range args {
			reversed = append(reversed, args[len(args)-1-i])
		}
		return reversed, nil
	})

	s := socketiotest.New(nil, io)
	defer s.Close()
	fmt.Println(s.Connect("/").Emit("reverse", 1, "two", []string{"three"})...)
	// Output: [three] two 1
}

// OnAny sees every event before its handler does.
func ExampleNamespace_OnAny() {
	io := socketio.New(socketio.Options{})
	chat := io.Of("/")
	chat.OnAny(func(ctx context.Context, s *socketio.Socket, event string, args socketio.Args) error {
		fmt.Println("any:", event, args)
		return nil
	})
	chat.On("hello", func(ctx context.Context, s *socketio.Socket, name string) error {
		fmt.Println("hello", name)
		return nil
	})

	s := socketiotest.New(nil, io)
	defer s.Close()
	client := s.Connect("/")
	client.Emit("hello", "ada")
	client.EmitNoAck("unknown", 1)
	// Output:
	// any: hello [ada]
	// hello ada
	// any: unknown [1]
}

// A broadcast from a socket leaves the socket out; one from the server or a namespace goes to all.
func ExampleSocket_To() {
	io := socketio.New(socketio.Options{})
	game := io.Of("/")
	game.On("join", func(ctx context.Context, s *socketio.Socket, rooms ...string) error { return s.Join(ctx, rooms...) })
	game.On("shout", func(ctx context.Context, s *socketio.Socket, text string) error {
		return s.To("red", "blue").Except("deaf").Emit(ctx, "shout", text) // each recipient once
	})
	game.On("end", func(ctx context.Context, s *socketio.Socket) error { return io.To("red").Emit(ctx, "end") })

	s := socketiotest.New(nil, io)
	defer s.Close()
	ada, bob, eve := s.Connect("/"), s.Connect("/"), s.Connect("/")
	ada.Emit("join", "red")
	bob.Emit("join", "red", "blue")
	eve.Emit("join", "blue", "deaf")
	ada.Emit("shout", "go!")
	ada.Emit("end")

	ada.Expect("end")
	bob.Expect("shout", "go!")
	bob.Expect("end")
	for _, client := range []*socketiotest.Client{ada, bob, eve} {
		client.ExpectNothing()
	}
	fmt.Println("each got what it should")
	// Output: each got what it should
}

// The counts of a namespace's rooms; to one socket an event is sent by its id, which is a room.
func ExampleNamespace_Rooms() {
	ctx := context.Background()
	io := socketio.New(socketio.Options{})
	io.Of("/").On("join", func(ctx context.Context, s *socketio.Socket, room string) error { return s.Join(ctx, room) })

	s := socketiotest.New(nil, io)
	defer s.Close()
	ada, bob := s.Connect("/"), s.Connect("/")
	ada.Emit("join", "tea")
	bob.Emit("join", "tea")
	bob.Emit("join", "go")
	rooms, err := io.Of("/").Rooms(ctx)
	fmt.Println(rooms, err)
	fmt.Println(io.To(ada.ID()).Emit(ctx, "psst"))
	ada.Expect("psst")
	// Output:
	// [{go 1} {tea 2}] <nil>
	// <nil>
}

// Data lasts from event to event. The function may be called again, so it does nothing but change the value.
func ExampleUpdateData() {
	type profile struct {
		Name   string
		Visits int
	}
	io := socketio.New(socketio.Options{})
	io.Of("/").On("visit", func(ctx context.Context, s *socketio.Socket) (visits int, err error) {
		err = socketio.UpdateData(ctx, s, func(p *profile) error {
			p.Visits++
			visits = p.Visits
			return nil
		})
		return visits, err
	})
	io.Of("/").On("profile", func(ctx context.Context, s *socketio.Socket) (p profile, err error) {
		err = s.Data(&p)
		return p, err
	})

	s := socketiotest.New(nil, io)
	defer s.Close()
	client := s.Connect("/")
	client.Emit("visit")
	fmt.Println(client.Emit("visit")[0], client.Emit("profile")[0])
	// Output: 2 map[Name: Visits:2]
}

// []byte is binary, also inside other values. Behind API Gateway, clients send it over polling only.
func ExampleSocket_Emit_binary() {
	type file struct {
		Name string `json:"name"`
		Data []byte `json:"data"`
	}
	io := socketio.New(socketio.Options{})
	io.Of("/").On("upload", func(ctx context.Context, s *socketio.Socket, f file) error {
		f.Data = []byte(strings.ToUpper(string(f.Data)))
		return s.Emit(ctx, "uploaded", f)
	})

	s := socketiotest.New(nil, io)
	defer s.Close()
	client := s.Connect("/", socketiotest.Polling())
	client.Emit("upload", file{"a.txt", []byte("bytes")})
	var f file
	client.Expect("uploaded", &f)
	fmt.Printf("%s: %s\n", f.Name, f.Data)
	// Output: a.txt: BYTES
}

// While OnDisconnecting runs, the socket's rooms are still there, so that those in them can be told.
func ExampleNamespace_OnDisconnecting() {
	io := socketio.New(socketio.Options{})
	chat := io.Of("/")
	chat.On("join", func(ctx context.Context, s *socketio.Socket, room string) error { return s.Join(ctx, room) })
	chat.On("kick me", func(ctx context.Context, s *socketio.Socket) error { return s.Disconnect(ctx) })
	chat.OnDisconnecting(func(ctx context.Context, s *socketio.Socket, reason socketio.Reason) error {
		rooms, err := s.Rooms(ctx)
		if err != nil {
			return err
		}
		return s.To(rooms...).Emit(ctx, "left", rooms, reason) // nobody, where the socket was in no room
	})

	s := socketiotest.New(nil, io)
	defer s.Close()
	ada := s.Connect("/")
	ada.Emit("join", "tea")
	for _, end := range []func(*socketiotest.Client){
		(*socketiotest.Client).Disconnect,
		(*socketiotest.Client).Vanish,
		func(c *socketiotest.Client) { c.EmitNoAck("kick me") },
	} {
		bob := s.Connect("/")
		bob.Emit("join", "tea")
		end(bob)
		_, args := ada.Next()
		fmt.Println(args...)
	}
	// Output:
	// [tea] client namespace disconnect
	// [tea] transport close
	// [tea] server namespace disconnect
}

// What goes wrong is for the log, and the client gets an id by which it is found there. What the client did wrong it
// may know.
func ExampleServer_OnError() {
	io := socketio.New(socketio.Options{})
	io.Of("/").On("buy", func(ctx context.Context, s *socketio.Socket, count int) (string, error) {
		return "", errors.New("the database is down")
	})
	failures := 0
	io.OnError(func(ctx context.Context, s *socketio.Socket, event string, err error) error {
		if wrong := (*socketio.ArgumentError)(nil); errors.As(err, &wrong) {
			return &socketio.AckError{Data: fmt.Sprintf("argument %d of %s has to be a %v", wrong.Argument, event, wrong.Type)}
		}
		failures++ // a random id, in an application of many processes
		fmt.Printf("log: error %d of %s: %v\n", failures, event, err)
		return &socketio.AckError{Data: fmt.Sprintf("internal error, id %d", failures)}
	})

	s := socketiotest.New(nil, io)
	defer s.Close()
	client := s.Connect("/")
	fmt.Println(client.Emit("buy", 1)[0])
	fmt.Println(client.Emit("buy", "one")[0])
	// Output:
	// log: error 1 of buy: the database is down
	// internal error, id 1
	// argument 1 of buy has to be a int
}

// The namespaces whose names a function takes share their handlers. Each has its own sockets and rooms.
func ExampleServer_OfFunc() {
	io := socketio.New(socketio.Options{})
	rooms := io.OfFunc(regexp.MustCompile(`^/room-\d+$`).MatchString)
	rooms.On("say", func(ctx context.Context, s *socketio.Socket, text string) (string, error) {
		return s.Namespace().Name(), s.Namespace().Emit(ctx, "said", text)
	})

	s := socketiotest.New(nil, io)
	defer s.Close()
	one, two := s.Connect("/room-1"), s.Connect("/room-2")
	fmt.Println(one.Emit("say", "hello")...)
	one.Expect("said", "hello")
	two.ExpectNothing()
	_ = io.Of("/room-2").Emit(context.Background(), "said", "from elsewhere")
	two.Expect("said", "from elsewhere")
	fmt.Println(s.ConnectError("/room-x"))
	// Output:
	// /room-1
	// Invalid namespace
}

// OnAnyOutgoing sees what each socket is sent: for a log, or to count.
func ExampleNamespace_OnAnyOutgoing() {
	io := socketio.New(socketio.Options{})
	chat := io.Of("/")
	chat.OnAnyOutgoing(func(ctx context.Context, o socketio.Outgoing) error {
		fmt.Println("to", len(o.Socket), "characters of an id:", o.Event, o.Args)
		return nil
	})
	chat.On("hello", func(ctx context.Context, s *socketio.Socket, name string) error {
		return s.Broadcast().Emit(ctx, "hello from", name)
	})

	s := socketiotest.New(nil, io)
	defer s.Close()
	ada, _ := s.Connect("/"), s.Connect("/")
	ada.Emit("hello", "ada")
	// Output: to 20 characters of an id: hello from [ada]
}
