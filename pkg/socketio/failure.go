package socketio

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"strings"
)

// OnError registers the one function that sees what goes wrong in the application's own functions, of all namespaces:
// an error or a panic of a handler, of OnAny, OnAnyOutgoing, a middleware, OnConnection, OnDisconnecting or
// OnDisconnect; a handler's results that cannot be sent; and, as an *ArgumentError, a client's arguments that are not
// those of the handler. The event is the name of the client's event, or of OnAnyOutgoing's; for the other functions
// "connect" (a middleware), "connection", "disconnecting" and "disconnect". Of the Socket that OnAnyOutgoing has failed
// for there are the id and the namespace alone. An *AckError of a handler or of OnAny and a *ConnectError of a
// middleware are answers, and no failures.
//
// What the function returns takes the error's place: the error itself, or one that wraps it, is logged as if there were
// no function. With an *AckError the client is answered, if it asked for an ack, and a *ConnectError is what a client
// is told that a middleware has kept out. With one of these, and with nil, nothing is logged: what has to be found
// again is for the function to log. All else is as without it: a socket whose middleware or OnConnection has failed is
// kept out or disconnected.
//
// It runs in the place of the function that failed, with its context, and may be called concurrently. OnError panics
// when there is a function already.
func (s *Server) OnError(f func(ctx context.Context, s *Socket, event string, err error) error) {
	s.registering("OnError")
	if s.onError != nil {
		panic("socketio: OnError: the server has a function for errors already")
	}
	s.onError = f
}

// noted is reported for a function whose *AckError answers nobody: it returns what is left to log.
func (s *Server) noted(ctx context.Context, socket *Socket, event string, err error) error {
	left := s.reported(ctx, socket, event, err)
	if s.onError != nil && answer(left) != nil {
		return nil
	}
	return left
}

// reported shows an error to the application's function for errors, and returns what that makes of it.
func (s *Server) reported(ctx context.Context, socket *Socket, event string, err error) (left error) {
	if s.onError == nil {
		return err
	}
	defer func() {
		if value := recover(); value != nil {
			left = errors.Join(err, &panicked{value, debug.Stack()})
		}
	}()
	return s.onError(ctx, socket, event, err)
}

// ArgumentError says that what a client has sent is not what the application takes. The handler did not run.
type ArgumentError struct {
	Argument int          // which one, from 1; 0 for all of them, and for the payload of a CONNECT
	Type     reflect.Type // what the application takes, nil for anything
	Err      error        // what is wrong
}

// Error says which argument is wrong, of what type it has to be, and what is wrong. The value is not in it, or in part.
func (e *ArgumentError) Error() string {
	what := fmt.Sprint("argument ", e.Argument)
	switch {
	case e.Argument == 0 && e.Type == nil:
		what = "the arguments"
	case e.Argument == 0:
		what = "the payload"
	}
	if e.Type == nil {
		return fmt.Sprintf("%s: %v", what, e.Err)
	}
	name := typeName(e.Type)
	if errors.Is(e.Err, errMissing) {
		return fmt.Sprintf("%s (%s) is missing", what, name)
	}
	return fmt.Sprintf("%s is no %s: %v", what, name, e.Err)
}

// typeName is what Go's programs call a type.
func typeName(t reflect.Type) string {
	return cut(strings.ReplaceAll(t.String(), "[]uint8", "[]byte"), 60) // a struct without a name has all its fields there
}

// Unwrap returns Err.
func (e *ArgumentError) Unwrap() error { return e.Err }

var errMissing = errors.New("missing")

// answer returns the error's *AckError, nil if it has none.
func answer(err error) *AckError {
	if err == nil { // mostly, and errors.As needs memory
		return nil
	}
	if a := (*AckError)(nil); errors.As(err, &a) {
		return a
	}
	return nil
}
