package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dozeio/doze/pkg/observe"
)

// job is a message of the timer queue.
type job struct {
	Kind       string `json:"kind"`
	ID         string `json:"id"`              // a job that is delivered twice has the same
	Due        int64  `json:"due,omitempty"`   // when its delay is over, milliseconds since 1970
	Cause      string `json:"cause,omitempty"` // observe.ID of what has caused it
	Connection string `json:"connection,omitempty"`
	Shard      int    `json:"shard,omitempty"`
	Generation int64  `json:"generation,omitempty"`

	// Of a sweep that goes on where another of its generation had no time left: see remaining.
	After uint64   `json:"after,omitempty"`
	Again []uint64 `json:"again,omitempty"`

	Since int64 `json:"since,omitempty"` // of jobJudge: when those to be closed had been silent, milliseconds since 1970

	Work json.RawMessage `json:"work,omitempty"` // of the handler

	// Of jobFinish: the session, and who has closed it.
	Address Address `json:"address,omitempty"`
	By      string  `json:"by,omitempty"`
}

const (
	jobOpen   = "open"   // post the open packet to a new connection
	jobReject = "reject" // close a new connection that should not have been made
	jobGone   = "gone"   // close what a connection stands for, and the connection
	jobSweep  = "sweep"  // heartbeat of a shard
	jobJudge  = "judge"  // close those who have not answered a sweep's second ping
	jobWork   = "work"   // what the handler asked for
	jobFinish = "finish" // clean up after a session that a process without the application's handlers has closed
)

// ErrNotAJob says that a message can never be carried out, however often it is delivered: it is no job, or one of a
// kind that this version does not know.
var ErrNotAJob = errors.New("engine: not a job")

func (e *Engine) schedule(ctx context.Context, j job, after time.Duration) error {
	if j.ID == "" {
		j.ID = e.newOp()
	}
	j.Due = e.now().Add(after).UnixMilli()
	if j.Kind != jobSweep && j.Kind != jobJudge { // these cause one another, for ever
		j.Cause = observe.ID(ctx)
	}
	b, err := json.Marshal(j)
	if err != nil {
		return err
	}
	if after == 0 && e.promptly(j, b) {
		return nil
	}
	ctx, cancel := e.within(ctx, postTimeout)
	defer cancel()
	return e.timers.Schedule(ctx, b, after)
}

// Job carries out a job that was given to Timers, or has a Handler that is Commanded carry out another message. It may
// come twice and late. An error asks for another delivery, unless it is ErrNotAJob.
func (e *Engine) Job(ctx context.Context, message []byte) error {
	defer e.done(ctx, false)
	var is struct {
		Kind *string `json:"kind"`
	}
	if json.Unmarshal(message, &is) != nil || is.Kind == nil {
		return e.command(ctx, message)
	}
	var j job
	if err := json.Unmarshal(message, &j); err != nil {
		return fmt.Errorf("%w: %v", ErrNotAJob, err)
	}
	if j.Cause != "" {
		invocation := observe.ID(ctx)
		ctx = observe.WithID(ctx, j.Cause)
		e.opt.Logger.DebugContext(ctx, "job", "kind", j.Kind, "invocation", invocation)
	}
	if j.Due != 0 { // what another version has put there has none
		e.opt.Meter.Observe(observe.QueueAge, observe.Since(time.UnixMilli(j.Due), e.now()))
	}
	switch j.Kind {
	case jobOpen:
		return e.announce(ctx, j, establishTries)
	case jobGone:
		return e.closeGone(ctx, j.Connection)
	case jobReject:
		_, err := e.established(ctx, j.Connection, establishTries)
		if err == nil {
			e.closeBehind(ctx, j.Connection, Close{Reason: TransportClose}, true)
		}
		return err
	case jobSweep:
		return e.sweep(ctx, j)
	case jobJudge:
		return e.judge(ctx, j)
	case jobWork:
		return e.work(ctx, j)
	case jobFinish:
		return e.finishClosed(ctx, j)
	}
	return fmt.Errorf("%w of a known kind: %q: was it made by a newer version?", ErrNotAJob, j.Kind)
}
