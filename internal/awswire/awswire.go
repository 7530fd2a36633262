// Package awswire sends requests to services of AWS: it signs them, and has them answered. The SDK's clients do that in
// some forty steps, which are put together for each call and cost several times what a small request needs.
package awswire

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Client sends requests to one service. Make one with New. Its fields are set before the first request, and not changed.
// It is safe for concurrent use.
type Client struct {
	service, region string

	// Credentials are asked for with each request: who gets them from elsewhere keeps them, as aws.CredentialsCache
	// does. Nil: requests are not signed.
	Credentials aws.CredentialsProvider

	Signer v4.HTTPSigner // nil: this package's own
	HTTP   aws.HTTPClient

	own  signer
	skew atomic.Int64 // of the service's clock, in nanoseconds, where it has refused ours
}

// New returns a client of a service, as signatures name it, such as "execute-api", in a region. It has no HTTP client and
// no credentials yet.
func New(service, region string) *Client {
	return &Client{service: service, region: region, own: signer{service: service, region: region}}
}

// Request is one of a service.
type Request struct {
	Method string
	URL    url.URL     // without a query
	Header http.Header // with canonical names, one value each; is the Client's from then on, and not nil
	Body   []byte      // is read until Send returns
}

// Response is an answer that was read to its end.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Send sends a request once, and blocks until its answer has come or ctx has ended. Without an error there is an answer,
// of any status. With one it is unknown what became of the request, unless it is a CredentialsError.
func (c *Client) Send(ctx context.Context, r Request) (Response, error) {
	h := (&http.Request{
		Method: r.Method, URL: &r.URL, Host: r.URL.Host, Header: r.Header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(r.Body)),
	}).WithContext(ctx)
	if len(r.Body) > 0 {
		h.Body = io.NopCloser(bytes.NewReader(r.Body))
		// For a connection that turns out to be closed before anything was written to it, which net/http then replaces.
		h.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.Body)), nil }
	}
	if err := c.sign(ctx, h, r.Body); err != nil {
		return Response{}, err
	}
	answer, err := c.HTTP.Do(h)
	if err != nil {
		return Response{}, err
	}
	defer answer.Body.Close()
	c.setClock(answer)
	body, err := read(answer)
	return Response{answer.StatusCode, answer.Header, body}, err
}

// CredentialsError says that there are no credentials, or no region. Nothing was sent.
type CredentialsError struct{ Err error }

func (e *CredentialsError) Error() string { return "no credentials for a request: " + e.Err.Error() }
func (e *CredentialsError) Unwrap() error { return e.Err }

func (c *Client) sign(ctx context.Context, h *http.Request, body []byte) error {
	if c.Credentials == nil {
		return nil
	}
	key, err := c.Credentials.Retrieve(ctx)
	if err != nil {
		return &CredentialsError{err}
	}
	at := time.Now().Add(time.Duration(c.skew.Load()))
	if c.Signer == nil {
		c.own.sign(h, key, body, at)
		return nil
	}
	sum := sha256.Sum256(body)
	if err := c.Signer.SignHTTP(ctx, key, h, hex.EncodeToString(sum[:]), c.service, c.region, at); err != nil {
		return &CredentialsError{fmt.Errorf("the request was not signed: %w", err)}
	}
	return nil
}

// setClock takes the service's time for the next signatures when it refuses a request, which it does when the time of
// its signature is minutes off.
func (c *Client) setClock(answer *http.Response) {
	refused := answer.StatusCode == http.StatusBadRequest || answer.StatusCode == http.StatusForbidden
	if !refused && c.skew.Load() == 0 || answer.Header.Get("Age") != "" { // an old answer, out of a cache
		return
	}
	if at, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		skew := time.Until(at)
		if skew.Abs() < time.Minute { // it is ours, as far as services mind
			skew = 0
		}
		c.skew.Store(int64(skew))
	}
}

// read reads an answer to its end, so that its connection can be used again.
func read(answer *http.Response) ([]byte, error) {
	if answer.ContentLength == 0 {
		return nil, nil
	}
	body := bytes.NewBuffer(make([]byte, 0, max(bytes.MinRead, min(answer.ContentLength, 1<<20)+bytes.MinRead)))
	_, err := body.ReadFrom(answer.Body)
	return body.Bytes(), err
}
