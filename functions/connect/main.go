// Command connect is the Lambda function where sessions begin and polls wait: the $connect route, and GET and OPTIONS of the HTTP API,
// which also asks for the page.
package main

import (
	"log"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/dozeio/doze/app"
	"github.com/dozeio/doze/functions/backend"
	"github.com/dozeio/doze/pkg/apigw"
)

func main() {
	b, err := backend.FromEnv()
	if err != nil {
		log.Fatal(err)
	}
	after := apigw.NewAfterResponse(os.Getenv("AWS_LAMBDA_RUNTIME_API"), b.Timers) // for open packets
	b.Timers = after
	e, err := app.New(b.Origins...).Bind(b.Backend)
	if err != nil {
		log.Fatal(err)
	}
	pages, err := b.Site(app.Page())
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(after.Wrap(apigw.NewConnect(e, pages), e))
}
