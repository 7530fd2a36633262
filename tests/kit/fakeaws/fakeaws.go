// Package fakeaws answers like services of AWS what a test says, each in its own protocol: a stub for the commands of
// an operator. What a test has no answer for is denied.
package fakeaws

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/aws/smithy-go/encoding/cbor"
)

// Server is an http.Handler with answers by action: "DescribeStacks", or of Lambda "GET /2016-08-19/account-settings".
// Of an action that is asked about several things, a name may have one of these after it: "GetServiceQuota L-8A5B8E43".
//
// An answer is XML, as a string, for CloudFormation; for the others what encoding/json makes JSON of, and for
// CloudWatch numbers, strings, slices and maps of these. An Error is one. A func(request map[string]any) any is called
// for the answer.
type Server struct {
	mu      sync.Mutex
	answers map[string]any
	asked   []string
}

// Error is the code of an error.
type Error string

// New returns a server with answers.
func New(answers map[string]any) *Server { return &Server{answers: answers} }

// Set changes an answer.
func (s *Server) Set(action string, answer any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[action] = answer
}

// Asked returns the actions so far.
func (s *Server) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.asked...)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	action, protocol, request := read(r, body)
	answer := s.answer(action, request)
	if f, ok := answer.(func(map[string]any) any); ok {
		answer = f(request)
	}
	write(w, protocol, action, answer)
}

func (s *Server) answer(action string, request map[string]any) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, action)
	for _, of := range request {
		if name, ok := of.(string); ok {
			if answer, ok := s.answers[action+" "+name]; ok {
				return answer
			}
		}
	}
	if answer, ok := s.answers[action]; ok {
		return answer
	}
	return Error("AccessDenied")
}

// read returns what is asked, and in which protocol.
func read(r *http.Request, body []byte) (action, protocol string, request map[string]any) {
	request = map[string]any{}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		_ = json.Unmarshal(body, &request)
		return target[strings.LastIndex(target, ".")+1:], "json", request
	}
	if r.Header.Get("Smithy-Protocol") == "rpc-v2-cbor" {
		if v, err := cbor.Decode(body); err == nil {
			request, _ = fromCBOR(v).(map[string]any)
		}
		return r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:], "cbor", request
	}
	if r.Header.Get("Content-Type") == "application/x-www-form-urlencoded" {
		form, _ := url.ParseQuery(string(body))
		for name := range form {
			request[name] = form.Get(name)
		}
		return form.Get("Action"), "query", request
	}
	for i, part := range strings.Split(r.URL.Path, "/") {
		request[fmt.Sprint(i)] = part
	}
	return r.Method + " " + r.URL.Path, "rest", request
}

func write(w http.ResponseWriter, protocol, action string, answer any) {
	failure, failed := answer.(Error)
	switch protocol {
	case "query":
		w.Header().Set("Content-Type", "text/xml")
		if failed {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>told to</Message></Error></ErrorResponse>", failure)
			return
		}
		fmt.Fprintf(w, "<%[1]sResponse><%[1]sResult>%[2]s</%[1]sResult></%[1]sResponse>", action, answer)
	case "cbor":
		w.Header().Set("Content-Type", "application/cbor")
		w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
		if failed {
			w.WriteHeader(http.StatusBadRequest)
			answer = map[string]any{"__type": "com.amazonaws#" + string(failure), "message": "told to"}
		}
		_, _ = w.Write(cbor.Encode(toCBOR(answer)))
	default:
		w.Header().Set("Content-Type", "application/json")
		if failed {
			w.Header().Set("X-Amzn-ErrorType", string(failure))
			w.WriteHeader(http.StatusBadRequest)
			answer = map[string]any{"__type": string(failure), "message": "told to"}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}
}

func fromCBOR(v cbor.Value) any {
	switch v := v.(type) {
	case cbor.Map:
		m := map[string]any{}
		for name, value := range v {
			m[name] = fromCBOR(value)
		}
		return m
	case cbor.List:
		l := []any{}
		for _, value := range v {
			l = append(l, fromCBOR(value))
		}
		return l
	case cbor.String:
		return string(v)
	case cbor.Uint:
		return float64(v)
	case cbor.Float64:
		return float64(v)
	case *cbor.Tag:
		return fromCBOR(v.Value)
	case cbor.Bool:
		return bool(v)
	}
	return nil
}

func toCBOR(v any) cbor.Value {
	switch v := v.(type) {
	case map[string]any:
		m := cbor.Map{}
		for name, value := range v {
			m[name] = toCBOR(value)
		}
		return m
	case []any:
		l := cbor.List{}
		for _, value := range v {
			l = append(l, toCBOR(value))
		}
		return l
	case string:
		return cbor.String(v)
	case float64:
		return cbor.Float64(v)
	case int:
		return cbor.Uint(v)
	}
	panic(fmt.Sprintf("fakeaws: no CBOR for %T", v))
}
