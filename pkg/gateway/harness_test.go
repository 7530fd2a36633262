package gateway_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	"github.com/coder/websocket"
	"github.com/gobwas/ws"

	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/tests/kit/fakeclock"
)

// bench is a gateway on a loopback port with everything a test needs around it.
type bench struct {
	testing.TB
	*gateway.Gateway
	ctx    context.Context // ends before the test's patience does
	server *httptest.Server
	clock  *fakeclock.Clock // nil unless the test brought one

	connects, messages, disconnects chan events.APIGatewayWebsocketProxyRequest
}

type wsEvent = events.APIGatewayWebsocketProxyRequest

// start runs a gateway. Routes that the options leave open accept, echo and take note.
func start(t testing.TB, o gateway.Options) *bench {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	b := &bench{
		TB: t, ctx: ctx,
		connects: make(chan wsEvent, 1000), messages: make(chan wsEvent, 1000), disconnects: make(chan wsEvent, 1000),
	}
	if o.ConnectGap == 0 {
		o.ConnectGap = -1 // most tests post at once
	}
	b.clock, _ = o.Clock.(*fakeclock.Clock)
	if o.Connect == nil {
		o.Connect = noting(b.connects, reply(200, ""))
	}
	if o.Default == nil {
		o.Default, o.RouteResponse = noting(b.messages, func(e wsEvent) (any, error) { return reply(200, e.Body)(e) }), true
	}
	if o.Disconnect == nil {
		o.Disconnect = noting(b.disconnects, reply(200, ""))
	}
	g, err := gateway.New(o)
	if err != nil {
		t.Fatal(err)
	}
	b.Gateway = g
	b.server = httptest.NewServer(g)
	t.Cleanup(func() {
		if err := g.Close(ctx); err != nil {
			t.Error(err)
		}
		b.server.Close()
	})
	return b
}

// serveTLS puts the gateway behind a server with a certificate instead.
func (b *bench) serveTLS() {
	b.server = httptest.NewTLSServer(b.Gateway)
}

type answerer = func(wsEvent) (any, error)

// function is a Lambda function for WebSocket events.
func function(answer answerer) gateway.Handler {
	return gateway.HandlerFunc(func(ctx context.Context, event []byte) ([]byte, error) {
		var e wsEvent
		if err := json.Unmarshal(event, &e); err != nil {
			return nil, err
		}
		a, err := answer(e)
		if err != nil {
			return nil, err
		}
		return json.Marshal(a)
	})
}

func noting(into chan wsEvent, answer answerer) gateway.Handler {
	return function(func(e wsEvent) (any, error) {
		into <- e
		return answer(e)
	})
}

func reply(status int, body string) answerer {
	return func(wsEvent) (any, error) {
		return events.APIGatewayProxyResponse{StatusCode: status, Body: body}, nil
	}
}

func newClock() *fakeclock.Clock { return fakeclock.New(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) }

func (b *bench) url(path string) string {
	return "ws" + strings.TrimPrefix(b.server.URL, "http") + path
}

// dial opens a connection with a client that we did not write.
func (b *bench) dial() *websocket.Conn {
	b.Helper()
	c, _, err := websocket.Dial(b.ctx, b.url("/local"), nil)
	if err != nil {
		b.Fatal(err)
	}
	c.SetReadLimit(1 << 20)
	b.Cleanup(func() { c.CloseNow() })
	return c
}

// connect returns the connection's id too.
func (b *bench) connect() (*websocket.Conn, string) {
	b.Helper()
	c := b.dial()
	return c, b.next(b.connects).RequestContext.ConnectionID
}

// raw opens a connection whose frames the test writes itself.
func (b *bench) raw() net.Conn {
	b.Helper()
	c, _, _, err := ws.Dial(b.ctx, b.url("/local"))
	if err != nil {
		b.Fatal(err)
	}
	deadline, _ := b.ctx.Deadline()
	c.SetDeadline(deadline)
	b.Cleanup(func() { c.Close() })
	return c
}

func (b *bench) writeRaw(c net.Conn, f ws.Frame) {
	b.Helper()
	if err := ws.WriteFrame(c, f); err != nil {
		b.Fatal(err)
	}
}

// readFrame is one frame of the gateway's, which a test may believe.
func readFrame(c io.Reader) (f ws.Frame, err error) {
	if f.Header, err = ws.ReadHeader(c); err == nil {
		f.Payload = make([]byte, f.Header.Length)
		_, err = io.ReadFull(c, f.Payload)
	}
	return f, err
}

func (b *bench) next(from chan wsEvent) wsEvent {
	b.Helper()
	select {
	case e := <-from:
		return e
	case <-b.ctx.Done():
		b.Fatal("nothing came")
		panic("unreachable")
	}
}

func (b *bench) say(c *websocket.Conn, text string) {
	b.Helper()
	if err := c.Write(b.ctx, websocket.MessageText, []byte(text)); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) hear(c *websocket.Conn) string {
	b.Helper()
	_, got, err := c.Read(b.ctx)
	if err != nil {
		b.Fatal(err)
	}
	return string(got)
}

// closeCode reads until the connection ends.
func (b *bench) closeCode(c *websocket.Conn) int {
	b.Helper()
	for {
		if _, _, err := c.Read(b.ctx); err != nil {
			return int(websocket.CloseStatus(err))
		}
	}
}

// sdk is the AWS SDK's own client, without retries.
func (b *bench) sdk() *apigatewaymanagementapi.Client {
	return apigatewaymanagementapi.New(apigatewaymanagementapi.Options{
		BaseEndpoint: aws.String(b.server.URL + "/local"), Region: "us-east-1", RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
}

func (b *bench) post(id, text string) error {
	_, err := b.sdk().PostToConnection(b.ctx, &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: &id, Data: []byte(text)})
	return err
}

// request is an HTTP request and its whole answer. It may be called on any goroutine.
func (b *bench) request(method, path, body string, headers ...string) (*http.Response, string) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.ctx, method, b.server.URL+path, strings.NewReader(body))
	if err != nil {
		b.Error(err)
		return &http.Response{}, ""
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		b.Error(err)
		return &http.Response{}, ""
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		b.Error(err)
	}
	return res, string(got)
}
