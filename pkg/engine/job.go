package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// job is a message of the timer queue.
type job struct {
	Kind       string `json:"kind"`
	ID         string `json:"id"` // a job that is delivered twice has the same
	Connection string `json:"connection,omitempty"`
	Shard      int    `json:"shard,omitempty"`
	Generation int64  `json:"generation,omitempty"`

	// Of a sweep that goes on where another of its generation had no time left: see remaining.
	After uint64   `json:"after,omitempty"`
	Again []uint64 `json:"again,omitempty"`
}

const (
	jobOpen   = "open"   // post the open packet to a new connection
	jobReject = "reject" // close a new connection that should not have been made
	jobGone   = "gone"   // close what a connection stands for, and the connection
	jobSweep  = "sweep"  // heartbeat of a shard
)

// ErrNotAJob says that a message can never be carried out, however often it is delivered: it is no job, or one of a
// kind that this version does not know.
var ErrNotAJob = errors.New("engine: not a job")

// Urgent reports whether a client waits for a job, so that it is better done at once than given to a queue: see JobAtOnce.
func Urgent(message []byte) bool {
	var j job
	return json.Unmarshal(message, &j) == nil && j.Kind == jobOpen
}

func (e *Engine) schedule(ctx context.Context, j job, after time.Duration) error {
	if j.ID == "" {
		j.ID = e.newOp()
	}
	b, err := json.Marshal(j)
	if err != nil {
		return err
	}
	ctx, cancel := e.within(ctx, postTimeout)
	defer cancel()
	return e.timers.Schedule(ctx, b, after)
}

// Job carries out a job that was given to Timers. It may come twice and late. An error asks for another delivery, unless
// it is ErrNotAJob.
func (e *Engine) Job(ctx context.Context, message []byte) error {
	var j job
	if err := json.Unmarshal(message, &j); err != nil {
		return fmt.Errorf("%w: %v", ErrNotAJob, err)
	}
	switch j.Kind {
	case jobOpen:
		return e.announce(ctx, j.Connection, establishTries)
	case jobGone:
		e.closeConnection(ctx, j.Connection, Close{Reason: TransportClose}, true)
		return nil
	case jobReject:
		_, err := e.established(ctx, j.Connection, establishTries)
		if err == nil {
			e.closeConnection(ctx, j.Connection, Close{Reason: TransportClose}, true)
		}
		return err
	case jobSweep:
		return e.sweep(ctx, j)
	}
	return fmt.Errorf("%w of a known kind: %q: was it made by a newer version?", ErrNotAJob, j.Kind)
}

// JobAtOnce is Job in the process that has scheduled an Urgent job, which nobody else can use meanwhile: it waits a quarter
// of a second for the connection to be made, and then returns an error. The job is to go through a queue then.
func (e *Engine) JobAtOnce(ctx context.Context, message []byte) error {
	var j job
	if err := json.Unmarshal(message, &j); err != nil || j.Kind != jobOpen {
		return e.Job(ctx, message)
	}
	return e.announce(ctx, j.Connection, establishSoon)
}

// A connection is asked for this many times, from a millisecond to a second apart, before anything is sent to it:
// within 7 s, or 255 ms.
const (
	establishTries = 16
	establishSoon  = 8
)

var errNotMade = errors.New("engine: the connection is not made yet")

// established waits until a connection is made, and reports false when it is not after so many tries more than one: its
// client has left before.
func (e *Engine) established(ctx context.Context, connection string, tries int) (bool, error) {
	for wait, try := time.Millisecond, 0; ; wait, try = min(2*wait, time.Second), try+1 {
		err := e.exists(ctx, connection)
		if !errors.Is(err, ErrGone) {
			return err == nil, err
		}
		if try == tries {
			return false, nil
		}
		if err := e.sleep(ctx, wait); err != nil {
			return false, err
		}
	}
}

// announce posts the open packet of a WebSocket session, at most once: a second one would make the client shake hands
// twice. If it fails after it has begun, the client's own timeout begins a new session.
func (e *Engine) announce(ctx context.Context, connection string, tries int) error {
	made, err := e.established(ctx, connection, tries)
	if err != nil {
		return err
	}
	if !made && tries < establishTries {
		if s, err := e.store.Get(ctx, connectionAddress(connection), true); err != nil || s.State == Open {
			return errors.Join(errNotMade, err)
		}
		return nil // its $disconnect has come
	}
	if !made {
		e.closeConnection(ctx, connection, Close{Reason: TransportClose}, false)
		return nil
	}
	s, ok, err := e.store.Update(ctx, connectionAddress(connection), Announce{Op: e.newOp()})
	if err != nil || !ok {
		return err
	}
	leave, err := e.lanes.enter(ctx, connection)
	if err == nil {
		err = e.post1(ctx, connection, e.frame(e.openPacket(s.SID).Append(nil)))
		leave()
	}
	if err != nil {
		if !errors.Is(err, ErrGone) {
			e.opt.Logger.ErrorContext(ctx, "an open packet could not be posted", "connection", connection, "error", err)
		}
		e.closeConnection(ctx, connection, Close{Reason: TransportError}, true)
	}
	return nil
}
