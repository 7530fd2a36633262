// Package elsewhere makes the backend of a process that is none of a deployment's functions, and has nothing of the
// application: an emitter, or doze, which reads the table too.
package elsewhere

import (
	"cmp"
	"errors"
	"fmt"
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

// Place says where a deployment is. Each field that is empty is read from the environment, by the name that the
// template gives its functions.
type Place struct {
	Table       string // name of the DynamoDB table; else DOZE_TABLE
	Connections string // URL of the @connections API with its stage; else DOZE_CONNECTIONS
	Queue       string // URL of the job queue, or of a local gateway's /_queue; else DOZE_QUEUE
}

// The longest that a deployment may have. What such a process closes is kept for as long as these say, so that it is
// never too short.
const (
	pingInterval = 480 * time.Second
	pingTimeout  = 300 * time.Second
)

// Backend returns the parts of a deployment, by the credentials, the region and the endpoints of cfg. Nothing is sent
// before they are used. The error says what to set.
func Backend(cfg aws.Config, p Place) (socketio.Backend, error) {
	for _, one := range []struct {
		of             *string
		variable, what string
	}{
		{&p.Table, "DOZE_TABLE", "the name of the deployment's table, its output TableName"},
		{&p.Connections, "DOZE_CONNECTIONS", "the URL of the deployment's @connections API, its output ConnectionsUrl"},
		{&p.Queue, "DOZE_QUEUE", "the URL of the deployment's job queue, its output JobQueueUrl"},
	} {
		if *one.of = cmp.Or(*one.of, os.Getenv(one.variable)); *one.of == "" {
			return socketio.Backend{}, fmt.Errorf("set %s, or the option for it, to %s", one.variable, one.what)
		}
	}
	for _, address := range []string{p.Connections, p.Queue} {
		if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return socketio.Backend{}, fmt.Errorf("%q is no URL with http or https: write https://abc123.execute-api.eu-west-1.amazonaws.com/live, say", address)
		}
	}
	if cfg.Region == "" {
		return socketio.Backend{}, errors.New("there is no region: set AWS_REGION, or the configuration's Region")
	}
	client := outgoing.ClientOf(cfg)
	store := dynamo.New(dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.HTTPClient = client }), p.Table, nil)
	return socketio.Backend{
		Sessions: store,
		Rooms:    store,
		Acks:     store,
		Poster:   outgoing.NewPoster(cfg, strings.TrimSuffix(p.Connections, "/")),
		Timers:   queue(cfg, client, p.Queue),
		Options:  engine.Options{HandlersElsewhere: true, PingInterval: pingInterval, PingTimeout: pingTimeout},
	}, nil
}

// queue returns the queue at a URL. SQS's have the account and a name for a path, a local gateway's is /_queue.
func queue(cfg aws.Config, client aws.HTTPClient, address string) engine.Timers {
	if u, err := url.Parse(address); err == nil && u.Path == outgoing.LocalQueue {
		return outgoing.NewHTTPQueue(address)
	}
	return outgoing.NewSQSQueue(sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.HTTPClient = client }), outgoing.Queues{Jobs: address})
}
