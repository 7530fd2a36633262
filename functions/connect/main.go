// Command connect is the Lambda function where sessions over WebSocket begin: the $connect route, and the open packets
// of new connections.
package main

import (
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/dozeio/doze/app"
	"github.com/dozeio/doze/functions/backend"
	"github.com/dozeio/doze/pkg/apigw"
)

func main() {
	b, err := backend.FromEnv()
	if err != nil {
		backend.Exit(err)
	}
	after := apigw.NewAfterResponse(os.Getenv("AWS_LAMBDA_RUNTIME_API"), b.Timers) // for open packets
	b.Timers = after
	e, err := b.Bind(app.New())
	if err != nil {
		backend.Exit(err)
	}
	lambda.Start(after.Wrap(apigw.NewConnect(e, nil), e))
}
