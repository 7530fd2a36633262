package socketio_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

func TestNamesOfRoomsAreChecked(t *testing.T) {
	for _, in := range []string{"connected", "joining"} {
		io, _ := newServer()
		var bad []error
		join := func(c ctx, s sock) error {
			bad = []error{s.Join(c, ""), s.Join(c, "ok", strings.Repeat("x", 257))}
			return errors.Join(s.Join(c, strings.Repeat("x", 256)), s.Join(c), s.Leave(c, ""), s.Leave(c))
		}
		if in == "joining" {
			io.Of("/").Use(join)
		} else {
			io.Of("/").OnConnection(join)
		}
		io.Of("/").On("rooms", func(c ctx, s sock) (int, error) { r, err := s.Rooms(c); return len(r), err })
		if n := socketiotest.New(t, io).Connect("/").Emit("rooms"); n[0] != 1.0 {
			t.Errorf("%s: in %v rooms", in, n)
		}
		for _, err := range bad {
			if err == nil || !strings.Contains(err.Error(), "a room's name has 1 to 256 bytes") {
				t.Errorf("%s: Join returned %v", in, err)
			}
		}
	}
}

func TestMaxRoomsIsALimitOfOneSocket(t *testing.T) {
	io := socketio.New(socketio.Options{MaxRooms: 3})
	var inMiddleware error
	io.Of("/").Use(func(c ctx, s sock) error {
		inMiddleware = s.Join(c, "a", "b", "c", "d")
		return s.Join(c, "a", "b", "b", "a")
	})
	io.Of("/").On("join", func(c ctx, s sock, rooms ...string) (string, error) {
		if err := s.Join(c, rooms...); err != nil {
			return err.Error(), nil
		}
		return "", nil
	})
	io.Of("/").On("leave", func(c ctx, s sock, room string) error { return s.Leave(c, room) })
	io.Of("/").On("rooms", func(c ctx, s sock) ([]string, error) { return s.Rooms(c) })
	s := socketiotest.New(t, io)
	client := s.Connect("/")
	const text = "a socket may be in 3 rooms"
	if inMiddleware == nil || !strings.Contains(inMiddleware.Error(), text) {
		t.Errorf("Join of a middleware returned %v", inMiddleware)
	}
	if got := client.Emit("join", "c", "d"); !strings.Contains(got[0].(string), text) {
		t.Errorf("joined: %v", got)
	}
	if got := fmt.Sprint(client.Emit("rooms")...); got != "[a b]" {
		t.Errorf("rooms %s", got)
	}
	if got := client.Emit("join", "c", client.ID()); got[0] != "" {
		t.Errorf("did not join: %v", got)
	}
	client.Emit("leave", "a")
	if got := client.Emit("join", "d"); got[0] != "" {
		t.Errorf("did not join: %v", got)
	}
	if got := s.Connect("/").Emit("join", "x"); got[0] != "" { // another socket
		t.Errorf("did not join: %v", got)
	}
}

func TestWhatIsTooLargeIsSentToNobody(t *testing.T) {
	io := roomy()
	s := socketiotest.New(t, io)
	a, b := s.Connect("/"), s.Connect("/", polling)
	large := strings.Repeat("x", 128<<10)
	for name, c := range map[string]struct {
		args []any
		says string
	}{
		"text":       {[]any{large}, "(131084 bytes, with binary in base64, where 131072 are allowed)"},
		"binary":     {[]any{make([]byte, 100<<10)}, "(136537 bytes, "},
		"among many": {[]any{1, []byte{1}, make([]byte, 100<<10)}, "(136537 bytes, "},
		"in all":     {[]any{make([]byte, 90<<10), make([]byte, 90<<10), make([]byte, 90<<10)}, "where 262144 are allowed)"},
	} {
		err := io.Emit(t.Context(), "got", c.args...)
		if !errors.Is(err, socketio.ErrTooLarge) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "API Gateway") {
			t.Errorf("%s: Emit returned %v, want %s", name, err, c.says)
		}
	}
	many := make([]any, 11)
	for i := range many {
		many[i] = []byte{1}
	}
	for name, args := range map[string][]any{"11 attachments": many, "a channel": {make(chan int)}} {
		if err := io.Emit(t.Context(), "got", args...); err == nil {
			t.Errorf("%s: Emit returned no error", name)
		}
	}
	a.ExpectNothing()
	b.ExpectNothing()
}

func TestReservedNamesCannotBeEmitted(t *testing.T) {
	io := roomy()
	var own error
	io.Of("/").OnConnection(func(c ctx, s sock) error { own = s.Emit(c, "connect"); return nil })
	a := socketiotest.New(t, io).Connect("/")
	for _, err := range []error{own, io.Emit(t.Context(), "disconnect"), io.To("x").Emit(t.Context(), "newListener")} {
		if err == nil || !strings.Contains(err.Error(), "reserved") {
			t.Errorf("Emit returned %v", err)
		}
	}
	a.ExpectNothing()
}

