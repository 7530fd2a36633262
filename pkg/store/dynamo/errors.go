package dynamo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// requestTime is how long a request and its retries may take.
const requestTime = 3 * time.Second

// fault is an error of a request.
type fault struct {
	text      string
	cause     error
	temporary bool
}

func (f *fault) Error() string   { return "dynamo: " + f.text }
func (f *fault) Unwrap() error   { return f.cause }
func (f *fault) Temporary() bool { return f.temporary }

// errTooLarge says that DynamoDB takes no row of that size. Nothing was written.
var errTooLarge = errors.New("dynamo: the row would be over 400 KB, which is the most that DynamoDB takes: send or keep less")

// maxItem is the size of a row in bytes, with room for its names, that is refused before it is sent.
const maxItem = 390 << 10

// call sends one request with a deadline of its own. A condition that failed is returned as it is, anything else as a
// fault or as errTooLarge.
func call[In, Out any](ctx context.Context, s *Store, do func(context.Context, *In, ...func(*dynamodb.Options)) (*Out, error), in *In) (*Out, error) {
	limited, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	out, err := do(limited, in)
	if err != nil {
		_, name, _ := strings.Cut(fmt.Sprintf("%T", in), ".")
		return nil, s.explain(ctx, strings.TrimSuffix(name, "Input"), err)
	}
	return out, nil
}

// with adds options to an operation.
func with[In, Out any](do func(context.Context, *In, ...func(*dynamodb.Options)) (*Out, error), options ...func(*dynamodb.Options)) func(context.Context, *In, ...func(*dynamodb.Options)) (*Out, error) {
	return func(ctx context.Context, in *In, _ ...func(*dynamodb.Options)) (*Out, error) {
		return do(ctx, in, options...)
	}
}

// unknown reports whether a write that failed may have been carried out, or may be later. What DynamoDB has refused was
// not.
func unknown(err error) bool {
	var api smithy.APIError
	var response *awshttp.ResponseError
	return err != nil && !(errors.As(err, &api) && errors.As(err, &response) && response.HTTPStatusCode() < 500)
}

// whileKnown lets a request be tried again only as long as nothing can have been written.
func whileKnown(o *dynamodb.Options) {
	if retryer, ok := o.Retryer.(aws.RetryerV2); ok {
		o.Retryer = knownOnly{retryer}
	}
}

type knownOnly struct{ aws.RetryerV2 }

// IsErrorRetryable implements aws.Retryer.
func (r knownOnly) IsErrorRetryable(err error) bool {
	return !unknown(err) && r.RetryerV2.IsErrorRetryable(err)
}

// refused returns what a failed condition says, nil for any other error.
func refused(err error) *types.ConditionalCheckFailedException {
	var failed *types.ConditionalCheckFailedException
	errors.As(err, &failed)
	return failed
}

// throttled are the codes by which DynamoDB asks for less, and those of its own troubles.
var throttled = []string{"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded",
	"ThrottledException", "Throttling", "SlowDown", "InternalServerError", "InternalFailure", "ServiceUnavailable",
	"ServiceUnavailableException", "TransactionConflictException", "ReplicatedWriteConflictException", "RequestTimeout"}

// denied are the codes by which AWS says who may not.
var denied = []string{"AccessDeniedException", "AccessDenied", "NotAuthorized"}

// strangers are the codes by which AWS says that it does not know the caller.
var strangers = []string{"UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException", "ExpiredToken",
	"MissingAuthenticationTokenException", "IncompleteSignatureException", "InvalidClientTokenId"}

// explain says what is wrong and what to do about it.
func (s *Store) explain(ctx context.Context, operation string, err error) error {
	if refused(err) != nil {
		return err
	}
	if ctx.Err() != nil {
		return &fault{fmt.Sprintf("%s: %v", operation, ctx.Err()), err, false}
	}
	var api smithy.APIError
	var response *awshttp.ResponseError
	status := 0
	if errors.As(err, &response) {
		status = response.HTTPStatusCode()
	}
	if !errors.As(err, &api) {
		return s.unanswered(operation, status, err)
	}
	code := api.ErrorCode()
	switch {
	case oneOf(code, throttled) || status >= 500:
		return &fault{fmt.Sprintf("%s: %s: %s", operation, code, line(api.ErrorMessage())), err, true}
	case code == "ResourceNotFoundException":
		return &fault{fmt.Sprintf("there is no table %q at %s: deploy the template or call dynamo.CreateTable, or set the right table, region and endpoint", s.table, s.where()), err, false}
	case oneOf(code, denied):
		return &fault{fmt.Sprintf("no right to dynamodb:%s on the table %q: grant it to this function's role (%s)", operation, s.table, line(api.ErrorMessage())), err, false}
	case oneOf(code, strangers):
		return &fault{fmt.Sprintf("the credentials are not known at %s: set AWS_ACCESS_KEY_ID and the rest, or sign in again (%s)", s.where(), code), err, false}
	case code == "ValidationException" && strings.Contains(strings.ToLower(api.ErrorMessage()), "item size"):
		return errTooLarge
	case code == "UnknownOperationException" || code == "UnknownError" || code == "":
		return &fault{fmt.Sprintf("%s does not answer %s like DynamoDB (HTTP %d): set the right endpoint", s.where(), operation, status), err, false}
	}
	return &fault{fmt.Sprintf("%s: %s: %s", operation, code, line(api.ErrorMessage())), err, false}
}

// unanswered is for a request that DynamoDB has not answered, or not in its language.
func (s *Store) unanswered(operation string, status int, err error) error {
	var timeout net.Error
	message := line(err.Error())
	switch {
	case strings.Contains(message, "get identity") || strings.Contains(message, "get credentials"):
		return &fault{"there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (a stand-in for AWS takes any), sign in, or give the function a role", err, false}
	case strings.Contains(message, "Missing Region") || strings.Contains(message, "resolve"+" endpoint") || strings.Contains(message, "endpoint rule"):
		return &fault{"there is no region: set AWS_REGION, or the client's Region", err, false}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return &fault{fmt.Sprintf("%s: no answer from %s within %v: if this lasts, set the right endpoint or region", operation, s.where(), requestTime), err, true}
	case strings.Contains(message, "deserialization failed") && status != 0 && !strings.Contains(message, "closed") && !strings.Contains(message, "EOF"):
		return &fault{fmt.Sprintf("%s does not answer %s like DynamoDB (HTTP %d): set the right endpoint", s.where(), operation, status), err, status >= 500}
	}
	return &fault{fmt.Sprintf("%s: %s cannot be reached: if this lasts, set the right endpoint or region (%s)", operation, s.where(), lastOf(message)), err, true}
}

// where names the server.
func (s *Store) where() string {
	o := s.client.Options()
	if o.BaseEndpoint != nil {
		return *o.BaseEndpoint
	}
	return "DynamoDB in " + o.Region
}

func oneOf(s string, all []string) bool {
	for _, one := range all {
		if s == one {
			return true
		}
	}
	return false
}

// line puts a message on one line.
func line(s string) string { return strings.Join(strings.Fields(s), " ") }

// lastOf returns the end of a chain of errors, where the reason stands.
func lastOf(message string) string {
	parts := strings.Split(message, ": ")
	return strings.Join(parts[max(0, len(parts)-2):], ": ")
}
