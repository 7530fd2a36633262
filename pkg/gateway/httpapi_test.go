package gateway_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/dozeio/doze/pkg/gateway"
)

type httpRequest = events.APIGatewayV2HTTPRequest

// httpFunction is a Lambda function for HTTP API events.
func httpFunction(answer func(httpRequest) (any, error)) gateway.Handler {
	return gateway.HandlerFunc(func(_ context.Context, event []byte) ([]byte, error) {
		var e httpRequest
		if err := json.Unmarshal(event, &e); err != nil {
			return nil, err
		}
		a, err := answer(e)
		if err != nil {
			return nil, err
		}
		return json.Marshal(a)
	})
}

func startHTTP(t *testing.T, answer func(httpRequest) (any, error)) *bench {
	f := httpFunction(answer)
	return start(t, gateway.Options{HTTP: map[string]gateway.Handler{"GET": f, "POST": f}})
}

func TestHTTPEvent(t *testing.T) {
	got := make(chan httpRequest, 1)
	b := startHTTP(t, func(e httpRequest) (any, error) {
		got <- e
		return nil, nil
	})
	b.request("POST", "/socket.io/a%20b/?x=1&x=2&y=%C3%A4", "4ä", "Content-Type", "text/plain;charset=UTF-8", "X-Two", "a", "X-Two", "b",
		"Cookie", "k=v; l=w", "User-Agent", "Probe")
	e := <-got
	host := b.server.Listener.Addr().String()
	h := e.RequestContext.HTTP
	if e.Version != "2.0" || e.RawPath != "/socket.io/a%20b/" || e.RawQueryString != "x=1&x=2&y=%C3%A4" || e.Body != "4ä" || e.IsBase64Encoded ||
		e.RouteKey != "POST /socket.io/{proxy+}" || e.PathParameters["proxy"] != "a b/" || !slices.Equal(e.Cookies, []string{"k=v", "l=w"}) ||
		!maps.Equal(e.QueryStringParameters, map[string]string{"x": "1,2", "y": "ä"}) {
		t.Errorf("%+v", e)
	}
	if e.Headers["x-two"] != "a,b" || e.Headers["host"] != host || e.Headers["cookie"] != "" || e.Headers["content-length"] != "3" ||
		e.Headers["x-forwarded-for"] != "127.0.0.1" {
		t.Errorf("headers %v", e.Headers)
	}
	if h.Method != "POST" || h.Path != "/socket.io/a%20b/" || h.Protocol != "HTTP/1.1" || h.SourceIP != "127.0.0.1" || h.UserAgent != "Probe" ||
		e.RequestContext.Stage != "$default" || e.RequestContext.TimeEpoch == 0 || e.RequestContext.DomainName != host {
		t.Errorf("%+v", e.RequestContext)
	}
}

func TestHTTPEverywhere(t *testing.T) {
	got := make(chan httpRequest, 1)
	f := httpFunction(func(e httpRequest) (any, error) {
		got <- e
		return nil, nil
	})
	b := start(t, gateway.Options{HTTP: map[string]gateway.Handler{"GET": f}, HTTPEverywhere: true})
	for path, want := range map[string][2]string{
		"/":           {"GET /", ""},
		"/a/b.js":     {"GET /{proxy+}", "a/b.js"},
		"/socket.io/": {"GET /socket.io/", ""},
	} {
		b.request("GET", path, "")
		if e := <-got; e.RawPath != path || e.RouteKey != want[0] || e.PathParameters["proxy"] != want[1] {
			t.Errorf("%s: %+v", path, e)
		}
	}
}

func TestHTTPBodyIsBase64UnlessItsTypeIsText(t *testing.T) {
	got := make(chan httpRequest, 1)
	b := startHTTP(t, func(e httpRequest) (any, error) {
		got <- e
		return nil, nil
	})
	for kind, encoded := range map[string]bool{
		"text/plain;charset=UTF-8": false, "application/json": false, "application/javascript": false, "application/xml": false,
		"application/octet-stream": true, "": true, "application/x-www-form-urlencoded": true,
	} {
		b.request("POST", "/socket.io/", "body", "Content-Type", kind)
		e := <-got
		want := "body"
		if encoded {
			want = base64.StdEncoding.EncodeToString([]byte(want))
		}
		if e.IsBase64Encoded != encoded || e.Body != want {
			t.Errorf("%q: %v %q", kind, e.IsBase64Encoded, e.Body)
		}
	}
}

