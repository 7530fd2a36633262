package socketio

import (
	"context"
	"strings"
)

type becauseKey struct{}

// Because returns a context for Disconnect, DisconnectClient and DisconnectSockets, by which the log has a line that
// says why: the log of the process that does it, when an emitter has asked for it. The client is not told. A reason
// that is empty is none.
func Because(ctx context.Context, reason string) context.Context {
	return context.WithValue(ctx, becauseKey{}, reason)
}

func reasonOf(ctx context.Context) string {
	reason, _ := ctx.Value(becauseKey{}).(string)
	return reason
}

// because says in the log why sockets are disconnected, where somebody has said it and this process is to do it.
func (b Broadcast) because(ctx context.Context) {
	s, reason := b.namespace.server, reasonOf(ctx)
	if reason == "" || s.hasHandlersElsewhere() {
		return
	}
	whom := []any{"to", cut(strings.Join(b.to, " "), maxLogged)}
	switch {
	case b.own != nil:
		whom = []any{"socket", b.own.id}
	case !b.toRooms:
		whom = []any{"to", "all"}
	}
	s.opt.Logger.WarnContext(ctx, "sockets are disconnected", append(whom, "namespace", b.namespace.name, "reason", cut(reason, maxLogged))...)
}
