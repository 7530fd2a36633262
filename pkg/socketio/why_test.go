package socketio_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/socketio/socketiotest"
	"github.com/dozeio/doze/tests/kit/causes"
)

// lossy has all posts fail with an error, if there is one.
type lossy struct {
	engine.Poster
	err *error
}

func (b lossy) Post(ctx context.Context, connection string, f engine.Frame) error {
	if *b.err != nil {
		return *b.err
	}
	return b.Poster.Post(ctx, connection, f)
}

// caused is a causes.Client in one process.
type caused struct {
	*socketiotest.Client
	server *socketiotest.Server
	others map[string]*socketiotest.Client // its sockets in other namespaces
}

var _ causes.Client = caused{}

func (c caused) Vanish() {
	c.Client.Vanish()
	for range 6 {
		<-time.After(25 * time.Second)
		c.server.Settle()
	}
}

func (c caused) Join(namespace string) { c.others[namespace] = c.Connect(namespace) }

func (c caused) Emit(namespace, event string, args ...any) {
	if of := c.others[namespace]; of != nil {
		of.EmitNoAck(event, args...)
		return
	}
	c.EmitNoAck(event, args...)
}

func (c caused) Ask(event string) { _, _ = c.TryEmit(event) }

func (c caused) Malformed() {
	c.Raw(protocol.EnginePacket{Type: protocol.EngineMessage, Data: []byte("9")})
}

// TestTheLogAndTheFiguresSayWhyASocketLeft disconnects a client in each way that docs/operate.md names, and looks for
// what it says one finds: the reason in the line of that socket and in Disconnects, and the other line.
func TestTheLogAndTheFiguresSayWhyASocketLeft(t *testing.T) {
	faults := map[causes.Fault]error{causes.Fails: context.DeadlineExceeded, causes.Busy: socketio.ErrBusy}
	for _, c := range causes.All() {
		t.Run(c.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := &logbook{}
				io, err := causes.App(socketio.Options{Logger: log.logger()})
				if err != nil {
					t.Fatal(err)
				}
				m, o := metered()
				var broken error
				o.Engine.ClientRate = causes.ClientRate
				o.Wrap = func(b socketio.Backend) socketio.Backend { b.Poster = lossy{b.Poster, &broken}; return b }
				server := socketiotest.New(t, io, o)
				transport := websocket
				if c.Name == "a ping timeout" { // a connection that is cut is noticed by the gateway
					transport = polling
				}
				connect := func(transport socketiotest.Option) caused {
					return caused{server.Connect("/", transport), server, map[string]*socketiotest.Client{}}
				}
				client, other := connect(transport), connect(websocket)
				broken = faults[c.Fault]
				c.Do(client, other)
				broken = nil
				server.Settle()
				var found map[string]any
				for _, line := range log.lines(t, "a socket is disconnected") {
					if line["socket"] == client.ID() || c.Name == "an error in OnConnection" {
						found = line
					}
				}
				session, _ := found["session"].(string)
				if reason, _ := found["reason"].(string); !c.Has(reason) || found["level"] != "INFO" || session == "" {
					t.Fatalf("logged %v, want one of %q", found, c.Reasons)
				}
				if got, want := m.Counts(observe.Disconnects), "Disconnects/"+found["reason"].(string)+" 1"; got != want {
					t.Errorf("counted %s, want %s", got, want)
				}
				if c.Besides != "" && len(log.lines(t, c.Besides)) == 0 {
					t.Errorf("no line %q", c.Besides)
				}
				wrong := log.where(t, func(line map[string]any) bool { // by the second query
					id := found["socket"]
					return (line["level"] == "WARN" || line["level"] == "ERROR") &&
						(line["socket"] == id || line["to"] == id || line["session"] == session || line["connection"] == session || line["trace"] != nil && line["trace"] == found["trace"])
				})
				if c.Besides == "" && len(wrong) > 0 {
					t.Errorf("the log has %v besides", wrong)
				}
				if c.Figure != nil {
					if got := m.Counts(c.Figure); !strings.Contains(got, c.Figure.Name) || !strings.Contains(got, c.Label) {
						t.Errorf("counted %q, want %s %s", got, c.Figure.Name, c.Label)
					}
				}
			})
		})
	}
}
