package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/dozeio/doze/pkg/acks"
	"github.com/dozeio/doze/pkg/engine"
)

// overdue is the job that ends a question of Then whose time is over.
type overdue struct {
	Ack       *int64 `json:"ack"` // nil: it is another job
	Namespace string `json:"namespace"`
	At        int64  `json:"at,omitempty"` // when it is over, milliseconds since 1970; 0: with the question's Until
}

// Whoever has ended a question handles it within handlingTime, which is longer than any invocation, or has crashed. A
// job handles so many sockets at a time.
const (
	handlingTime    = time.Minute
	handlingAtATime = 8
)

func (s *Server) overdueLater(ctx context.Context, j overdue, after time.Duration) error {
	b, err := json.Marshal(j)
	if err != nil {
		return err
	}
	return s.engine.LaterBy(ctx, b, after)
}

// overdueOf returns the job that some work is, if it is one.
func overdueOf(work json.RawMessage) (j overdue, ok bool) {
	return j, json.Unmarshal(work, &j) == nil && j.Ack != nil
}

// overdue ends a question for those who have not answered, and handles what nobody has finished handling. It may come
// twice, and does nothing then that another has begun. What has to wait, or has no time, it leaves to another job.
func (s *Server) overdue(ctx context.Context, j overdue) error {
	n := s.namespace(ctx, j.Namespace)
	switch {
	case s.acks == nil:
		return errors.Join(engine.ErrNotAJob, errors.New("socketio: an overdue question of a server without Backend.Acks"))
	case n == nil: // the function of its OnAck is where it is: to be delivered again
		return fmt.Errorf("socketio: an overdue question of the namespace %q, which is not in this version of the application: is another one being deployed?", cut(j.Namespace, maxLogged))
	}
	o := overdueRun{s: s, n: n, slots: make(chan struct{}, handlingAtATime)}
	for part := range acks.Parts(*j.Ack) {
		q, ends, err := s.acks.Read(ctx, *j.Ack, part, true)
		if err != nil {
			o.note(err, 0)
			break
		}
		until := q.Until
		if j.At != 0 {
			until = time.UnixMilli(j.At)
		}
		if early := until.Sub(s.now()); early > 0 {
			o.note(nil, early)
			break
		}
		if len(q.Sockets) > 0 && n.acks[q.Name] == nil {
			return s.endUnhandled(ctx, n, q)
		}
		for _, socket := range q.Sockets {
			var end *acks.End
			if i := slices.IndexFunc(ends, func(e acks.End) bool { return e.Socket == socket }); i >= 0 {
				end = &ends[i]
			}
			o.handle(ctx, q, socket, end)
		}
	}
	o.all.Wait()
	switch {
	case o.err != nil && o.handled == 0:
		return o.err // to be delivered again: that is slower each time
	case o.err != nil:
		return s.overdueLater(ctx, j, 0)
	case o.again > 0:
		return s.overdueLater(ctx, j, o.again)
	}
	return nil
}

// endUnhandled ends a question that has no function here: trying again would find none either. Whoever ends it for the
// first of the sockets tells the log, once; had that one answered, in vain, it was logged then.
func (s *Server) endUnhandled(ctx context.Context, n *Namespace, q acks.Question) error {
	e, err := s.newEnd(slices.Min(q.Sockets))
	if err != nil {
		return err
	}
	e.Missed, e.Done, e.Expires = acks.Late, true, q.Expires
	mine, err := s.acks.End(ctx, q.ID, e)
	if err == nil && mine {
		s.opt.Logger.ErrorContext(ctx, "a question ends without its function", "namespace", n.name, "name", cut(q.Name, maxLogged), "error", unhandled(n, q.Name))
	}
	return err
}

// overdueRun is one delivery of the job.
type overdueRun struct {
	s     *Server
	n     *Namespace
	slots chan struct{}
	all   sync.WaitGroup

	mu      sync.Mutex // guards what follows
	err     error
	handled int
	again   time.Duration // after which the job has to come again
}

// note notes why the job has to come again.
func (o *overdueRun) note(err error, again time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = errors.Join(o.err, err)
	o.again = max(o.again, again)
}

// handle begins to end a question for a socket, for which it has ended already when end is not nil.
func (o *overdueRun) handle(ctx context.Context, q acks.Question, socket string, end *acks.End) {
	if end != nil && end.Done {
		return
	}
	if end != nil {
		if rest := end.At.Add(handlingTime).Sub(o.s.now()); rest > 0 { // whoever has ended it may be at it
			o.note(nil, rest)
			return
		}
	}
	select {
	case o.slots <- struct{}{}:
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		o.note(ctx.Err(), 0)
		return
	}
	o.all.Go(func() {
		defer func() { <-o.slots }()
		handled, err := o.one(ctx, q, socket, end)
		o.note(err, 0)
		if handled {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.handled++
		}
	})
}

// one ends a question for a socket, or takes over its end from one who has crashed, and handles it. It reports false
// when somebody else does.
func (o *overdueRun) one(ctx context.Context, q acks.Question, id string, end *acks.End) (handled bool, err error) {
	socket, err := o.n.socketOf(ctx, id)
	if err != nil {
		return false, err
	}
	e, err := o.s.newEnd(id)
	if err != nil {
		return false, err
	}
	mine := false
	if end == nil {
		if e.Missed, e.Expires = acks.Late, q.Expires; socket.turn == nil {
			e.Missed = acks.Left
		}
		mine, err = o.s.acks.End(ctx, q.ID, e)
	} else {
		mine, err = o.s.acks.Retake(ctx, q.ID, id, end.Op, e.Op, e.At)
		e.Missed, e.Data, e.Buffers = end.Missed, end.Data, end.Buffers
	}
	if err != nil {
		return false, err
	}
	if !mine { // it was answered in the last moment, or this job has come twice
		o.note(nil, handlingTime)
		return false, nil
	}
	err = o.s.handleEnd(ctx, socket, q, e)
	return err == nil, err
}

// socketOf returns a socket as FetchSocket does; one that is gone has its id only.
func (n *Namespace) socketOf(ctx context.Context, id string) (*Socket, error) {
	s, err := n.FetchSocket(ctx, id)
	if errors.Is(err, ErrGone) {
		return &Socket{namespace: n, id: id}, nil
	}
	return s, err
}
