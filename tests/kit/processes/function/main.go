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
	"github.com/dozeio/doze/tests/kit/causes"
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
	meter := b.Options.Meter
	b.Options, b.Defaults = settings.Engine, engine.Options{Logger: b.Defaults.Logger}
	b.Options.Meter = meter
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
	bind, err := binding(settings.App)
	if err != nil {
		return nil, err
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

// binding returns what binds an application.
func binding(app string) (func(socketio.Backend) (*engine.Engine, error), error) {
	switch app {
	case "client":
		return func(b socketio.Backend) (*engine.Engine, error) { return clientapp.New().Bind(b) }, nil
	case "causes":
		io, err := causes.App(socketio.Options{})
		if err != nil {
			return nil, err
		}
		return func(b socketio.Backend) (*engine.Engine, error) { return io.Bind(b) }, nil
	}
	return suiteapp.Bind(app)
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
