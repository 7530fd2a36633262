// Command message is the Lambda function where packets come in: the $default route, and POST of the HTTP API.
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
	lambda.Start(apigw.NewMessage(e))
}
