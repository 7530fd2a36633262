package dynamo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dozeio/doze/internal/awsfault"
)

// requestTime is how long a request and its retries may take.
const requestTime = 3 * time.Second

// errTooLarge says that DynamoDB takes no row of that size. Nothing was written.
var errTooLarge = errors.New("dynamo: the row would be over 400 KB, which is the most that DynamoDB takes: send or keep less")

// maxItem is the size of a row in bytes, with room for its names, that is refused before it is sent.
const maxItem = 390 << 10

// call sends one request with a deadline of its own. A condition that failed is returned as it is, anything else as
// awsfault explains it or as errTooLarge.
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

// unknown reports whether a write that failed may have been carried out, or may be later.
func unknown(err error) bool { return err != nil && awsfault.Of(err).Kind.Unknown() }

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

// explain says what is wrong and what to do about it.
func (s *Store) explain(ctx context.Context, operation string, err error) error {
	if refused(err) != nil {
		return err
	}
	if f := awsfault.Of(err); ctx.Err() == nil && f.Code == "ValidationException" && strings.Contains(strings.ToLower(f.Message), "item size") {
		return errTooLarge
	}
	return awsfault.Service{
		Prefix: "dynamo", Name: "DynamoDB", Rights: "dynamodb", Where: s.where(), What: fmt.Sprintf("the table %q", s.table),
		Make:  "deploy the template or call dynamo.CreateTable, or set the right table, region and endpoint",
		Limit: requestTime,
	}.Explain(ctx, operation, err)
}

// where names the server.
func (s *Store) where() string {
	o := s.client.Options()
	if o.BaseEndpoint != nil {
		return *o.BaseEndpoint
	}
	return "DynamoDB in " + o.Region
}