func TestOneRequestJoinsAndLeavesSoOften(t *testing.T) {
	io := socketio.New(socketio.Options{MaxNamespaces: 2})
	connected := 0
	io.Of("/").OnConnection(func(ctx, sock) error { connected++; return nil })
	client := socketiotest.New(t, io).Connect("/", socketiotest.Polling())
	var packets []protocol.EnginePacket
	for range 100 {
		for _, data := range []string{"1", "0"} { // DISCONNECT, CONNECT
			packets = append(packets, protocol.EnginePacket{Type: protocol.EngineMessage, Data: []byte(data)})
		}
	}
	client.Raw(packets...)
	if connected > 3 || client.Disconnected() == "" {
		t.Errorf("%d CONNECTs were handled, the client is disconnected by %q", connected, client.Disconnected())
	}
}

func TestOneRequestBringsSoManyPackets(t *testing.T) {
	for name, c := range map[string]struct{ rate, sent, want int }{
		"a thousand":              {0, 1000, 1000},
		"one more":                {0, 1001, 1000},
		"another rate":            {3, 40, 30},
		"as many as there may be": {-1, 5000, 5000},
	} {
		t.Run(name, func(t *testing.T) {
			io, log := newServer()
			handled := 0
			io.Of("/").On("e", func(ctx, sock) error { handled++; return nil })
			client := socketiotest.New(t, io, socketiotest.Options{Engine: engine.Options{ClientRate: c.rate}}).Connect("/", polling)
			client.Raw(many(c.sent, `2["e"]`)...)
			if open := client.Disconnected() == ""; handled != c.want || open != (c.sent == c.want) {
				t.Errorf("%d were handled, the client is connected: %v", handled, open)
			} else if !open && !strings.Contains(log.text.String(), "-client-rate of doze serve") {
				t.Errorf("the log does not say what raises the rate:\n%s", log.text.String())
			}
		})
	}
}

// What handlers call for is bounded for each request, whatever the application does with a packet.
func TestOneRequestCallsForSoMuch(t *testing.T) {
	const most = 50
	large := strings.Repeat("x", 10<<10)
	for name, c := range map[string]struct {
		call func(c ctx, s sock, n int) error
		want int
	}{
		"join":      {func(c ctx, s sock, n int) error { return s.Join(c, fmt.Sprint(n)) }, most},
		"join two":  {func(c ctx, s sock, n int) error { return s.Join(c, fmt.Sprint(n), fmt.Sprint("x", n)) }, most / 2},
		"leave":     {func(c ctx, s sock, n int) error { return s.Leave(c, fmt.Sprint(n)) }, most},
		"emit":      {func(c ctx, s sock, _ int) error { return s.Emit(c, "x") }, most},
		"broadcast": {func(c ctx, s sock, _ int) error { return s.To("a").Emit(c, "x") }, most},
		"sockets":   {func(c ctx, s sock, _ int) error { _, err := s.To("a").SocketIDs(c); return err }, most},
		"rooms":     {func(c ctx, s sock, _ int) error { _, err := s.Rooms(c); return err }, most},
		"all rooms": {func(c ctx, s sock, _ int) error { _, err := s.Namespace().Rooms(c); return err }, most},
		"data": {func(c ctx, s sock, n int) error {
			return socketio.UpdateData(c, s, func(v *int) error { *v = n; return nil })
		}, most},
		"large data": {func(c ctx, s sock, n int) error {
			return socketio.UpdateData(c, s, func(v *string) error { *v = fmt.Sprint(n, large); return nil })
		}, 5}, // the first has nothing to replace
		"nothing": {func(ctx, sock, int) error { return nil }, 200},
	} {
		t.Run(name, func(t *testing.T) {
			log := &logbook{}
			io := socketio.New(socketio.Options{Logger: log.logger(), MaxCalls: most})
			done := 0
			io.Of("/").On("e", func(invocation ctx, s sock, n int) error {
				err := c.call(invocation, s, n)
				if err == nil {
					done++
				}
				return err
			})
			client := socketiotest.New(t, io).Connect("/", polling)
			var packets []protocol.EnginePacket
			for n := range 200 {
				packets = append(packets, text(fmt.Sprintf(`2["e",%d]`, n)))
			}
			client.Raw(packets...)
			if done != c.want {
				t.Errorf("%d calls were done, want %d", done, c.want)
			}
			lines := log.lines(t, "a handler failed")
			if c.want < 200 && (len(lines) != 1 || lines[0]["level"] != "WARN" || !strings.Contains(lines[0]["error"].(string), "MaxCalls")) {
				t.Errorf("logged %v", lines)
			}
			if client.TryEmit("e", 1); done != c.want+1 { // another request
				t.Error("the next request can do nothing")
			}
		})
	}
}

// Others are told that a socket has left, whatever its client did before.
func TestAFarewellIsNotBounded(t *testing.T) {
	io := socketio.New(socketio.Options{MaxCalls: 3})
	n := io.Of("/")
	n.OnConnection(func(c ctx, s sock) error { return s.Join(c, "tea") })
	n.On("e", func(c ctx, s sock) error { return s.Emit(c, "x") })
	n.OnDisconnecting(func(c ctx, s sock, _ socketio.Reason) error {
		rooms, err := s.Rooms(c)
		return errors.Join(err, s.To(rooms...).Emit(c, "left"))
	})
	s := socketiotest.New(t, io)
	ada, eve := s.Connect("/"), s.Connect("/", polling)
	eve.Raw(append(many(10, `2["e"]`), text("1"))...)
	ada.Expect("left")
}
