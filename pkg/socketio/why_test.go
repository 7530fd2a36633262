package socketio_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
)

// lossy fails posts to all that it is told to.
type lossy struct {
	engine.Poster
	posts *bool
}

func (b lossy) Post(ctx context.Context, connection string, f engine.Frame) error {
	if *b.posts {
		return errors.New("reset")
	}
	return b.Poster.Post(ctx, connection, f)
}

// TestTheLogAndTheFiguresSayWhyASocketLeft disconnects a client in each way that docs/operate.md names, and looks for
// what it says one finds: the reason in the line of that socket and in Disconnects, and the other line.
func TestTheLogAndTheFiguresSayWhyASocketLeft(t *testing.T) {
	broke := false
	for _, c := range []struct {
		name    string
		leave   func(s *socketiotest.Server, c *socketiotest.Client)
		reason  string
		besides string // message of another line; "" for none
		figure  string // besides Disconnects
		of      *observe.Figure
	}{
		{"its own close", func(_ *socketiotest.Server, c *socketiotest.Client) { c.Disconnect() }, "client namespace disconnect", "", "", nil},
		{"its page's close", func(_ *socketiotest.Server, c *socketiotest.Client) { c.Close() }, "transport close", "", "", nil},
		{"a ping timeout", func(s *socketiotest.Server, c *socketiotest.Client) {
			c.Vanish()
			for range 6 {
				<-time.After(25 * time.Second)
				s.Settle()
			}
		}, "ping timeout", "", "", nil},
		{"a handler that disconnects", func(_ *socketiotest.Server, c *socketiotest.Client) { c.EmitNoAck("leave") }, "server namespace disconnect", "", "", nil},
		{"an error in OnConnection", func(_ *socketiotest.Server, c *socketiotest.Client) { c.Connect("/fails") },
			"server namespace disconnect", "OnConnection failed, so the socket is disconnected", "HandlerErrors 1", observe.HandlerErrors},
		{"an ack that cannot be sent", func(_ *socketiotest.Server, c *socketiotest.Client) { _, _ = c.TryEmit("unsendable") },
			"transport error", "an ack cannot be sent, so its session is closed", "HandlerErrors 1", observe.HandlerErrors},
		{"a flood", func(_ *socketiotest.Server, c *socketiotest.Client) {
			for range 30 {
				c.EmitNoAck("nothing")
			}
		}, "forced close", "a client that sends too many messages is disconnected: send fewer, or raise ClientRate", "", nil},
		{"what the protocol forbids", func(_ *socketiotest.Server, c *socketiotest.Client) { c.Raw(text("9")) }, "parse error", "a session is closed", "", nil},
		{"a post that failed", func(_ *socketiotest.Server, c *socketiotest.Client) {
			c.EmitNoAck("break")
		}, "transport close", "a recipient did not get an event and is disconnected", "Posts/no answer 1", observe.Posts},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io, log := newServer()
				for _, name := range []string{"/", "/fails"} {
					n := io.Of(name)
					n.On("leave", func(ctx ctx, s sock) error { return s.Disconnect(ctx) })
					n.On("unsendable", func(ctx, sock) (any, error) { return func() {}, nil })
					n.On("nothing", func(ctx, sock) error { return nil })
					n.On("break", func(c ctx, s sock) error {
						broke = true
						defer func() { broke = false }()
						return io.Emit(c, "lost")
					})
				}
				io.Of("/fails").OnConnection(func(ctx, sock) error { return errors.New("failed") })
				m, o := metered()
				o.Engine.ClientRate = 2
				o.Wrap = func(b socketio.Backend) socketio.Backend { b.Poster = lossy{b.Poster, &broke}; return b }
				server := socketiotest.New(t, io, o)
				transport := websocket
				if c.name == "a ping timeout" { // a connection that is cut is noticed by the gateway
					transport = polling
				}
				client := server.Connect("/", transport)
				c.leave(server, client)
				server.Settle()
				lines := log.lines(t, "a socket is disconnected")
				if len(lines) != 1 || lines[0]["reason"] != c.reason || lines[0]["level"] != "INFO" {
					t.Errorf("logged %v, want the reason %s", lines, c.reason)
				}
				if c.name != "an error in OnConnection" && len(lines) == 1 && lines[0]["socket"] != client.ID() {
					t.Errorf("logged %v, want %s", lines, client.ID())
				}
				if got := m.Counts(observe.Disconnects); got != "Disconnects/"+c.reason+" 1" {
					t.Errorf("counted %s", got)
				}
				if c.besides != "" && len(log.lines(t, c.besides)) == 0 {
					t.Errorf("no line %q", c.besides)
				}
				if c.of != nil {
					if got := m.Counts(c.of); !strings.Contains(got, c.figure) {
						t.Errorf("counted %s, want %s", got, c.figure)
					}
				}
			})
		})
	}
}
