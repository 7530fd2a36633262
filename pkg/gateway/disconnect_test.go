package gateway_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	"github.com/coder/websocket"
	"github.com/gobwas/ws"

	"github.com/dozeio/doze/pkg/gateway"
)

// gone expects one $disconnect and no more.
func (b *bench) gone(id string, code int64, reason string) {
	b.Helper()
	e := b.next(b.disconnects)
	if c := e.RequestContext; c.ConnectionID != id || c.DisconnectStatusCode != code || c.DisconnectReason == nil || *c.DisconnectReason != reason {
		b.Errorf("$disconnect %+v", c)
	}
	if err := b.Close(b.ctx); err != nil {
		b.Fatal(err)
	}
	if n := b.Stats().Disconnects; n != 1 {
		b.Errorf("%d times $disconnect", n)
	}
}

func TestDisconnectHasTheClientsCodeAndReason(t *testing.T) {
	b := start(t, gateway.Options{})
	c, id := b.connect()
	c.Close(4001, "bye")
	b.gone(id, 4001, "bye")
}

func TestDisconnectOfAClosedTabIs1001(t *testing.T) {
	b := start(t, gateway.Options{})
	c, id := b.connect()
	c.Close(websocket.StatusGoingAway, "")
	b.gone(id, 1001, "")
}

func TestDisconnectWithoutACodeIs1005(t *testing.T) {
	b := start(t, gateway.Options{})
	c := b.raw()
	b.writeRaw(c, ws.MaskFrame(ws.NewCloseFrame(nil)))
	b.gone(b.next(b.connects).RequestContext.ConnectionID, 1005, "Client-side close frame status not set")
}

func TestDisconnectWithoutACloseFrameIs1006(t *testing.T) {
	b := start(t, gateway.Options{})
	c, id := b.connect()
	c.CloseNow()
	b.gone(id, 1006, "Connection closed abnormally")
}

func TestDisconnectAfterDeleteConnectionIs1000(t *testing.T) {
	b := start(t, gateway.Options{})
	c, id := b.connect()
	if _, err := b.sdk().DeleteConnection(b.ctx, &apigatewaymanagementapi.DeleteConnectionInput{ConnectionId: &id}); err != nil {
		t.Fatal(err)
	}
	if code := b.closeCode(c); code != 1000 {
		t.Errorf("the client saw %d", code)
	}
	b.gone(id, 1000, "Connection Closed Normally")
}

func TestIdle10MinutesCloses1001(t *testing.T) {
	clock := newClock()
	b := start(t, gateway.Options{Clock: clock})
	c, id := b.connect()
	clock.Advance(9 * time.Minute)
	b.say(c, "the client's data counts")
	b.hear(c)
	clock.Advance(9 * time.Minute)
	if err := b.post(id, "and the server's"); err != nil {
		t.Fatal(err)
	}
	b.hear(c)
	clock.Advance(10*time.Minute - time.Second)
	if b.Stats().Connections != 1 {
		t.Fatal("closed too early")
	}
	clock.Advance(time.Second)
	if code := b.closeCode(c); code != 1001 {
		t.Errorf("the client saw %d", code)
	}
	b.gone(id, 1001, "Going away")
}

func TestTwoHoursCloses1001(t *testing.T) {
	clock := newClock()
	b := start(t, gateway.Options{Clock: clock})
	c, id := b.connect()
	for range 2*60/5 - 1 {
		clock.Advance(5 * time.Minute)
		b.say(c, "busy")
		b.hear(c)
	}
	if b.Stats().Connections != 1 {
		t.Fatal("closed too early")
	}
	clock.Advance(5 * time.Minute)
	if code := b.closeCode(c); code != 1001 {
		t.Errorf("the client saw %d", code)
	}
	b.gone(id, 1001, "Going away")
}

func TestKilledConnectionHasNoCloseFrame(t *testing.T) {
	b := start(t, gateway.Options{})
	c, id := b.connect()
	if !b.Kill(id) || b.Kill(id) {
		t.Error("Kill says otherwise")
	}
	if code := b.closeCode(c); code != -1 {
		t.Errorf("the client saw %d", code)
	}
	b.gone(id, 1006, "Connection closed abnormally")
}

func TestKilledByRateAfterTheMessageWasTaken(t *testing.T) {
	b := start(t, gateway.Options{Faults: gateway.Faults{Killed: 1}})
	c, id := b.connect()
	b.say(c, "last words")
	if e := b.next(b.messages); e.Body != "last words" {
		t.Error(e.Body)
	}
	if code := b.closeCode(c); code != -1 {
		t.Errorf("the client saw %d", code)
	}
	b.gone(id, 1006, "Connection closed abnormally")
}

func TestDisconnectLost(t *testing.T) {
	b := start(t, gateway.Options{Faults: gateway.Faults{DisconnectLost: 1}})
	c, id := b.connect()
	c.CloseNow()
	for b.post(id, "x") == nil {
	}
	if err := b.Close(b.ctx); err != nil {
		t.Fatal(err)
	}
	if s := b.Stats(); s.Disconnects != 0 || s.Faults != 1 {
		t.Fatalf("%+v", s)
	}
}

func TestDisconnectDoubled(t *testing.T) {
	b := start(t, gateway.Options{Faults: gateway.Faults{DisconnectDoubled: 1}})
	c, _ := b.connect()
	c.CloseNow()
	first, second := b.next(b.disconnects), b.next(b.disconnects)
	if first.RequestContext.ConnectionID != second.RequestContext.ConnectionID || first.RequestContext.RequestID == second.RequestContext.RequestID {
		t.Fatalf("%+v\n%+v", first, second)
	}
}

func TestDisconnectLate(t *testing.T) {
	clock := newClock()
	b := start(t, gateway.Options{Clock: clock, Faults: gateway.Faults{DisconnectLate: 1, DisconnectDelay: time.Hour}})
	c, id := b.connect()
	c.CloseNow()
	for b.post(id, "x") == nil {
	}
	clock.Await(1)
	clock.Advance(time.Hour - 1)
	if len(b.disconnects) != 0 {
		t.Fatal("too early")
	}
	clock.Advance(1)
	b.gone(id, 1006, "Connection closed abnormally")
}

func TestCloseRunsALateDisconnectAtOnce(t *testing.T) {
	b := start(t, gateway.Options{Clock: newClock(), Faults: gateway.Faults{DisconnectLate: 1}})
	c, id := b.connect()
	go b.closeCode(c)
	if err := b.Close(b.ctx); err != nil {
		t.Fatal(err)
	}
	b.gone(id, 1001, "Going away")
}
