// Package sqsask sends requests to SQS, each with a deadline of its own, and makes errors of what goes wrong that say
// in one line what to do. An error that may pass has a method Temporary that returns true.
package sqsask

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// Time is how long a request to SQS and its retries may take, apart from waiting for messages.
const Time = 3 * time.Second

// fault is an error of a request to SQS.
type fault struct {
	text      string
	cause     error
	temporary bool
}

func (f *fault) Error() string   { return "sqs: " + f.text }
func (f *fault) Unwrap() error   { return f.cause }
func (f *fault) Temporary() bool { return f.temporary }

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
		return nil, explain(ctx, client, strings.TrimSuffix(name, "Input"), queue, limit, err)
	}
	return out, nil
}

// throttled are the codes by which SQS asks for less, and those of its own troubles.
var throttled = []string{"RequestThrottled", "ThrottlingException", "Throttling", "ThrottledException", "TooManyRequestsException",
	"RequestLimitExceeded", "SlowDown", "OverLimit", "KMS.ThrottlingException", "KmsThrottled", "InternalError", "InternalFailure",
	"ServiceUnavailable", "ServiceUnavailableException", "RequestTimeout"}

// denied are the codes by which AWS says who may not.
var denied = []string{"AccessDenied", "AccessDeniedException", "NotAuthorized"}

// unknown are the codes by which AWS says that it does not know the caller.
var unknown = []string{"UnrecognizedClientException", "InvalidSignatureException", "SignatureDoesNotMatch", "ExpiredTokenException",
	"ExpiredToken", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "IncompleteSignature",
	"IncompleteSignatureException", "InvalidClientTokenId", "InvalidSecurity"}

// strange are the codes of servers that are not SQS.
var strange = []string{"UnknownOperationException", "UnknownOperation", "InvalidAction", "UnknownError", ""}

// explain says what is wrong and what to do about it.
func explain(ctx context.Context, client *sqs.Client, operation, queue string, limit time.Duration, err error) error {
	if ctx.Err() != nil {
		return &fault{fmt.Sprintf("%s: %v", operation, ctx.Err()), err, false}
	}
	var (
		api      smithy.APIError
		response *awshttp.ResponseError
		missing  *types.QueueDoesNotExist
		address  *types.InvalidAddress
		status   int
	)
	if errors.As(err, &response) {
		status = response.HTTPStatusCode()
	}
	if !errors.As(err, &api) {
		return unanswered(client, operation, limit, status, err)
	}
	code, _, _ := strings.Cut(api.ErrorCode(), "@")
	code = strings.TrimPrefix(code, "AWS.SimpleQueueService.")
	where := whereIs(client)
	switch {
	case slices.Contains(throttled, code) || status >= 500 || status == http.StatusTooManyRequests:
		return &fault{fmt.Sprintf("%s: %s: %s", operation, code, oneLine(api.ErrorMessage())), err, true}
	case errors.As(err, &missing), errors.As(err, &address), code == "NonExistentQueue", code == "QueueDoesNotExist", code == "InvalidAddress":
		return &fault{fmt.Sprintf("there is no queue %s at %s: deploy the template, let doze dev -queue make it, or set the right URL, region and endpoint", queue, where), err, false}
	case slices.Contains(denied, code):
		return &fault{fmt.Sprintf("no right to sqs:%s on the queue %s: grant it to this function's role (%s)", operation, queue, oneLine(api.ErrorMessage())), err, false}
	case slices.Contains(unknown, code):
		return &fault{fmt.Sprintf("the credentials are not known at %s: set AWS_ACCESS_KEY_ID and the rest, or sign in again (%s)", where, code), err, false}
	case slices.Contains(strange, code):
		return &fault{fmt.Sprintf("%s does not answer %s like SQS (HTTP %d): set the right endpoint", where, operation, status), err, false}
	}
	return &fault{fmt.Sprintf("%s on the queue %s: %s: %s", operation, queue, code, oneLine(api.ErrorMessage())), err, false}
}

// unanswered is for a request that SQS has not answered, or not in its language.
func unanswered(client *sqs.Client, operation string, limit time.Duration, status int, err error) error {
	var timeout net.Error
	message, where := oneLine(err.Error()), whereIs(client)
	switch {
	case strings.Contains(message, "get identity") || strings.Contains(message, "get credentials"):
		return &fault{"there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (a stand-in for AWS takes any), sign in, or give the function a role", err, false}
	case strings.Contains(message, "Missing Region") || strings.Contains(message, "resolve"+" endpoint") || strings.Contains(message, "endpoint rule"):
		return &fault{"there is no region: set AWS_REGION, or the client's Region", err, false}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return &fault{fmt.Sprintf("%s: no answer from %s within %v", operation, where, limit), err, true}
	case strings.Contains(message, "deserialization failed") && status != 0 && !strings.Contains(message, "closed") && !strings.Contains(message, "EOF"):
		return &fault{fmt.Sprintf("%s does not answer %s like SQS (HTTP %d): set the right endpoint", where, operation, status), err, status >= 500}
	}
	parts := strings.Split(message, ": ")
	reason := strings.Join(parts[max(0, len(parts)-2):], ": ")
	return &fault{fmt.Sprintf("%s: %s cannot be reached: if this lasts, set the right endpoint or region (%s)", operation, where, reason), err, true}
}

// whereIs names the server.
func whereIs(client *sqs.Client) string {
	if o := client.Options(); o.BaseEndpoint != nil {
		return *o.BaseEndpoint
	} else {
		return "SQS in " + o.Region
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
