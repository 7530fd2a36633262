package gateway

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Throttle is a token bucket: a request takes one of at most Burst tokens, and Rate of them come back in a second, on
// the gateway's clock. The zero value is the default that the option names; a Rate below 0 is no limit. Burst is 0 for
// as many as Rate, at least 1.
//
// AWS calls its own "best-effort", "targets rather than guaranteed request ceilings"; these are exact.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-protect.html
type Throttle struct {
	Rate  float64
	Burst int
}

// AWS's figures. https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html,
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
var (
	accountThrottle    = Throttle{Rate: 10_000, Burst: 5_000}
	connectionThrottle = Throttle{Rate: 500, Burst: 500} // AWS names no burst
)

func (t Throttle) check(name string) error {
	if t.Rate != t.Rate || t.Burst < 0 {
		return fmt.Errorf("gateway: %s is %+v: a rate is a number, and a burst is not negative", name, t)
	}
	return nil
}

// bucket is a Throttle at work; nil is one without a limit.
type bucket struct {
	rate, burst, tokens float64
	seen                time.Time
}

// throttles are the buckets of a gateway. Their lock is held for no longer than a few additions.
type throttles struct {
	clock                                        Clock
	mu                                           sync.Mutex
	account, webSocket, httpAPI, handshakesInAll *bucket
}

func (t *throttles) init(o Options) {
	t.clock = o.Clock
	now := o.Clock.Now()
	full := func(limit, byDefault Throttle) *bucket {
		if limit == (Throttle{}) {
			limit = byDefault
		}
		if limit.Rate < 0 || limit == (Throttle{}) {
			return nil
		}
		burst := float64(limit.Burst)
		if burst == 0 {
			burst = max(1, limit.Rate)
		}
		return &bucket{rate: limit.Rate, burst: burst, tokens: burst, seen: now}
	}
	t.account = full(o.Account, accountThrottle)
	t.handshakesInAll = full(o.NewConnections, connectionThrottle)
	t.webSocket = full(o.WebSocketStage, Throttle{})
	t.httpAPI = full(o.HTTPStage, Throttle{})
}

// take takes a token out of each bucket, or none and reports false.
func (t *throttles) take(buckets ...*bucket) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock.Now()
	for _, b := range buckets {
		if b == nil {
			continue
		}
		b.tokens = min(b.burst, b.tokens+now.Sub(b.seen).Seconds()*b.rate)
		b.seen = now
		if b.tokens < 1 {
			return false
		}
	}
	for _, b := range buckets {
		if b != nil {
			b.tokens--
		}
	}
	return true
}

// admit takes what a request to an API costs, or counts it as throttled.
func (g *Gateway) admit(buckets ...*bucket) bool {
	if g.throttles.take(buckets...) {
		return true
	}
	g.stats.throttled.Add(1)
	return false
}

func (g *Gateway) admitHandshake() bool {
	t := &g.throttles
	return g.admit(t.handshakesInAll, t.webSocket, t.account)
}

func (g *Gateway) admitMessage() bool { return g.admit(g.throttles.webSocket, g.throttles.account) }

func (g *Gateway) admitRequest() bool { return g.admit(g.throttles.httpAPI, g.throttles.account) }

func (g *Gateway) admitManagement() bool { return g.admit(g.throttles.account) }

// tooManyRequests is the answer of both APIs to a request or a handshake.
func tooManyRequests(w http.ResponseWriter) {
	writeMessage(w, http.StatusTooManyRequests, tooMany)
}

// tooMany is the message of a throttled message's frame too. That there is a frame, of the form of the other error
// frames, is not documented: AWS writes that clients "may receive 429 Too Many Requests error responses". A stock
// Socket.IO client takes such a frame for an error and closes, so no frame would be kinder.
const tooMany = "Too Many Requests"
