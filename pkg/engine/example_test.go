package engine_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/store/memory"
)

// echo is a server of Engine.IO without Socket.IO: it greets each client, and sends back what comes.
type echo struct{ engine *engine.Engine }

func (e *echo) say(ctx context.Context, v *engine.Invocation, text string) error {
	p, err := e.engine.Parcel(protocol.EnginePacket{Type: protocol.EngineMessage, Data: []byte(text)})
	if err != nil {
		return err
	}
	return v.Send(ctx, p)
}

func (e *echo) Opened(ctx context.Context, v *engine.Invocation) error {
	return e.say(ctx, v, "welcome")
}

func (e *echo) Message(ctx context.Context, v *engine.Invocation, messages []protocol.EnginePacket) error {
	for _, m := range messages {
		if err := e.say(ctx, v, string(m.Data)); err != nil {
			return err
		}
	}
	return nil
}

func (*echo) Closed(context.Context, engine.Session) error                { return nil }
func (*echo) Moved(context.Context, engine.Session, engine.Address) error { return nil }

// nowhere is a gateway without WebSocket connections, and a queue whose jobs nobody waits for.
type nowhere struct{}

func (nowhere) Post(context.Context, string, engine.Frame) error            { return engine.ErrGone }
func (nowhere) Exists(context.Context, string) error                        { return engine.ErrGone }
func (nowhere) Disconnect(context.Context, string) error                    { return engine.ErrGone }
func (nowhere) Schedule(_ context.Context, _ []byte, _ time.Duration) error { return nil }

// A bare Engine.IO server: a Handler that is an Opener, and no time in which a client has to join something.
func ExampleOpener() {
	h := &echo{}
	e, err := engine.New(memory.New(nil), nowhere{}, nowhere{}, h, engine.Options{ConnectTimeout: -1})
	if err != nil {
		fmt.Println(err)
		return
	}
	h.engine = e

	ctx := context.Background()
	open := e.HTTP(ctx, request("GET", "polling", "", ""))
	sid, _, _ := strings.Cut(strings.TrimPrefix(string(open.Body), `0{"sid":"`), `"`)
	fmt.Println(string(e.HTTP(ctx, request("GET", "polling", sid, "")).Body))
	e.HTTP(ctx, request("POST", "polling", sid, "4hello"))
	fmt.Println(string(e.HTTP(ctx, request("GET", "polling", sid, "")).Body))
	// Output:
	// 4welcome
	// 4hello
}
