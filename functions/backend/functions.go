package backend

import (
	"net/http"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/dozeio/doze/pkg/apigw"
	"github.com/dozeio/doze/pkg/socketio"
)

// Function makes one of the functions of a deployment, with an application that is not bound yet: Connect, Message,
// Disconnect, Heartbeat, or what Poll returns. Each takes the events that its comment names, tells them apart, and
// refuses any other with an error that says to check the routes. They are values, rather than one function that takes
// every event, so that the linker leaves out of each what it has no right to do.
type Function func(d Deployed, io *socketio.Server) (apigw.Handler, error)

// Main is the main of a function: it reads the environment, binds the application, and takes events until the process
// ends. What keeps the function from starting goes to its log.
func Main(make Function, io *socketio.Server) {
	d, err := FromEnv()
	if err != nil {
		Exit(err)
	}
	h, err := make(d, io)
	if err != nil {
		Exit(err)
	}
	lambda.Start(h)
}

// Exit ends a function that cannot start, with a line for its log that says why.
func Exit(err error) {
	lambdacontext.NewLogger().Error("the function cannot start", "error", err)
	os.Exit(1)
}

// Connect takes the $connect route: sessions over WebSocket begin there. It sends open packets after its response.
func Connect(d Deployed, io *socketio.Server) (apigw.Handler, error) {
	after := apigw.NewAfterResponse(os.Getenv("AWS_LAMBDA_RUNTIME_API"), d.Timers)
	d.Timers = after
	e, err := d.Bind(io)
	if err != nil {
		return nil, err
	}
	return after.Wrap(apigw.NewConnect(e, nil), e), nil
}

// Poll returns the function that takes GET, HEAD and OPTIONS of the HTTP API: sessions over HTTP begin there, and polls
// wait. What is not for the protocol gets the client's files, and the page, which may be nil for none.
func Poll(page http.Handler) Function {
	return func(d Deployed, io *socketio.Server) (apigw.Handler, error) {
		e, err := d.Bind(io)
		if err != nil {
			return nil, err
		}
		pages, err := d.Site(page)
		if err != nil {
			return nil, err
		}
		return apigw.NewPoll(e, pages), nil
	}
}

// Message takes the $default route, and POST of the HTTP API: packets come in.
func Message(d Deployed, io *socketio.Server) (apigw.Handler, error) {
	e, err := d.Bind(io)
	if err != nil {
		return nil, err
	}
	return apigw.NewMessage(e), nil
}

// Disconnect takes the $disconnect route: it is told of closed connections.
func Disconnect(d Deployed, io *socketio.Server) (apigw.Handler, error) {
	e, err := d.Bind(io)
	if err != nil {
		return nil, err
	}
	return apigw.NewDisconnect(e), nil
}

// Heartbeat takes what comes out of the job queue: timers and jobs, such as pings and the reaping of dead sessions, and
// what others have put there to be emitted.
func Heartbeat(d Deployed, io *socketio.Server) (apigw.Handler, error) {
	e, err := d.Bind(io)
	if err != nil {
		return nil, err
	}
	return apigw.NewHeartbeat(e, d.Timers), nil
}
