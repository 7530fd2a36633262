package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// Handler is a Lambda function: JSON event in, JSON response out.
//
// Invoke is called from many goroutines at once. The payload belongs to the callee. The context's deadline is the time
// limit of the API that invoked the function, on the gateway's clock. An error, like a panic, is a function error: what
// the client sees then depends on the API.
type Handler interface {
	Invoke(ctx context.Context, payload []byte) ([]byte, error)
}

// HandlerFunc makes a Handler of a Go function.
type HandlerFunc func(ctx context.Context, payload []byte) ([]byte, error)

// Invoke calls f.
func (f HandlerFunc) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return f(ctx, payload)
}

// Options say which functions stand behind the gateway and how far it departs from AWS. The zero value of each field is
// AWS's behaviour; durations and sizes that AWS fixes are fields so that a test can shorten them.
type Options struct {
	// Connect, Default and Disconnect are the three routes of the WebSocket API. Without Connect every handshake
	// succeeds; without Default a message is answered with a "Forbidden" frame, as an unroutable message is; without
	// Disconnect nobody is told.
	Connect, Default, Disconnect Handler

	// HTTP are the routes of the HTTP API under Path, by method ("GET", "POST", ...). Other methods get 404
	// {"message":"Not Found"}.
	HTTP map[string]Handler

	// Direct, if not nil, takes the place of Connect, Default, Disconnect and HTTP. No function's limits are played then,
	// nor jitter and faults of messages and requests, and each connection's messages are in order.
	Direct Direct

	// Jobs receives what Schedule put off, as an SQS event with one record. Without it, Schedule returns an error.
	Jobs Handler

	// Site answers every request that is for none of the APIs: the page, say. Default: 404.
	Site http.Handler

	// HTTPEverywhere gives the HTTP API every path that is not the WebSocket API's or the queue's, as routes without a
	// path do on AWS. Site then answers nothing.
	HTTPEverywhere bool

	// Path is the front door's path, for polling and WebSocket alike; everything below it belongs to the front door.
	// Default: /socket.io/
	Path string

	// Stage is the name of the WebSocket API's stage, and so the first part of its path. Default: local
	Stage string

	// RouteResponse is a $default route with a route response: the body of the function's answer goes to the client as
	// one message. By default there is none, as in a new WebSocket API, and the body is dropped.
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-response.html
	RouteResponse bool

	// DropEmptyResponse is kinder than what is known of AWS: an empty body of a route response sends nothing. By
	// default an empty text frame leaves, which a user saw (https://github.com/serverless/serverless/issues/6816), and
	// which follows from what AWS writes: of a proxy integration "the backend output" goes to the caller "as the
	// complete payload"
	// (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-integration-responses.html).
	DropEmptyResponse bool

	// MaxHops is how many invocations of Jobs a chain has in which each job was sent by the invocation before, counted
	// by the trace id. Lambda drops what comes after "approximately" 16, into the dead-letter queue; with this queue it
	// is gone. Default: 16. https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
	MaxHops int

	// RecursiveLoop is Jobs with the property RecursiveLoop: Allow, which ends no chain. By default Lambda ends it
	// (Terminate). https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionRecursionConfig.html
	RecursiveLoop bool

	// Account is the throttle that all requests to the HTTP API, handshakes, messages and @connections calls share.
	// Default: AWS's, 10,000 a second with a burst of 5,000, of most regions;
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
	Account Throttle

	// WebSocketStage and HTTPStage are the throttles of the two APIs' stages: for handshakes and messages, and for
	// requests. Default: none but the account's, as AWS has it.
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-protect.html
	//
	// A throttled request or handshake is answered 429, an @connections call LimitExceededException, a message with an
	// error frame.
	WebSocketStage, HTTPStage Throttle

	// NewConnections is the throttle of handshakes in the account. Default: AWS's, 500 a second; with a burst of as
	// many, of which AWS says nothing.
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
	NewConnections Throttle

	// Concurrency is how many invocations run at once, of all functions together. Default: 1,000, the quota of an
	// account; a new one begins with fewer, ten in practice
	// (https://github.com/DataDog/datadog-serverless-functions/issues/621). Below 0: any number.
	// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
	//
	// What exceeds it is throttled, as is a function that itself answers so (runtimeapi.ErrThrottled): a message is
	// answered with the frame "Internal server error", a handshake and a request with 500, $disconnect is lost, and a
	// job counts as delivered and comes again after JobVisibility
	// (https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html).
	Concurrency int

	// Reserved is the ReservedConcurrentExecutions of functions, each named by one of its routes: "$connect",
	// "$default", "$disconnect", "jobs", or an HTTP method. It is taken from Concurrency, for this function only, and
	// it has no more. A function is known to be the same behind several routes when the Handler is a pointer, or
	// comparable otherwise. https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
	Reserved map[string]int

	// ColdStart is how much longer the first invocation of each new environment takes. A function has as many
	// environments as invocations ran at once, and none ends. Default: none, because what stands behind a gateway for
	// development may start for real, as runtimeapi's does, and how long it takes is not AWS's but the function's.
	// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
	ColdStart time.Duration

	// BinaryFrames describes a gateway that is not AWS's: binary messages reach the function with isBase64Encoded set,
	// and leave as binary frames when a route response has isBase64Encoded set or a post has the header FrameHeader. On
	// AWS an inbound binary frame closes the connection with 1003 and everything leaves as text.
	BinaryFrames bool

	// OrderedFrames describes a gateway that is not AWS's: one invocation at a time per connection, in the order of
	// arrival, $disconnect last.
	OrderedFrames bool

	// Jitter delays each $default invocation by a random time in [0, Jitter), which shuffles the messages of a
	// connection. Default: none.
	Jitter time.Duration

	// ShuffleHTTP delays HTTP API invocations in the same way.
	ShuffleHTTP bool

	// Seed makes jitter and faults repeatable. Default: a random one.
	Seed uint64

	// RepeatableIDs has ids come from Seed too. Whoever knows the seed then knows the id of every connection, and may
	// post to it or close it: this is for tests. Ids that come again would meet the rows of an earlier run. By default
	// nobody can guess an id.
	RepeatableIDs bool

	// Faults to inject; SetFaults changes them later.
	Faults Faults

	// Clock drives timeouts, limits, delays and jitter. Only waiting for a peer's socket is real time. Default: the
	// system's.
	Clock Clock

	// Logger gets one line per request, invocation and post at level Debug, function errors at Warn. No bodies, and
	// sid= is redacted. Lines of an invocation, and of the request that led to it, have its id, trace, which the function
	// is given as lambdacontext.LambdaContext.AwsRequestID. A handler that invokes one elsewhere puts that one's id there
	// before it returns. Default: none.
	Logger *slog.Logger

	FunctionTimeout    time.Duration // of a function behind a route, after its cold start; default 27 s, as Doze's template has it (Lambda: 3 s)
	IntegrationTimeout time.Duration // of a WebSocket route; default and AWS's maximum 29 s
	HTTPTimeout        time.Duration // of an HTTP API route; 30 s
	ConnectGap         time.Duration // after a handshake in which @connections answers 410 still; how long AWS takes is not known; default 10 ms, below 0 none
	JobVisibility      time.Duration // from the delivery of a job that fails until the next; see Schedule; default 20 s, as Doze's template has it (SQS: 30 s)
	JobTimeout         time.Duration // of one delivery to Jobs; default 15 s, as Doze's template has it, and at most JobVisibility
	IdleTimeout        time.Duration // without a data frame in either direction; 10 minutes
	MaxAge             time.Duration // of a connection; 2 hours
	MaxFrame           int           // bytes in one inbound frame; 32 KiB
	MaxMessage         int           // bytes in one message, in or out; 128 KiB
	MaxParallel        int           // invocations at once per connection, with Direct messages that wait or are handled, before its frames wait in the socket; default 1000
	WriteBuffer        int           // bytes waiting for a slow client before posts to it get 429; default 1 MiB
	JobAttempts        int           // deliveries of a job before it is dropped; default 5
	MaxBodies          int           // bytes of bodies held at once, read and not yet answered, before requests get 503; not AWS's; default 64 MiB
}

