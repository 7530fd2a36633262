// Command heartbeat is the Lambda function for timers and jobs: pings, the reaping of dead sessions, open packets that
// could not be posted at once. Its events come from SQS.
package main

import (
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
	e, err := b.Bind(app.New())
	if err != nil {
		backend.Exit(err)
	}
	lambda.Start(apigw.NewHeartbeat(e, b.Timers))
}
