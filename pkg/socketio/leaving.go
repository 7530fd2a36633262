package socketio

import (
	"context"
	"slices"
	"time"

	"github.com/dozeio/doze/pkg/rooms"
)

// leavingTime is longer than any invocation: who has not finished leaving after it has crashed.
const leavingTime = time.Minute

// leavingKey is the key of the context that handlers of a leaving socket get; the value is the socket's id.
type leavingKey struct{}

// stillLeaving is the temporary error of finishLeaving.
type stillLeaving struct{}

func (stillLeaving) Error() string   { return "socketio: a socket that leaves its rooms is not done yet" }
func (stillLeaving) Temporary() bool { return true }

// finishLeaving sees to it that a socket which has left is in no room. The invocation that marked it as left does that
// after OnDisconnecting, for which the rooms have to be there: so this one waits for it, and runs the handlers itself
// only when the other one has crashed. With an error it has to be called again.
func (s *Server) finishLeaving(ctx context.Context, n *Namespace, e entry) error {
	if ctx.Value(leavingKey{}) == e.id() { // this very invocation is about to
		return nil
	}
	began, reason := e.leaving()
	crashed := s.now().Sub(began) >= leavingTime
	var still bool
	err := s.engine.Retry(ctx, func() (err error) {
		if still, err = s.inNamespace(ctx, n.name, e.id()); still && !crashed {
			err = stillLeaving{}
		}
		return err
	})
	if err != nil || !still {
		return err
	}
	return s.cleanUp(ctx, closedSocket(n, e), reason)
}

// inNamespace reports whether a socket is still in the room that holds everybody. It reads once, without retries.
func (s *Server) inNamespace(ctx context.Context, namespace, id string) (bool, error) {
	for cursor := ""; ; {
		page, next, err := s.once.Members(ctx, namespace, id, cursor)
		switch {
		case err != nil:
			return false, err
		case slices.ContainsFunc(page, func(m rooms.Member) bool { return m.Socket == id }):
			return true, nil
		case next == "":
			return false, nil
		}
		cursor = next
	}
}
