// Package apigw is AWS's side of Doze: API Gateway's and SQS's events in, responses out. What Doze sends to AWS is in
// package outgoing below. The five functions of a deployment are one Handler each; see
// [NewConnect], [NewPoll], [NewMessage], [NewDisconnect] and [NewHeartbeat].
//
// The facts that this package rests on are in AWS's documentation of WebSocket APIs
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api.html) and of HTTP APIs'
// payload format 2.0
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html).
package apigw
