package socketio

import (
	"context"

	"github.com/dozeio/doze/internal/instrument"
	"github.com/dozeio/doze/pkg/engine"
)

// Outgoing is an event that a socket was sent, as OnAnyOutgoing sees it. The socket is there by its id alone: who
// broadcasts has no more of it, and reading more would cost for each recipient.
type Outgoing struct {
	Namespace *Namespace // that the socket is in
	Socket    string     // its id, which is a room to emit to
	Event     string
	Args      Args // as they were given to Emit, the same values for all recipients: nobody may change them
}

// outgoingKey is the key of the context that functions of OnAnyOutgoing get.
type outgoingKey struct{}

// sent tells the application that a socket was sent an event.
func (n *Namespace) sent(ctx context.Context, socket, event string, args []any, p engine.Parcel) {
	n.happened(ctx, instrument.Sent, socket, func(h *instrument.Happening) { h.Event = func() ([]any, error) { return n.server.eventSent(p) } })
	if len(n.outgoing) == 0 || ctx.Value(outgoingKey{}) != nil {
		return
	}
	ctx = context.WithValue(ctx, outgoingKey{}, true)
	for _, f := range n.outgoing {
		err := func() (err error) {
			defer recovered(&err)
			return f(ctx, Outgoing{Namespace: n, Socket: socket, Event: event, Args: args})
		}()
		if err == nil {
			continue
		}
		s := &Socket{namespace: n, id: socket}
		if err = n.server.noted(ctx, s, event, err); err != nil {
			s.failed(ctx, event, "a function of OnAnyOutgoing failed", err)
		}
	}
}
