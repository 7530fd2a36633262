package apigw_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/dozeio/doze/pkg/apigw"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
	"github.com/dozeio/doze/pkg/store/memory"
)

// world is an engine whose posts and jobs are kept.
type world struct {
	engine *engine.Engine
	jobs   []string
	posts  []string
	fail   error // of the next jobs
}

func (w *world) Post(_ context.Context, _ string, f engine.Frame) error {
	w.posts = append(w.posts, string(f.Data))
	return nil
}
func (w *world) Exists(context.Context, string) error     { return w.fail }
func (w *world) Disconnect(context.Context, string) error { return nil }
func (w *world) Schedule(_ context.Context, job []byte, _ time.Duration) error {
	w.jobs = append(w.jobs, string(job))
	return nil
}

// Message sends every message back.
func (w *world) Message(ctx context.Context, v *engine.Invocation, messages []protocol.EnginePacket) error {
	for _, m := range messages {
		p, err := w.engine.Parcel(m)
		if err != nil {
			return err
		}
		if err := v.Send(ctx, p); err != nil {
			return err
		}
	}
	return nil
}
func (*world) Closed(context.Context, engine.Session) error                { return nil }
func (*world) Moved(context.Context, engine.Session, engine.Address) error { return nil }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{}
	e, err := engine.New(memory.New(nil), w, w, w, engine.Options{OrderedFrames: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w.engine = e
	return w
}

// invoke gives an event to a function and decodes its answer.
func invoke[T any](t *testing.T, h apigw.Handler, event any) (answer T) {
	t.Helper()
	b, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	b, err = h.Invoke(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return answer
}

func websocketEvent(kind, body string, query map[string]string) events.APIGatewayWebsocketProxyRequest {
	return events.APIGatewayWebsocketProxyRequest{
		Headers: map[string]string{"Host": "x"}, QueryStringParameters: query, Body: body,
		RequestContext: events.APIGatewayWebsocketProxyRequestContext{EventType: kind, ConnectionID: "R1kmxc2VNjMCFIA="},
	}
}

func TestWebSocketEvents(t *testing.T) {
	w := newWorld(t)
	connect := invoke[events.APIGatewayProxyResponse](t, apigw.NewConnect(w.engine, nil),
		websocketEvent("CONNECT", "", map[string]string{"EIO": "4", "transport": "websocket"}))
	if connect.StatusCode != 200 || len(w.jobs) == 0 {
		t.Fatalf("$connect: %+v, jobs %q", connect, w.jobs)
	}
	var batch events.SQSEvent
	for _, j := range w.jobs {
		if strings.Contains(j, `"open"`) { // the others are for later
			batch.Records = append(batch.Records, events.SQSMessage{MessageId: j, Body: j})
		}
	}
	if r := invoke[events.SQSEventResponse](t, apigw.NewHeartbeat(w.engine, nil), batch); len(r.BatchItemFailures) != 0 {
		t.Errorf("jobs failed: %+v", r)
	}
	if len(w.posts) == 0 || !strings.HasPrefix(w.posts[0], `0{"sid":`) {
		t.Errorf("no open packet: %q", w.posts)
	}
	answer := invoke[events.APIGatewayProxyResponse](t, apigw.NewMessage(w.engine), websocketEvent("MESSAGE", "4hello", nil))
	if answer.StatusCode != 200 || answer.Body != "" || w.posts[len(w.posts)-1] != "4hello" {
		t.Errorf("$default: %+v, posts %q, want the reply as a post", answer, w.posts)
	}
	if r := invoke[events.APIGatewayProxyResponse](t, apigw.NewDisconnect(w.engine), websocketEvent("DISCONNECT", "", nil)); r.StatusCode != 200 {
		t.Errorf("$disconnect: %+v", r)
	}
	answer = invoke[events.APIGatewayProxyResponse](t, apigw.NewMessage(w.engine), websocketEvent("MESSAGE", "4hello", nil))
	if answer.StatusCode != 200 || answer.Body != "" {
		t.Errorf("$default after $disconnect: %+v, want an empty 200", answer)
	}
}

// TestAnswersAreTheirStatusAndNothingElse looks at the bytes: other names than the documented ones, be they null, are
// not for a WebSocket API.
func TestAnswersAreTheirStatusAndNothingElse(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		name  string
		h     apigw.Handler
		event events.APIGatewayWebsocketProxyRequest
		want  string
	}{
		{"$connect", apigw.NewConnect(w.engine, nil), websocketHandshake, `{"statusCode":200}`},
		{"$connect, refused", apigw.NewConnect(w.engine, nil), websocketEvent("CONNECT", "", map[string]string{"EIO": "9", "transport": "websocket"}),
			`{"statusCode":400,"headers":{"Content-Type":"application/json"},"body":"{\"code\":5,\"message\":\"Unsupported protocol version\"}"}`},
		{"$default, a pong", apigw.NewMessage(w.engine), websocketEvent("MESSAGE", "3", nil), `{"statusCode":200}`},
		{"$default, no base64", apigw.NewMessage(w.engine), noBase64(), `{"statusCode":200}`},
		{"$disconnect", apigw.NewDisconnect(w.engine), websocketEvent("DISCONNECT", "", nil), `{"statusCode":200}`},
	} {
		event, err := json.Marshal(c.event)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.h.Invoke(t.Context(), event); err != nil || string(got) != c.want {
			t.Errorf("%s: %s %v, want %s", c.name, got, err, c.want)
		}
	}
}

// TestSubprotocolEvents gives $connect the header as API Gateway may write it.
func TestSubprotocolEvents(t *testing.T) {
	for name, c := range map[string]struct {
		single map[string]string
		multi  map[string][]string
		want   string
	}{
		"chosen":            {map[string]string{"Sec-WebSocket-Protocol": "auth, token123"}, nil, `{"statusCode":200,"headers":{"Sec-WebSocket-Protocol":"auth"}}`},
		"in small letters":  {map[string]string{"sec-websocket-protocol": "chat.v1"}, nil, `{"statusCode":200,"headers":{"Sec-WebSocket-Protocol":"chat.v1"}}`},
		"as several values": {nil, map[string][]string{"Sec-WebSocket-Protocol": {"auth", "token123"}}, `{"statusCode":200,"headers":{"Sec-WebSocket-Protocol":"auth"}}`},
		"the last of several, and all": {map[string]string{"Sec-WebSocket-Protocol": "token123"}, map[string][]string{"Sec-WebSocket-Protocol": {"auth", "token123"}},
			`{"statusCode":200,"headers":{"Sec-WebSocket-Protocol":"auth"}}`},
		"empty": {map[string]string{"Sec-WebSocket-Protocol": ""}, nil,
			`{"statusCode":400,"headers":{"Content-Type":"application/json"},"body":"{\"code\":3,\"message\":\"Bad request\"}"}`},
	} {
		event := websocketEvent("CONNECT", "", map[string]string{"EIO": "4", "transport": "websocket"})
		event.Headers, event.MultiValueHeaders = c.single, c.multi
		b, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := apigw.NewConnect(newWorld(t).engine, nil).Invoke(t.Context(), b); err != nil || string(got) != c.want {
			t.Errorf("%s: %s %v, want %s", name, got, err, c.want)
		}
	}
}

func noBase64() events.APIGatewayWebsocketProxyRequest {
	event := websocketEvent("MESSAGE", "!", nil)
	event.IsBase64Encoded = true
	return event
}

func TestHTTPEvents(t *testing.T) {
	w := newWorld(t)
	request := func(method, query, body string) events.APIGatewayV2HTTPRequest {
		return events.APIGatewayV2HTTPRequest{RawPath: "/socket.io/", RawQueryString: query, Body: body, Headers: map[string]string{"host": "x"},
			RequestContext: events.APIGatewayV2HTTPRequestContext{HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: method}}}
	}
	open := invoke[events.APIGatewayV2HTTPResponse](t, apigw.NewConnect(w.engine, nil), request("GET", "EIO=4&transport=polling", ""))
	var packet protocol.Open
	if open.StatusCode != 200 || json.Unmarshal([]byte(open.Body[1:]), &packet) != nil {
		t.Fatalf("handshake: %+v", open)
	}
	query := "EIO=4&transport=polling&sid=" + packet.SID
	post := request("POST", query, "NGhlbGxv") // 4hello
	post.IsBase64Encoded = true
	if r := invoke[events.APIGatewayV2HTTPResponse](t, apigw.NewMessage(w.engine), post); r.StatusCode != 200 || r.Body != "ok" {
		t.Errorf("POST: %+v", r)
	}
	if r := invoke[events.APIGatewayV2HTTPResponse](t, apigw.NewPoll(w.engine, nil), request("GET", query, "")); r.Body != "4hello" {
		t.Errorf("GET: %+v", r)
	}
	post.Body = "!"
	if r := invoke[events.APIGatewayV2HTTPResponse](t, apigw.NewMessage(w.engine), post); r.StatusCode != 400 {
		t.Errorf("a body that is not base64: %+v, want 400", r)
	}
}

