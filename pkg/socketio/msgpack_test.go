package socketio_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// newMsgPack is newServer for clients with the msgpack parser.
func newMsgPack() (*socketio.Server, *logbook) {
	l := &logbook{}
	return socketio.New(socketio.Options{Logger: l.logger(), MsgPack: true}), l
}

// Everything that a client and a server say to each other, in msgpack: over either transport, over a WebSocket that
// passes binary frames and over one that does not, and across an upgrade.
func TestMsgPack(t *testing.T) {
	type message struct {
		Text  string
		Bytes []byte
	}
	for name, o := range map[string]engine.Options{"text frames": {}, "ordered text frames": {OrderedFrames: true}, "binary frames": {BinaryFrames: true}} {
		t.Run(name, func(t *testing.T) {
			overBoth(t, func(t *testing.T, transport socketiotest.Option) {
				io, log := newMsgPack()
				main := io.Of("/")
				main.Use(func(_ context.Context, s *socketio.Socket) error {
					var auth struct{ Token []byte }
					if err := s.Auth(&auth); err != nil || string(auth.Token) != "secret" {
						return errors.Join(err, &socketio.ConnectError{Message: "no", Data: []int{1}})
					}
					return nil
				})
				main.On("echo", func(_ context.Context, _ *socketio.Socket, args ...any) (socketio.Args, error) { return args, nil })
				main.On("say", func(ctx context.Context, s *socketio.Socket, m message) error {
					m.Bytes = append(m.Bytes, '!')
					return io.Emit(ctx, "said", s.ID(), m)
				})
				main.On("leave", func(ctx context.Context, s *socketio.Socket) error { return s.Disconnect(ctx) })
				s := socketiotest.New(t, io, socketiotest.Options{Engine: o})
				if refused := s.ConnectError("/", transport); refused.Message != "no" || !reflect.DeepEqual(refused.Data, []any{1.0}) {
					t.Errorf("refused with %+v", refused)
				}
				client := s.Connect("/", transport, socketiotest.Auth(map[string][]byte{"Token": []byte("secret")}))
				if refused := client.ConnectError("/nowhere"); refused.Message != "Invalid namespace" {
					t.Errorf("refused with %+v", refused)
				}
				sent := socketio.Args{nil, true, "ü\n", 1.5, map[string]any{"a": []any{[]byte{0, 255}, []byte{}}}}
				if got := client.Emit("echo", sent...); !reflect.DeepEqual(got, sent) {
					t.Errorf("echoed %#v", got)
				}
				if strings.HasSuffix(t.Name(), "/polling") {
					client.Upgrade()
				}
				client.EmitNoAck("say", message{"hello", []byte{1, 2}})
				client.Expect("said", client.ID(), map[string]any{"Text": "hello", "Bytes": []byte{1, 2, '!'}})
				client.EmitNoAck("leave")
				if got := client.Disconnected(); got != "io server disconnect" {
					t.Errorf("disconnected: %q", got)
				}
				log.nothing(t)
			})
		})
	}
}

// A client with another parser than the server's is disconnected, and the log says what to do.
func TestAnotherParser(t *testing.T) {
	msgpackConnect, err := protocol.Packet{Type: protocol.Connect, ID: protocol.NoID}.EncodeMsgPack()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		io      func() (*socketio.Server, *logbook)
		message protocol.EnginePacket
		hint    string
	}{
		"msgpack to a server without it": {newServer, msgpackConnect, "set MsgPack in the server's Options"},
		"text to a server with msgpack":  {newMsgPack, text(`0`), "give the client the option parser"},
	} {
		t.Run(name, func(t *testing.T) {
			overBoth(t, func(t *testing.T, transport socketiotest.Option) {
				io, log := c.io()
				client := socketiotest.New(t, io).Connect("/", transport)
				client.Raw(c.message)
				if client.Disconnected() == "" {
					t.Error("the client is still connected")
				}
				lines := log.lines(t, "a session is closed")
				if len(lines) != 1 || !strings.Contains(lines[0]["error"].(string), c.hint) || lines[0]["level"] != "WARN" {
					t.Errorf("logged %v", lines)
				}
			})
		})
	}
}

// What is no packet closes the session, and an event that does not fit is lost alone: both as with text.
func TestMalformedMsgPack(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		io, log := newMsgPack()
		io.Of("/").On("e", func(context.Context, *socketio.Socket, int) error { return nil })
		client := socketiotest.New(t, io).Connect("/", transport)
		client.EmitNoAck("e", "text")
		if lines := log.lines(t, refusedEvent); len(lines) != 1 || client.Disconnected() != "" {
			t.Errorf("logged %v, disconnected %q", lines, client.Disconnected())
		}
		client.Raw(protocol.EnginePacket{Type: protocol.EngineMessage, Binary: true, Data: []byte{0xc1}})
		lines := log.lines(t, "a session is closed")
		if client.Disconnected() == "" || len(lines) != 1 || !strings.Contains(lines[0]["error"].(string), "msgpack") {
			t.Errorf("disconnected %q, logged %v", client.Disconnected(), lines)
		}
	})
}