func TestHTTPResponse(t *testing.T) {
	b := startHTTP(t, func(httpRequest) (any, error) {
		return events.APIGatewayV2HTTPResponse{
			StatusCode: 418, Headers: map[string]string{"x-a": "1", "content-type": "image/png", "content-length": "7"}, Cookies: []string{"a=1", "b=2; Path=/"},
			MultiValueHeaders: map[string][]string{"vary": {"a", "b"}},
			Body:              base64.StdEncoding.EncodeToString([]byte{0, 1, 2}), IsBase64Encoded: true,
		}, nil
	})
	res, body := b.request("GET", "/socket.io/", "")
	if h := res.Header; res.StatusCode != 418 || body != "\x00\x01\x02" || h.Get("X-A") != "1" || h.Get("Content-Type") != "image/png" ||
		h.Get("Vary") != "a,b" || !slices.Equal(h["Set-Cookie"], []string{"a=1", "b=2; Path=/"}) || res.ContentLength != 3 {
		t.Errorf("%d %q %v", res.StatusCode, body, res.Header)
	}
}

func TestHTTPResponseWithoutStatusCodeIsAJSONBody(t *testing.T) {
	for _, c := range []struct {
		answer any
		body   string
	}{
		{map[string]string{"message": "hi"}, `{"message":"hi"}`}, {"Hello from Lambda!", "Hello from Lambda!"}, {[]int{1}, "[1]"}, {nil, "null"}, {3, "3"},
	} {
		b := startHTTP(t, func(httpRequest) (any, error) { return c.answer, nil })
		if res, body := b.request("GET", "/socket.io/", ""); res.StatusCode != 200 || body != c.body || res.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%v: %d %q", c.answer, res.StatusCode, body)
		}
	}
}

func TestHTTPFunctionErrorIs500(t *testing.T) {
	for name, f := range map[string]gateway.Handler{
		"error":   httpFunction(func(httpRequest) (any, error) { return nil, errors.New("no") }),
		"panic":   httpFunction(func(httpRequest) (any, error) { panic("no") }),
		"no JSON": gateway.HandlerFunc(func(context.Context, []byte) ([]byte, error) { return []byte("no"), nil }),
		"bad base64": httpFunction(func(httpRequest) (any, error) {
			return map[string]any{"statusCode": 200, "body": "!", "isBase64Encoded": true}, nil
		}),
		"bad status": httpFunction(func(httpRequest) (any, error) { return map[string]any{"statusCode": 99}, nil }),
		"bad body":   httpFunction(func(httpRequest) (any, error) { return map[string]any{"statusCode": 200, "body": 1}, nil }),
	} {
		b := start(t, gateway.Options{HTTP: map[string]gateway.Handler{"GET": f}})
		if res, body := b.request("GET", "/socket.io/", ""); res.StatusCode != 500 || body != `{"message":"Internal Server Error"}` {
			t.Errorf("%s: %d %s", name, res.StatusCode, body)
		}
	}
}

func TestHTTPOver30SecondsIs503(t *testing.T) {
	clock := newClock()
	started := make(chan struct{})
	b := start(t, gateway.Options{Clock: clock, FunctionTimeout: time.Minute, HTTP: map[string]gateway.Handler{
		"GET": gateway.HandlerFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
			close(started)
			<-ctx.Done()
			return nil, ctx.Err()
		}),
	}})
	go func() {
		<-started
		clock.Advance(30 * time.Second)
	}()
	if res, body := b.request("GET", "/socket.io/", ""); res.StatusCode != 503 || body != `{"message":"Service Unavailable"}` {
		t.Fatal(res.StatusCode, body)
	}
}

func TestHTTPMethodWithoutARouteIs404(t *testing.T) {
	b := startHTTP(t, func(httpRequest) (any, error) { return nil, nil })
	if res, body := b.request("PUT", "/socket.io/", ""); res.StatusCode != 404 || body != `{"message":"Not Found"}` {
		t.Fatal(res.StatusCode, body)
	}
}

