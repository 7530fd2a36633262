// Command poll is the Lambda function where sessions over HTTP begin and polls wait: GET, HEAD and OPTIONS of the HTTP
// API, which also asks for the page.
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
	pages, err := b.Site(app.Page())
	if err != nil {
		backend.Exit(err)
	}
	lambda.Start(apigw.NewPoll(e, pages))
}
