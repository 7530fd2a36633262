// Command function is any of the four functions of a test's deployment: _HANDLER says which, and DOZE_TEST_APP with
// which application.
package main

import (
	"fmt"
	"log"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/dozeio/doze/functions/backend"
	"github.com/dozeio/doze/pkg/apigw"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/tests/kit/clientapp"
	"github.com/dozeio/doze/tests/kit/processes"
	"github.com/dozeio/doze/tests/kit/suiteapp"
)

func main() {
	h, err := function()
	if err != nil {
		log.Fatal(err)
	}
	if file := os.Getenv("DOZE_TEST_PROFILE"); file != "" && os.Getenv("_HANDLER") == "message" {
		go profile(file)
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
	b.Options, b.Defaults = settings.Engine, engine.Options{Logger: b.Defaults.Logger}
	if settings.Latency != (processes.Latency{}) {
		b.Backend = slow(b.Backend, settings.Latency)
	}
	api := os.Getenv("AWS_LAMBDA_RUNTIME_API")
	if settings.OpenByQueue {
		api = ""
	}
	after := apigw.NewAfterResponse(api, b.Timers)
	if os.Getenv("_HANDLER") == "connect" {
		b.Timers = after
	}
	bind := func(b socketio.Backend) (*engine.Engine, error) { return clientapp.New().Bind(b) }
	if settings.App != "client" {
		if bind, err = suiteapp.Bind(settings.App); err != nil {
			return nil, err
		}
	}
	e, err := bind(b.Backend)
	if err != nil {
		return nil, err
	}
	h, err := handler(e, b.Timers, after)
	if err != nil || settings.Latency.Invoke == 0 {
		return h, err
	}
	return slowHandler{h, settings.Latency.Invoke}, nil
}

func handler(e *engine.Engine, timers engine.Timers, after *apigw.AfterResponse) (apigw.Handler, error) {
	switch name := os.Getenv("_HANDLER"); name {
	case "connect":
		return after.Wrap(apigw.NewConnect(e, nil), e), nil
	case "message":
		return apigw.NewMessage(e), nil
	case "disconnect":
		return apigw.NewDisconnect(e), nil
	case "heartbeat":
		return apigw.NewHeartbeat(e, timers), nil
	default:
		return nil, fmt.Errorf("_HANDLER is %q", name)
	}
}
