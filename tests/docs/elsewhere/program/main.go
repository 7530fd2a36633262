// Command program is the program of docs/elsewhere.md: it says something to a room and ends.
package main

import (
	"context"
	"flag"
	"log"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/dozeio/doze/pkg/apigw/outgoing"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/socketio"
	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/tests/docs/port/app"
)

type notice struct {
	Room string `json:"room"`
	Name string `json:"name"`
	Text string `json:"text"`
}

func main() {
	table := flag.String("table", "", "`name` of the deployment's table")
	queue := flag.String("queue", "", "`URL` of its job queue")
	connections := flag.String("connections", "", "`URL` of its WebSocket API, with https and the stage")
	room, text := flag.String("room", "", "`name` of the room to tell"), flag.String("text", "", "what to say")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()

	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		log.Fatal(err)
	}
	client := outgoing.HTTPClient(outgoing.AttemptTime)
	store := dynamo.New(dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.HTTPClient = client }), *table, nil)
	jobs := sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.HTTPClient = client })
	io := app.New() // the application itself, for its farewells
	_, err = io.Bind(socketio.Backend{
		Sessions: store,
		Rooms:    store,
		Poster:   outgoing.NewPoster(cfg, *connections),
		Timers:   outgoing.NewSQSQueue(jobs, outgoing.Queues{Jobs: *queue}),
		Options:  engine.Options{PingInterval: 300 * time.Second, PingTimeout: 60 * time.Second}, // the deployment's
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := io.To("#"+*room).Emit(ctx, "said", notice{*room, "program", *text}); err != nil {
		log.Fatal(err)
	}
}
