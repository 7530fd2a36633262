//go:build full

package faults

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/dozeio/doze/tests/kit/rawclient"
)

// wireSession plays a script. An error is what should not be: an answer that is missing, or one that blames the server.
type wireSession struct {
	w    *world
	seed uint64
	sids *secrets

	ctx  context.Context
	sid  string // "" when there is none
	line *wireLine
	raw  bool // what the connection is at nobody knows
	all  sync.WaitGroup

	mu  sync.Mutex
	err error
}

// wireLine is a connection, and whether its end or an answer to CONNECT has come.
type wireLine struct {
	*rawclient.Conn
	answers chan struct{}
	ended   chan struct{}
}

func (s *wireSession) play(script []wireStep) error {
	ctx, cancel := context.WithCancel(s.w.ctx)
	s.ctx = ctx
	for _, step := range script {
		s.do(step)
	}
	cancel()
	s.all.Wait()
	if s.line != nil {
		s.line.Reset()
		<-s.line.ended
	}
	return s.err
}

func (s *wireSession) failed(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = errors.Join(s.err, fmt.Errorf(format, args...))
}

func (s *wireSession) do(step wireStep) {
	switch step.what {
	case "open":
		a := s.request(http.MethodGet, rawclient.Polling, "", nil)
		if s.sid = rawclient.SID(a.Body); s.sid == "" {
			s.failed("the handshake was answered %d %q", a.Status, a.Body)
		}
	case "dial":
		s.dial(step.text, step.header)
	case "upgrade":
		if s.line == nil && s.sid != "" {
			s.dial(rawclient.Probe(s.sid), nil)
			s.frame(step.text)
		}
	case "request":
		s.request(step.method, strings.ReplaceAll(step.text, "SID", s.sid), payloadOf(step.method), step.header)
	case "send":
		switch {
		case s.line != nil:
			s.frame(strings.Split(step.text, "\x1e")...)
		case s.sid != "":
			s.request(http.MethodPost, rawclient.Session(s.sid), step.text, step.header)
		}
	case "at once":
		for _, packet := range strings.Split(step.text, "\x1e") {
			if s.line == nil && s.sid != "" {
				s.all.Go(func() { s.request(http.MethodPost, rawclient.Session(s.sid), packet, nil) })
			}
		}
	case "poll":
		if s.line == nil && s.sid != "" {
			s.all.Go(func() { s.request(http.MethodGet, rawclient.Session(s.sid), "", nil) })
		}
	case "binary":
		if s.line != nil && !s.raw {
			_ = s.line.SendBinary(s.ctx, step.bytes)
		}
	case "fragments":
		if s.line != nil && !s.raw {
			_ = s.line.SendFragments(s.ctx, step.text[:len(step.text)/2], step.text[len(step.text)/2:])
		}
	case "raw":
		if s.line != nil {
			s.raw = true
			_ = s.line.SendRaw(step.bytes)
		}
	case "reset":
		if s.line != nil {
			s.line.Reset()
		}
	case "close":
		switch {
		case s.line != nil && !s.raw:
			_ = s.line.Close(step.code)
		case s.line == nil && s.sid != "":
			s.request(http.MethodPost, rawclient.Session(s.sid), "1", nil)
		}
	case "ask":
		s.ask()
	}
}

// ask sends a CONNECT for the main namespace, which is answered or, as a second one, ends the connection: never
// silence.
func (s *wireSession) ask() {
	switch {
	case s.line == nil && s.sid != "":
		s.request(http.MethodPost, rawclient.Session(s.sid), "40", nil)
	case s.line != nil && !s.raw:
		s.frame("40")
		select {
		case <-s.line.answers:
		case <-s.line.ended:
			if s.w.ctx.Err() != nil {
				s.failed("a connection that has asked was told nothing")
			}
		}
	}
}

func payloadOf(method string) string {
	if method == http.MethodGet || method == http.MethodHead {
		return ""
	}
	return "40"
}

// frame sends text frames. That the connection has ended is no error.
func (s *wireSession) frame(frames ...string) {
	if s.line != nil && !s.raw {
		_ = s.line.Send(s.ctx, frames...)
	}
}

func (s *wireSession) dial(query string, header []string) {
	if s.line != nil || !sendable(query) {
		return
	}
	c, err := s.w.Dial(s.ctx, strings.ReplaceAll(query, "SID", url.QueryEscape(s.sid)), header...)
	if err != nil {
		var refused *rawclient.Refused
		if errors.As(err, &refused) && refused.Status >= 500 {
			s.failed("a handshake with %q was answered %d", query, refused.Status)
		}
		return
	}
	l := &wireLine{Conn: c, answers: make(chan struct{}, 1), ended: make(chan struct{})}
	s.line = l
	go func() {
		defer close(l.ended)
		for {
			f, err := c.Message(s.w.ctx)
			if err != nil {
				return
			}
			if sid := rawclient.SID(f); sid != "" {
				s.sids.add(sid)
			}
			if strings.HasPrefix(f, "40{") || strings.HasPrefix(f, "44{") {
				select {
				case l.answers <- struct{}{}:
				default:
				}
			}
		}
	}()
}

// request makes a request that has to be answered, unless the session leaves before.
func (s *wireSession) request(method, query, body string, header []string) rawclient.Answer {
	if !sendable(query) {
		return rawclient.Answer{}
	}
	a, err := s.w.Do(s.ctx, method, query, body, header...)
	switch {
	case s.ctx.Err() != nil:
	case err != nil:
		s.failed("%s %q with %.200q: %v", method, query, body, err)
	case a.Status >= 500 && (method == http.MethodGet || method == http.MethodPost || method == http.MethodOptions):
		s.failed("%s %q with %.200q was answered %d %q", method, query, body, a.Status, a.Body)
	}
	if sid := rawclient.SID(a.Body); sid != "" {
		s.sids.add(sid)
	}
	return a
}

// sendable reports whether net/http sends a request with a query: it refuses some by itself.
func sendable(query string) bool {
	return !strings.ContainsFunc(query, func(c rune) bool { return c < ' ' || c == 0x7f })
}
