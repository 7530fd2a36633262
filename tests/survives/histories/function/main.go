// Command function is any of the four functions of the histories' deployment: _HANDLER says which.
package main

import (
	"fmt"
	"log"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/dozeio/doze/functions/backend"
	"github.com/dozeio/doze/pkg/apigw"
	"github.com/dozeio/doze/tests/kit/processes"
	"github.com/dozeio/doze/tests/survives/histories"
)

func main() {
	h, err := function()
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(h)
}

func function() (apigw.Handler, error) {
	b, err := backend.FromEnv()
	if err != nil {
		return nil, err
	}
	settings, err := processes.SettingsFromEnv()
	if err != nil {
		return nil, err
	}
	logger := b.Options.Logger
	b.Options = settings.Engine
	b.Options.Logger = logger
	queue, name := b.Timers, os.Getenv("_HANDLER")
	after := apigw.NewAfterResponse(os.Getenv("AWS_LAMBDA_RUNTIME_API"), queue)
	if name == "connect" {
		b.Timers = after
	}
	e, err := histories.App().Bind(b.Backend)
	if err != nil {
		return nil, err
	}
	switch name {
	case "connect":
		return after.Wrap(apigw.NewConnect(e, nil), e), nil
	case "message":
		return apigw.NewMessage(e), nil
	case "disconnect":
		return apigw.NewDisconnect(e), nil
	case "heartbeat":
		return apigw.NewHeartbeat(e, queue), nil
	default:
		return nil, fmt.Errorf("_HANDLER is %q", name)
	}
}
