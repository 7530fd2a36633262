// Command function is the Lambda function of docs/elsewhere.md: it says something to a room when it is invoked.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/dozeio/doze/functions/backend"
	"github.com/dozeio/doze/tests/docs/port/app"
)

type notice struct {
	Room string `json:"room"`
	Name string `json:"name"`
	Text string `json:"text"`
}

func main() {
	b, err := backend.FromEnv()
	if err != nil {
		backend.Exit(err)
	}
	io := app.New() // the application itself, for its farewells
	if _, err := b.Bind(io); err != nil {
		backend.Exit(err)
	}
	lambda.Start(func(ctx context.Context, n notice) error {
		return io.To("#"+n.Room).Emit(ctx, "said", n)
	})
}
