package socketio

import (
	"errors"
	"fmt"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/protocol"
)

// ErrUnbound is returned by everything that needs a backend before Bind was called.
var ErrUnbound = errors.New("socketio: the server has no backend: call Bind in main, or socketiotest.New in a test")

// Errors of what is sent to a socket or done with it, for errors.Is. Nothing was sent, unless it says otherwise.
var (
	// ErrGone says that the socket is disconnected, or that its invocation has ended.
	ErrGone = engine.ErrGone
	// ErrTooLarge says that a packet is over 128 KiB, the text or an attachment in base64, or all of them together over
	// 256 KiB, which without API Gateway is the only bound. The error says how many bytes there were and are allowed. It is for everybody the same, whoever the recipients are.
	ErrTooLarge = engine.ErrTooLarge
	// ErrOutboxFull says that too much waits for a client that polls. An emit to one socket returns it, by its id
	// alone; the socket stays connected.
	ErrOutboxFull = engine.ErrOutboxFull
	// ErrBusy says that a client does not read fast enough, or that there was no time to try. An emit to one socket
	// returns it, by its id alone; the socket stays connected.
	ErrBusy = engine.ErrBusy
)

// errOver is what a Socket returns that a goroutine uses after its handler.
var errOver = fmt.Errorf("%w from this invocation, which has ended: a Socket is of no use after its handler; keep its id, which is a room to emit to", ErrGone)

// ConnectError is what a middleware returns to tell the client why it is kept out: a connect_error event with a
// message and, unless it is nil, data.
type ConnectError struct {
	Message string
	Data    any
}

// Error returns the message.
func (e *ConnectError) Error() string { return e.Message }

// AckError is what a handler, OnAny or OnError returns to answer with an error: Data becomes the ack's only argument.
type AckError struct{ Data any }

// Error shows the beginning of the data as JSON.
func (e *AckError) Error() (text string) {
	defer func() {
		if recover() != nil { // the data's own MarshalJSON
			text = fmt.Sprintf("acked with a %T that cannot be encoded", e.Data)
		}
	}()
	data, err := protocol.EncodeJSON(e.Data) // fmt would follow a cycle for ever
	if err != nil {
		return fmt.Sprintf("acked with a %T that cannot be encoded", e.Data)
	}
	return "acked with " + protocol.Excerpt(string(data))
}

// UnservedError is the error of a broadcast that ended before it came to all of its recipients. Those that it did not
// come to are being disconnected, unless Err says that they cannot be.
type UnservedError struct {
	Served   int   // recipients that the event was posted to, or waits for, or that were gone
	Unserved int   // those that were not served, as far as they are known
	More     bool  // there are others, or may be, that have not been counted
	Err      error // what ended it: context.DeadlineExceeded when the time was over, or the store's
}

// Error says how many were not served.
func (e *UnservedError) Error() string {
	atLeast := ""
	if e.More {
		atLeast = "at least "
	}
	return fmt.Sprintf("socketio: %s%d of %d recipients were not served and are disconnected: %v", atLeast, e.Unserved, e.Served+e.Unserved, e.Err)
}

// Unwrap returns Err.
func (e *UnservedError) Unwrap() error { return e.Err }
