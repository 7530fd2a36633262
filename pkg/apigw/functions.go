package apigw

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/observe"
)

// Handler is one Lambda function, for lambda.StartHandler and for the local gateway. It is safe for concurrent use.
type Handler interface {
	Invoke(ctx context.Context, event []byte) ([]byte, error)
}

// NewConnect returns the function of the $connect route. Where there is no other for GET and OPTIONS of the HTTP API,
// it answers these as NewPoll does.
func NewConnect(e *engine.Engine, site http.Handler) Handler {
	get := get(site)
	return newFunction(e, "connect", func(ctx context.Context, e *engine.Engine, env envelope, event []byte) (any, error) {
		if env.RequestContext.HTTP != nil {
			return get(ctx, e, env, event)
		}
		return connect(ctx, e, env, event)
	})
}

// NewPoll returns the function that sessions over HTTP begin with and that polls wait in: GET, HEAD and OPTIONS of the
// HTTP API. What is not for the engine's Path the site answers; without one (nil) it is not found.
func NewPoll(e *engine.Engine, site http.Handler) Handler { return newFunction(e, "poll", get(site)) }

// NewMessage returns the function that packets come in by: the $default route, and POST of the HTTP API (any method
// that is not NewConnect's, for that matter, to be refused as the protocol wants it). Below another path than
// the engine's nothing is found, whatever the query says.
func NewMessage(e *engine.Engine) Handler { return newFunction(e, "message", message) }

// NewDisconnect returns the function of the $disconnect route.
func NewDisconnect(e *engine.Engine) Handler { return newFunction(e, "disconnect", disconnect) }

type function struct {
	engine *engine.Engine
	name   string
	meter  observe.Meter
	tracer observe.Tracer
	handle handle
}

func newFunction(e *engine.Engine, name string, h handle) function {
	o := e.Options()
	return function{e, name, o.Meter, o.Tracer, h}
}

type handle func(context.Context, *engine.Engine, envelope, []byte) (any, error)

// answer is what a route of a WebSocket API is told, and not a name more: a user saw an answer with others become an
// "Internal server error" frame (github.com/middyjs/middy, issue 1219).
type answer struct {
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers,omitempty"`
	Body       string            `json:"body,omitempty"`
}

// envelope tells the events apart, and holds the few fields of a message's or a disconnect's event that are needed, so
// that these are decoded once and without the rest. The names are those of events.APIGatewayWebsocketProxyRequest.
type envelope struct {
	RequestContext struct {
		EventType            string          `json:"eventType"`
		ConnectionID         string          `json:"connectionId"`
		DisconnectStatusCode int             `json:"disconnectStatusCode"`
		HTTP                 json.RawMessage `json:"http"`
	} `json:"requestContext"`
	RawPath         string `json:"rawPath"` // of the HTTP API
	Body            string `json:"body"`
	IsBase64Encoded bool   `json:"isBase64Encoded"`
}

// envelopeOf reads an event, in a third of the time that encoding/json takes. What is no text in it is read as
// encoding/json does.
func envelopeOf(event []byte) (e envelope, err error) {
	err = jsonv2.Unmarshal(event, &e, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	return e, err
}

// reserve is what is left of an invocation's time for its response.
const reserve = time.Second

// Invoke handles one event. Its context ends a second before the invocation's time is over.
func (f function) Invoke(ctx context.Context, event []byte) (answer []byte, err error) {
	defer f.meter.Flush()
	id := requestID(ctx)
	ctx, end := f.tracer.Start(observe.WithID(ctx, id), observe.Invocation, f.name, slog.String(observe.Trace, id))
	defer func() { end(err) }()
	if deadline, ok := ctx.Deadline(); ok {
		var cancel func()
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-reserve))
		defer cancel()
	}
	e, err := envelopeOf(event)
	if err != nil {
		return nil, fmt.Errorf("apigw: the event is not JSON: %w", err)
	}
	response, err := f.handle(ctx, f.engine, e, event)
	if err != nil {
		return nil, err
	}
	return json.Marshal(response)
}

// requestID returns Lambda's id of the invocation, by which Lambda, or a gateway on this machine, calls it in lines of
// the log. Who invokes a function without one has one made up.
func requestID(ctx context.Context) string {
	if c, ok := lambdacontext.FromContext(ctx); ok && c.AwsRequestID != "" {
		return c.AwsRequestID
	}
	return rand.Text()[:12]
}

func get(site http.Handler) handle {
	return func(ctx context.Context, e *engine.Engine, env envelope, event []byte) (any, error) {
		switch {
		case env.RequestContext.HTTP == nil:
			return nil, fmt.Errorf("apigw: the poll function got an event of type %q: check the routes", env.RequestContext.EventType)
		case isProtocol(e, env.RawPath):
			return httpRequest(ctx, e, event)
		case site == nil:
			return notFound, nil
		}
		return siteRequest(ctx, e.Options().Logger, site, event)
	}
}

func connect(ctx context.Context, e *engine.Engine, env envelope, event []byte) (any, error) {
	if env.RequestContext.EventType != "CONNECT" {
		return nil, fmt.Errorf("apigw: the connect function got an event of type %q: check the routes", env.RequestContext.EventType)
	}
	var r events.APIGatewayWebsocketProxyRequest
	if err := json.Unmarshal(event, &r); err != nil {
		return nil, err
	}
	response := e.Connect(ctx, r.RequestContext.ConnectionID, websocketRequest(r))
	for name := range response.Header { // what else an application adds is not known to be passed on, or to do no harm
		if response.Status == http.StatusOK && name != "Sec-Websocket-Protocol" {
			delete(response.Header, name)
		}
	}
	return answer{StatusCode: response.Status, Headers: flat(response.Header), Body: string(response.Body)}, nil
}

func message(ctx context.Context, e *engine.Engine, env envelope, event []byte) (any, error) {
	switch {
	case env.RequestContext.HTTP != nil && isProtocol(e, env.RawPath):
		return httpRequest(ctx, e, event)
	case env.RequestContext.HTTP != nil:
		return notFound, nil
	case env.RequestContext.EventType != "MESSAGE":
		return nil, fmt.Errorf("apigw: the message function got an event of type %q: check the routes", env.RequestContext.EventType)
	}
	return frame(ctx, e, env), nil
}

// frame never fails, because API Gateway would send an error frame, which makes a stock client drop its connection.
func frame(ctx context.Context, e *engine.Engine, env envelope) (response answer) {
	response.StatusCode = 200
	connection := env.RequestContext.ConnectionID
	defer func() {
		if p := recover(); p != nil {
			e.Options().Logger.ErrorContext(ctx, "panic", "connection", connection, "value", p, "stack", string(debug.Stack()))
			e.DropConnection(ctx, connection)
		}
	}()
	data, err := body(env.Body, env.IsBase64Encoded)
	if err != nil {
		e.Options().Logger.ErrorContext(ctx, "a message event could not be read", "connection", connection, "error", err)
		e.DropConnection(ctx, connection)
		return response
	}
	e.Frame(ctx, connection, engine.Frame{Binary: env.IsBase64Encoded, Data: data})
	return response
}

func disconnect(ctx context.Context, e *engine.Engine, env envelope, _ []byte) (any, error) {
	if env.RequestContext.EventType != "DISCONNECT" {
		return nil, fmt.Errorf("apigw: the disconnect function got an event of type %q: check the routes", env.RequestContext.EventType)
	}
	e.Disconnect(ctx, env.RequestContext.ConnectionID, env.RequestContext.DisconnectStatusCode)
	return answer{StatusCode: 200}, nil
}
