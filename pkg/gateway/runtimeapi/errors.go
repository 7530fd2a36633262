package runtimeapi

import "errors"

var (
	// ErrThrottled is Lambda's 429: all copies are busy, and Options.Throttle is set.
	ErrThrottled error = throttled{}

	// ErrClosed is returned once Close has been called.
	ErrClosed = errors.New("runtimeapi: the function is closed")
)

type throttled struct{}

func (throttled) Error() string { return "runtimeapi: TooManyRequestsException: Rate Exceeded" }

// ErrorCode is that of Lambda's own error, by which the gateway knows it.
func (throttled) ErrorCode() string { return "TooManyRequestsException" }

// Error is a function error: the function failed, exited, could not be started or took too long.
type Error struct {
	// Type is what the runtime reported as errorType, or one of
	//   - Sandbox.Timedout: the invocation's time was over
	//   - Runtime.ExitError: the process ended, at its start or in mid-invocation
	//   - Sandbox.InitTimedout: it did not ask for an invocation in time
	//   - Extension.InitError, Extension.ExitError: an extension reported it
	//   - Function.ResponseSizeTooLarge: the answer is over 6 MB
	Type string

	// Message is the runtime's errorMessage, or says what happened; of a failed start it has the last of what the
	// process printed.
	Message string

	// RequestID is that of the invocation; empty for a failed start.
	RequestID string
}

// Error names the request, as Lambda does.
func (e *Error) Error() string {
	if e.RequestID == "" {
		return e.Type + ": " + e.Message
	}
	return "RequestId: " + e.RequestID + " " + e.Type + ": " + e.Message
}
