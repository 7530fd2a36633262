package runtimeapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// maxPayload is what an event and an answer may have:
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html. An answer may have 92 bytes more.
const maxPayload = 6 << 20

// api is what this copy finds under AWS_LAMBDA_RUNTIME_API.
func (s *sandbox) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", s.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", s.response)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", s.failed)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", s.initFailed)
	mux.HandleFunc("POST /2020-01-01/extension/register", s.register)
	mux.HandleFunc("GET /2020-01-01/extension/event/next", s.extensionNext)
	mux.HandleFunc("POST /2020-01-01/extension/init/error", s.extensionFailed)
	mux.HandleFunc("POST /2020-01-01/extension/exit/error", s.extensionFailed)
	return mux
}

// next holds the runtime's request until there is work.
func (s *sandbox) next(w http.ResponseWriter, r *http.Request) {
	s.f.mu.Lock()
	if len(s.events) == 0 { // else it asks again for what it has not got
		s.asked = true
		s.settle()
	}
	s.f.mu.Unlock()
	select {
	case inv := <-s.events:
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", s.f.arn())
		h.Set("Lambda-Runtime-Trace-Id", inv.trace)
		_, _ = w.Write(inv.event) // a runtime that has gone is noticed by its process's end
	case <-r.Context().Done():
	case <-s.ending:
	}
}

func (f *Function) arn() string {
	return "arn:aws:lambda:" + f.opt.Region + ":000000000000:function:" + f.opt.Name
}

func (s *sandbox) response(w http.ResponseWriter, r *http.Request) {
	answer, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload+92))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		s.settleWith(w, r, http.StatusRequestEntityTooLarge, nil,
			&Error{Type: "Function.ResponseSizeTooLarge", Message: fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxPayload)})
	case err != nil: // the process has ended, or it will try again
		refuse(w, http.StatusBadRequest, "InvalidRequest", err.Error())
	default:
		// What goes wrong while a response is being sent comes in a trailer.
		if kind := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); kind != "" {
			s.settleWith(w, r, http.StatusAccepted, nil, &Error{Type: kind, Message: "the response broke off"})
			return
		}
		s.settleWith(w, r, http.StatusAccepted, answer, nil)
	}
}

func (s *sandbox) failed(w http.ResponseWriter, r *http.Request) {
	failure, err := reported(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequest", err.Error())
		return
	}
	s.settleWith(w, r, http.StatusAccepted, nil, failure)
}

// settleWith gives the caller what the runtime has posted for the current invocation.
func (s *sandbox) settleWith(w http.ResponseWriter, r *http.Request, status int, answer []byte, failure *Error) {
	s.f.mu.Lock()
	inv := s.inv
	if inv == nil || inv.id != r.PathValue("id") || inv.answered {
		s.f.mu.Unlock()
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "no such invocation waits for an answer")
		return
	}
	s.answer(inv, answer, failure)
	s.f.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprint(w, `{"status":"OK"}`)
}

func (s *sandbox) initFailed(w http.ResponseWriter, r *http.Request) {
	failure, err := reported(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequest", err.Error())
		return
	}
	s.f.mu.Lock()
	if s.ready {
		s.f.mu.Unlock()
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "the start is over")
		return
	}
	s.failure = failure // and the process exits
	s.f.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprint(w, `{"status":"OK"}`)
}

// reported reads what a runtime or an extension says about its failure.
func reported(r *http.Request) (*Error, error) {
	b, err := io.ReadAll(io.LimitReader(r.Body, maxPayload))
	if err != nil {
		return nil, err
	}
	var e struct{ ErrorMessage, ErrorType string }
	if json.Unmarshal(b, &e) != nil {
		e.ErrorMessage = string(b)
	}
	kind := cmp.Or(r.Header.Get("Lambda-Runtime-Function-Error-Type"), r.Header.Get("Lambda-Extension-Function-Error-Type"), e.ErrorType, "Runtime.Unknown")
	return &Error{Type: kind, Message: e.ErrorMessage}, nil
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"errorType": kind, "errorMessage": message})
}
