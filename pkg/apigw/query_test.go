package apigw_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/dozeio/doze/pkg/apigw"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/store/memory"
)

// TestQueriesAreReadAsNodeDoes opens a session with each query, over HTTP as the client has written it and over
// WebSocket as API Gateway takes it apart, and looks at what the handshake keeps. What is expected is what
// Object.fromEntries(new URL(...).searchParams) of Node 20.20 has, as engine.io takes it.
func TestQueriesAreReadAsNodeDoes(t *testing.T) {
	for raw, want := range map[string]map[string]string{
		"token=a;b":               {"token": "a;b"},
		"token=a;b&c=d":           {"token": "a;b", "c": "d"},
		"token=a%3Bb":             {"token": "a;b"},
		"a=%":                     {"a": "%"},
		"a=%4&b=%zz&c=%e":         {"a": "%4", "b": "%zz", "c": "%e"},
		"a=100%&b=%25":            {"a": "100%", "b": "%"},
		"a=%41%&%62=;%;":          {"a": "A%", "b": ";%;"},
		"a=+b%20c%2B":             {"a": " b c+"},
		"a=1&a=2":                 {"a": "2"},
		"a=1&a=":                  {"a": ""},
		"a":                       {"a": ""},
		"a=b=c":                   {"a": "b=c"},
		"&&a=1&&":                 {"a": "1"},
		"=x":                      {"": "x"},
		"a=%E2%82%AC&b=€":         {"a": "€", "b": "€"},
		"a=%ff":                   {"a": "\ufffd"},
		"a=%00":                   {"a": "\x00"},
		"a=?/":                    {"a": "?/"},
		`a={"b":["c"]}`:           {"a": `{"b":["c"]}`},
		"filter[a]=1&filter[a]=2": {"filter[a]": "2"},
		"EIO=3&EIO=4&t=" + "x%":   {"t": "x%"},
	} {
		got := make(chan engine.Handshake, 1)
		w := newWorld(t)
		e, err := engine.New(memory.New(nil), w, w, handshakes{w, got}, engine.Options{OrderedFrames: true, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		check := func(transport string) {
			t.Helper()
			query := maps.Clone(want)
			query["EIO"], query["transport"] = "4", transport
			h := <-got
			for name, values := range h.Query {
				if len(values) != 1 || values[0] != query[name] {
					t.Errorf("%s over %s: %s is %q, want %q", raw, transport, name, values, query[name])
				}
				delete(query, name)
			}
			if len(query) > 0 {
				t.Errorf("%s over %s: %q is missing", raw, transport, query)
			}
		}

		event := events.APIGatewayV2HTTPRequest{RawPath: "/socket.io/", RawQueryString: "EIO=4&transport=polling&" + raw}
		event.RequestContext.HTTP.Method = "GET"
		open := invoke[events.APIGatewayV2HTTPResponse](t, apigw.NewPoll(e, nil), event)
		var packet protocol.Open
		if open.StatusCode != 200 || json.Unmarshal([]byte(open.Body[1:]), &packet) != nil {
			t.Errorf("%s: %+v", raw, open)
			continue
		}
		event.RequestContext.HTTP.Method, event.RawQueryString, event.Body = "POST", "EIO=4&transport=polling&sid="+packet.SID, "4x"
		invoke[events.APIGatewayV2HTTPResponse](t, apigw.NewMessage(e), event)
		check("polling")

		connect := websocketEvent("CONNECT", "", map[string]string{"EIO": "4", "transport": "websocket"})
		connect.MultiValueQueryStringParameters = map[string][]string{"EIO": {"3", "4"}, "transport": {"polling", "websocket"}}
		for name, value := range want {
			connect.QueryStringParameters[name] = value
			connect.MultiValueQueryStringParameters[name] = []string{"another", value}
		}
		if a := invoke[events.APIGatewayProxyResponse](t, apigw.NewConnect(e, nil), connect); a.StatusCode != 200 {
			t.Errorf("%s: $connect %+v", raw, a)
			continue
		}
		w.greet(t, e)
		invoke[events.APIGatewayProxyResponse](t, apigw.NewMessage(e), websocketEvent("MESSAGE", "4x", nil))
		check("websocket")
	}
}

// greet posts the open packets that wait for it.
func (w *world) greet(t *testing.T, e *engine.Engine) {
	t.Helper()
	for _, j := range w.jobs {
		if strings.Contains(j, `"open"`) {
			if err := e.Job(t.Context(), []byte(j)); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestWhatCannotBeReadIsABadRequest gives each function of the HTTP API what net/url or the base64 of an event refuses.
func TestWhatCannotBeReadIsABadRequest(t *testing.T) {
	const origin = "https://chat.example"
	for name, event := range map[string]events.APIGatewayV2HTTPRequest{
		"more parameters than net/url takes": {RawQueryString: "EIO=4&transport=polling&sid=s3cret" + strings.Repeat("&a", 20000)},
		"escaped, too":                       {RawQueryString: "EIO=4&transport=polling&sid=s3cret;%" + strings.Repeat("&a", 20000)},
		"a body that is not base64":          {RawQueryString: "EIO=4&transport=polling&sid=s3cret", Body: "s3cret!", IsBase64Encoded: true},
	} {
		for method, function := range map[string]func(*engine.Engine) apigw.Handler{
			"GET":  func(e *engine.Engine) apigw.Handler { return apigw.NewPoll(e, nil) },
			"HEAD": func(e *engine.Engine) apigw.Handler { return apigw.NewConnect(e, nil) },
			"POST": apigw.NewMessage,
		} {
			var log bytes.Buffer
			w := newWorld(t)
			e, err := engine.New(memory.New(nil), w, w, w, engine.Options{AllowOrigins: []string{origin}, Logger: slog.New(slog.NewJSONHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			event.RawPath, event.Headers, event.RequestContext.HTTP.Method = "/socket.io/", map[string]string{"origin": origin}, method
			r := invoke[events.APIGatewayV2HTTPResponse](t, function(e), event)
			if r.StatusCode != 400 || r.Body != `{"code":3,"message":"Bad request"}` || r.Headers["Content-Type"] != "application/json" || r.Headers["Access-Control-Allow-Origin"] != origin {
				t.Errorf("%s, %s: %+v", method, name, r)
			}
			if line := log.String(); strings.Count(line, "\n") != 1 || !strings.Contains(line, "could not be read") || strings.Contains(line, "s3cret") || len(line) > 500 {
				t.Errorf("%s, %s: logged %.600q", method, name, line)
			}
		}
	}
}

// TestAHandshakeKeepsItsURL has all that the last values leave out.
func TestAHandshakeKeepsItsURL(t *testing.T) {
	got := make(chan engine.Handshake, 1)
	w := newWorld(t)
	e, err := engine.New(memory.New(nil), w, w, handshakes{w, got}, engine.Options{OrderedFrames: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	connect := websocketEvent("CONNECT", "", nil)
	connect.MultiValueQueryStringParameters = map[string][]string{"EIO": {"4"}, "transport": {"websocket"}, "a": {"1", "2"}}
	invoke[events.APIGatewayProxyResponse](t, apigw.NewConnect(e, nil), connect)
	w.greet(t, e)
	invoke[events.APIGatewayProxyResponse](t, apigw.NewMessage(e), websocketEvent("MESSAGE", "4x", nil))
	h := <-got
	if _, query, _ := strings.Cut(h.URL, "?"); query != (url.Values{"EIO": {"4"}, "transport": {"websocket"}, "a": {"1", "2"}}).Encode() || h.Query.Get("a") != "2" {
		t.Errorf("%q, %q", h.URL, h.Query)
	}
}
