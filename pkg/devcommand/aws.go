package devcommand

import (
	"context"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/logging"

	"github.com/dozeio/doze/internal/jobqueue"
	"github.com/dozeio/doze/pkg/apigw/outgoing"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/store/dynamo"
)

// services are what of AWS, or of something that answers like it, stands in for what one process has by itself.
type services struct {
	table    string // DynamoDB table for sessions and rooms; "" keeps them in memory
	queue    string // name of the SQS queue for timers and jobs, or its URL; "" is the gateway's own
	endpoint string // of all services; "" for AWS's own
}

// connected are services that are there.
type connected struct {
	store *dynamo.Store      // nil for none
	queue *outgoing.SQSQueue // nil for none

	sqs    *sqs.Client // of queue
	queues outgoing.Queues
}

// connect makes what is missing.
func (s services) connect(ctx context.Context) (c connected, err error) {
	if s.table == "" && s.queue == "" {
		if s.endpoint != "" {
			return c, fmt.Errorf("-endpoint %s is of no use without -table or -queue", s.endpoint)
		}
		return c, nil
	}
	if u, err := url.Parse(s.endpoint); s.endpoint != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return c, fmt.Errorf("-endpoint %q is no URL: write -endpoint http://127.0.0.1:4566, say", s.endpoint)
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithLogger(logging.Nop{})) // what goes wrong is in the error
	if err != nil {
		return c, err
	}
	if s.endpoint != "" {
		cfg.BaseEndpoint = aws.String(s.endpoint)
	}
	if s.table != "" {
		client := dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.HTTPClient = outgoing.HTTPClient(outgoing.AttemptTime) })
		if err := dynamo.CreateTable(ctx, client, s.table); err != nil {
			return c, err
		}
		c.store = dynamo.New(client, s.table, nil)
	}
	if s.queue != "" {
		c.sqs = sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.HTTPClient = outgoing.HTTPClient(jobqueue.PollTime) })
		if c.queues, err = jobqueue.Create(ctx, c.sqs, s.queue); err != nil {
			return c, err
		}
		c.queue = outgoing.NewSQSQueue(c.sqs, c.queues)
	}
	return c, nil
}

// wrap puts the services in the place of what one process has by itself.
func (c connected) wrap(b socketio.Backend) socketio.Backend {
	if c.store != nil {
		b.Sessions, b.Rooms, b.Acks, b.Notes = c.store, c.store, c.store, c.store
	}
	if c.queue != nil {
		b.Timers = c.queue
	}
	return b
}
