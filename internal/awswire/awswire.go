// Package awswire sends requests to services of AWS: it signs them, and has them answered. The SDK's clients do that in
// some forty steps, which are put together for each call and cost several times what a small request needs.
package awswire

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Client sends requests to one service. Make one with New. Its fields are set before the first request, and not changed.
// It is safe for concurrent use.
type Client struct {
	service, region string

	// Credentials are asked for with each request: who gets them from elsewhere keeps them, as aws.CredentialsCache
	// does. Nil: requests are not signed.
	Credentials aws.CredentialsProvider

	HTTP aws.HTTPClient

	// Replaces says that HTTP follows no redirection, and may take another connection for a request where one turns out
	// to be closed, as long as nobody can have carried it out. Where HTTP does follow them it must not be set: the
	// body would go to another server.
	Replaces bool

	signer signer
	skew   atomic.Int64 // of the service's clock, in nanoseconds, where it has refused ours
}

// New returns a client of a service, as signatures name it, such as "execute-api", in a region. It has no HTTP client and
// no credentials yet.
func New(service, region string) *Client {
	return &Client{service: service, region: region, signer: signer{service: service, region: region}}
}

// Request is one of a service.
type Request struct {
	Method string
	URL    url.URL     // without a query
	Header http.Header // with canonical names, one value each; is the Client's from then on, and not nil
	Body   []byte      // must not change any more: net/http may go on reading when the answer is there
}

// Response is an answer that was read to its end.
type Response struct {
	Status int
	Header http.Header
	Body   []byte

	// Untimely says that the service has refused the signature, and has another time, which the Client takes for the
	// next. Nothing was carried out.
	Untimely bool
}

// Send sends a request, and blocks until its answer has come or ctx has ended. Without an error there is an answer, of
// any status. With one it is unknown what became of the request, unless it is a CredentialsError; where the answer's
// status came and the rest did not, the Response has that.
//
// A request with a body is carried out once at most, as far as that is the client's to say: it is not sent again, over
// no protocol, once the service may have it whole.
func (c *Client) Send(ctx context.Context, r Request) (Response, error) {
	var again func() (io.ReadCloser, error)
	if c.Replaces && len(r.Body) > 0 {
		ctx, again = uncarried(ctx, r.Body)
	}
	h := (&http.Request{
		Method: r.Method, URL: &r.URL, Host: hostOf(r.URL), Header: r.Header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(r.Body)), GetBody: again,
	}).WithContext(ctx)
	if len(r.Body) > 0 {
		h.Body = reader(r.Body)
	}
	skew, err := c.sign(ctx, h, r.Body)
	if err != nil {
		return Response{}, err
	}
	answer, err := c.HTTP.Do(h)
	if err != nil {
		return Response{}, err
	}
	defer answer.Body.Close()
	text, err := read(answer)
	got := Response{Status: answer.StatusCode, Header: answer.Header, Body: text}
	got.Untimely = c.setClock(got, skew)
	return got, err
}

// hostOf returns the host of an address as the SDK sends it, without the port that its scheme means.
func hostOf(u url.URL) string {
	switch u.Scheme {
	case "http":
		return strings.TrimSuffix(u.Host, ":80")
	case "https":
		return strings.TrimSuffix(u.Host, ":443")
	}
	return u.Host
}

// CredentialsError says that there are no credentials, or no region. Nothing was sent.
type CredentialsError struct{ Err error }

func (e *CredentialsError) Error() string { return "no credentials for a request: " + e.Err.Error() }
func (e *CredentialsError) Unwrap() error { return e.Err }

// sign signs a request, and returns by how much the time of the signature differs from this machine's.
func (c *Client) sign(ctx context.Context, h *http.Request, body []byte) (time.Duration, error) {
	if c.Credentials == nil {
		return 0, nil
	}
	key, err := c.Credentials.Retrieve(ctx)
	if err != nil {
		return 0, &CredentialsError{err}
	}
	skew := time.Duration(c.skew.Load())
	c.signer.sign(h, key, body, time.Now().Add(skew))
	return skew, nil
}

// clockError is how far clocks may differ and services not mind.
const clockError = time.Minute

// setClock takes the service's time for the next signatures when it refuses one, which it does when the time of that is
// minutes off. It reports whether that is why the service has refused this one.
func (c *Client) setClock(answer Response, used time.Duration) bool {
	refused := answer.SignatureRefused()
	if !refused && used == 0 || answer.Header.Get("Age") != "" { // an old answer, out of a cache
		return false
	}
	at, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return false
	}
	skew := time.Until(at)
	if skew.Abs() < clockError { // it is ours, as far as services mind
		skew = 0
	}
	c.skew.Store(int64(skew))
	return refused && (skew-used).Abs() >= clockError
}

// SignatureRefused reports whether the service did not take the request's signature, be it for its time or its key.
// Nothing was carried out.
func (r Response) SignatureRefused() bool {
	if r.Status != http.StatusBadRequest && r.Status != http.StatusForbidden {
		return false
	}
	for _, code := range signatureCodes {
		if strings.HasPrefix(r.Header.Get("X-Amzn-Errortype"), code) || bytes.Contains(r.Body, []byte(code)) {
			return true
		}
	}
	return false
}

// signatureCodes are codes and texts of services for a signature that they do not take, as the SDK's retries know the
// former. The texts are API Gateway's.
var signatureCodes = []string{
	"InvalidSignature", "SignatureDoesNotMatch", "AuthFailure", "RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed",
	"Signature expired", "Signature not yet current",
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
