package outgoing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/encoding/httpbinding"

	"github.com/dozeio/doze/internal/awswire"
	"github.com/dozeio/doze/pkg/engine"
)

var _ engine.Poster = (*Poster)(nil)

// Poster sends through the @connections API:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html.
// A call ends with its context, and after ten seconds where that has no end. It is safe for concurrent use.
type Poster struct {
	client *awswire.Client
	limit  time.Duration // of each call; 0: of those whose context has no end, longestPost
	api    url.URL       // with the path of @connections
	err    error         // of the endpoint, or the region
}

// longestPost is what a call has whose context has no end.
const longestPost = 10 * time.Second

// NewPoster returns a Poster for the WebSocket API at an endpoint, such as
// https://abc123.execute-api.eu-west-1.amazonaws.com/prod. Nothing is sent before the first call. Of the configuration
// it takes region, credentials and HTTP client; without credentials, or with anonymous ones, calls are not signed.
//
// A post is not tried twice, over HTTP/1.1 and HTTP/2: after an answer that did not come it is unknown whether the client
// got the frame, and only the engine knows what to do then. It goes by another connection where one was closed before
// anything was written to it, over HTTP/2 before the header was, and once more when its signature was refused for its time. Questions and disconnections may be
// repeated by net/http, and do no harm.
//
// Errors for an answer that has no meaning for the engine have a method HTTPStatusCode() int.
func NewPoster(cfg aws.Config, endpoint string) *Poster {
	p := &Poster{client: awswire.New("execute-api", cfg.Region)}
	p.client.Credentials, p.client.HTTP = cfg.Credentials, cfg.HTTPClient
	if aws.IsCredentialsProvider(cfg.Credentials, aws.AnonymousCredentials{}) {
		p.client.Credentials = nil
	}
	if own := buildable(cfg); own != nil {
		p.client.HTTP, p.client.Replaces = transport{postClient(own).GetTransport()}, true
		p.limit = own.GetTimeout()
	}
	if p.client.Credentials != nil && cfg.Region == "" {
		p.err = errors.New("outgoing: there is no region to sign posts for: set AWS_REGION, or the configuration's Region")
		return p
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		p.err = fmt.Errorf("outgoing: the endpoint of @connections is %q: write one such as https://abc123.execute-api.eu-west-1.amazonaws.com/prod", endpoint)
		return p
	}
	p.api = url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimRight(u.Path, "/") + "/@connections/"}
	p.api.RawPath = strings.TrimRight(u.EscapedPath(), "/") + "/@connections/"
	return p
}

// transport is a client that neither follows redirections nor keeps cookies, of which @connections has none.
type transport struct{ *http.Transport }

func (t transport) Do(r *http.Request) (*http.Response, error) { return t.RoundTrip(r) }

// Post implements engine.Poster.
func (p *Poster) Post(ctx context.Context, connection string, f engine.Frame) error {
	header := http.Header{"Content-Type": {"application/octet-stream"}}
	if f.Binary { // a gateway with binary frames is to send it as one. API Gateway does not know the header
		header["X-Doze-Frame"] = []string{"binary"}
	}
	return p.send(ctx, http.MethodPost, connection, header, f.Data)
}

// Exists implements engine.Poster.
func (p *Poster) Exists(ctx context.Context, connection string) error {
	return p.send(ctx, http.MethodGet, connection, http.Header{}, nil)
}

// Disconnect implements engine.Poster.
func (p *Poster) Disconnect(ctx context.Context, connection string) error {
	return p.send(ctx, http.MethodDelete, connection, http.Header{}, nil)
}

func (p *Poster) send(ctx context.Context, method, connection string, header http.Header, data []byte) error {
	switch {
	case p.err != nil:
		return p.err
	case connection == "":
		return engine.ErrGone
	}
	limit := p.limit
	if _, ends := ctx.Deadline(); limit <= 0 && !ends {
		limit = longestPost
	}
	if limit > 0 {
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	r := awswire.Request{Method: method, URL: p.api, Body: data}
	r.URL.Path += connection
	r.URL.RawPath += httpbinding.EscapePath(connection, true)
	answer, err := p.try(ctx, r, header)
	if answer.Untimely {
		answer, err = p.try(ctx, r, header)
	}
	if answer.Status == 0 {
		return fmt.Errorf("outgoing: %w", err)
	}
	return meaning(method, answer) // which its status has, also where the rest broke off
}

func (p *Poster) try(ctx context.Context, r awswire.Request, header http.Header) (awswire.Response, error) {
	r.Header = http.Header{"User-Agent": {"doze"}}
	for name, values := range header {
		r.Header[name] = values
	}
	return p.client.Send(ctx, r)
}

// refusal is an error for an answer of @connections.
type refusal struct {
	text   string
	status int
}

func (r *refusal) Error() string { return r.text }

// HTTPStatusCode returns the status of the answer, for who counts them.
func (r *refusal) HTTPStatusCode() int { return r.status }

// meaning is what the engine makes of an answer.
func meaning(method string, answer awswire.Response) error {
	kind, _, _ := strings.Cut(answer.Header.Get("X-Amzn-Errortype"), ":")
	switch answer.Status {
	case http.StatusGone:
		return engine.ErrGone
	case http.StatusBadRequest: // an id that was never one, unless it is about who asks
		if (kind == "" || kind == "BadRequestException") && !answer.SignatureRefused() {
			return engine.ErrGone
		}
	case http.StatusTooManyRequests: // the connection's rate, or the account's
		return engine.ErrBusy
	case http.StatusRequestEntityTooLarge:
		return engine.ErrTooLarge
	}
	if answer.Status/100 == 2 {
		return nil
	}
	said := string(answer.Body[:min(len(answer.Body), 300)])
	text := fmt.Sprintf("@connections answered a %s with %d %s %q", method, answer.Status, kind, said)
	switch {
	case answer.SignatureRefused():
		text = "@connections did not take a signature: set the clock, or the right credentials: " + text
	case answer.Status == http.StatusForbidden:
		text = "no right to @connections: grant execute-api:ManageConnections on this API to the role or user: " + text
	}
	return &refusal{"outgoing: " + text, answer.Status}
}
