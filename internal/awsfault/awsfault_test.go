package awsfault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/dozeio/doze/internal/awsfault"
)

// answered is an error as the SDK makes it of an HTTP answer.
func answered(status int, err error) error {
	return &smithy.OperationError{ServiceID: "S", OperationName: "O", Err: &awshttp.ResponseError{
		RequestID: "1",
		ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: err,
		},
	}}
}

func code(status int, code string) error {
	return answered(status, &smithy.GenericAPIError{Code: code, Message: "some\n words"})
}

// garbled is an answer that the SDK cannot read.
func garbled(status int, why string) error {
	return answered(status, fmt.Errorf("deserialization failed, %s", why))
}

// unsent is the error of a request that got no answer.
func unsent(err error) error {
	return &smithy.OperationError{ServiceID: "S", OperationName: "O", Err: &smithyhttp.RequestSendError{Err: err}}
}

// The table: of each kind which errors are of it, whether asking again may help, and whether the request may have been
// carried out.
func TestTheTable(t *testing.T) {
	for _, c := range []struct {
		err                error
		want               awsfault.Kind
		temporary, unknown bool
	}{
		{code(400, "ProvisionedThroughputExceededException"), awsfault.Throttled, true, false},
		{code(400, "ThrottlingException"), awsfault.Throttled, true, false},
		{code(400, "RequestLimitExceeded"), awsfault.Throttled, true, false},
		{code(400, "TransactionConflictException"), awsfault.Throttled, true, false},
		{code(403, "RequestThrottled"), awsfault.Throttled, true, false},
		{code(403, "AWS.SimpleQueueService.OverLimit"), awsfault.Throttled, true, false},
		{code(429, "SomethingNew"), awsfault.Throttled, true, false},
		{code(429, ""), awsfault.Throttled, true, false},

		{code(500, "InternalServerError"), awsfault.Trouble, true, true},
		{code(500, "InternalError"), awsfault.Trouble, true, true},
		{code(503, "SomethingNew"), awsfault.Trouble, true, true},
		{code(503, "UnknownError"), awsfault.Trouble, true, true},
		{code(500, "AccessDenied"), awsfault.Trouble, true, true},
		{code(408, "RequestTimeout"), awsfault.Trouble, true, true},
		{garbled(502, "invalid character"), awsfault.Trouble, true, true},

		{unsent(context.DeadlineExceeded), awsfault.NoAnswer, true, true},
		{unsent(&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}), awsfault.NoAnswer, true, true},
		{unsent(&net.OpError{Op: "dial", Err: errors.New("connection refused")}), awsfault.Unreachable, true, true},
		{unsent(io.EOF), awsfault.Unreachable, true, true},
		{garbled(200, "unexpected EOF"), awsfault.Unreachable, true, true},
		{garbled(200, "use of closed network connection"), awsfault.Unreachable, true, true},
		{errors.New("anything else"), awsfault.Unreachable, true, true},

		{code(400, "ResourceNotFoundException"), awsfault.Missing, false, false},
		{code(400, "AWS.SimpleQueueService.NonExistentQueue"), awsfault.Missing, false, false},
		{code(400, "QueueDoesNotExist"), awsfault.Missing, false, false},
		{code(404, "InvalidAddress"), awsfault.Missing, false, false},
		{code(400, "AccessDeniedException"), awsfault.Denied, false, false},
		{code(403, "AccessDenied"), awsfault.Denied, false, false},
		{code(400, "UnrecognizedClientException"), awsfault.Stranger, false, false},
		{code(403, "ExpiredToken"), awsfault.Stranger, false, false},
		{code(403, "InvalidClientTokenId@http://internal.amazon.com/"), awsfault.Stranger, false, false},

		{errors.New("get identity: get credentials: no EC2 IMDS role found"), awsfault.NoCredentials, false, false},
		{errors.New("resolve endpoint: Missing Region"), awsfault.NoRegion, false, false},

		{code(400, "UnknownOperationException"), awsfault.Foreign, false, true},
		{code(404, "UnknownError"), awsfault.Foreign, false, true},
		{code(404, ""), awsfault.Foreign, false, true},
		{garbled(200, "invalid character '<'"), awsfault.Foreign, false, true},

		{code(400, "ValidationException"), awsfault.Refused, false, false},
		{code(400, "ConditionalCheckFailedException"), awsfault.Refused, false, false},
		{code(400, "SomethingNew"), awsfault.Refused, false, false},
	} {
		f := awsfault.Of(fmt.Errorf("around: %w", c.err))
		if f.Kind != c.want || f.Kind.Temporary() != c.temporary || f.Kind.Unknown() != c.unknown {
			t.Errorf("%v is %v (temporary: %t, unknown: %t), want %v (%t, %t)", c.err, f.Kind, f.Kind.Temporary(), f.Kind.Unknown(),
				c.want, c.temporary, c.unknown)
		}
	}
}

func isTemporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

var queue = awsfault.Service{
	Prefix: "sqs", Name: "SQS", Rights: "sqs", Where: "http://here", What: "the queue q", Make: "make it", Limit: 3 * time.Second,
}

// Every text is one line, begins with the prefix and says what to do; the kind is found again in what was explained.
func TestExplain(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{code(400, "RequestThrottled"), "sqs: SendMessage on the queue q: RequestThrottled: some words"},
		{code(500, "InternalError"), "sqs: SendMessage on the queue q: InternalError: some words"},
		{code(400, "InvalidParameterValue"), "sqs: SendMessage on the queue q: InvalidParameterValue: some words"},
		{garbled(503, "x"), "sqs: SendMessage: HTTP 503 from http://here: if this lasts, set the right endpoint"},
		{unsent(context.DeadlineExceeded), "sqs: SendMessage: no answer from http://here within 3s: if this lasts, set the right endpoint or region"},
		{unsent(errors.New("dial:\n refused")), "sqs: SendMessage: http://here cannot be reached: if this lasts, set the right endpoint or region (O, request send failed, dial: refused)"},
		{code(400, "QueueDoesNotExist"), "sqs: there is no queue q at http://here: make it"},
		{code(403, "AccessDenied"), "sqs: no right to sqs:SendMessage on the queue q: grant it to this function's role (some words)"},
		{code(403, "ExpiredToken"), "sqs: the credentials are not known at http://here: set AWS_ACCESS_KEY_ID and the rest, or sign in again (ExpiredToken)"},
		{errors.New("get credentials: none"), "sqs: there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (a stand-in for AWS takes any), sign in, or give the function a role"},
		{errors.New("Missing Region"), "sqs: there is no region: set AWS_REGION, or the client's Region"},
		{garbled(200, "x"), "sqs: http://here does not answer SendMessage like SQS (HTTP 200): set the right endpoint"},
	} {
		err := queue.Explain(t.Context(), "SendMessage", c.err)
		if err.Error() != c.want || strings.Contains(err.Error(), "\n") {
			t.Errorf("got  %q\nwant %q", err, c.want)
		}
		kind := awsfault.Of(c.err).Kind
		if again := awsfault.Of(fmt.Errorf("around: %w", err)).Kind; again != kind || isTemporary(err) != kind.Temporary() || !errors.Is(err, c.err) {
			t.Errorf("%v was %v (temporary: %t), and is %v (temporary: %t)", c.err, kind, kind.Temporary(), again, isTemporary(err))
		}
	}
}

// What fails because the caller's own time is over is not tried again, whatever it looks like, and may have been done.
func TestTheCallersTimeIsOver(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := queue.Explain(ctx, "SendMessage", unsent(context.Canceled))
	if isTemporary(err) || err.Error() != "sqs: SendMessage: context canceled" || !awsfault.Of(err).Kind.Unknown() {
		t.Errorf("got %v, temporary: %t, %+v", err, isTemporary(err), awsfault.Of(err))
	}
	if err = queue.Explain(ctx, "SendMessage", code(400, "ThrottlingException")); isTemporary(err) {
		t.Errorf("got %v as temporary", err)
	}
}

func TestTemporary(t *testing.T) {
	cause := code(400, "ConditionalCheckFailedException")
	err := awsfault.Temporary("dynamo: wait", cause)
	if !isTemporary(err) || err.Error() != "dynamo: wait" || !errors.Is(err, cause) || awsfault.Of(err).Kind.Unknown() {
		t.Errorf("got %v: %+v", err, awsfault.Of(err))
	}
	if err = awsfault.Temporary("dynamo: wait", nil); !isTemporary(err) || !awsfault.Of(err).Kind.Unknown() {
		t.Errorf("without a cause: %v: %+v", err, awsfault.Of(err))
	}
}
