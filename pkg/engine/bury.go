package engine

import (
	"context"
	"time"
)

// buried is how long the rows of a session stay at least that was closed and cleaned up in a server that is one process,
// Node's closeTimeout. For as long a client that polls may still fetch what was sent to it before, and that it is closed:
// also for as long as it may be away when it is not closed, as in Node, which waits for that when something is left.
const buried = 30 * time.Second

// bury shortens the time for which the rows of a closed session stay that has been cleaned up: its own and, of one that
// has been upgraded or was about to be, that of the other transport. A tombstone stays for longer because of what comes
// late from other processes, and of sweeps that finish what a crash has left: a store that is one process's has neither.
// On any other store bury does nothing, because it would cost writes.
func (e *Engine) bury(ctx context.Context, s Session) {
	if e.watched == nil {
		return
	}
	until := e.now().Add(max(buried, e.opt.PingInterval+e.opt.PingTimeout))
	rows := []Address{s.Address}
	switch {
	case s.polling() && s.Connection != "":
		rows = append(rows, connectionAddress(s.Connection))
	case !s.polling() && !s.ProbedAt.IsZero():
		rows = append(rows, pollingAddress(s.SID))
	}
	for _, a := range rows {
		if _, _, err := e.store.Update(ctx, a, burial{until}); err != nil {
			e.opt.Logger.WarnContext(ctx, "what is left of a session stays for longer than it is needed", "session", a, "error", err)
		}
	}
}

// burial is the transition of bury. Only a Watched store gets it.
type burial struct{ Expires time.Time }

// Apply implements Transition.
func (t burial) Apply(s *Session) Outcome {
	switch {
	case s.State != Closed && s.State != Moved, !t.Expires.Before(s.Expires):
		return Refused
	}
	s.Expires = t.Expires
	return Applied
}
