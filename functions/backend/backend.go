// Package backend is what the functions of one deployment have in common. Main is the whole of each; what it needs it
// reads from the environment.
//
//	DOZE_TABLE           name of the DynamoDB table that keeps sessions and rooms
//	DOZE_CONNECTIONS     endpoint of the @connections API, such as https://abc123.execute-api.eu-west-1.amazonaws.com/prod
//	DOZE_QUEUE           URL of the SQS queue for timers and jobs, or of a local gateway's, such as http://127.0.0.1:3000/_queue
//	DOZE_DEAD_QUEUE      URL of the SQS queue for jobs that failed for good; empty: the redrive policy sees to them
//	DOZE_ALLOW_ORIGINS   origins of other sites whose pages may connect, separated by commas; may be empty
//	DOZE_PUBLIC_ORIGIN   the deployment's own origin where the Host header does not tell it; may be empty
//	DOZE_VERIFY          "yes" adds the namespace that doze verify asks
//	DOZE_ADMIN_USER, DOZE_ADMIN_PASSWORD_HASH, DOZE_ADMIN_MODE, DOZE_ADMIN_READ_ONLY
//	                     who may log in at the Admin UI, and what that tells and does: see instrument
//	DOZE_PING_INTERVAL   time between two pings, such as 300s; empty: what the application says, or 300s
//	DOZE_PING_TIMEOUT    time for the pong to come, such as 60s; empty: what the application says, or 60s
//	DOZE_POLLS           GETs that may wait at the same time; 0 or empty: nobody knows
//	DOZE_METRICS         name of the stack whose metrics go into the log, in CloudWatch's embedded metric format; empty: none do
//	DOZE_CLIENT_RATE     messages a second that one connection may send; default 100
package backend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/dozeio/doze/pkg/apigw/outgoing"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/observe"
	"github.com/dozeio/doze/pkg/observe/emf"
	"github.com/dozeio/doze/pkg/site"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/pkg/verify/counterpart"
)

// Deployed is what an application is bound to.
type Deployed struct {
	socketio.Backend
}

// FromEnv reads the environment. The error says which variable to set, and to what. A variable that is set goes before
// what the application says, and that before the defaults of a deployment.
//
// Log lines are what Lambda's JSON format takes
// (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html): timestamp, level, message
// and requestId, from the level that LoggingConfig has set, and the id of what has caused them. The logger is slog's
// default too, so that what handlers say is no different.
//
// On Lambda it fits Go's runtime to the function's memory, unless GOGC and GOMEMLIMIT do.
func FromEnv() (d Deployed, err error) {
	table, connections, queue := os.Getenv("DOZE_TABLE"), os.Getenv("DOZE_CONNECTIONS"), os.Getenv("DOZE_QUEUE")
	if table == "" || connections == "" || queue == "" {
		return d, errors.New("backend: set DOZE_TABLE to the name of the DynamoDB table, DOZE_CONNECTIONS to the endpoint of the @connections API and DOZE_QUEUE to the URL of the job queue; `doze dev` needs none of them")
	}
	cfg, err := awsConfig()
	if err != nil {
		return d, err
	}
	fitMemory(os.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"))
	o := &d.Options
	if o.PingInterval, err = duration("DOZE_PING_INTERVAL"); err != nil {
		return d, err
	}
	if o.PingTimeout, err = duration("DOZE_PING_TIMEOUT"); err != nil {
		return d, err
	}
	if o.Polls, err = number("DOZE_POLLS"); err != nil {
		return d, err
	}
	if o.ClientRate, err = number("DOZE_CLIENT_RATE"); err != nil {
		return d, err
	}
	if stack := os.Getenv("DOZE_METRICS"); stack != "" {
		o.Meter = emf.New(os.Stdout, stack, nil)
	}
	o.PublicOrigin = os.Getenv("DOZE_PUBLIC_ORIGIN")
	d.Defaults = engine.Options{PingInterval: 300 * time.Second, PingTimeout: 60 * time.Second, Logger: observe.Logger(lambdacontext.NewLogger())}
	slog.SetDefault(d.Defaults.Logger)
	store := dynamo.New(dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) {
		o.BaseEndpoint = endpoint("DYNAMODB")
		o.HTTPClient = outgoing.HTTPClient(outgoing.AttemptTime)
	}), table, nil)
	d.Sessions, d.Rooms, d.Acks, d.Notes = store, store, store, store
	d.Poster, d.Timers = outgoing.NewPoster(cfg, connections), timers(cfg, queue)
	if origins := os.Getenv("DOZE_ALLOW_ORIGINS"); origins != "" {
		o.AllowOrigins = strings.Split(origins, ",")
	}
	return d, nil
}

