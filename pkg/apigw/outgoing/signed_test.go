package outgoing_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/apigatewaymanagementapi"

	"github.com/dozeio/doze/pkg/apigw/outgoing"
	"github.com/dozeio/doze/pkg/engine"
)

// keys gives each request credentials of its own, as those that are refreshed are.
type keys struct{ given atomic.Int64 }

func (k *keys) key(n int64) aws.Credentials {
	return aws.Credentials{AccessKeyID: fmt.Sprint("KEY", n), SecretAccessKey: fmt.Sprint("secret", n), SessionToken: fmt.Sprint("token+/=", n)}
}

func (k *keys) Retrieve(context.Context) (aws.Credentials, error) {
	return k.key(k.given.Add(1)), nil
}

// received is what a server saw of a request.
type received struct {
	method, path, host, body string
	header                   http.Header
}

func recorder(t *testing.T) (url string, requests chan received) {
	requests = make(chan received, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		requests <- received{r.Method, r.RequestURI, r.Host, string(b), r.Header}
	}))
	t.Cleanup(server.Close)
	return server.URL, requests
}

// signedBy reports whether a request has the signature that the SDK's signer gives it.
func signedBy(t *testing.T, r received, key aws.Credentials, region string) bool {
	t.Helper()
	again, err := http.NewRequest(r.method, "http://"+r.host+r.path, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	if c := r.header.Get("Content-Type"); c != "" {
		again.Header.Set("Content-Type", c)
	}
	if f := r.header.Get("X-Doze-Frame"); f != "" {
		again.Header.Set("X-Doze-Frame", f)
	}
	at, err := time.Parse("20060102T150405Z", r.header.Get("X-Amz-Date"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(r.body))
	if err := v4.NewSigner().SignHTTP(t.Context(), key, again, hex.EncodeToString(sum[:]), "execute-api", region, at); err != nil {
		t.Fatal(err)
	}
	return again.Header.Get("Authorization") == r.header.Get("Authorization") && r.header.Get("X-Amz-Security-Token") == key.SessionToken
}

// TestPosterAsksAsTheSDKDoes compares what is sent with what the SDK's own client sends, for each endpoint and id.
func TestPosterAsksAsTheSDKDoes(t *testing.T) {
	url, requests := recorder(t)
	// For an endpoint with an escaped space the SDK escapes no id, not even a slash in one: there is nothing to compare.
	for _, path := range []string{"", "/", "/live", "/live/", "/a/b", "/with%2Fslash"} {
		for _, id := range []string{"R1kmxc2VNjMCFIA=", "a b", "a/b", "a+b&c?d#e", "%3D", "ü", "..", "-._~"} {
			k := &keys{}
			cfg := aws.Config{Region: "eu-west-1", Credentials: k}
			sdk := apigatewaymanagementapi.NewFromConfig(cfg, func(o *apigatewaymanagementapi.Options) { o.BaseEndpoint = aws.String(url + path) })
			p := outgoing.NewPoster(cfg, url+path)
			for _, c := range []struct {
				name      string
				sdk, mine func() error
			}{
				{"post", func() error {
					_, err := sdk.PostToConnection(t.Context(), &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: &id, Data: []byte("42[1]")})
					return err
				}, func() error { return p.Post(t.Context(), id, engine.Frame{Data: []byte("42[1]")}) }},
				{"an empty post", func() error {
					_, err := sdk.PostToConnection(t.Context(), &apigatewaymanagementapi.PostToConnectionInput{ConnectionId: &id, Data: []byte{}})
					return err
				}, func() error { return p.Post(t.Context(), id, engine.Frame{}) }},
				{"exists", func() error {
					_, err := sdk.GetConnection(t.Context(), &apigatewaymanagementapi.GetConnectionInput{ConnectionId: &id})
					if err != nil && strings.Contains(err.Error(), "deserialization failed") { // the recorder answers nothing
						return nil
					}
					return err
				}, func() error { return p.Exists(t.Context(), id) }},
				{"disconnect", func() error {
					_, err := sdk.DeleteConnection(t.Context(), &apigatewaymanagementapi.DeleteConnectionInput{ConnectionId: &id})
					return err
				}, func() error { return p.Disconnect(t.Context(), id) }},
			} {
				if err := c.sdk(); err != nil {
					t.Fatal(err)
				}
				want := <-requests
				if err := c.mine(); err != nil {
					t.Fatal(err)
				}
				got := <-requests
				if got.method != want.method || got.path != want.path || got.body != want.body || got.header.Get("Content-Type") != want.header.Get("Content-Type") {
					t.Errorf("%s to %q at %q: %s %s %q of %s, the SDK: %s %s %q of %s", c.name, id, path, got.method, got.path, got.body, got.header.Get("Content-Type"),
						want.method, want.path, want.body, want.header.Get("Content-Type"))
				}
				if !signedBy(t, got, k.key(k.given.Load()), "eu-west-1") {
					t.Errorf("%s to %q at %q: %s %v", c.name, id, path, got.path, got.header)
				}
			}
		}
	}
}

func TestPosterSignsBinaryFrames(t *testing.T) {
	url, requests := recorder(t)
	k := &keys{}
	p := outgoing.NewPoster(aws.Config{Region: "eu-west-1", Credentials: k}, url)
	if err := p.Post(t.Context(), "x", engine.Frame{Binary: true, Data: []byte{0, 1}}); err != nil {
		t.Fatal(err)
	}
	if r := <-requests; !signedBy(t, r, k.key(1), "eu-west-1") {
		t.Errorf("got %v", r.header)
	}
}

// TestPosterLearnsTheTime has a service that refuses signatures that are five minutes off, and whose clock is an hour
// ahead. Later the clocks agree again. Nobody loses a connection to that: a post that was refused was not carried out.
func TestPosterLearnsTheTime(t *testing.T) {
	for _, status := range []int{http.StatusForbidden, http.StatusBadRequest} {
		var ahead, requests, posts atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			now := time.Now().Add(time.Duration(ahead.Load()))
			w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
			at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
			if b, _ := io.ReadAll(r.Body); err == nil && now.Sub(at).Abs() < 5*time.Minute && string(b) == "2" {
				posts.Add(1)
				return
			}
			w.Header().Set("X-Amzn-ErrorType", "InvalidSignatureException")
			w.WriteHeader(status)
		}))
		defer server.Close()
		p := outgoing.NewPoster(aws.Config{Region: "eu-west-1", Credentials: &keys{}}, server.URL)
		for n, d := range []time.Duration{time.Hour, 0, -time.Hour} {
			ahead.Store(int64(d))
			for m := range 2 {
				if err := p.Post(t.Context(), "x", engine.Frame{Data: []byte("2")}); err != nil {
					t.Errorf("%v: %v", d, err)
				}
				if posts.Load() != int64(2*n+m+1) || requests.Load() != int64(3*n+m+2) {
					t.Errorf("%v: %d posts of %d requests", d, posts.Load(), requests.Load())
				}
			}
		}
	}
}

