package runtimeapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/google/uuid"
)

// extension is code in the process that is told of each invocation and that the end of an invocation waits for. It is
// guarded by the function's mutex.
type extension struct {
	id, name string
	events   []string // INVOKE, or none
	asked    bool     // it waits for an event
	next     chan []byte
	arn      string
}

// invoke tells it of an invocation.
func (e *extension) invoke(inv *invocation) {
	if !slices.Contains(e.events, "INVOKE") {
		return
	}
	event, err := json.Marshal(map[string]any{
		"eventType": "INVOKE", "deadlineMs": inv.deadline.UnixMilli(), "requestId": inv.id, "invokedFunctionArn": e.arn,
		"tracing": map[string]string{"type": "X-Amzn-Trace-Id", "value": inv.trace},
	})
	if err != nil {
		panic(err) // strings and a number only
	}
	e.asked = false
	e.next <- event
}

// register is open until the start is over. Internal extensions are not told of a shutdown, as on AWS.
func (s *sandbox) register(w http.ResponseWriter, r *http.Request) {
	var wanted struct{ Events []string }
	name := r.Header.Get("Lambda-Extension-Name")
	if err := json.NewDecoder(r.Body).Decode(&wanted); err != nil || name == "" {
		refuse(w, http.StatusBadRequest, "InvalidRequestFormat", "want a header Lambda-Extension-Name and a body like {\"events\":[\"INVOKE\"]}")
		return
	}
	for _, event := range wanted.Events {
		if event != "INVOKE" {
			refuse(w, http.StatusForbidden, "Extension.InvalidEventType", fmt.Sprintf("an internal extension cannot register for %q", event))
			return
		}
	}
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	if s.ready || slices.ContainsFunc(s.extensions, func(e *extension) bool { return e.name == name }) {
		refuse(w, http.StatusForbidden, "Extension.AlreadyRegistered", "extensions register once, before the function's start is over")
		return
	}
	e := &extension{id: uuid.NewString(), name: name, events: wanted.Events, next: make(chan []byte, 1), arn: s.f.arn()}
	s.extensions = append(s.extensions, e)
	w.Header().Set("Lambda-Extension-Identifier", e.id)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"functionName": s.f.opt.Name, "functionVersion": "$LATEST", "handler": s.f.opt.Handler})
}

// known returns the extension that a request is from. The mutex is held.
func (s *sandbox) known(r *http.Request) *extension {
	id := r.Header.Get("Lambda-Extension-Identifier")
	for _, e := range s.extensions {
		if e.id == id {
			return e
		}
	}
	return nil
}

// extensionNext holds an extension's request until there is an event.
func (s *sandbox) extensionNext(w http.ResponseWriter, r *http.Request) {
	s.f.mu.Lock()
	e := s.known(r)
	if e == nil {
		s.f.mu.Unlock()
		refuse(w, http.StatusForbidden, "Extension.UnknownExtensionIdentifier", "Unknown extension")
		return
	}
	if len(e.next) == 0 { // else it asks again for what it has not got
		e.asked = true
		s.settle()
	}
	s.f.mu.Unlock()
	select {
	case event := <-e.next:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(event)
	case <-r.Context().Done():
	case <-s.ending:
	}
}

// extensionFailed is /init/error and /exit/error: the copy ends.
func (s *sandbox) extensionFailed(w http.ResponseWriter, r *http.Request) {
	failure, err := reported(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestFormat", err.Error())
		return
	}
	s.f.mu.Lock()
	e := s.known(r)
	if e == nil {
		s.f.mu.Unlock()
		refuse(w, http.StatusForbidden, "Extension.UnknownExtensionIdentifier", "Unknown extension")
		return
	}
	s.f.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprint(w, `{"status":"OK"}`)
	_ = http.NewResponseController(w).Flush() // before the process is gone
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	s.fail(failure.Type, "extension "+e.name+": "+failure.Message)
}
