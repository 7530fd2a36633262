package gateway_test

import (
	"net/http"
	"reflect"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/coder/websocket"

	"github.com/dozeio/doze/pkg/gateway"
)

// queries have what the events of both APIs say of them: all values of a name.
var queries = map[string]map[string][]string{
	"token=a;b":     {"token": {"a;b"}},
	"token=a;b&c=d": {"token": {"a;b"}, "c": {"d"}},
	"a;b=c":         {"a;b": {"c"}},
	"a=%":           {"a": {"%"}},
	"a=%4&b=%zz":    {"a": {"%4"}, "b": {"%zz"}},
	"a=100%25%3B%":  {"a": {"100%;%"}},
	"a=%41+b%2Bc":   {"a": {"A b+c"}},
	"a=1&b=2&a=3":   {"a": {"1", "3"}, "b": {"2"}},
	"a&b=&=c":       {"a": {""}, "b": {""}, "": {"c"}},
	"a=b=c&&d=?/":   {"a": {"b=c"}, "d": {"?/"}},
}

func TestQueriesInEvents(t *testing.T) {
	got := make(chan events.APIGatewayV2HTTPRequest, 1)
	b := start(t, gateway.Options{HTTP: map[string]gateway.Handler{"GET": httpFunction(func(e events.APIGatewayV2HTTPRequest) (any, error) {
		got <- e
		return events.APIGatewayV2HTTPResponse{StatusCode: 200}, nil
	})}})
	for raw, want := range queries {
		c, _, err := websocket.Dial(b.ctx, b.url("/local?"+raw), nil)
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		c.CloseNow()
		last, joined := map[string]string{}, map[string]string{}
		for name, values := range want {
			for i, v := range values {
				last[name] = v
				if i > 0 {
					joined[name] += ","
				}
				joined[name] += v
			}
		}
		if e := b.next(b.connects); !reflect.DeepEqual(e.MultiValueQueryStringParameters, want) || !reflect.DeepEqual(e.QueryStringParameters, last) {
			t.Errorf("%s over WebSocket: %q, %q", raw, e.MultiValueQueryStringParameters, e.QueryStringParameters)
		}
		if res, _ := b.request("GET", "/socket.io/?"+raw, ""); res.StatusCode != 200 {
			t.Fatalf("%s: %d", raw, res.StatusCode)
		}
		if e := <-got; e.RawQueryString != raw || !reflect.DeepEqual(e.QueryStringParameters, joined) {
			t.Errorf("%s over HTTP: %q, %q", raw, e.RawQueryString, e.QueryStringParameters)
		}
	}
}

// TestTheFrontDoorGoesByTheLastTransport asks for an upgrade: what is for the HTTP API is answered with its status.
func TestTheFrontDoorGoesByTheLastTransport(t *testing.T) {
	b := start(t, gateway.Options{HTTP: map[string]gateway.Handler{"GET": httpFunction(func(events.APIGatewayV2HTTPRequest) (any, error) {
		return events.APIGatewayV2HTTPResponse{StatusCode: http.StatusTeapot}, nil
	})}})
	for raw, status := range map[string]int{
		"transport=websocket":                             101,
		"transport=polling&transport=websocket":           101,
		"transport=polling&x=1;2&transport=websocket&y=%": 101,
		"transport=%77ebsocket":                           101,
		"transport=polling":                               http.StatusTeapot,
		"transport=websocket&transport=polling":           http.StatusTeapot,
		"transport=websocket&transport":                   http.StatusTeapot,
		"transport=websocket;":                            http.StatusTeapot,
		"x=;transport=websocket":                          http.StatusTeapot,
		"":                                                http.StatusTeapot,
	} {
		c, res, err := websocket.Dial(b.ctx, b.url("/socket.io/?"+raw), nil)
		if err == nil {
			c.CloseNow()
		}
		if res == nil || res.StatusCode != status {
			t.Errorf("%s: %+v, %v; want %d", raw, res, err, status)
		}
	}
}
