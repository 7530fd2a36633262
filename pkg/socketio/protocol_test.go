package socketio_test

import (
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// strict returns an application that notes what it handles and why sockets have left.
func strict() (io *socketio.Server, log *logbook, did *diary) {
	io, log = newServer()
	did = &diary{}
	for _, name := range []string{"/", "/other"} {
		n := io.Of(name)
		n.OnConnection(func(ctx, sock) error { return did.add("connect ", name) })
		n.On("e", func(_ ctx, _ sock, args ...any) (int, error) { return len(args), did.add("e", args) })
		n.On("kick", func(c ctx, s sock) error { return s.Disconnect(c) })
		n.On("close", func(c ctx, s sock) error { return s.DisconnectClient(c) })
		n.OnDisconnect(func(_ ctx, _ sock, r socketio.Reason) error { return did.add("disconnect ", name, " ", r) })
	}
	return io, log, did
}

func TestWhatBreaksTheProtocolClosesTheSession(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		for name, packets := range map[string][]protocol.EnginePacket{
			"a second CONNECT":              {text("0")},
			"an event before CONNECT":       {text(`2/other,["e"]`)},
			"an ack before CONNECT":         {text(`3/other,1[]`)},
			"a DISCONNECT before CONNECT":   {text(`1/other,`)},
			"a CONNECT_ERROR":               {text(`4{"message":"x"}`)},
			"an event to no namespace":      {text(`2/nope,["e"]`)},
			"a reserved name":               {text(`2["disconnect"]`)},
			"no name":                       {text(`2[]`)},
			"an unknown type":               {text(`9`)},
			"no packet":                     {text(``)},
			"a payload of the wrong type":   {text(`0"x"`)},
			"no JSON":                       {text(`2["e",{]`)},
			"too many attachments":          {text(`511-["e"]`)},
			"binary from nowhere":           {binary(1)},
			"text among attachments":        {text(`51-["e",{"_placeholder":true,"num":0}]`), text(`2["e"]`)},
			"a placeholder without a value": {text(`51-["e",{"_placeholder":true,"num":1}]`)},
		} {
			t.Run(name, func(t *testing.T) {
				io, _, did := strict()
				s := socketiotest.New(t, io, ordered)
				client := s.Connect("/", transport)
				client.Raw(packets...)
				client.Raw(text(`2["e","late"]`))
				if client.Disconnected() == "" || did.String() != "connect /, disconnect / parse error" {
					t.Errorf("client %q, handled %s", client.Disconnected(), did)
				}
				noRows(t, s)
			})
		}
	})
}

func TestPacketsOfANamespaceThatWasLeft(t *testing.T) {
	event, leave := text(`2["e"]`), text("1")
	for name, c := range map[string]struct {
		options socketiotest.Options
		packets [][]protocol.EnginePacket
		open    bool
	}{
		"the client's own, in order, together": {ordered, [][]protocol.EnginePacket{{leave, event}}, false},
		"the client's own, in order":           {ordered, [][]protocol.EnginePacket{{leave}, {event}}, false},
		"the client's own twice, in order":     {ordered, [][]protocol.EnginePacket{{leave}, {leave}}, false},
		"the client's own, not in order":       {socketiotest.Options{}, [][]protocol.EnginePacket{{leave}, {event}, {leave}}, true},
		"of one that was removed, in order":    {ordered, [][]protocol.EnginePacket{{text(`2["kick"]`), event}, {event, leave}}, true},
		"of one that was removed":              {socketiotest.Options{}, [][]protocol.EnginePacket{{text(`2["kick"]`)}, {event}, {leave}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			io, _, did := strict()
			s := socketiotest.New(t, io, c.options)
			other := s.Connect("/other")
			client := other.Connect("/")
			for _, packets := range c.packets {
				client.Raw(packets...)
			}
			if open := other.Disconnected() == ""; open != c.open {
				t.Errorf("the session is open: %v", open)
			}
			if strings.Contains(did.String(), "e[]") {
				t.Error("the event was handled")
			}
		})
	}
}

func TestASocketMayJoinANamespaceAgain(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		for _, end := range []string{"client", "server"} {
			io, log, did := strict()
			s := socketiotest.New(t, io)
			first := s.Connect("/", transport)
			if end == "client" {
				first.Disconnect()
			} else {
				first.EmitNoAck("kick")
			}
			second := first.Connect("/")
			if second.Emit("e"); second.ID() == first.ID() || len(did.lines) != 4 {
				t.Errorf("ids %q and %q, did %s", first.ID(), second.ID(), did)
			}
			log.nothing(t)
		}
	})
}

