package awsfault

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// Kind is what an error of a request means.
type Kind int

// The kinds of errors.
const (
	Refused       Kind = iota // the service does not do what was asked
	Throttled                 // the service asks for less, or has lost a race: nothing was done
	Trouble                   // the service has troubles of its own
	NoAnswer                  // none came in time
	Unreachable               // nobody listens there, or the connection broke
	Missing                   // there is no such table or queue
	Denied                    // the caller may not
	Stranger                  // the service does not know the caller
	NoCredentials             // the caller has none: nothing was sent
	NoRegion                  // the caller does not know where to ask: nothing was sent
	Foreign                   // what answered is another service, or none of AWS
)

// meanings say of each kind whether asking again may help, and whether what was asked for may have been done although
// the request failed, or may be done later.
var meanings = [...]struct {
	name               string
	temporary, unknown bool
}{
	Refused:       {"refused", false, false},
	Throttled:     {"throttled", true, false},
	Trouble:       {"trouble", true, true},
	NoAnswer:      {"no answer", true, true},
	Unreachable:   {"unreachable", true, true},
	Missing:       {"missing", false, false},
	Denied:        {"denied", false, false},
	Stranger:      {"stranger", false, false},
	NoCredentials: {"no credentials", false, false},
	NoRegion:      {"no region", false, false},
	Foreign:       {"foreign", false, true},
}

// Temporary reports whether the same request may succeed later.
func (k Kind) Temporary() bool { return meanings[k].temporary }

// Unknown reports whether what was asked for may have been done, or may be done later.
func (k Kind) Unknown() bool { return meanings[k].unknown }

func (k Kind) String() string { return meanings[k].name }

// codes are the kinds of the services' codes. A code that is not among them is Refused, unless its HTTP status says
// more. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html,
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
var codes = map[string]Kind{
	"ProvisionedThroughputExceededException": Throttled, // DynamoDB: of a table or a key
	"TransactionConflictException":           Throttled,
	"ReplicatedWriteConflictException":       Throttled,
	"RequestThrottled":                       Throttled, // SQS
	"OverLimit":                              Throttled,
	"KMS.ThrottlingException":                Throttled,
	"KmsThrottled":                           Throttled,
	"ThrottlingException":                    Throttled, // both
	"ThrottledException":                     Throttled,
	"Throttling":                             Throttled,
	"RequestLimitExceeded":                   Throttled,
	"TooManyRequestsException":               Throttled,
	"SlowDown":                               Throttled,

	"InternalServerError":         Trouble,
	"InternalError":               Trouble,
	"InternalFailure":             Trouble,
	"ServiceUnavailable":          Trouble,
	"ServiceUnavailableException": Trouble,
	"RequestTimeout":              Trouble,

	"ResourceNotFoundException": Missing, // DynamoDB
	"QueueDoesNotExist":         Missing, // SQS
	"NonExistentQueue":          Missing,
	"InvalidAddress":            Missing,

	"AccessDeniedException": Denied,
	"AccessDenied":          Denied,
	"NotAuthorized":         Denied,

	"UnrecognizedClientException":         Stranger,
	"InvalidClientTokenId":                Stranger,
	"InvalidSecurity":                     Stranger,
	"InvalidSignatureException":           Stranger,
	"SignatureDoesNotMatch":               Stranger,
	"IncompleteSignature":                 Stranger,
	"IncompleteSignatureException":        Stranger,
	"ExpiredToken":                        Stranger,
	"ExpiredTokenException":               Stranger,
	"MissingAuthenticationToken":          Stranger,
	"MissingAuthenticationTokenException": Stranger,

	"UnknownOperationException": Foreign,
	"UnknownOperation":          Foreign,
	"InvalidAction":             Foreign,
	"UnknownError":              Foreign, // what the SDK makes of an error without a code
	"":                          Foreign,
}

// Fault is what an error of the SDK says.
type Fault struct {
	Kind    Kind
	Code    string // of the service, without what stands around it; "" if it has sent none
	Message string // the service's or the SDK's, on one line
	Status  int    // HTTP's; 0 if no answer came
}

// Of returns what an error of a request to DynamoDB or SQS says, however wrapped, also in one of this package. It looks
// at no context: the error of a request whose context has ended is mostly NoAnswer or Unreachable.
func Of(err error) Fault {
	var (
		known    *fault
		api      smithy.APIError
		response *awshttp.ResponseError
		f        Fault
	)
	if errors.As(err, &known) {
		return known.means
	}
	if errors.As(err, &response) {
		f.Status = response.HTTPStatusCode()
	}
	if !errors.As(err, &api) {
		f.Message = line(err.Error())
		f.Kind = unanswered(err, f.Message, f.Status)
		return f
	}
	f.Code, _, _ = strings.Cut(api.ErrorCode(), "@")
	f.Code = strings.TrimPrefix(f.Code, "AWS.SimpleQueueService.")
	f.Message = line(api.ErrorMessage())
	f.Kind = codes[f.Code] // Refused, if it is none of them
	switch {
	case f.Kind.Temporary():
	case f.Status >= 500:
		f.Kind = Trouble
	case f.Status == http.StatusTooManyRequests:
		f.Kind = Throttled
	}
	return f
}

// unanswered returns the kind of a request that its service has not answered, or not in its language.
func unanswered(err error, message string, status int) Kind {
	var timeout net.Error
	switch {
	case strings.Contains(message, "get identity") || strings.Contains(message, "get credentials"):
		return NoCredentials
	case strings.Contains(message, "Missing Region") || strings.Contains(message, "resolve"+" endpoint") || strings.Contains(message, "endpoint rule"):
		return NoRegion
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return NoAnswer
	case strings.Contains(message, "deserialization failed") && status != 0 && !strings.Contains(message, "closed") && !strings.Contains(message, "EOF"):
		if status >= 500 { // a proxy's
			return Trouble
		}
		return Foreign
	}
	return Unreachable
}

// line puts a message on one line.
func line(s string) string { return strings.Join(strings.Fields(s), " ") }
