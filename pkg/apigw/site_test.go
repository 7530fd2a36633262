package apigw_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/dozeio/doze/pkg/apigw"
)

// TestPathsBeyondTheProtocolAreTheSites asks the connect function for all kinds of paths.
func TestPathsBeyondTheProtocolAreTheSites(t *testing.T) {
	w := newWorld(t)
	picture := "\x89PNG"
	site := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/x-"+r.Method)
		if r.URL.Path == "/picture" {
			rw.Write([]byte(picture))
			return
		}
		rw.WriteHeader(http.StatusTeapot)
		rw.Write([]byte(r.URL.RequestURI() + " " + r.Header.Get("X-A") + " " + r.Host))
	})
	get := func(site http.Handler, path, query string) events.APIGatewayV2HTTPResponse {
		var event events.APIGatewayV2HTTPRequest
		event.RawPath, event.RawQueryString, event.Headers = path, query, map[string]string{"x-a": "b"}
		event.RequestContext.HTTP.Method, event.RequestContext.DomainName = "GET", "example.com"
		return invoke[events.APIGatewayV2HTTPResponse](t, apigw.NewConnect(w.engine, site), event)
	}
	for path, want := range map[string]string{"/": "/?a=1 b example.com", "/a%zz": "", "/socket.io/socket.io.min.js": "/socket.io/socket.io.min.js?a=1 b example.com",
		"/socket.iox": "/socket.iox?a=1 b example.com"} {
		if r := get(site, path, "a=1"); want == "" && r.StatusCode != 400 || want != "" && (r.StatusCode != http.StatusTeapot || r.Body != want || r.Headers["Content-Type"] != "text/x-GET") {
			t.Errorf("%s: %+v", path, r)
		}
	}
	for _, path := range []string{"/socket.io/", "/socket.io", "/socket.io/other.js"} {
		if r := get(site, path, ""); r.StatusCode != 400 || !strings.Contains(r.Body, "Transport unknown") {
			t.Errorf("%s: %+v", path, r)
		}
	}
	if r := get(site, "/picture", ""); !r.IsBase64Encoded || r.Body != base64.StdEncoding.EncodeToString([]byte(picture)) {
		t.Errorf("a picture: %+v", r)
	}
}

// TestOtherPathsAreNotTheProtocols handshakes and posts where no client does.
func TestOtherPathsAreNotTheProtocols(t *testing.T) {
	w := newWorld(t)
	for name, f := range map[string]apigw.Handler{"connect": apigw.NewConnect(w.engine, nil), "poll": apigw.NewPoll(w.engine, nil), "message": apigw.NewMessage(w.engine)} {
		for path, ours := range map[string]bool{"/socket.io/": true, "/socket.io": true, "/socket.io/more": true, "/": false, "": false, "/api": false,
			"/socket.iox/": false, "/socket.io/socket.io.js": false, "/x/socket.io/": false, "//socket.io/": false} {
			for _, method := range []string{"GET", "POST", "PUT", "OPTIONS"} {
				var event events.APIGatewayV2HTTPRequest
				event.RawPath, event.RawQueryString, event.Headers = path, "EIO=4&transport=polling", map[string]string{"host": "x"}
				event.RequestContext.HTTP.Method = method
				if r := invoke[events.APIGatewayV2HTTPResponse](t, f, event); (r.StatusCode != 404) != ours {
					t.Errorf("%s %s of the %s function: %d %s", method, path, name, r.StatusCode, r.Body)
				}
			}
		}
	}
}

func TestSiteThatPanicsIsAnErrorOfItsRequest(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct {
		site   http.HandlerFunc
		status int
	}{
		"before a response": {func(http.ResponseWriter, *http.Request) { panic("of the site") }, http.StatusInternalServerError},
		"an abort":          {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, http.StatusInternalServerError},
		"in a response": {func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(http.StatusTeapot)
			panic("of the site")
		}, http.StatusTeapot},
	} {
		var event events.APIGatewayV2HTTPRequest
		event.RawPath, event.RequestContext.HTTP.Method, event.RequestContext.DomainName = "/", "GET", "example.com"
		if r := invoke[events.APIGatewayV2HTTPResponse](t, apigw.NewConnect(w.engine, test.site), event); r.StatusCode != test.status {
			t.Errorf("%s: %+v", name, r)
		}
	}
}