func TestWhatComesBehindTheEndOfItsSessionInTheSamePostIsDropped(t *testing.T) {
	io, log, did := strict()
	s := socketiotest.New(t, io)
	client := s.Connect("/", polling)
	client.Connect("/other")
	client.Raw(text(`2["e",1]`), text(`2["close"]`), text(`2["e",2]`), text(`2/other,["e",3]`), text("not a packet"), text("0"))
	if client.Disconnected() != "io server disconnect" {
		t.Errorf("the client is %q", client.Disconnected())
	}
	want := "connect /, connect /other, e[1], disconnect / server namespace disconnect, disconnect /other server namespace disconnect"
	if did.String() != want {
		t.Errorf("did %s, want %s", did, want)
	}
	log.nothing(t)
	noRows(t, s)
}

func TestAConnectThatOvertakesADisconnectWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, log, did := strict()
		s := socketiotest.New(t, io)
		client := s.Connect("/")
		go client.Connect("/")
		synctest.Wait()
		if did.String() != "connect /" {
			t.Fatalf("did %s", did)
		}
		client.Raw(text("1"))
		<-time.After(time.Second)
		if did.String() != "connect /, disconnect / client namespace disconnect, connect /" {
			t.Errorf("did %s", did)
		}
		log.nothing(t)
	})
}

func TestBinaryOfAClient(t *testing.T) {
	event := map[string]any{"b": []byte{1, 2}, "list": [][]byte{{3}}}
	want := socketio.Args{map[string]any{"b": []byte{1, 2}, "list": []any{[]byte{3}}}}
	echo := func(_ ctx, _ sock, args socketio.Args) (socketio.Args, error) { return args, nil }
	header := text(`52-0["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`)

	t.Run("over polling", func(t *testing.T) {
		io, _ := newServer()
		io.Of("/").On("e", echo)
		if got := socketiotest.New(t, io).Connect("/", polling).Emit("e", event); !reflect.DeepEqual(got, want) {
			t.Errorf("acked %v", got)
		}
	})
	t.Run("over polling in three requests", func(t *testing.T) {
		io, _, did := strict()
		client := socketiotest.New(t, io).Connect("/", polling)
		client.Raw(text(`2["e"]`), header)
		client.Raw(binary(1))
		client.Raw(binary(2), text(`2["e",3]`))
		if did.String() != "connect /, e[], e[[1] [2]], e[3]" {
			t.Errorf("did %s", did)
		}
	})
	for name, frames := range map[string]bool{"binary frames": true, "base64": false} {
		t.Run("over an ordered WebSocket in "+name, func(t *testing.T) {
			io, _ := newServer()
			io.Of("/").On("e", echo)
			s := socketiotest.New(t, io, socketiotest.Options{Engine: engine.Options{OrderedFrames: true, BinaryFrames: frames}})
			if got := s.Connect("/").Emit("e", event); !reflect.DeepEqual(got, want) {
				t.Errorf("acked %v", got)
			}
		})
	}
	refused := func(t *testing.T, client *socketiotest.Client, log *logbook) {
		t.Helper()
		if client.Disconnected() != "transport close" {
			t.Errorf("client %q", client.Disconnected())
		}
		lines := log.lines(t, "a session is closed")
		if len(lines) != 1 {
			t.Fatalf("logged %v", lines)
		}
		for _, hint := range []string{`transports: ["polling"]`, "base64"} {
			if !strings.Contains(lines[0]["error"].(string), hint) {
				t.Errorf("%v does not name the way out %q", lines[0], hint)
			}
		}
	}
	t.Run("refused over an unordered WebSocket", func(t *testing.T) {
		for _, packet := range []protocol.EnginePacket{header, binary(1)} {
			io, log, _ := strict()
			client := socketiotest.New(t, io).Connect("/")
			client.Raw(packet)
			refused(t, client, log)
		}
	})
	t.Run("refused when an upgrade comes in between", func(t *testing.T) {
		io, log, did := strict()
		client := socketiotest.New(t, io).Connect("/", polling)
		client.Raw(header, binary(1))
		client.Upgrade()
		client.Raw(binary(2))
		refused(t, client, log)
		if len(did.lines) != 2 {
			t.Errorf("did %s", did)
		}
	})
	t.Run("kept over the upgrade to an ordered WebSocket", func(t *testing.T) {
		io, _, did := strict()
		client := socketiotest.New(t, io, ordered).Connect("/", polling)
		client.Raw(header, binary(1))
		client.Upgrade()
		client.Raw(binary(2))
		if did.String() != "connect /, e[[1] [2]]" {
			t.Errorf("did %s", did)
		}
	})
}

func TestBinaryOfTheServerReachesEveryTransport(t *testing.T) {
	overBoth(t, func(t *testing.T, transport socketiotest.Option) {
		io, _ := newServer()
		io.Of("/").OnConnection(func(c ctx, s sock) error {
			return s.Emit(c, "b", []byte{1}, map[string]any{"deep": []any{[]byte{}}}, []byte(nil))
		})
		client := socketiotest.New(t, io).Connect("/", transport)
		client.Expect("b", []byte{1}, map[string]any{"deep": []any{[]byte{}}}, nil)
	})
}
