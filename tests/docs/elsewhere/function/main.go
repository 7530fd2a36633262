// Command function is the Lambda function of docs/elsewhere.md: it says something to a room when it is invoked.
package main

import (
	"context"
	"log"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/dozeio/doze/pkg/emitter"
)

type notice struct {
	Room string `json:"room"`
	Name string `json:"name"`
	Text string `json:"text"`
}

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	io, err := emitter.New(cfg, emitter.Options{}) // where: the environment of all functions of the template says
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(func(ctx context.Context, n notice) error {
		return io.To("#"+n.Room).Emit(ctx, "said", n)
	})
}
