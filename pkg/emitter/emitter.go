// Package emitter sends to the clients of a deployment from any Go program: a cron job, another Lambda function, a
// batch process. It needs the deployment's table, its WebSocket API and its job queue, and the rights of the managed
// policy that the template's output EmitterPolicyArn names. It needs nothing of Lambda and no connection of its own.
//
//	cfg, err := config.LoadDefaultConfig(ctx)
//	...
//	io, err := emitter.New(cfg, emitter.Options{}) // the environment says where
//	...
//	err = io.To("news").Emit(ctx, "headline", "Rain")
package emitter

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/dozeio/doze/pkg/apigw/outgoing"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/store/dynamo"
)

// Options say where a deployment is. Each of the first three that is empty is read from the environment, by the name
// that the template gives its functions.
type Options struct {
	Table       string // name of the DynamoDB table, the output TableName; else DOZE_TABLE
	Connections string // URL of the WebSocket API with its stage, the output ConnectionsUrl; else DOZE_CONNECTIONS
	Queue       string // URL of the job queue, the output JobQueueUrl, or of a local gateway's, such as http://127.0.0.1:3000/_queue; else DOZE_QUEUE

	// MsgPack is the application's Options.MsgPack, which an emitter cannot see: with the other format each client that
	// is sent something ends its connection, because it cannot read it.
	MsgPack bool

	Logger *slog.Logger // of recipients that are disconnected, and the like; default slog.Default()
}

// The longest that a deployment may have. What an emitter closes is kept for as long as these say, so that it is never
// too short.
const (
	pingInterval = 480 * time.Second
	pingTimeout  = 300 * time.Second
)

// New returns a Server that sends to the clients of a deployment, by the credentials, the region and the endpoints of
// cfg. Its namespaces need not be made before: Of takes any name. What it sends has the guarantees of a handler's, and
// is done when Emit returns. It has no handlers. A session that it has to close, because its client does not take what
// it is sent, is closed at once, and one of the deployment's functions runs OnDisconnecting and OnDisconnect soon
// after. It puts a socket into 1,000 rooms at most, whatever the application says in its Options.
//
// Nothing is sent before the first call of the Server's methods, which may be called concurrently. The error says what
// to set. cfg.HTTPClient is used for what it is: one of the SDK's own kind gets the number of connections that a
// broadcast needs, and any other is left as it is.
func New(cfg aws.Config, o Options) (*socketio.Server, error) {
	for _, place := range []struct {
		of             *string
		variable, what string
	}{
		{&o.Table, "DOZE_TABLE", "the name of the deployment's table, its output TableName"},
		{&o.Connections, "DOZE_CONNECTIONS", "the URL of the deployment's @connections API, its output ConnectionsUrl"},
		{&o.Queue, "DOZE_QUEUE", "the URL of the deployment's job queue, its output JobQueueUrl"},
	} {
		if *place.of = cmp.Or(*place.of, os.Getenv(place.variable)); *place.of == "" {
			return nil, fmt.Errorf("emitter: set %s, or the option for it, to %s", place.variable, place.what)
		}
	}
	for _, address := range []string{o.Connections, o.Queue} {
		if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("emitter: %q is no URL with http or https: write https://abc123.execute-api.eu-west-1.amazonaws.com/live, say", address)
		}
	}
	if cfg.Region == "" {
		return nil, errors.New("emitter: there is no region: set AWS_REGION, or the configuration's Region")
	}
	io := socketio.New(socketio.Options{Logger: o.Logger, MsgPack: o.MsgPack})
	client := outgoing.ClientOf(cfg)
	store := dynamo.New(dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.HTTPClient = client }), o.Table, nil)
	_, err := io.Bind(socketio.Backend{
		Sessions: store,
		Rooms:    store,
		Acks:     store,
		Poster:   outgoing.NewPoster(cfg, strings.TrimSuffix(o.Connections, "/")),
		Timers:   queue(cfg, client, o.Queue),
		Options:  engine.Options{HandlersElsewhere: true, PingInterval: pingInterval, PingTimeout: pingTimeout},
	})
	if err != nil {
		return nil, err
	}
	return io, nil
}

// queue returns the queue at a URL. SQS's have the account and a name for a path, a local gateway's is /_queue.
func queue(cfg aws.Config, client aws.HTTPClient, address string) engine.Timers {
	if u, err := url.Parse(address); err == nil && u.Path == outgoing.LocalQueue {
		return outgoing.NewHTTPQueue(address)
	}
	return outgoing.NewSQSQueue(sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.HTTPClient = client }), outgoing.Queues{Jobs: address})
}
