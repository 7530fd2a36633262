package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/dozeio/doze/pkg/observe"
)

// promptly has the open packet of a new connection posted by this process, where Timers can do that, and reports
// whether they will. Where all is one process, so is the end of a session that finishBeside leaves to it.
func (e *Engine) promptly(j job, message []byte) bool {
	timers, ok := e.timers.(PromptTimers)
	switch {
	case !ok:
		return false
	case j.Kind == jobOpen:
		return timers.SchedulePromptly(message, func(ctx context.Context) error {
			return e.announce(observe.WithID(ctx, j.Cause), j, establishSoon)
		})
	case j.Kind == jobFinish && e.unblocking && !e.opt.HandlersElsewhere:
		return timers.SchedulePromptly(message, func(ctx context.Context) error { return e.Job(ctx, message) })
	}
	return false
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
// twice. A queue may deliver the job twice, so that a delivery first takes the right to do it; a process that does it
// at once has it. If it fails after it has begun, the client's own timeout begins a new session.
func (e *Engine) announce(ctx context.Context, j job, tries int) error {
	connection, a, queued := j.Connection, connectionAddress(j.Connection), tries == establishTries
	made, err := e.established(ctx, connection, tries)
	switch {
	case err != nil:
		return err
	case !made && queued:
		e.closeBehind(ctx, connection, Close{Reason: TransportClose}, false)
		return nil
	case !made:
		if s, err := e.store.Get(ctx, a, true); err != nil || s.State == Open {
			return errors.Join(errNotMade, err)
		}
		return nil // its $disconnect has come
	}
	session := e.opening.take(connection)
	if queued || session.sid == "" {
		s, ok, err := e.store.Update(ctx, a, Announce{Op: e.newOp(), Before: j.ID})
		if err != nil || !ok {
			return err
		}
		session = opening{s.SID, s.Created}
	}
	lane, err := e.lanes.enter(ctx, connection)
	if err == nil {
		err = e.post1(ctx, connection, e.frame(e.openPacket(session.sid).Append(nil)))
		e.lanes.leave(connection, lane)
	}
	if err != nil {
		if !errors.Is(err, ErrGone) {
			e.opt.Logger.ErrorContext(ctx, "an open packet could not be posted", "connection", connection, "error", err)
		}
		e.closeBehind(ctx, connection, Close{Reason: TransportError}, true)
		return nil
	}
	e.opt.Meter.Observe(observe.OpenTime, observe.Since(session.began, e.now()))
	if e.opened(ctx, a) != nil { // it is closed
		return nil
	}
	if _, _, err := e.store.Update(ctx, a, Greet{}); err != nil { // its first frame will wait, and then close it
		e.opt.Logger.ErrorContext(ctx, "an open packet could not be noted", "connection", connection, "error", err)
	}
	return nil
}

// openings are the connections that this process has just accepted, so that who posts the open packet at once need not
// read what they stand for. They are few: those whose packets a queue brings are forgotten.
type openings struct {
	mu  sync.Mutex
	all map[string]opening
}

// opening is the session of a connection, and when its handshake began.
type opening struct {
	sid   string
	began time.Time
}

const maxOpenings = 64

func (o *openings) put(connection string, s opening) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all == nil || len(o.all) >= maxOpenings {
		o.all = map[string]opening{}
	}
	o.all[connection] = s
}

// take returns the zero opening for a connection that is not known here.
func (o *openings) take(connection string) opening {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.all[connection]
	delete(o.all, connection)
	return s
}
