package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// proxyResponse is what the function of a WebSocket route answers with. Cookies has no effect, but is no mistake.
type proxyResponse struct {
	StatusCode        *int                `json:"statusCode"`
	Headers           map[string]string   `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
	Cookies           []string            `json:"cookies"`
}

// readProxyResponse reports false for an answer that is none: no JSON object, one without a status code, or one with a
// key that API Gateway does not know, for which it takes the whole for an error of the function
// (https://github.com/middyjs/middy/issues/1219).
func readProxyResponse(answer []byte) (a proxyResponse, ok bool) {
	d := json.NewDecoder(bytes.NewReader(answer))
	d.DisallowUnknownFields()
	if d.Decode(&a) != nil || a.StatusCode == nil {
		return proxyResponse{}, false
	}
	_, err := d.Token()
	return a, err == io.EOF
}

func (a *proxyResponse) header(name string) string {
	for k, v := range a.Headers {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	for k, v := range a.MultiValueHeaders {
		if strings.EqualFold(k, name) && len(v) > 0 {
			return v[0]
		}
	}
	return ""
}

// write answers a handshake.
func (a *proxyResponse) write(w http.ResponseWriter) {
	body := []byte(a.Body)
	if a.IsBase64Encoded {
		if raw, err := base64.StdEncoding.DecodeString(a.Body); err == nil {
			body = raw
		}
	}
	kind := a.header("Content-Type")
	if kind == "" {
		kind = "application/json"
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(*a.StatusCode)
	w.Write(body)
}
