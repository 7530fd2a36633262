package gateway_test

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/coder/websocket"

	"github.com/dozeio/doze/pkg/gateway"
)

var idShape = regexp.MustCompile(`^[A-Za-z0-9_-]{15}=$`)

// recorded is one of the events that aws-lambda-go keeps as test data.
func recorded(t *testing.T, name string) map[string]any {
	t.Helper()
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/aws/aws-lambda-go/events").Output()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return decoded(t, raw)
}

func decoded(t *testing.T, raw []byte) (m map[string]any) {
	t.Helper()
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	return m
}

// shape lists the paths of all values with their JSON types, below header maps and the like only their names.
func shape(prefix string, v any) []string {
	m, ok := v.(map[string]any)
	if !ok {
		return []string{prefix + " " + reflect.TypeOf(v).String()}
	}
	var all []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, shape(prefix+"."+k, m[k])...)
	}
	return all
}

// capture runs one connection and returns its three events as they were sent.
func capture(t *testing.T, text string) (b *bench, connect, message, disconnect []byte) {
	got := make(chan []byte, 3)
	take := gateway.HandlerFunc(func(_ context.Context, event []byte) ([]byte, error) {
		got <- event
		return []byte(`{"statusCode":200}`), nil
	})
	b = start(t, gateway.Options{Connect: take, Default: take, Disconnect: take, Clock: newClock()})
	c, _, err := websocket.Dial(b.ctx, b.url("/local?a=1&a=2&b=%20%22"), &websocket.DialOptions{
		HTTPHeader: map[string][]string{"User-Agent": {`Probe "1"` + "\t<ä>"}, "X-Two": {"x", "y"}, "Origin": {"http://" + b.server.Listener.Addr().String()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	connect = <-got
	b.say(c, text)
	message = <-got
	c.Close(1001, "")
	return b, connect, message, <-got
}

func TestMessageEventHasTheRecordedShape(t *testing.T) {
	_, _, message, _ := capture(t, "{\r\n\t\"a\": 1\r\n}")
	want, got := recorded(t, "apigw-websocket-request-send-message.json"), decoded(t, message)
	if a, b := shape("", want), shape("", got); !slices.Equal(a, b) {
		t.Errorf("AWS %v\nwe  %v", a, b)
	}
	if got["body"] != want["body"] {
		t.Errorf("body %q", got["body"])
	}
}

func TestDisconnectEventHasTheRecordedShape(t *testing.T) {
	_, _, _, disconnect := capture(t, "x")
	want, got := recorded(t, "apigw-websocket-request-disconnect.json"), decoded(t, disconnect)
	if a, b := shape("", want), shape("", got); !slices.Equal(a, b) {
		t.Errorf("AWS %v\nwe  %v", a, b)
	}
	if c := got["requestContext"].(map[string]any); c["disconnectStatusCode"] != 1001.0 || c["disconnectReason"] != "" {
		t.Errorf("%v", c)
	}
}

func TestEventsEqualTheEncodingOfTheirStruct(t *testing.T) {
	_, connect, message, disconnect := capture(t, "\x01\"\\/<>&\u2028ä🚀\x7f")
	for name, raw := range map[string][]byte{"connect": connect, "message": message, "disconnect": disconnect} {
		var e wsEvent
		if err := json.Unmarshal(raw, &e); err != nil {
			t.Fatal(name, err)
		}
		again, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := decoded(t, raw), decoded(t, again); !reflect.DeepEqual(a, b) {
			t.Errorf("%s: we sent %s\nthe struct says %s", name, raw, again)
		}
	}
}

func TestOnlyConnectHasHeadersAndQuery(t *testing.T) {
	b, connect, message, disconnect := capture(t, "x")
	var e [3]wsEvent
	for i, raw := range [][]byte{connect, message, disconnect} {
		if err := json.Unmarshal(raw, &e[i]); err != nil {
			t.Fatal(err)
		}
	}
	c := e[0]
	if c.QueryStringParameters["a"] != "2" || !slices.Equal(c.MultiValueQueryStringParameters["a"], []string{"1", "2"}) || c.QueryStringParameters["b"] != ` "` {
		t.Errorf("query %v %v", c.QueryStringParameters, c.MultiValueQueryStringParameters)
	}
	host := b.server.Listener.Addr().String()
	if c.Headers["Host"] != host || c.Headers["X-Two"] != "y" || !slices.Equal(c.MultiValueHeaders["X-Two"], []string{"x", "y"}) ||
		c.Headers["Sec-WebSocket-Version"] != "13" || c.Headers["X-Forwarded-For"] != "127.0.0.1" || c.Headers["X-Forwarded-Proto"] != "http" {
		t.Errorf("headers %v", c.Headers)
	}
	if e[1].Headers != nil || e[1].MultiValueHeaders != nil || e[1].QueryStringParameters != nil {
		t.Errorf("the message has %+v", e[1])
	}
	seen := map[string]bool{}
	for i, want := range []struct{ route, kind string }{{"$connect", "CONNECT"}, {"$default", "MESSAGE"}, {"$disconnect", "DISCONNECT"}} {
		c := e[i].RequestContext
		if c.RouteKey != want.route || c.EventType != want.kind || c.MessageDirection != "IN" || c.Stage != "local" || c.APIID == "" ||
			c.DomainName != host || c.Identity.SourceIP != "127.0.0.1" || c.Identity.UserAgent != e[0].Headers["User-Agent"] ||
			c.RequestID != c.ExtendedRequestID || c.RequestTime != "02/Jan/2026:03:04:05 +0000" || c.RequestTimeEpoch != 1767323045000 ||
			c.ConnectedAt != 1767323045000 || c.ConnectionID != e[0].RequestContext.ConnectionID {
			t.Errorf("%+v", c)
		}
		for _, id := range []string{c.ConnectionID, c.RequestID} {
			if !idShape.MatchString(id) {
				t.Errorf("id %q", id)
			}
		}
		seen[c.RequestID] = true
	}
	if id, _ := e[1].RequestContext.MessageID.(string); !idShape.MatchString(id) || len(seen) != 3 {
		t.Errorf("message id %q, request ids %v", id, seen)
	}
}

func TestTheSeedRepeatsConnectionIDsOnlyIfAsked(t *testing.T) {
	first := func(seed uint64, repeatable bool) string {
		_, id := start(t, gateway.Options{Seed: seed, RepeatableIDs: repeatable}).connect()
		return id
	}
	one, again, two := first(1, true), first(1, true), first(2, true)
	if one != again || one == two {
		t.Errorf("seed 1 gave %s, then %s; seed 2 gave %s", one, again, two)
	}
	if some, other := first(0, true), first(0, true); some == other {
		t.Error("no seed gave the same id twice")
	}
	if unasked := first(1, false); unasked == one || first(1, false) == unasked {
		t.Errorf("unasked, seed 1 gave %s, which can be guessed", unasked)
	}
}

func TestSQSEventHasTheRecordedShape(t *testing.T) {
	got := make(chan []byte, 1)
	b := start(t, gateway.Options{Jobs: gateway.HandlerFunc(func(_ context.Context, event []byte) ([]byte, error) {
		got <- event
		return []byte(`{}`), nil
	})})
	if err := b.Schedule(b.ctx, []byte("job"), 0); err != nil {
		t.Fatal(err)
	}
	record := func(m map[string]any) map[string]any {
		r := m["Records"].([]any)[0].(map[string]any)
		r["messageAttributes"] = "any"
		return r
	}
	if want, got := shape("", record(recorded(t, "sqs-event.json"))), shape("", record(decoded(t, <-got))); !slices.Equal(want, got) {
		t.Errorf("AWS %v\nwe  %v", want, got)
	}
}

func TestHTTPEventHasTheRecordedShape(t *testing.T) {
	got := make(chan []byte, 1)
	b := start(t, gateway.Options{HTTP: map[string]gateway.Handler{"GET": gateway.HandlerFunc(func(_ context.Context, event []byte) ([]byte, error) {
		got <- event
		return []byte(`{}`), nil
	})}})
	b.request("GET", "/socket.io/", "")
	raw := <-got
	normal := func(m map[string]any) map[string]any {
		delete(m["requestContext"].(map[string]any), "authentication") // of mutual TLS
		m["headers"] = "any"
		return m
	}
	if want, got := shape("", normal(recorded(t, "apigw-v2-request-no-authorizer.json"))), shape("", normal(decoded(t, raw))); !slices.Equal(want, got) {
		t.Errorf("AWS %v\nwe  %v", want, got)
	}
	var e events.APIGatewayV2HTTPRequest
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		t.Error(err)
	}
}
