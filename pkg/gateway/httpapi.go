package gateway

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"time"
)

// Limits of an HTTP API. https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const (
	maxHTTPBody    = 10 << 20
	maxHTTPHeaders = 10240 // request line included
)

// serveHTTPAPI invokes the function of the request's method and answers with what it returns: 429 when it is throttled,
// 500 for a function error and for a function that is throttled
// (https://repost.aws/knowledge-center/api-gateway-internal-server-error), 503 when it takes longer than HTTPTimeout. A
// client that gives up does not stop the function.
func (g *Gateway) serveHTTPAPI(w http.ResponseWriter, r *http.Request) {
	status, id := g.answerHTTP(w, r)
	g.logRequest(r, "http", status, id)
}

// answerHTTP returns the id of the invocation, too, empty for none.
func (g *Gateway) answerHTTP(w http.ResponseWriter, r *http.Request) (status int, id string) {
	refuse := func(status int, message string) (int, string) {
		writeMessage(w, status, message)
		return status, id
	}
	if !g.admitRequest() {
		return refuse(http.StatusTooManyRequests, tooMany)
	}
	h, direct := g.opt.HTTP[r.Method], g.opt.Direct
	if h == nil && direct == nil {
		return refuse(http.StatusNotFound, "Not Found")
	}
	if headerSize(r) > maxHTTPHeaders && direct == nil { // which status AWS gives is not documented
		return refuse(http.StatusRequestHeaderFieldsTooLarge, "Request Header Fields Too Large")
	}
	read, limit := g.bodies.read, int64(maxHTTPBody)
	if direct != nil {
		read, limit = g.readDirectly, int64(g.opt.MaxMessage)+1 // what is over it, Direct sees and refuses
	}
	body, release, err := read(w, r, limit)
	defer release()
	switch tooBig := (*http.MaxBytesError)(nil); {
	case errors.As(err, &tooBig):
		return refuse(http.StatusRequestEntityTooLarge, "Request Entity Too Large")
	case errors.Is(err, errNoRoom), err == errClosed: // this machine's, see Options.MaxBodies
		return refuse(http.StatusServiceUnavailable, "Service Unavailable")
	case errors.Is(err, os.ErrDeadlineExceeded): // the server's, see NewServer
		return refuse(http.StatusRequestTimeout, "Request Timeout")
	case err != nil:
		return refuse(http.StatusBadRequest, "Bad Request")
	}
	if direct != nil {
		return g.answerDirectly(w, r, body)
	}
	var delay time.Duration
	if g.opt.ShuffleHTTP {
		delay = g.random.delay(g.opt.Jitter)
	}
	g.stats.requests.Add(1)
	answer, id, err := g.call(invocation{route: r.Method, handler: h, event: g.httpEvent(r, body), timeout: g.opt.HTTPTimeout}, delay)
	switch err {
	case nil:
		if status, ok := writeHTTP(w, answer); ok {
			return status, id
		}
	case errTimeout, errClosed:
		return refuse(http.StatusServiceUnavailable, "Service Unavailable")
	}
	return refuse(http.StatusInternalServerError, "Internal Server Error")
}

func headerSize(r *http.Request) int {
	const between = len("  \r\n")
	n := len(r.Method) + len(r.RequestURI) + len(r.Proto) + between + len("Host: \r\n") + len(r.Host)
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(v) + between
		}
	}
	return n
}

// httpResponse is payload format 2.0.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
type httpResponse struct {
	StatusCode        *int                `json:"statusCode"`
	Headers           map[string]string   `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
	Cookies           []string            `json:"cookies"`
}

// writeHTTP reports false, and has written nothing, when the function's answer makes no sense.
func writeHTTP(w http.ResponseWriter, answer []byte) (status int, ok bool) {
	var a httpResponse
	err := json.Unmarshal(answer, &a)
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		return 0, false
	}
	if a.StatusCode == nil { // any JSON without a status code is the body of a 200; a string is taken out of its quotes
		a = httpResponse{StatusCode: new(http.StatusOK), Headers: map[string]string{"content-type": "application/json"}}
		if a.Body = string(answer); strings.HasPrefix(strings.TrimSpace(a.Body), `"`) {
			json.Unmarshal(answer, &a.Body)
		}
	} else if err != nil || *a.StatusCode < 200 || *a.StatusCode > 599 {
		return 0, false
	}
	body := []byte(a.Body)
	if a.IsBase64Encoded {
		if body, err = base64.StdEncoding.DecodeString(a.Body); err != nil {
			return 0, false
		}
	}
	h := w.Header()
	h["Content-Type"] = []string{"text/plain;charset=UTF-8"}
	for name, value := range a.Headers {
		h.Set(name, value)
	}
	for name, values := range a.MultiValueHeaders {
		h.Set(name, strings.Join(values, ","))
	}
	h.Del("Content-Length")
	for _, c := range a.Cookies {
		h.Add("Set-Cookie", c)
	}
	w.WriteHeader(*a.StatusCode)
	w.Write(body)
	return *a.StatusCode, true
}
