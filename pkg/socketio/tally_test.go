package socketio_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// many returns a packet n times.
func many(n int, packet string) []protocol.EnginePacket {
	packets := make([]protocol.EnginePacket, n)
	for i := range packets {
		packets[i] = text(packet)
	}
	return packets
}

func TestWhatGoesWrongAlikeInOneRequestIsOneLineOfTheLog(t *testing.T) {
	for name, c := range map[string]struct {
		handler              any
		message, want, level string
	}{
		"an argument missing": {func(ctx, sock, string) error { return nil }, refusedEvent, "argument 1 (string) is missing", "WARN"},
		"an error":            {func(ctx, sock) error { return errors.New("oh no") }, "a handler failed", "oh no", "ERROR"},
		"a panic":             {func(ctx, sock) error { panic(strings.Repeat("x", 1<<12)) }, "a handler failed", "panic: xxx", "ERROR"},
		"gone":                {func(ctx, sock) error { return socketio.ErrGone }, "a handler failed", "disconnected", "WARN"},
		"too much":            {func(ctx, sock) error { return socketio.ErrTooLarge }, "a handler failed", "larger", "WARN"},
	} {
		t.Run(name, func(t *testing.T) {
			io, log := newServer()
			io.Of("/chat").On("e", c.handler)
			client := socketiotest.New(t, io).Connect("/chat", polling)
			client.Raw(many(500, `2/chat,["e"]`)...)
			lines := log.lines(t, c.message)
			if len(lines) != 1 {
				t.Fatalf("%d lines %q", len(lines), c.message)
			}
			cause, _ := lines[0]["error"].(string)
			if !strings.Contains(cause, c.want) || lines[0]["count"] != 500.0 || lines[0]["level"] != c.level ||
				lines[0]["event"] != "e" || lines[0]["namespace"] != "/chat" || lines[0]["socket"] != client.ID() {
				t.Errorf("logged %v", lines[0])
			}
			if size := log.size(); size > 8<<10 {
				t.Errorf("logged %d bytes", size)
			}
		})
	}
}

// Names and causes may be a client's, and all different.
func TestOneRequestWritesFewLinesWhateverGoesWrong(t *testing.T) {
	io, log := newServer()
	io.Of("/").OnAny(func(_ ctx, _ sock, event string, _ socketio.Args) error { return errors.New(event) })
	client := socketiotest.New(t, io).Connect("/", polling)
	var packets []protocol.EnginePacket
	for i := range 500 {
		packets = append(packets, text(fmt.Sprintf(`2["%d%s"]`, i, strings.Repeat("é", 4000))))
	}
	before := log.size()
	for range 10 { // no request is over 1 MB
		client.Raw(packets[:50]...)
		packets = packets[50:]
	}
	if lines := log.lines(t, "a handler failed"); len(lines) != 100 || len(lines[0]["event"].(string)) > 203 || len(lines[0]["error"].(string)) > 1003 {
		t.Errorf("%d lines: %v", len(lines), lines)
	}
	if lines := log.lines(t, "more events of the same request went wrong, in other ways"); len(lines) != 10 || lines[0]["count"] != 40.0 {
		t.Errorf("logged %v", lines)
	}
	if size := log.size() - before; size > 10*12*2<<10 {
		t.Errorf("logged %d bytes", size)
	}
}

func TestAnAckThatCannotBeSentBecauseOfItsClientIsAWarning(t *testing.T) {
	io, log := newServer()
	io.Of("/").On("e", func(ctx, sock) (string, error) { return strings.Repeat("x", 100<<10), nil })
	client := socketiotest.New(t, io).Connect("/", polling)
	var packets []protocol.EnginePacket
	for i := range 5 {
		packets = append(packets, text(fmt.Sprintf(`2%d["e"]`, i)))
	}
	client.Raw(packets...)
	if client.Disconnected() == "" {
		t.Error("the client does not know that acks were lost")
	}
	if lines := log.lines(t, "a client takes no answers, so its session is closed"); len(lines) != 1 || lines[0]["level"] != "WARN" {
		t.Errorf("logged %v", lines)
	}
	if strings.Contains(log.text.String(), `"level":"ERROR"`) {
		t.Errorf("logged %s", log.text.String())
	}
}

func TestAPayloadThatIsWrongIsAWarning(t *testing.T) {
	io, log := newServer()
	io.Of("/").Use(func(_ ctx, s sock) error {
		var auth struct{ Nickname string }
		return s.Auth(&auth)
	})
	s := socketiotest.New(t, io)
	s.ConnectError("/", socketiotest.Auth(map[string]any{"nickname": 1}))
	if lines := log.lines(t, "a client's CONNECT was refused"); len(lines) != 1 || lines[0]["level"] != "WARN" {
		t.Errorf("logged %s", log.text.String())
	}
}
