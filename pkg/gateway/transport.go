package gateway

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Transport reaches @connections and the delay queue without a socket, whatever host the URL names: for functions in
// the gateway's own process, as the Transport of an http.Client, that of an SDK's client for example. A post takes a
// fraction of the time it does over loopback.
func (g *Gateway) Transport() http.RoundTripper { return transport{g} }

type transport struct{ g *Gateway }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r = r.Clone(r.Context())
		r.Body = http.NoBody
	}
	defer r.Body.Close()
	if !strings.HasPrefix(r.URL.Path, "/"+t.g.opt.Stage+"/@connections/") && r.URL.Path != "/_queue" {
		return nil, errors.New("gateway: Transport serves /" + t.g.opt.Stage + "/@connections/{id} and /_queue only, not " + r.URL.Path)
	}
	w := answerWriter{header: make(http.Header, 4)}
	t.g.ServeHTTP(&w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w.WriteHeader(http.StatusOK)
	return &http.Response{
		Status: strconv.Itoa(w.status) + " " + http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

type answerWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *answerWriter) Header() http.Header         { return w.header }
func (w *answerWriter) Write(b []byte) (int, error) { return w.body.Write(b) }

func (w *answerWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}
