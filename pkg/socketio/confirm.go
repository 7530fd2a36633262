package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
)

// confirm looks whether the session of a member that has joined rooms is still there, and where: as turn.end does for
// an invocation's own. A socket that is gone is in none of the rooms then. polled says that the member joined with the
// address of a session that polls.
func (n *Namespace) confirm(ctx context.Context, e *engine.Engine, m rooms.Member, polled bool, names []string) (gone bool, err error) {
	v, err := e.Open(ctx, engine.Address(m.Address), true)
	if err != nil && !errors.Is(err, ErrGone) {
		return false, err
	}
	gone = err != nil
	if !gone {
		found := entry(v.Entries()[n.name])
		gone = found.id() != m.Socket || !found.connected()
	}
	if gone {
		return true, n.server.store.Leave(ctx, n.name, m.Socket, names...)
	}
	if _, connected := v.Address().Connection(); connected && polled {
		return false, n.server.store.Move(ctx, n.name, m.Socket, string(v.Address()))
	}
	return false, nil
}

// hasPolled reports whether a member is there with the address of a session that polls.
func hasPolled(m rooms.Member) bool {
	_, connected := engine.Address(m.Address).Connection()
	return !connected
}

// unconfirmed is the job that confirms what its joiner could not. Names are bytes, for they may be no UTF-8. It has no
// address: that of a session that polls is its sid, a secret, and jobs are kept in dead-letter queues, and logged.
type unconfirmed struct {
	Joined    [][]byte `json:"joined"` // nil: it is another job
	Namespace string   `json:"namespace"`
	Socket    string   `json:"socket"`
	Polled    bool     `json:"polled,omitempty"` // see confirm
}

// confirmLater makes jobs for a member that has joined rooms. Should these be lost too, rows of a socket that is gone
// stay until they expire.
func (n *Namespace) confirmLater(ctx context.Context, m rooms.Member, names []string) error {
	var errs []error
	for part := range slices.Chunk(names, partsOfAJob) {
		j := unconfirmed{Namespace: n.name, Socket: m.Socket, Polled: hasPolled(m)}
		for _, name := range part {
			j.Joined = append(j.Joined, []byte(name))
		}
		b, err := json.Marshal(j)
		if err == nil {
			err = n.server.engine.Later(ctx, b)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// unconfirmedOf returns the job that some work is, if it is one.
func unconfirmedOf(work json.RawMessage) (j unconfirmed, ok bool) {
	return j, json.Unmarshal(work, &j) == nil && j.Joined != nil
}

// confirmJoin carries the job out. An error asks for another delivery.
func (s *Server) confirmJoin(ctx context.Context, j unconfirmed) error {
	n := s.joined(j.Namespace) // also one of another version of the application: it needs no handlers
	names := make([]string, len(j.Joined))
	for i, name := range j.Joined {
		names[i] = string(name)
	}
	m, err := n.memberOf(ctx, j.Socket)
	if errors.Is(err, ErrGone) {
		return n.server.store.Leave(ctx, n.name, j.Socket, names...)
	}
	if err == nil {
		_, err = n.confirm(ctx, s.engine, m, j.Polled, names)
	}
	return err
}