// TestARefusedSignatureIsNotGone: who cannot sign knows nothing of the connection, and does not try for long.
func TestARefusedSignatureIsNotGone(t *testing.T) {
	for _, kind := range []string{"InvalidSignatureException", "SignatureDoesNotMatch", "ExpiredTokenException", "UnrecognizedClientException:http://x"} {
		for _, status := range []int{http.StatusForbidden, http.StatusBadRequest} {
			for _, off := range []time.Duration{0, time.Hour} { // a service that is never content
				requests, total := 0, off
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					requests++
					w.Header().Set("Date", time.Now().Add(total).UTC().Format(http.TimeFormat))
					total += off
					w.Header().Set("X-Amzn-ErrorType", kind)
					w.WriteHeader(status)
				}))
				err := outgoing.NewPoster(aws.Config{Region: "eu-west-1", Credentials: &keys{}}, server.URL).Post(t.Context(), "x", engine.Frame{Data: []byte("2")})
				server.Close()
				if err == nil || errors.Is(err, engine.ErrGone) || requests > 2 || off == 0 && requests != 1 {
					t.Errorf("%s with %d: %v after %d requests", kind, status, err, requests)
				}
			}
		}
	}
}

// TestPosterSaysWhyNothingIsSent: nothing leaves without an endpoint or credentials.
func TestPosterSaysWhyNothingIsSent(t *testing.T) {
	for _, endpoint := range []string{"", "abc.execute-api.eu-west-1.amazonaws.com/live", "ws://x/live", "http://", ":"} {
		err := outgoing.NewPoster(aws.Config{Region: "eu-west-1", Credentials: &keys{}}, endpoint).Post(t.Context(), "x", engine.Frame{})
		if err == nil || !strings.Contains(err.Error(), "write one such as https://") {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
	err := outgoing.NewPoster(aws.Config{Credentials: &keys{}}, "http://127.0.0.1:1").Post(t.Context(), "x", engine.Frame{})
	if err == nil || !strings.Contains(err.Error(), "set AWS_REGION") {
		t.Errorf("without a region: %v", err)
	}
	none := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, errors.New("signed out") })
	url, requests := recorder(t)
	err = outgoing.NewPoster(aws.Config{Region: "eu-west-1", Credentials: none}, url).Post(t.Context(), "x", engine.Frame{})
	if err == nil || !strings.Contains(err.Error(), "signed out") || len(requests) != 0 {
		t.Errorf("%v, %d requests", err, len(requests))
	}
	if err := poster(url).Exists(t.Context(), ""); !errors.Is(err, engine.ErrGone) {
		t.Errorf("the connection without an id is %v", err)
	}
}

