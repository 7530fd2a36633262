package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi/types"
	"github.com/coder/websocket"

	"github.com/dozeio/doze/pkg/gateway"
)

func TestSDKWorksWithoutASocket(t *testing.T) {
	b := start(t, gateway.Options{})
	c, id := b.connect()
	inside := func(o *apigatewaymanagementapi.Options) { o.HTTPClient = &http.Client{Transport: b.Transport()} }
	post := func(ctx context.Context, id string) error {
		_, err := b.sdk().PostToConnection(ctx, &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: &id, Data: []byte("hello")}, inside)
		return err
	}
	if err := post(b.ctx, id); err != nil {
		t.Fatal(err)
	}
	if got := b.hear(c); got != "hello" {
		t.Error(got)
	}
	if got, err := b.sdk().GetConnection(b.ctx, &apigatewaymanagementapi.GetConnectionInput{ConnectionId: &id}, inside); err != nil || *got.Identity.SourceIp != "127.0.0.1" {
		t.Error(got, err)
	}
	if err := post(b.ctx, "R1kmxc2VNjMCFIA="); !isType[*types.GoneException](err) {
		t.Error(err)
	}
	b.SetFaults(gateway.Faults{PostHangs: 1})
	ctx, cancel := context.WithCancel(b.ctx)
	go func() {
		for b.Stats().Faults == 0 {
		}
		cancel()
	}()
	if err := post(ctx, id); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	r, _ := http.NewRequest("GET", "http://any/local", nil)
	if _, err := b.Transport().RoundTrip(r); err == nil || !strings.Contains(err.Error(), "only, not /local") {
		t.Error(err)
	}
}

func TestGatewayWorksBehindTLS(t *testing.T) {
	b := start(t, gateway.Options{})
	b.server.Close()
	b.serveTLS()
	c, _, err := websocket.Dial(b.ctx, b.url("/local"), &websocket.DialOptions{HTTPClient: b.server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	e := b.next(b.connects)
	if e.Headers["X-Forwarded-Proto"] != "https" {
		t.Error(e.Headers)
	}
	for range 100 {
		text := strings.Repeat("x", 10000)
		b.say(c, text)
		if got := b.hear(c); got != text {
			t.Fatal(len(got))
		}
	}
	b.Kill(e.RequestContext.ConnectionID)
	b.gone(e.RequestContext.ConnectionID, 1006, "Connection closed abnormally")
}
