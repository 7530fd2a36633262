package outgoing

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// AttemptTime is what an attempt at a request to the table or the queue has, for HTTPClient: there is time for another
// within the three seconds of a request.
const AttemptTime = time.Second

const (
	connections = 64               // to a host: as many requests as a broadcast has at a time; more wait for one of these
	postsAtOnce = 2 * connections  // for posts, one of which may hang: those that wait behind it would be of unknown fate
	serviceIdle = 50 * time.Second // of a connection to the table or the queue
	postIdle    = 10 * time.Second // of one for posts
	dialTime    = time.Second      // a region is a few milliseconds wide
)

// HTTPClient returns a client for the SDK's clients of the table and the queue, each of whose attempts ends after a
// time. The SDK itself keeps 10 connections to a host, so that 32 requests at a time had a TLS handshake for every
// sixth; and without a limit net/http begins one for each request that finds all connections busy, whether it needs
// that one in the end or not.
//
// While a process is frozen, its peers close their connections, and Go measures how old one is by the wall clock, which
// goes on meanwhile. A request that meets a closed one is tried again by the SDK, which takes every error of sending
// for one that may pass, but only after some half a second: so a connection is not used again after 50 s. Writes to the
// table know themselves when they come twice, and a job may come twice. What is made again resumes the handshake of a
// connection before, which takes a fifth less of the processor, or more where there are many certificates to verify.
func HTTPClient(attempt time.Duration) *awshttp.BuildableClient {
	return pool(awshttp.NewBuildableClient(), serviceIdle, connections).WithTimeout(attempt)
}

// ClientOf returns the HTTP client for the table and the queue that goes with a configuration: one of the SDK's own
// kind as HTTPClient makes it, with what it had of transport and certificates; any other is the program's own, and is
// left as it is.
func ClientOf(cfg aws.Config) aws.HTTPClient {
	if own := buildable(cfg); own != nil {
		return pool(own, serviceIdle, connections).WithTimeout(AttemptTime)
	}
	return cfg.HTTPClient
}

// buildable returns the client of the SDK's own kind that a configuration has or will be given, nil for another kind.
func buildable(cfg aws.Config) *awshttp.BuildableClient {
	if cfg.HTTPClient == nil {
		return awshttp.NewBuildableClient()
	}
	own, _ := cfg.HTTPClient.(*awshttp.BuildableClient)
	return own
}

// postClient is for posts: one over a connection that its peer has closed is of unknown fate, so that connections get
// no chance to be old. How long a post may take is its caller's to say. Without TLS HTTP/2 is not spoken, also where the
// program allows it: there awswire could not tell it from HTTP/1.1.
func postClient(own *awshttp.BuildableClient) *awshttp.BuildableClient {
	return pool(own, postIdle, postsAtOnce).WithTransportOptions(func(t *http.Transport) {
		if t.Protocols != nil && t.Protocols.UnencryptedHTTP2() {
			t.Protocols.SetUnencryptedHTTP2(false)
			t.Protocols.SetHTTP1(true)
		}
	})
}

func pool(own *awshttp.BuildableClient, idle time.Duration, most int) *awshttp.BuildableClient {
	return own.WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialTime }).
		WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns, t.MaxIdleConnsPerHost, t.MaxConnsPerHost, t.IdleConnTimeout = most, most, most, idle
			if t.TLSClientConfig == nil {
				t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
			}
			if t.TLSClientConfig.ClientSessionCache == nil { // a handshake of a host that is known verifies no certificates
				t.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(0)
			}
		})
}
