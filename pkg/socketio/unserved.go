package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/dozeio/doze/internal/instrument"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/rooms"
)

var _ engine.Worker = handlerOf{}

// unserved is the job that disconnects those whom a broadcast has not come to. Names are bytes, for they may be no
// UTF-8, and cursors are none. With Disconnect, it is an emitter's instead.
type unserved struct {
	Disconnect *disconnecting `json:"disconnect,omitempty"`

	Namespace string         `json:"namespace"`
	Parts     []unservedPart `json:"parts"`
	Except    [][]byte       `json:"except,omitempty"`
	Skip      string         `json:"skip,omitempty"`
	At        time.Time      `json:"at"`            // of the emit: who has come since does not miss it
	Own       bool           `json:"own,omitempty"` // each part is a socket's own room, and means that socket alone
}

type unservedPart struct {
	Room   []byte   `json:"room,omitempty"`
	Cursor []byte   `json:"cursor,omitempty"`
	Done   []string `json:"done,omitempty"` // ids of sockets
}

// partsOfAJob is how many parts one job has at most, so that it passes the queue.
const partsOfAJob = 500

// dropsAtATime is how many clients one job disconnects at a time. They come back in a moment, and API Gateway accepts
// 500 new connections a second in an account: with 15 ms for each, about as many are disconnected.
const dropsAtATime = 8

// unservedBy returns the job, without parts, for a broadcast of a time.
func unservedBy(t rooms.Target, at time.Time) unserved {
	j := unserved{Namespace: t.Namespace, Skip: t.Skip, At: at}
	for _, room := range t.Except {
		j.Except = append(j.Except, []byte(room))
	}
	return j
}

// disconnectRest makes jobs for what a broadcast has not come to, of one without parts.
func (s *Server) disconnectRest(ctx context.Context, j unserved, rest rooms.Rest) error {
	var errs []error
	for parts := range slices.Chunk(rest.Parts, partsOfAJob) {
		j.Parts = nil
		for _, p := range parts {
			j.Parts = append(j.Parts, unservedPart{[]byte(p.Room), []byte(p.Cursor), p.Done})
		}
		b, err := json.Marshal(j)
		if err == nil {
			err = s.engine.Later(ctx, b)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Work implements engine.Worker: it disconnects the members of what a broadcast has not come to, and leaves to another
// job what there is no time for. Those that joined a room of the broadcast after it, with a session that is older, are
// among them.
func (h handlerOf) Work(ctx context.Context, work json.RawMessage) error {
	if j, ok := overdueOf(work); ok {
		return h.s.overdue(ctx, j)
	}
	if j, ok := unconfirmedOf(work); ok {
		return h.s.confirmJoin(ctx, j)
	}
	if j, ok := watchedOf(work); ok {
		if h.s.watcher == nil { // it was switched off
			return nil
		}
		err := h.s.watcher.Job(ctx, j.Watched)
		if errors.Is(err, instrument.ErrNotAJob) {
			err = fmt.Errorf("%w: %w", engine.ErrNotAJob, err)
		}
		return err
	}
	var j unserved
	if err := json.Unmarshal(work, &j); err != nil {
		return errors.Join(engine.ErrNotAJob, err)
	}
	if j.Disconnect != nil {
		return h.s.carryOut(ctx, j.Disconnect.command())
	}
	t := rooms.Target{Namespace: j.Namespace, Skip: j.Skip}
	for _, room := range j.Except {
		t.Except = append(t.Except, string(room))
	}
	parts, named := make([]rooms.Part, len(j.Parts)), map[string]bool{}
	for i, p := range j.Parts {
		named[string(p.Room)] = true
		parts[i] = rooms.Part{Room: string(p.Room), Cursor: string(p.Cursor), Done: p.Done}
	}
	adapter := rooms.Adapter{Store: h.s.store, AtATime: dropsAtATime}
	var begun atomic.Bool
	rest, err := adapter.Resume(ctx, t, parts, func(ctx context.Context, m rooms.Member) error {
		begun.Store(true)
		if j.Own && !named[m.Socket] { // it looks on
			return nil
		}
		h.s.engine.DropOlder(ctx, engine.Address(m.Address), j.At)
		return nil
	})
	if len(rest.Parts) > 0 && begun.Load() {
		return h.s.disconnectRest(ctx, j, rest)
	}
	return err // to be delivered again: that is slower each time
}
