// Package sqsask sends requests to SQS, each with a deadline of its own. Its errors are those of awsfault: they say in
// one line what to do, and one that may pass has a method Temporary that returns true.
package sqsask

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/dozeio/doze/internal/awsfault"
)

// Time is how long a request to SQS and its retries may take, apart from waiting for messages.
const Time = 3 * time.Second

// Ask sends one request about a queue, its URL or its name, by a method of a client, within Time.
func Ask[In, Out any](ctx context.Context, client *sqs.Client, queue string, do func(context.Context, *In, ...func(*sqs.Options)) (*Out, error), in *In) (*Out, error) {
	return AskFor(ctx, Time, client, queue, do, in)
}

// AskFor is Ask within another time.
func AskFor[In, Out any](ctx context.Context, limit time.Duration, client *sqs.Client, queue string, do func(context.Context, *In, ...func(*sqs.Options)) (*Out, error), in *In) (*Out, error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out, err := do(limited, in)
	if err != nil {
		_, name, _ := strings.Cut(fmt.Sprintf("%T", in), ".")
		return nil, awsfault.Service{
			Prefix: "sqs", Name: "SQS", Rights: "sqs", Where: whereIs(client), What: "the queue " + queue,
			Make:  "deploy the template, let doze dev -queue make it, or set the right URL, region and endpoint",
			Limit: limit,
		}.Explain(ctx, strings.TrimSuffix(name, "Input"), err)
	}
	return out, nil
}

// whereIs names the server.
func whereIs(client *sqs.Client) string {
	if o := client.Options(); o.BaseEndpoint != nil {
		return *o.BaseEndpoint
	} else {
		return "SQS in " + o.Region
	}
}
