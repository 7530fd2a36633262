package gateway_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/dozeio/doze/pkg/gateway"
)

func TestRouteResponseIsSentWhateverItsStatus(t *testing.T) {
	b := start(t, gateway.Options{RouteResponse: true, Default: function(reply(500, "sorry"))})
	c := b.dial()
	b.say(c, "x")
	if got := b.hear(c); got != "sorry" {
		t.Fatal(got)
	}
}

func TestWithoutRouteResponseTheBodyIsDropped(t *testing.T) {
	b := start(t, gateway.Options{Default: function(reply(200, "dropped"))})
	c, id := b.connect()
	b.say(c, "x")
	for b.Stats().Messages == 0 {
		runtime.Gosched()
	}
	b.say(c, "y") // one of two answers may be late, and both are dropped
	if err := b.post(id, "kept"); err != nil {
		t.Fatal(err)
	}
	if got := b.hear(c); got != "kept" {
		t.Fatal(got)
	}
}

func TestEveryKeyOfAProxyResponseIsTaken(t *testing.T) {
	b := start(t, gateway.Options{RouteResponse: true, Default: gateway.HandlerFunc(func(context.Context, []byte) ([]byte, error) {
		return []byte(`{"statusCode":200,"headers":{"a":"b"},"multiValueHeaders":{"a":["b"]},"body":"fine","isBase64Encoded":false,"cookies":["a=b"]}`), nil
	})})
	c := b.dial()
	b.say(c, "x")
	if got := b.hear(c); got != "fine" {
		t.Fatal(got)
	}
}

func TestEmptyRouteResponse(t *testing.T) {
	for name, c := range map[string]struct {
		o    gateway.Options
		want []string
	}{
		"leaves as an empty frame":                {gateway.Options{RouteResponse: true}, []string{"", "then this"}},
		"is dropped by the option":                {gateway.Options{RouteResponse: true, DropEmptyResponse: true}, []string{"then this"}},
		"is none where there is no such response": {gateway.Options{}, []string{"posted"}},
	} {
		c.o.OrderedFrames = true
		c.o.Default = function(func(e wsEvent) (any, error) { return reply(200, e.Body)(e) })
		b := start(t, c.o)
		conn, id := b.connect()
		b.say(conn, "")
		b.say(conn, "then this")
		for b.Stats().Messages < 2 {
			runtime.Gosched()
		}
		if !c.o.RouteResponse {
			if err := b.post(id, "posted"); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range c.want {
			if got := b.hear(conn); got != want {
				t.Errorf("%s: %q", name, got)
			}
		}
	}
}
