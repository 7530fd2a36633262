package main

import (
	"context"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/logging"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/store/dynamo"
)

// services are what of AWS, or of something that answers like it, stands in for what one process has by itself.
type services struct {
	table    string // DynamoDB table for sessions and rooms; "" keeps them in memory
	endpoint string // of all services; "" for AWS's own
}

// wrap makes what is missing and returns what puts the services in the place of the embedded ones, nil for none.
func (s services) wrap(ctx context.Context) (func(socketio.Backend) socketio.Backend, error) {
	if s.table == "" {
		if s.endpoint != "" {
			return nil, fmt.Errorf("-endpoint %s is of no use without -table", s.endpoint)
		}
		return nil, nil
	}
	if u, err := url.Parse(s.endpoint); s.endpoint != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("-endpoint %q is no URL: write -endpoint http://127.0.0.1:4566, say", s.endpoint)
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithLogger(logging.Nop{})) // what goes wrong is in the error
	if err != nil {
		return nil, err
	}
	if s.endpoint != "" {
		cfg.BaseEndpoint = aws.String(s.endpoint)
	}
	client := dynamodb.NewFromConfig(cfg)
	if err := dynamo.CreateTable(ctx, client, s.table); err != nil {
		return nil, err
	}
	store := dynamo.New(client, s.table, nil)
	return func(b socketio.Backend) socketio.Backend {
		b.Sessions, b.Rooms = store, store
		return b
	}, nil
}
