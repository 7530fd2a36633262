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
// ahead. Later the clocks agree again.
func TestPosterLearnsTheTime(t *testing.T) {
	var ahead atomic.Int64
	ahead.Store(int64(time.Hour))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := time.Now().Add(time.Duration(ahead.Load()))
		w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
		at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		if err != nil || now.Sub(at).Abs() > 5*time.Minute {
			w.Header().Set("X-Amzn-ErrorType", "InvalidSignatureException")
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	defer server.Close()
	p := outgoing.NewPoster(aws.Config{Region: "eu-west-1", Credentials: &keys{}}, server.URL)
	post := func() error { return p.Post(t.Context(), "x", engine.Frame{Data: []byte("2")}) }
	for _, d := range []time.Duration{time.Hour, 0, -time.Hour} {
		ahead.Store(int64(d))
		if err := post(); err == nil {
			t.Errorf("%v: the first was not refused", d)
		}
		for range 2 {
			if err := post(); err != nil {
				t.Errorf("%v: %v", d, err)
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
