// Package awsfault knows the errors of DynamoDB and SQS: which may pass, after which nobody knows what was done, and
// what to do about each. It makes errors of them that say so in one line.
package awsfault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// Service is what the text of an error names.
type Service struct {
	Prefix string        // of the text, such as "sqs"
	Name   string        // such as "SQS"
	Rights string        // of its actions, as IAM has it, such as "sqs"
	Where  string        // the server: its address, or the service and its region
	What   string        // what was asked about, such as "the queue doze"
	Make   string        // how to get that if it is missing, and what to set else
	Limit  time.Duration // how long a request and its retries may take
}

// fault is an error that says what to do.
type fault struct {
	text      string
	cause     error
	means     Fault
	temporary bool
}

func (f *fault) Error() string   { return f.text }
func (f *fault) Unwrap() error   { return f.cause }
func (f *fault) Temporary() bool { return f.temporary }

// Temporary returns an error that has a method Temporary, which returns true, for what may pass and is no answer of a
// service. The cause may be nil.
func Temporary(text string, cause error) error {
	f := Fault{Kind: Trouble, Message: text}
	if cause != nil {
		f = Of(cause)
	}
	return &fault{text, cause, f, true}
}

// Explain returns an error that says what is wrong with an operation and what to do about it, and wraps that of the
// SDK. It has a method Temporary, which returns true for what may pass: nothing does for a ctx that has ended, which is
// the caller's own.
func (s Service) Explain(ctx context.Context, operation string, err error) error {
	f := Of(err)
	if ctx.Err() != nil {
		return &fault{fmt.Sprintf("%s: %s: %v", s.Prefix, operation, ctx.Err()), err, f, false}
	}
	return &fault{s.Prefix + ": " + s.text(operation, f), err, f, f.Kind.Temporary()}
}

func (s Service) text(operation string, f Fault) string {
	switch f.Kind {
	case NoAnswer:
		return fmt.Sprintf("%s: no answer from %s within %v: if this lasts, set the right endpoint or region", operation, s.Where, s.Limit)
	case Unreachable:
		return fmt.Sprintf("%s: %s cannot be reached: if this lasts, set the right endpoint or region (%s)", operation, s.Where, lastOf(f.Message))
	case Missing:
		return fmt.Sprintf("there is no %s at %s: %s", strings.TrimPrefix(s.What, "the "), s.Where, s.Make)
	case Denied:
		return fmt.Sprintf("no right to %s:%s on %s: grant it to this function's role (%s)", s.Rights, operation, s.What, f.Message)
	case Stranger:
		return fmt.Sprintf("the credentials are not known at %s: set AWS_ACCESS_KEY_ID and the rest, or sign in again (%s)", s.Where, f.Code)
	case NoCredentials:
		return "there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (a stand-in for AWS takes any), sign in, or give the function a role"
	case NoRegion:
		return "there is no region: set AWS_REGION, or the client's Region"
	case Foreign:
		return fmt.Sprintf("%s does not answer %s like %s (HTTP %d): set the right endpoint", s.Where, operation, s.Name, f.Status)
	}
	if f.Code == "" { // trouble without the service's words
		return fmt.Sprintf("%s: HTTP %d from %s: if this lasts, set the right endpoint", operation, f.Status, s.Where)
	}
	return fmt.Sprintf("%s on %s: %s: %s", operation, s.What, f.Code, f.Message)
}

// lastOf returns the end of a chain of errors, where the reason stands.
func lastOf(message string) string {
	parts := strings.Split(message, ": ")
	return strings.Join(parts[max(0, len(parts)-2):], ": ")
}

// Cause returns what an error of any service says without what the SDK tells of its own inside: the code and message of
// AWS, or the status of a server that is not AWS. Another error it returns as it is.
func Cause(err error) error {
	var api smithy.APIError
	var answer *awshttp.ResponseError
	answered := errors.As(err, &answer)
	switch {
	case answered && (!errors.As(err, &api) || api.ErrorCode() == "UnknownError"):
		return fmt.Errorf("HTTP %d, and no answer of AWS", answer.HTTPStatusCode())
	case errors.As(err, &api):
		return errors.New(api.ErrorCode() + ": " + line(api.ErrorMessage()))
	}
	return err
}
