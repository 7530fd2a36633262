package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/coder/websocket"

	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/tests/kit/fakeclock"
)

// A Lambda function that greets whoever says a name, behind a WebSocket API.
func Example() {
	greet := gateway.HandlerFunc(func(ctx context.Context, event []byte) ([]byte, error) {
		var e events.APIGatewayWebsocketProxyRequest
		if err := json.Unmarshal(event, &e); err != nil {
			return nil, err
		}
		return json.Marshal(events.APIGatewayProxyResponse{StatusCode: 200, Body: "hello " + e.Body})
	})
	g, err := gateway.New(gateway.Options{Default: greet, RouteResponse: true, Stage: "dev"})
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(g)
	defer server.Close()

	ctx := context.Background()
	c, _, err := websocket.Dial(ctx, server.URL+"/dev", nil)
	if err != nil {
		log.Fatal(err)
	}
	c.Write(ctx, websocket.MessageText, []byte("world"))
	_, answer, _ := c.Read(ctx)
	fmt.Println(string(answer))

	c.Write(ctx, websocket.MessageBinary, []byte{1, 2, 3})
	_, _, err = c.Read(ctx)
	fmt.Println(int(websocket.CloseStatus(err)), "is what AWS thinks of binary frames")
	fmt.Println(g.Close(ctx))
	// Output:
	// hello world
	// 1003 is what AWS thinks of binary frames
	// <nil>
}

// A job that waits five minutes on a clock that the program moves.
func ExampleGateway_Schedule() {
	clock := fakeclock.New(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	done := make(chan string)
	g, err := gateway.New(gateway.Options{
		Clock: clock,
		Jobs: gateway.HandlerFunc(func(ctx context.Context, event []byte) ([]byte, error) {
			var e events.SQSEvent
			if err := json.Unmarshal(event, &e); err != nil {
				return nil, err
			}
			done <- clock.Now().Format(time.TimeOnly) + " " + e.Records[0].Body
			return json.Marshal(events.SQSEventResponse{})
		}),
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	g.Schedule(ctx, []byte("sweep"), 5*time.Minute)
	clock.Advance(5 * time.Minute)
	fmt.Println(<-done)
	fmt.Println(g.Close(ctx))
	// Output:
	// 12:05:00 sweep
	// <nil>
}

// The next two posts meet a throttled API, whatever the connection.
func ExampleGateway_SetFaults() {
	g, err := gateway.New(gateway.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close(context.Background())
	fmt.Println(g.SetFaults(gateway.Faults{PostThrottled: 1, Max: 2}))
	fmt.Println(g.SetFaults(gateway.Faults{PostThrottled: 100}))

	// A connection that never was is gone all the same.
	w := httptest.NewRecorder()
	g.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/local/@connections/R1kmxc2VNjMCFIA=", strings.NewReader("hi")))
	fmt.Println(w.Code, w.Header().Get("x-amzn-ErrorType"))
	// Output:
	// <nil>
	// gateway: Faults.PostThrottled is 100, but a rate is from 0 to 1
	// 410 GoneException
}