func TestHTTPLimits(t *testing.T) {
	b := startHTTP(t, func(httpRequest) (any, error) { return "fine", nil })
	if res, _ := b.request("POST", "/socket.io/", strings.Repeat("x", 10<<20), "Content-Type", "text/plain"); res.StatusCode != 200 {
		t.Errorf("10 MB: %d", res.StatusCode)
	}
	if res, _ := b.request("POST", "/socket.io/", strings.Repeat("x", 10<<20+1), "Content-Type", "text/plain"); res.StatusCode != 413 {
		t.Errorf("over 10 MB: %d", res.StatusCode)
	}
	if res, _ := b.request("GET", "/socket.io/", "", "X-Long", strings.Repeat("x", 10000)); res.StatusCode != 200 {
		t.Errorf("10,000 bytes of headers: %d", res.StatusCode)
	}
	if res, _ := b.request("GET", "/socket.io/", "", "X-Long", strings.Repeat("x", 10240)); res.StatusCode != 431 {
		t.Errorf("over 10,240 bytes of headers: %d", res.StatusCode)
	}
}

func TestClientThatLeavesDoesNotCancelTheInvocation(t *testing.T) {
	started, left := make(chan struct{}), make(chan struct{})
	outcome := make(chan error, 1)
	b := start(t, gateway.Options{HTTP: map[string]gateway.Handler{
		"GET": gateway.HandlerFunc(func(ctx context.Context, _ []byte) ([]byte, error) {
			close(started)
			<-left
			outcome <- ctx.Err()
			return []byte(`{}`), nil
		}),
	}})
	ctx, cancel := context.WithCancel(b.ctx)
	go func() {
		<-started
		cancel()
	}()
	r, _ := http.NewRequestWithContext(ctx, "GET", b.server.URL+"/socket.io/", nil)
	if _, err := http.DefaultClient.Do(r); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(left)
	if err := <-outcome; err != nil {
		t.Fatal(err)
	}
}

func TestHTTPIsDelayedOnlyIfAsked(t *testing.T) {
	f := map[string]gateway.Handler{"GET": httpFunction(func(httpRequest) (any, error) { return "fine", nil })}
	clock := newClock()
	b := start(t, gateway.Options{Clock: clock, Jitter: time.Second, HTTP: f})
	b.request("GET", "/socket.io/", "")
	if clock.Waiting() != 0 {
		t.Error("delayed unasked")
	}
	b = start(t, gateway.Options{Clock: clock, Jitter: time.Second, ShuffleHTTP: true, HTTP: f})
	go func() {
		clock.Await(1)
		clock.Advance(time.Second)
	}()
	b.request("GET", "/socket.io/", "")
	if clock.Now().Equal(newClock().Now()) {
		t.Error("not delayed")
	}
}

// TestBodiesHeldAtOnceAreBounded sends a second body while a function has the first.
func TestBodiesHeldAtOnceAreBounded(t *testing.T) {
	arrived, release := make(chan struct{}, 3), make(chan struct{})
	b := start(t, gateway.Options{MaxBodies: 100, HTTP: map[string]gateway.Handler{"POST": httpFunction(func(httpRequest) (any, error) {
		arrived <- struct{}{}
		<-release
		return "fine", nil
	})}, Jobs: function(reply(200, ""))})
	first := make(chan int)
	go func() {
		res, _ := b.request("POST", "/socket.io/", strings.Repeat("x", 80))
		first <- res.StatusCode
	}()
	<-arrived
	if res, body := b.request("POST", "/socket.io/", strings.Repeat("x", 21)); res.StatusCode != 503 {
		t.Errorf("101 bytes at once: %d %s", res.StatusCode, body)
	}
	if res, body := b.request("POST", "/_queue", strings.Repeat("x", 21)); res.StatusCode != 400 {
		t.Errorf("101 bytes, some of a job: %d %s", res.StatusCode, body)
	}
	close(release)
	if status := <-first; status != 200 {
		t.Errorf("80 bytes: %d", status)
	}
	if res, body := b.request("POST", "/socket.io/", strings.Repeat("x", 100)); res.StatusCode != 200 { // all are given back, those of refused ones too
		t.Errorf("100 bytes: %d %s", res.StatusCode, body)
	}
}
