package runtimeapi

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/google/uuid"
)

// sandbox is one copy: a process, and the Runtime API that only this process knows. Its fields are guarded by the
// function's mutex, but for those that never change.
type sandbox struct {
	f     *Function
	ended chan struct{} // closed when no process is left

	process *os.Process // nil before it runs, and when it has ended
	tail    tail        // of what it printed
	waiter  *waiter     // that it was started for
	ready   bool        // it has asked for its first invocation
	gone    bool        // it was killed or has ended: it takes no work
	frozen  bool
	failure *Error // why it ends, when that is known

	asked      bool // the runtime waits for an invocation
	events     chan *invocation
	extensions []*extension
	inv        *invocation // the current one
	deadline   *time.Timer // of the start, then of each invocation
	ending     chan struct{}
}

// invocation is one event on its way through a copy.
type invocation struct {
	id       string
	event    []byte
	limit    time.Duration
	deadline time.Time
	trace    string
	result   chan result // with room for one
	answered bool
}

type result struct {
	answer []byte
	err    error
}

// newInvocation makes an invocation, with a request id of its own where given is empty.
func newInvocation(event []byte, limit time.Duration, trace, given string) *invocation {
	id := uuid.New()
	if trace == "" {
		trace = fmt.Sprintf("Root=1-%08x-%x;Sampled=0", time.Now().Unix(), id[4:])
	}
	return &invocation{id: cmp.Or(given, id.String()), event: event, limit: limit, result: make(chan result, 1), trace: trace}
}

func newSandbox(f *Function, w *waiter) *sandbox {
	return &sandbox{f: f, waiter: w, ended: make(chan struct{}), events: make(chan *invocation, 1), ending: make(chan struct{})}
}

// run is the life of a copy.
func (s *sandbox) run() {
	defer close(s.ended)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.end(err)
		return
	}
	server := &http.Server{Handler: s.api(), ReadHeaderTimeout: time.Minute}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // until it is closed
	}()
	err = s.execute(listener.Addr().String())
	s.end(err)
	server.Close()
	<-served
}

// started takes note of the process, unless it was killed before it ran.
func (s *sandbox) started(p *os.Process) {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	s.process = p
	if s.gone {
		signalGroup(p, signalKill)
		return
	}
	s.deadline = time.AfterFunc(s.f.opt.InitTimeout, func() {
		s.f.mu.Lock()
		defer s.f.mu.Unlock()
		if !s.ready {
			s.fail("Sandbox.InitTimedout", fmt.Sprintf("the process did not ask for an invocation within %v", s.f.opt.InitTimeout))
		}
	})
}

// reaping is called when the process has ended, before its id can be another's. What it has started ends with it.
func (s *sandbox) reaping() {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	signalGroup(s.process, signalKill)
	s.gone, s.process = true, nil
}

// end tells everyone who counts on this copy that it has ended.
func (s *sandbox) end(err error) {
	f := s.f
	f.mu.Lock()
	defer f.mu.Unlock()
	s.gone = true
	s.stopClock()
	close(s.ending)
	failure := s.failure
	if failure == nil {
		failure = &Error{Type: "Runtime.ExitError", Message: "Runtime exited without providing a reason"}
		if err != nil {
			failure.Message = "Runtime exited with error: " + err.Error()
		}
	}
	if !s.ready {
		failure.Message += s.tail.String()
		if s.waiter != nil {
			f.stats.Errors++
			s.waiter.grant <- grant{err: failure}
			s.waiter = nil
		}
	}
	if s.inv != nil {
		s.answer(s.inv, nil, failure)
		s.finish()
	}
	f.forget(s)
}

// begin gives a copy its work. The caller has it from acquire.
func (f *Function) begin(s *sandbox, inv *invocation) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stats.Invocations++
	s.inv = inv
	if s.gone {
		// It was killed after it was granted. When it has ended already, nobody else says so.
		failure := s.failure
		if failure == nil {
			failure = &Error{Type: "Runtime.ExitError", Message: "Runtime exited with error: signal: killed"}
		}
		s.answer(inv, nil, failure)
		s.finish()
		return
	}
	inv.deadline = time.Now().Add(inv.limit)
	s.stopClock()
	s.deadline = time.AfterFunc(inv.limit, func() { f.timeout(s, inv) })
	s.thaw()
	s.asked = false
	for _, e := range s.extensions {
		e.invoke(inv)
	}
	s.events <- inv
}

// answer gives the caller its result, once. The mutex is held.
func (s *sandbox) answer(inv *invocation, answer []byte, failure *Error) {
	if inv.answered {
		return
	}
	inv.answered = true
	r := result{answer: answer}
	if failure != nil {
		s.f.stats.Errors++
		e := *failure
		e.RequestID = inv.id
		r.err = &e
	}
	inv.result <- r
}

// finish ends the current invocation. The mutex is held.
func (s *sandbox) finish() {
	s.inv = nil
	s.stopClock()
	s.f.unburden()
}

func (s *sandbox) stopClock() {
	if s.deadline != nil {
		s.deadline.Stop()
		s.deadline = nil
	}
}

// settle looks whether the runtime and all extensions have asked for more, which ends the start, or an invocation. The
// mutex is held.
func (s *sandbox) settle() {
	if !s.asked || s.gone {
		return
	}
	for _, e := range s.extensions {
		if !e.asked {
			return
		}
	}
	switch {
	case !s.ready:
		s.ready = true
		s.stopClock()
		s.f.offer(s)
	case s.inv != nil:
		s.answer(s.inv, nil, &Error{Type: "Runtime.NoResponse", Message: "the runtime asked for the next invocation without an answer to this one"})
		s.finish()
		s.f.offer(s)
	}
}

// timeout ends a copy whose invocation takes too long.
func (f *Function) timeout(s *sandbox, inv *invocation) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.inv != inv {
		return
	}
	f.stats.Timeouts++
	failure := &Error{Type: "Sandbox.Timedout", Message: fmt.Sprintf("Task timed out after %.2f seconds", inv.limit.Seconds())}
	s.answer(inv, nil, failure)
	s.failure = failure
	s.kill()
}

// fail ends a copy for a reason. The mutex is held.
func (s *sandbox) fail(kind, message string) {
	if s.failure == nil {
		s.failure = &Error{Type: kind, Message: message}
	}
	s.kill()
}

// kill ends the process at once; what has to be told is told when it has ended. The mutex is held.
func (s *sandbox) kill() {
	if s.gone {
		return
	}
	s.gone = true
	for i, other := range s.f.idle {
		if other == s {
			s.f.idle = append(s.f.idle[:i], s.f.idle[i+1:]...)
			break
		}
	}
	if s.process != nil {
		signalGroup(s.process, signalKill)
	}
}

// grace is what internal extensions have for their end:
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html.
const grace = 500 * time.Millisecond

// shutdown ends a copy as Lambda does. The mutex is held.
func (s *sandbox) shutdown() {
	if s.gone || s.process == nil || len(s.extensions) == 0 {
		s.kill()
		return
	}
	s.thaw()
	signalGroup(s.process, signalTerm)
	time.AfterFunc(grace, func() {
		s.f.mu.Lock()
		defer s.f.mu.Unlock()
		s.kill()
	})
}

// freeze and thaw are called with the mutex held.
func (s *sandbox) freeze() {
	if !s.frozen && s.process != nil {
		s.frozen = true
		s.f.stats.Freezes++
		signalGroup(s.process, signalStop)
	}
}

func (s *sandbox) thaw() {
	if s.frozen && s.process != nil {
		s.frozen = false
		signalGroup(s.process, signalContinue)
	}
}
