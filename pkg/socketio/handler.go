package socketio

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/dozeio/doze/pkg/protocol"
)

// Args are the arguments of an event or an ack of any types: what JSON decodes into an any, and []byte for binary.
type Args []any

// handler is a checked event handler.
type handler struct {
	f        reflect.Value
	in       []reflect.Type // of the event's arguments
	variadic bool           // the last of in repeats
	raw      bool           // takes all arguments as Args
	args     bool           // returns the ack's arguments as Args
	direct   rawHandler     // f, when it is of the raw form; nil when it is not
}

// rawHandler is the raw form, which is called without reflection.
type rawHandler = func(context.Context, *Socket, Args) (Args, error)

const signatures = "have %v, want func(context.Context, *socketio.Socket, arguments...) (results..., error)" +
	" or func(context.Context, *socketio.Socket, socketio.Args) (socketio.Args, error)"

var (
	contextType = reflect.TypeFor[context.Context]()
	socketType  = reflect.TypeFor[*Socket]()
	errorType   = reflect.TypeFor[error]()
	argsType    = reflect.TypeFor[Args]()
)

func newHandler(f any) (*handler, error) {
	t := reflect.TypeOf(f)
	if t == nil || t.Kind() != reflect.Func || reflect.ValueOf(f).IsNil() || t.NumIn() < 2 || t.In(0) != contextType ||
		t.In(1) != socketType || t.NumOut() < 1 || t.Out(t.NumOut()-1) != errorType {
		return nil, fmt.Errorf(signatures, t)
	}
	h := &handler{f: reflect.ValueOf(f), variadic: t.IsVariadic()}
	h.direct, _ = f.(rawHandler)
	for i := 2; i < t.NumIn(); i++ {
		switch in := t.In(i); {
		case in == argsType && t.NumIn() == 3:
			h.raw = true
		case in == argsType:
			return nil, fmt.Errorf("socketio.Args is the only argument or none: "+signatures, t)
		case h.variadic && i == t.NumIn()-1:
			h.in = append(h.in, in.Elem())
		default:
			h.in = append(h.in, in)
		}
	}
	for _, in := range h.in {
		if in.Kind() == reflect.Func {
			return nil, fmt.Errorf("a %v cannot come from a client, and an ack is the results before the error: "+signatures, in, t)
		}
		if !encodable(in) || in.Kind() == reflect.Interface && in.NumMethod() > 0 {
			return nil, fmt.Errorf("a %v cannot come from a client: "+signatures, in, t)
		}
	}
	for i := range t.NumOut() - 1 {
		switch out := t.Out(i); {
		case out == argsType && t.NumOut() > 2:
			return nil, fmt.Errorf("socketio.Args is the only result beside the error, or none: "+signatures, t)
		case out == argsType:
			h.args = true
		case !encodable(out) || out == errorType:
			return nil, fmt.Errorf("a %v cannot go to a client: "+signatures, out, t)
		}
	}
	return h, nil
}

// encodable reports whether JSON may know a type, as far as its outermost layer tells.
func encodable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Func, reflect.Chan, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return false
	}
	return true
}

// handle runs the handler with an event's arguments, and says what that came to: byOn, or byRefusal when they do not fit
// and it has not run. It returns the ack's arguments.
func (h *handler) handle(ctx context.Context, s *Socket, args []json.RawMessage, buffers [][]byte) (results []any, by string, err error) {
	if h.direct != nil {
		all, err := decodeArgs(args, buffers)
		if err != nil {
			return nil, byRefusal, err
		}
		all, err = h.direct(ctx, s, all)
		return all, byOn, err
	}
	in, err := h.decode(ctx, s, args, buffers)
	if err != nil {
		return nil, byRefusal, err
	}
	results, err = h.call(in)
	return results, byOn, err
}

// decode makes the handler's arguments of an event's.
func (h *handler) decode(ctx context.Context, s *Socket, args []json.RawMessage, buffers [][]byte) ([]reflect.Value, error) {
	in := make([]reflect.Value, 2, 2+len(args))
	in[0], in[1] = reflect.ValueOf(ctx), reflect.ValueOf(s)
	if h.raw {
		all, err := decodeArgs(args, buffers)
		if err != nil {
			return nil, err
		}
		in = append(in, reflect.ValueOf(all))
	}
	for i := 0; i < len(h.in) || h.variadic && i < len(args); i++ {
		t := h.in[min(i, len(h.in)-1)]
		v := reflect.New(t)
		switch {
		case i < len(args):
			if err := protocol.DecodeArg(args[i], buffers, v.Interface()); err != nil {
				return nil, &ArgumentError{i + 1, t, err}
			}
		case h.variadic && i == len(h.in)-1:
			continue
		case t.Kind() != reflect.Pointer:
			return nil, &ArgumentError{i + 1, t, errMissing}
		}
		in = append(in, v.Elem())
	}
	return in, nil
}

// call runs the handler. It returns the ack's arguments.
func (h *handler) call(in []reflect.Value) ([]any, error) {
	out := h.f.Call(in)
	if err, _ := out[len(out)-1].Interface().(error); err != nil {
		return nil, err
	}
	if h.args {
		return append([]any{}, out[0].Interface().(Args)...), nil
	}
	results := make([]any, len(out)-1)
	for i := range results {
		results[i] = out[i].Interface()
	}
	return results, nil
}

func decodeArgs(args []json.RawMessage, buffers [][]byte) (Args, error) {
	all := make(Args, len(args))
	for i, arg := range args {
		if err := protocol.DecodeArg(arg, buffers, &all[i]); err != nil {
			return nil, &ArgumentError{Argument: i + 1, Err: err}
		}
	}
	return all, nil
}
