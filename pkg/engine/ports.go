package engine

import (
	"context"
	"errors"
	"time"

	"github.com/dozeio/doze/pkg/protocol"
)

// Handler is what is built on the sessions: Socket.IO. All methods may run at the same time, also for one session.
type Handler interface {
	// Message handles the messages of one WebSocket frame or one polling request, in order. An error that wraps
	// protocol.ErrMalformed or ErrRefused closes the session with "parse error".
	Message(ctx context.Context, v *Invocation, messages []protocol.EnginePacket) error

	// Closed cleans up after a session, whose row it gets as it was closed: whatever the handler keeps under its
	// address, it removes. It may be called again for the same session, after a crash or an error.
	Closed(ctx context.Context, s Session) error

	// Moved re-addresses what the handler keeps for a session. It may be called again for the same move.
	Moved(ctx context.Context, s Session, to Address) error
}

// Poster sends to WebSocket connections: the @connections API of API Gateway. Safe for concurrent use.
type Poster interface {
	// Post sends one frame. It returns ErrGone when there is no such connection (which may be untrue for a
	// connection that is just being made), ErrBusy when the connection or the account takes no more at the moment.
	// Errors for another answer have a method HTTPStatusCode() int, by which posts are counted.
	Post(ctx context.Context, connection string, f Frame) error
	// Exists returns nil when the connection is open and ErrGone when it is not.
	Exists(ctx context.Context, connection string) error
	// Disconnect closes a connection. It returns ErrGone when there is none, which may be untrue for one that is just
	// being made, unless the Poster is Unblocking.
	Disconnect(ctx context.Context, connection string) error
}

// Unblocking is what a Poster may be besides: one whose calls never wait, so that they need no deadline. Its Disconnect
// knows a connection from before Connect is called for it: one that is not made yet is closed as soon as it is.
type Unblocking interface{ Unblocking() }

// Timers hands a job to Engine.Job later, at least once and in no order, never before the delay is over. Delays are
// 15 minutes at most and may be rounded up to whole seconds.
// Safe for concurrent use.
type Timers interface {
	Schedule(ctx context.Context, job []byte, after time.Duration) error
}

// PromptTimers is what Timers may be besides: those of a process that goes on for a moment after its response. The
// Engine gives them the jobs that a client waits for, first of all. Safe for concurrent use.
type PromptTimers interface {
	// SchedulePromptly has do called once, in this process, as soon as the invocation that calls it has given its
	// response, and reports whether it will: if not, the job goes to Schedule. It goes there too, and only then, when
	// do returns an error, as it does when the connection is not made within a quarter of a second: a process does not
	// stay up for one that may never be. It does not block. Of a job that is about no connection, which only the Timers
	// of an Unblocking Poster get, do is called at once, on another goroutine, and may take long.
	SchedulePromptly(job []byte, do func(context.Context) error) bool
}

// Frame is one WebSocket message. Binary frames exist only with Options.BinaryFrames. What a Poster was given is not changed
// any more, also when Post has returned.
type Frame struct {
	Binary bool
	Data   []byte
}

// Clock is the time that sessions live by. AfterFunc calls f in a goroutine of its own, like time.AfterFunc.
type Clock interface {
	Now() time.Time
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }
func (systemClock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	return time.AfterFunc(d, f).Stop
}

// Errors that a Poster returns and that sending passes on. Their texts name no package, because applications know all
// but ErrRefused as errors of socketio.
var (
	// ErrGone says that the session or connection is closed; nothing was sent.
	ErrGone = errors.New("the client is disconnected")
	// ErrBusy says that the client or the gateway took no more for as long as there was time to try.
	ErrBusy = errors.New("the client does not read fast enough, or the gateway's rate is exceeded: send less or later")
	// ErrTooLarge says that a packet is over Options.MaxMessage; nothing was sent. What wraps it says by how much.
	ErrTooLarge = errors.New("the packet is larger than is allowed: split it, or send a link to it")
	// ErrOutboxFull says that a client that polls has too much waiting for it.
	ErrOutboxFull = errors.New("too much is waiting for a client that polls: send less or later")
	// ErrRefused is wrapped by a Handler's error for messages that break the protocol.
	ErrRefused = errors.New("engine: message refused")
)