func TestHandshakeKeepsHeadersQueryAndCookies(t *testing.T) {
	w := newWorld(t)
	got := make(chan engine.Handshake, 1)
	w.engine = nil
	e, err := engine.New(memory.New(nil), w, w, handshakes{w, got}, engine.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	event := events.APIGatewayV2HTTPRequest{RawPath: "/socket.io/", RawQueryString: "EIO=4&transport=polling&x=1", Cookies: []string{"a=1", "b=2"},
		Headers: map[string]string{"host": "x", "user-agent": "test"}}
	event.RequestContext.HTTP.Method, event.RequestContext.HTTP.SourceIP = "GET", "203.0.113.7"
	open := invoke[events.APIGatewayV2HTTPResponse](t, apigw.NewConnect(e, nil), event)
	var packet protocol.Open
	if err := json.Unmarshal([]byte(open.Body[1:]), &packet); err != nil {
		t.Fatal(err)
	}
	post := event
	post.RequestContext.HTTP.Method, post.RawQueryString, post.Body = "POST", "EIO=4&transport=polling&sid="+packet.SID, "4x"
	invoke[events.APIGatewayV2HTTPResponse](t, apigw.NewMessage(e), post)
	h := <-got
	if h.Address != "203.0.113.7" || h.Header.Get("Cookie") != "a=1; b=2" || h.Header.Get("User-Agent") != "test" || h.Query.Get("x") != "1" {
		t.Errorf("handshake: %+v", h)
	}
}

type handshakes struct {
	*world
	got chan engine.Handshake
}

func (h handshakes) Message(ctx context.Context, v *engine.Invocation, _ []protocol.EnginePacket) error {
	s, err := v.Handshake(ctx)
	h.got <- s
	return err
}

func TestWhatIsNoJobDoesNotComeAgain(t *testing.T) {
	w := newWorld(t)
	h := apigw.NewHeartbeat(w.engine, nil)
	r := invoke[events.SQSEventResponse](t, h, events.SQSEvent{Records: []events.SQSMessage{
		{MessageId: "good", Body: `{"kind":"gone","id":"1","connection":"c"}`},
		{MessageId: "bad", Body: `{"kind":"unheard of"}`},
		{MessageId: "worse", Body: `no JSON`},
	}})
	if len(r.BatchItemFailures) != 0 { // TestAJobFailsAlone has those that do
		t.Errorf("%+v", r)
	}
	b, err := h.Invoke(t.Context(), []byte(`{"Records":[]}`))
	if err != nil || string(b) != `{"batchItemFailures":[]}` {
		t.Errorf("%s %v, want an empty list: null stops some pollers", b, err)
	}
}

func TestEventsOfTheWrongRouteAreErrors(t *testing.T) {
	w := newWorld(t)
	for name, h := range map[string]apigw.Handler{"connect": apigw.NewConnect(w.engine, nil), "poll": apigw.NewPoll(w.engine, nil), "message": apigw.NewMessage(w.engine), "disconnect": apigw.NewDisconnect(w.engine)} {
		if _, err := h.Invoke(t.Context(), []byte(`{"requestContext":{"eventType":"OTHER"}}`)); err == nil || !strings.Contains(err.Error(), "check the routes") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := h.Invoke(t.Context(), []byte(`no JSON`)); err == nil {
			t.Errorf("%s took an event that is not JSON", name)
		}
	}
}

// TestEnvelopeHasTheEventsNames guards the names of the few fields that are decoded without aws-lambda-go's types.
func TestEnvelopeHasTheEventsNames(t *testing.T) {
	for _, c := range []struct {
		of    reflect.Type
		field string
		name  string
	}{
		{reflect.TypeFor[events.APIGatewayWebsocketProxyRequest](), "RequestContext", "requestContext"},
		{reflect.TypeFor[events.APIGatewayWebsocketProxyRequest](), "Body", "body,omitempty"},
		{reflect.TypeFor[events.APIGatewayWebsocketProxyRequest](), "IsBase64Encoded", "isBase64Encoded"},
		{reflect.TypeFor[events.APIGatewayWebsocketProxyRequestContext](), "EventType", "eventType"},
		{reflect.TypeFor[events.APIGatewayWebsocketProxyRequestContext](), "ConnectionID", "connectionId"},
		{reflect.TypeFor[events.APIGatewayV2HTTPRequestContext](), "HTTP", "http"},
	} {
		f, ok := c.of.FieldByName(c.field)
		if !ok || f.Tag.Get("json") != c.name {
			t.Errorf("%s.%s is %q, want %q", c.of, c.field, f.Tag.Get("json"), c.name)
		}
	}
}