// TestPostersCallsEnd has a gateway that never answers.
func TestPostersCallsEnd(t *testing.T) {
	end := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-end }))
	defer server.Close()
	defer close(end)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := poster(server.URL).Post(ctx, "x", engine.Frame{Data: []byte("2")}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	own := outgoing.NewPoster(aws.Config{Region: "local", HTTPClient: outgoing.HTTPClient(20 * time.Millisecond)}, server.URL)
	if err := own.Exists(t.Context(), "x"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a client's own limit: %v", err)
	}
}

// TestPostersOwnLimitHolds, be it longer than what a context without an end is given, or shorter than the context's.
func TestPostersOwnLimitHolds(t *testing.T) {
	for _, c := range []struct{ own, ctx, want time.Duration }{
		{10 * time.Second, 13 * time.Second, 10 * time.Second}, {time.Minute, time.Hour, time.Minute}, {20 * time.Second, 0, 20 * time.Second}, {time.Second, 13 * time.Second, time.Second},
		{13 * time.Second, time.Second, time.Second}, {0, 0, 10 * time.Second}, {0, 13 * time.Second, 13 * time.Second},
	} {
		ctx := t.Context()
		if c.ctx > 0 {
			var cancel func()
			ctx, cancel = context.WithTimeout(ctx, c.ctx)
			defer cancel()
		}
		var left time.Duration
		k := aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
			end, _ := ctx.Deadline()
			left = time.Until(end)
			return aws.Credentials{}, errors.New("none")
		})
		_ = outgoing.NewPoster(aws.Config{Region: "r", Credentials: k, HTTPClient: awshttp.NewBuildableClient().WithTimeout(c.own)}, "http://127.0.0.1:1").Exists(ctx, "x")
		if left > c.want || left < c.want/2 {
			t.Errorf("%+v: the call has %v", c, left)
		}
	}
}

// TestAStatusIsEnough: an answer whose rest is lost has said what became of the post.
func TestAStatusIsEnough(t *testing.T) {
	for status, want := range map[int]error{200: nil, 410: engine.ErrGone, 429: engine.ErrBusy} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(status)
			w.(http.Flusher).Flush()
			c, _, _ := w.(http.Hijacker).Hijack()
			c.Close()
		}))
		if err := poster(server.URL).Post(t.Context(), "x", engine.Frame{Data: []byte("2")}); !errors.Is(err, want) {
			t.Errorf("%d: %v", status, err)
		}
		server.Close()
	}
}

// TestAPostIsNotSentTwice over connections that the gateway closes with the request in hand.
func TestAPostIsNotSentTwice(t *testing.T) {
	var posts atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if posts.Add(1) == 2 { // the first has made the connection
			c, _, _ := w.(http.Hijacker).Hijack()
			c.Close()
		}
	}))
	defer server.Close()
	p := poster(server.URL)
	for n := range 2 {
		if err := p.Post(t.Context(), "x", engine.Frame{Data: []byte("2")}); (err != nil) != (n == 1) {
			t.Errorf("post %d: %v", n, err)
		}
	}
	if posts.Load() != 2 {
		t.Errorf("%d posts", posts.Load())
	}
}
