package gateway

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"
)

// errThrottled is a function that was not invoked because too many run.
var errThrottled = errors.New("TooManyRequestsException: Rate Exceeded")

// isThrottled says whether Lambda, or what stands for it, refused to invoke a function: by the error code that the
// SDK's errors and runtimeapi.ErrThrottled have.
func isThrottled(err error) bool {
	var api interface{ ErrorCode() string }
	return err == errThrottled || errors.As(err, &api) && api.ErrorCode() == "TooManyRequestsException"
}

// functions counts the invocations that run, for each function and for those without a reservation together.
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
type functions struct {
	mu      sync.Mutex
	shared  int // how many may run of all functions without a reservation; below 0: any number
	busy    int // of these
	byRoute map[string]*function
}

// function is one Lambda function, behind one route or several.
type function struct {
	reserved int // below 0 for none
	busy     int // invocations, each in an environment of its own
	idle     int // environments that wait for their next invocation
}

// routes are all that have a function.
func (o *Options) routes() map[string]Handler {
	all := map[string]Handler{routeConnect: o.Connect, routeDefault: o.Default, routeDisconnect: o.Disconnect, routeJobs: o.Jobs}
	for method, h := range o.HTTP {
		all[method] = h
	}
	for route, h := range all {
		if h == nil {
			delete(all, route)
		}
	}
	return all
}

func (s *functions) init(o Options) error {
	s.byRoute = make(map[string]*function)
	s.shared = o.Concurrency
	same := make(map[any]*function)
	for route, h := range o.routes() {
		var key any = route // a func has nothing to be known by
		if reflect.ValueOf(h).Comparable() {
			key = h
		}
		f := same[key]
		if f == nil {
			f = &function{reserved: -1}
			same[key] = f
		}
		s.byRoute[route] = f
	}
	for route, n := range o.Reserved {
		f := s.byRoute[route]
		switch {
		case f == nil:
			return fmt.Errorf("gateway: Reserved[%q]: there is no such route with a function", route)
		case n < 0 || f.reserved >= 0:
			return fmt.Errorf("gateway: Reserved[%q] is %d: it must not be negative, nor given twice for a function", route, n)
		case s.shared >= 0 && n > s.shared:
			return fmt.Errorf("gateway: Reserved[%q] is %d, but only %d of Concurrency are left", route, n, s.shared)
		}
		f.reserved = n
		if s.shared >= 0 {
			s.shared -= n
		}
	}
	return nil
}

// begin counts an invocation in and says whether it meets a new environment, or reports false when there may be no
// more.
func (s *functions) begin(route string) (f *function, cold, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f = s.byRoute[route]
	if f.reserved >= 0 {
		ok = f.busy < f.reserved
	} else {
		ok = s.shared < 0 || s.busy < s.shared
	}
	if !ok {
		return nil, false, false
	}
	if f.reserved < 0 {
		s.busy++
	}
	f.busy++
	if cold = f.idle == 0; !cold {
		f.idle--
	}
	return f, cold, true
}

// end gives the place of an invocation back, and its environment, unless that has ended with it.
func (s *functions) end(f *function, broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.reserved < 0 {
		s.busy--
	}
	f.busy--
	if !broken {
		f.idle++
	}
}

// pause returns after a time, or when the gateway closes.
func (g *Gateway) pause(d time.Duration) {
	over := make(chan struct{})
	if g.tasks.after(d, true, func() { close(over) }) {
		<-over
	}
}
