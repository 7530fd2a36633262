// Package gateway is Amazon API Gateway in a Go process: a WebSocket API and an HTTP API in front of Lambda functions,
// the @connections management API, and a delay queue that feeds a function as SQS does. It is for developing and
// testing serverless applications where AWS is not: it speaks real HTTP and WebSocket, invokes functions through JSON
// in and JSON out, and knows nothing of what they do.
//
//	echo := gateway.HandlerFunc(func(ctx context.Context, event []byte) ([]byte, error) {
//		var e events.APIGatewayWebsocketProxyRequest
//		if err := json.Unmarshal(event, &e); err != nil {
//			return nil, err
//		}
//		return json.Marshal(events.APIGatewayProxyResponse{StatusCode: 200, Body: e.Body})
//	})
//	g, err := gateway.New(gateway.Options{Default: echo, RouteResponse: true, Stage: "dev"})
//	if err != nil {
//		log.Fatal(err)
//	}
//	log.Fatal(http.ListenAndServe("127.0.0.1:8080", g)) // now connect to ws://127.0.0.1:8080/dev
//
// What lambda.NewHandler of aws-lambda-go returns is a Handler too, but for one invocation at a time: the answer is in
// a buffer that the next one writes into (v1.55). The SDK's management client works with BaseEndpoint
// http://127.0.0.1:8080/dev.
//
// # What is faithful
//
// The surprises of the platform are the point, and each has a test:
//   - The handshake is pending until $connect has returned, and its refusal is the client's HTTP status. A post to the
//     connection inside $connect is answered 410.
//   - Messages of one connection are handled in parallel and in no order (see Options.Jitter); what the function
//     returns is dropped, or with Options.RouteResponse sent, an empty body as an empty frame; a function that fails,
//     answers what is no proxy response or takes 29 s makes the gateway send an error frame.
//   - Only $connect has headers and a query.
//   - Binary frames close the connection with 1003, frames over 32 KiB and messages over 128 KiB with 1009; so do 10
//     idle minutes and the age of 2 hours with 1001.
//   - $disconnect comes once, with a code and a reason, or twice, late, or never (see Faults).
//   - Posts to one connection arrive in the order in which they were answered. A client that takes nothing gets its
//     posters a 429, and delays nobody else.
//   - The account, the stages and new connections have token buckets, all functions together a concurrency, each with
//     AWS's default; what a client, a poster or a job then sees is at Options.WebSocketStage and Options.Concurrency.
//   - A chain of jobs that a function sends to itself is ended after 16 invocations, a job that fails comes when its
//     visibility timeout is over.
//   - The HTTP API has payload format 2.0, its base64 and cookie rules, the 30 s limit, and lets a function go on when
//     its client has left.
//
// # What is not
//
// There is no authorizer, no CORS configuration of the API itself, and no check of signatures. The gateway serves one
// connection and one machine: listen on a loopback address only, with NewServer where browsers are. Two options
// describe gateways that are not AWS's, for those who test against such: Options.BinaryFrames and
// Options.OrderedFrames. And the delay queue has an HTTP door of its own, see Gateway.ServeHTTP.
//
// # Sources
//
// Comments name the public page or issue that a fact is from; where none was found they say so. docs/aws-facts.md lists
// the facts with the options that play them, and what nothing here plays.
package gateway
