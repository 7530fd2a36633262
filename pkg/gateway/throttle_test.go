package gateway_test

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi/types"
	"github.com/coder/websocket"

	"github.com/dozeio/doze/pkg/gateway"
)

// shake is a handshake's status.
func (b *bench) shake() int {
	b.Helper()
	c, res, err := websocket.Dial(b.ctx, b.url("/local"), nil)
	if err == nil {
		b.Cleanup(func() { c.CloseNow() })
	} else if res == nil {
		b.Fatal(err)
	}
	return res.StatusCode
}

// Each throttle with what it counts: the test's own handshake has taken the first token of the WebSocket API's buckets
// and of the account's.
func TestThrottles(t *testing.T) {
	const message = `{"message":"Too Many Requests"}`
	limit := gateway.Throttle{Rate: 2, Burst: 3}
	handshake := func(b *bench, _ *websocket.Conn, _ string) bool {
		status := b.shake()
		if status != http.StatusSwitchingProtocols && status != http.StatusTooManyRequests {
			t.Errorf("a handshake was answered %d", status)
		}
		return status == http.StatusSwitchingProtocols
	}
	say := func(b *bench, c *websocket.Conn, id string) bool {
		b.say(c, "x")
		got := b.hear(c)
		if got != "x" && !strings.HasPrefix(got, `{"message":"Too Many Requests","connectionId":"`+id+`","requestId":"`) {
			t.Errorf("a message was answered %s", got)
		}
		return got == "x"
	}
	get := func(b *bench, _ *websocket.Conn, _ string) bool {
		res, body := b.request("GET", "/socket.io/", "")
		if body != "fine" && (body != message || res.StatusCode != http.StatusTooManyRequests) {
			t.Errorf("a request was answered %d %s", res.StatusCode, body)
		}
		return body == "fine"
	}
	post := func(b *bench, c *websocket.Conn, id string) bool {
		err := b.post(id, "posted")
		if err != nil && !isType[*types.LimitExceededException](err) {
			t.Errorf("a post was answered %v", err)
		}
		if err == nil {
			b.hear(c)
		}
		return err == nil
	}
	describe := func(b *bench, _ *websocket.Conn, id string) bool {
		_, err := b.describe(id)
		return !isType[*types.LimitExceededException](err)
	}
	for name, c := range map[string]struct {
		o    gateway.Options
		do   func(*bench, *websocket.Conn, string) bool
		left int // of the burst; below 0 for any number
	}{
		"account: handshakes":    {gateway.Options{Account: limit}, handshake, 2},
		"account: messages":      {gateway.Options{Account: limit}, say, 2},
		"account: requests":      {gateway.Options{Account: limit}, get, 2},
		"account: posts":         {gateway.Options{Account: limit}, post, 2},
		"account: GetConnection": {gateway.Options{Account: limit}, describe, 2},
		"stage: handshakes":      {gateway.Options{WebSocketStage: limit}, handshake, 2},
		"stage: messages":        {gateway.Options{WebSocketStage: limit}, say, 2},
		"stage: requests":        {gateway.Options{WebSocketStage: limit}, get, -1},
		"stage: posts":           {gateway.Options{WebSocketStage: limit}, post, -1},
		"HTTP stage: requests":   {gateway.Options{HTTPStage: limit}, get, 3},
		"HTTP stage: messages":   {gateway.Options{HTTPStage: limit}, say, -1},
		"new: handshakes":        {gateway.Options{NewConnections: limit}, handshake, 2},
		"new: messages":          {gateway.Options{NewConnections: limit}, say, -1},
		"burst of the rate":      {gateway.Options{Account: gateway.Throttle{Rate: 5}}, say, 4},
		"none":                   {gateway.Options{Account: gateway.Throttle{Rate: -1}, NewConnections: gateway.Throttle{Rate: -1}}, say, -1},
		"AWS's":                  {gateway.Options{}, say, -1},
	} {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			c.o.Clock = clock
			c.o.HTTP = map[string]gateway.Handler{"GET": httpFunction(func(httpRequest) (any, error) { return "fine", nil })}
			b := start(t, c.o)
			conn, id := b.connect()
			if c.left < 0 {
				for i := range 10 {
					if !c.do(b, conn, id) {
						t.Fatalf("number %d is throttled", i)
					}
				}
				return
			}
			for i := range c.left {
				if !c.do(b, conn, id) {
					t.Fatalf("number %d is throttled", i)
				}
			}
			if c.do(b, conn, id) {
				t.Error("the bucket has no end")
			}
			clock.Advance(500 * time.Millisecond)
			if !c.do(b, conn, id) {
				t.Error("half a second brings no token")
			}
			if c.o.Account.Rate != 5 && c.do(b, conn, id) {
				t.Error("it brings more than one")
			}
			if b.Stats().Throttled == 0 {
				t.Error("nothing was counted")
			}
		})
	}
}

// A throttled message invokes nothing, and the connection lives on.
func TestAccountsDefaultBurst(t *testing.T) {
	b := start(t, gateway.Options{Clock: newClock(), RouteResponse: true, Default: function(func(e wsEvent) (any, error) { return reply(200, e.Body)(e) })})
	c := b.dial()
	go func() {
		for range 5000 {
			if c.Write(b.ctx, websocket.MessageText, []byte("x")) != nil {
				return
			}
		}
	}()
	refused := 0
	for range 5000 {
		if b.hear(c) != "x" {
			refused++
		}
	}
	if s := b.Stats(); refused != 1 || s.Messages != 4999 || s.Throttled != 1 {
		t.Errorf("%d refused, %+v", refused, s)
	}
}

func TestThrottleOptionsAreChecked(t *testing.T) {
	for _, limit := range []gateway.Throttle{{Rate: math.NaN()}, {Rate: 1, Burst: -1}} {
		if _, err := gateway.New(gateway.Options{HTTPStage: limit}); err == nil || !strings.Contains(err.Error(), "HTTPStage") {
			t.Errorf("%+v: %v", limit, err)
		}
	}
}
