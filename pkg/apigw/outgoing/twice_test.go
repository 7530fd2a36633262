package outgoing_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/dozeio/doze/pkg/apigw/outgoing"
	"github.com/dozeio/doze/pkg/engine"
)

// Parts of frames of HTTP/2: RFC 9113, section 6.
const (
	h2Data, h2Headers, h2Reset, h2Settings, h2GoAway = 0, 1, 3, 4, 7

	h2End, h2Ack           = 1, 1
	h2ProtocolError uint32 = 1
	h2RefusedStream uint32 = 7
)

func h2Frame(kind, flags byte, stream uint32, content ...byte) []byte {
	f := []byte{byte(len(content) >> 16), byte(len(content) >> 8), byte(len(content)), kind, flags, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(f[5:], stream)
	return append(f, content...)
}

// h2 serves HTTP/2 by hand, so that the fault is where a test wants it: it reads the first post whole and answers it
// with what fail returns for its stream, and all others with 200. It counts the posts.
func h2(t *testing.T, fail func(stream uint32) []byte) (client *awshttp.BuildableClient, url string, posts *atomic.Int64) {
	certified := httptest.NewTLSServer(nil)
	certificate, trusted := certified.TLS.Certificates[0], x509.NewCertPool()
	trusted.AddCert(certified.Certificate())
	certified.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	posts = &atomic.Int64{}
	serve := func(c net.Conn) {
		defer c.Close()
		if _, err := io.ReadFull(c, make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
			return
		}
		_, _ = c.Write(h2Frame(h2Settings, 0, 0))
		for {
			h := make([]byte, 9)
			if _, err := io.ReadFull(c, h); err != nil {
				return
			}
			if _, err := io.CopyN(io.Discard, c, int64(h[0])<<16|int64(h[1])<<8|int64(h[2])); err != nil {
				return
			}
			stream := binary.BigEndian.Uint32(h[5:])
			switch {
			case h[3] == h2Settings && h[4]&h2Ack == 0:
				_, _ = c.Write(h2Frame(h2Settings, h2Ack, 0))
			case h[3] == h2Data && h[4]&h2End != 0 && posts.Add(1) == 1:
				_, _ = c.Write(fail(stream))
			case h[3] == h2Data && h[4]&h2End != 0:
				_, _ = c.Write(h2Frame(h2Headers, 4|h2End, stream, 0x88)) // :status 200
			}
		}
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	client = awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.TLSClientConfig = &tls.Config{RootCAs: trusted} })
	return client, "https://" + l.Addr().String(), posts
}

// TestAPostIsNotSentTwiceOverHTTP2: net/http repeats a request there whose body it can have again, after faults that may
// come when the server has it whole.
func TestAPostIsNotSentTwiceOverHTTP2(t *testing.T) {
	for name, fail := range map[string]func(stream uint32) []byte{
		"protocol error": func(stream uint32) []byte {
			return h2Frame(h2Reset, 0, stream, binary.BigEndian.AppendUint32(nil, h2ProtocolError)...)
		},
		"refused": func(stream uint32) []byte {
			return h2Frame(h2Reset, 0, stream, binary.BigEndian.AppendUint32(nil, h2RefusedStream)...)
		},
		"going away": func(uint32) []byte { return h2Frame(h2GoAway, 0, 0, make([]byte, 8)...) },
	} {
		client, url, posts := h2(t, fail)
		p := outgoing.NewPoster(aws.Config{Region: "local", HTTPClient: client, Credentials: &keys{}}, url)
		if err := p.Post(t.Context(), "x", engine.Frame{Data: []byte("42[1]")}); err == nil || posts.Load() != 1 {
			t.Errorf("%s: the server has %d posts, %v", name, posts.Load(), err)
		}
		if err := p.Post(t.Context(), "x", engine.Frame{Data: []byte("42[1]")}); err != nil {
			t.Errorf("%s: the next post: %v", name, err)
		}
	}
}

// TestPostsWithoutTLSAreHTTP1, also for a program that allows HTTP/2 there: which of the two it is could not be told.
func TestPostsWithoutTLSAreHTTP1(t *testing.T) {
	var over atomic.Value
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { over.Store(r.Proto) }))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	defer server.Close()
	for _, both := range []bool{false, true} {
		client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.Protocols = new(http.Protocols)
			t.Protocols.SetHTTP1(both)
			t.Protocols.SetUnencryptedHTTP2(true)
		})
		p := outgoing.NewPoster(aws.Config{Region: "local", HTTPClient: client, Credentials: &keys{}}, server.URL)
		if err := p.Post(t.Context(), "x", engine.Frame{Data: []byte("2")}); err != nil || over.Load() != "HTTP/1.1" {
			t.Errorf("HTTP/1.1 allowed %v: a post went by %v, %v", both, over.Load(), err)
		}
		over.Store("")
	}
}

// TestAPostGoesToOneServer: it is not sent to where it is redirected, neither by the SDK's kind of client nor by a
// program's own.
func TestAPostGoesToOneServer(t *testing.T) {
	var posts atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { posts.Add(1) }))
	defer other.Close()
	for _, status := range []int{http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) }))
		for _, client := range []aws.HTTPClient{awshttp.NewBuildableClient(), &http.Client{}} {
			p := outgoing.NewPoster(aws.Config{Region: "local", HTTPClient: client, Credentials: &keys{}}, server.URL)
			if err := p.Post(t.Context(), "x", engine.Frame{Data: []byte("2")}); err == nil || errors.Is(err, engine.ErrGone) || posts.Load() > 0 {
				t.Errorf("%d by a %T: %v, %d posts", status, client, err, posts.Load())
			}
		}
		server.Close()
	}
}
