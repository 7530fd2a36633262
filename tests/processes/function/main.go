// Command function is any of the four functions of a test's deployment: _HANDLER says which, and DOZE_TEST_APP with which application.
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
	"github.com/dozeio/doze/tests/clientapp"
	"github.com/dozeio/doze/tests/processes"
	"github.com/dozeio/doze/tests/suiteapp"
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
	app, err := processes.FromEnv(&b.Options)
	if err != nil {
		return nil, err
	}
	bind := func(b socketio.Backend) (*engine.Engine, error) { return clientapp.New().Bind(b) }
	if app != "client" {
		if bind, err = suiteapp.Bind(app); err != nil {
			return nil, err
		}
	}
	e, err := bind(b.Backend)
	if err != nil {
		return nil, err
	}
	switch name := os.Getenv("_HANDLER"); name {
	case "connect":
		return apigw.NewConnect(e, nil), nil
	case "message":
		return apigw.NewMessage(e), nil
	case "disconnect":
		return apigw.NewDisconnect(e), nil
	case "heartbeat":
		return apigw.NewHeartbeat(e, b.Timers), nil
	default:
		return nil, fmt.Errorf("_HANDLER is %q", name)
	}
}
