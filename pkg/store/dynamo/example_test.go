package dynamo_test

import (
	"context"
	"log"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/store/dynamo"
)

// One store is both halves of a backend. Credentials, region and endpoint are those of the environment.
func ExampleNew() {
	ctx := context.Background()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		log.Fatal(err)
	}
	client := dynamodb.NewFromConfig(cfg)
	if err := dynamo.CreateTable(ctx, client, "chat"); err != nil { // for a first try; a template makes it in a deployment
		log.Fatal(err)
	}
	store := dynamo.New(client, "chat", nil)
	_ = socketio.Backend{Sessions: store, Rooms: store, Acks: store} // and a poster and timers
}