// Bind binds an application to the deployment, with what doze verify asks where that is wanted. It may be called once
// for an application.
func (d Deployed) Bind(io *socketio.Server) (*engine.Engine, error) {
	if os.Getenv("DOZE_VERIFY") == "yes" {
		counterpart.Register(io)
	}
	if err := instrument(io); err != nil {
		return nil, err
	}
	e, err := io.Bind(d.Backend)
	if err == nil && e.Options().PingInterval > maxPingInterval {
		return nil, fmt.Errorf("backend: PingInterval is %v: write at most %v, because API Gateway closes connections that are silent for ten minutes", e.Options().PingInterval, maxPingInterval)
	}
	if err == nil && e.Options().Path != path {
		return nil, fmt.Errorf("backend: Path is %s: leave it at %s, which the template sends to the server, as it sends all other paths to the page", e.Options().Path, path)
	}
	if err == nil && e.Options().MaxPayload > maxPayload {
		return nil, fmt.Errorf("backend: MaxPayload is %d: write at most %d, because Lambda takes 6 MB with all that comes with a request", e.Options().MaxPayload, maxPayload)
	}
	if err == nil {
		warn(e.Options())
	}
	return e, err
}

// warn logs what a deployment can do and should not.
func warn(o engine.Options) {
	if o.PingInterval < leastPingInterval {
		o.Logger.Warn("PingInterval is short for a deployment, where each ping costs and all shards sweep that often", "is", o.PingInterval, "at least", leastPingInterval)
	}
	if o.PingTimeout < leastPingTimeout {
		o.Logger.Warn("PingTimeout is short for a deployment: clients give up before a sweep that has died is repeated", "is", o.PingTimeout, "at least", leastPingTimeout)
	}
}

// The least that the template takes.
const (
	leastPingInterval = 25 * time.Second
	leastPingTimeout  = 40 * time.Second
)

// path is what the template's CloudFront function knows.
const path = "/socket.io/"

// maxPayload is what is left of Lambda's 6 MB for a body that comes in base64, beside headers and the rest of the
// event.
const maxPayload = 4_000_000

// maxPingInterval is the longest that the template takes.
const maxPingInterval = 480 * time.Second

// awsConfig reads what Lambda sets. The SDK's package config would look in a dozen more places, and double the time of
// a cold start.
//
//	AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
//	AWS_ENDPOINT_URL, or AWS_ENDPOINT_URL_DYNAMODB and AWS_ENDPOINT_URL_SQS, of a stand-in for AWS; empty for AWS
func awsConfig() (aws.Config, error) {
	cfg := aws.Config{Region: os.Getenv("AWS_REGION")}
	key := aws.Credentials{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: os.Getenv("AWS_SESSION_TOKEN")}
	if cfg.Region == "" || !key.HasKeys() {
		return cfg, errors.New("backend: set AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, as Lambda does")
	}
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return key, nil })
	return cfg, nil
}

// endpoint returns where a service is, nil for AWS.
func endpoint(service string) *string {
	if url := cmp.Or(os.Getenv("AWS_ENDPOINT_URL_"+service), os.Getenv("AWS_ENDPOINT_URL")); url != "" {
		return &url
	}
	return nil
}

// Site serves the page, and the client's files, which the build has put beside the function.
//
//	DOZE_WEBSOCKET       address of the WebSocket API where it has another origin than the page; may be empty
//	LAMBDA_TASK_ROOT     folder of the function, set by Lambda
func (Deployed) Site(page http.Handler) (http.Handler, error) {
	return site.Handler(site.Options{
		Client:    filepath.Join(os.Getenv("LAMBDA_TASK_ROOT"), "client"),
		WebSocket: os.Getenv("DOZE_WEBSOCKET"),
	}, page)
}

// timers returns the queue at a URL. SQS's have the account and a name for a path, a local gateway's is /_queue.
func timers(cfg aws.Config, queue string) engine.Timers {
	if u, err := url.Parse(queue); err == nil && u.Path == outgoing.LocalQueue {
		return outgoing.NewHTTPQueue(queue)
	}
	client := sqs.NewFromConfig(cfg, func(o *sqs.Options) {
		o.BaseEndpoint, o.HTTPClient = endpoint("SQS"), outgoing.HTTPClient(outgoing.AttemptTime)
	})
	return outgoing.NewSQSQueue(client, outgoing.Queues{Jobs: queue, Dead: os.Getenv("DOZE_DEAD_QUEUE")})
}

// number returns 0 where nothing is set.
func number(name string) (int, error) {
	n, err := strconv.Atoi(cmp.Or(os.Getenv(name), "0"))
	if err != nil || n < 0 {
		return 0, fmt.Errorf("backend: %s is %q: write a number such as 300", name, os.Getenv(name))
	}
	return n, nil
}

// duration returns 0 where nothing is set.
func duration(name string) (time.Duration, error) {
	s := os.Getenv(name)
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("backend: %s is %q: write a time such as 300s", name, s)
	}
	return d, nil
}