// Clock is the time the gateway lives by.
type Clock interface {
	Now() time.Time
	// AfterFunc runs f once, d from now, on any goroutine; f never blocks. stop reports whether it came in time.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	return time.AfterFunc(d, f).Stop
}

// complete fills in the defaults and says what is wrong with the rest.
func (o Options) complete() (Options, error) {
	o.Path = cmp.Or(o.Path, "/socket.io/")
	if !strings.HasPrefix(o.Path, "/") || strings.Trim(o.Path, "/") == "" {
		return o, fmt.Errorf("gateway: Path %q must look like /socket.io/", o.Path)
	}
	o.Path = "/" + strings.Trim(o.Path, "/") + "/"
	o.Stage = cmp.Or(o.Stage, "local")
	if strings.Trim(o.Stage, stageAlphabet) != "" {
		return o, fmt.Errorf("gateway: Stage %q may have letters, digits, - and _ only", o.Stage)
	}
	if o.Path == "/"+o.Stage+"/" {
		return o, fmt.Errorf("gateway: Path %q and Stage %q are the same place", o.Path, o.Stage)
	}
	for method, h := range o.HTTP {
		if h == nil || method != strings.ToUpper(method) {
			return o, fmt.Errorf("gateway: HTTP[%q] needs a handler and a method in capitals", method)
		}
	}
	if o.Jitter < 0 || o.ColdStart < 0 {
		return o, errors.New("gateway: Jitter and ColdStart must not be negative")
	}
	for name, t := range map[string]Throttle{
		"Account": o.Account, "WebSocketStage": o.WebSocketStage, "HTTPStage": o.HTTPStage, "NewConnections": o.NewConnections,
	} {
		if err := t.check(name); err != nil {
			return o, err
		}
	}
	o.ConnectGap = max(0, cmp.Or(o.ConnectGap, 10*time.Millisecond))
	o.Concurrency = cmp.Or(o.Concurrency, 1000)
	if err := o.Faults.check(); err != nil {
		return o, err
	}
	for _, d := range []struct {
		name  string
		value *time.Duration
		aws   time.Duration
	}{
		{"FunctionTimeout", &o.FunctionTimeout, 27 * time.Second},
		{"IntegrationTimeout", &o.IntegrationTimeout, 29 * time.Second},
		{"HTTPTimeout", &o.HTTPTimeout, 30 * time.Second},
		{"JobVisibility", &o.JobVisibility, 20 * time.Second},
		{"JobTimeout", &o.JobTimeout, min(15*time.Second, cmp.Or(o.JobVisibility, 20*time.Second))},
		{"IdleTimeout", &o.IdleTimeout, 10 * time.Minute},
		{"MaxAge", &o.MaxAge, 2 * time.Hour},
	} {
		if *d.value < 0 {
			return o, fmt.Errorf("gateway: %s must not be negative", d.name)
		}
		*d.value = cmp.Or(*d.value, d.aws)
	}
	for _, n := range []struct {
		name  string
		value *int
		aws   int
	}{
		{"MaxFrame", &o.MaxFrame, 32 << 10},
		{"MaxMessage", &o.MaxMessage, 128 << 10},
		{"MaxParallel", &o.MaxParallel, 1000},
		{"WriteBuffer", &o.WriteBuffer, 1 << 20},
		{"JobAttempts", &o.JobAttempts, 5},
		{"MaxHops", &o.MaxHops, 16},
		{"MaxBodies", &o.MaxBodies, 64 << 20},
	} {
		if *n.value < 0 {
			return o, fmt.Errorf("gateway: %s must not be negative", n.name)
		}
		*n.value = cmp.Or(*n.value, n.aws)
	}
	if o.JobTimeout > o.JobVisibility { // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
		return o, fmt.Errorf("gateway: JobTimeout %v must not be over JobVisibility %v: Lambda refuses such a queue", o.JobTimeout, o.JobVisibility)
	}
	for o.Seed == 0 {
		o.Seed = rand.Uint64()
	}
	if o.Clock == nil {
		o.Clock = systemClock{}
	}
	o.OrderedFrames = o.OrderedFrames || o.Direct != nil
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	return o, nil
}

const stageAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
