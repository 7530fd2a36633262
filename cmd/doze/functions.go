package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/dozeio/doze/internal/awsfault"
	"github.com/dozeio/doze/pkg/gateway"
)

// functions are those of a stack that a gateway invokes. Jobs reach theirs through the stack's queue.
type functions struct{ connect, poll, message, disconnect deployed }

// findFunctions looks the functions up by the names that the template has for them.
func findFunctions(ctx context.Context, cfg aws.Config, stack string) (f functions, err error) {
	stacks := cloudformation.NewFromConfig(cfg)
	client := lambda.NewFromConfig(cfg, func(o *lambda.Options) {
		o.Retryer = aws.NopRetryer{} // a request whose answer was lost has invoked the function
		o.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns, t.MaxIdleConnsPerHost = 256, 256 // each poll that waits holds one
		})
	})
	for name, found := range map[string]*deployed{"ConnectFunction": &f.connect, "PollFunction": &f.poll, "MessageFunction": &f.message, "DisconnectFunction": &f.disconnect} {
		out, err := stacks.DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{StackName: &stack, LogicalResourceId: &name})
		if err != nil {
			if awsfault.Of(err).Kind == awsfault.Refused && strings.Contains(err.Error(), name) { // "Resource PollFunction does not exist for stack ..."
				return f, fmt.Errorf("the stack %s has no %s: it is none of Doze's, or of another version (%w)", stack, name, awsfault.Cause(err))
			}
			return f, awsfault.Stack(stack, cfg.Region, err)
		}
		*found = deployed{client, aws.ToString(out.StackResourceDetail.PhysicalResourceId)}
	}
	return f, nil
}

// deployed is a function on Lambda, or on what answers like it.
type deployed struct {
	client *lambda.Client
	name   string
}

var _ gateway.Handler = deployed{}

// Invoke implements gateway.Handler. A function error is an error with the function's own message.
func (d deployed) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	out, err := d.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &d.name, Payload: event})
	if busy := (*types.TooManyRequestsException)(nil); errors.As(err, &busy) {
		return nil, busy // which the gateway knows from a function error
	} else if err != nil {
		return nil, awsfault.Cause(err)
	}
	if c, ok := lambdacontext.FromContext(ctx); ok { // for the gateway's lines of the log
		if id, ok := middleware.GetRequestIDMetadata(out.ResultMetadata); ok {
			c.AwsRequestID = id
		}
	}
	if out.FunctionError == nil {
		return out.Payload, nil
	}
	var failure struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	if err := json.Unmarshal(out.Payload, &failure); err != nil {
		return nil, fmt.Errorf("%s: %s", *out.FunctionError, out.Payload)
	}
	return nil, fmt.Errorf("%s: %s", failure.Type, failure.Message)
}
