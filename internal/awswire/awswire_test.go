package awswire_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/dozeio/doze/internal/awswire"
)

// answer is a service without a network.
type answer func(*http.Request) (*http.Response, error)

func (a answer) Do(r *http.Request) (*http.Response, error) { return a(r) }

func client(a answer) *awswire.Client {
	key := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
	})
	c := awswire.New("s", "r")
	c.Credentials, c.HTTP = key, a
	return c
}

func request(body string) awswire.Request {
	return awswire.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(body)}
}

// failing is a body that breaks off.
type failing struct{ io.Reader }

func (f failing) Read(b []byte) (int, error) {
	n, err := f.Reader.Read(b)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
func (failing) Close() error { return nil }

func TestAnswersAreReadToTheirEnd(t *testing.T) {
	long := strings.Repeat("0123456789", 300_000)
	for _, c := range []struct {
		name, body string
		length     int64
	}{{"empty", "", 0}, {"short", "hello", 5}, {"of unknown length", "hello", -1}, {"long", long, int64(len(long))}, {"long, of unknown length", long, -1}} {
		r, err := client(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, ContentLength: c.length, Body: io.NopCloser(strings.NewReader(c.body))}, nil
		}).Send(t.Context(), request("x"))
		if err != nil || string(r.Body) != c.body || r.Status != 200 {
			t.Errorf("%s: %d bytes, %v", c.name, len(r.Body), err)
		}
	}
	r, err := client(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, ContentLength: 9, Body: failing{strings.NewReader("hello")}}, nil
	}).Send(t.Context(), request("x"))
	if !errors.Is(err, io.ErrUnexpectedEOF) || r.Status != 200 {
		t.Errorf("of an answer that broke off: %d, %v", r.Status, err)
	}
}

// TestARequestIsNotWrittenAgain once the service may have it whole. net/http asks for another body when a connection was
// closed before that, too.
func TestARequestIsNotWrittenAgain(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	trusted := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	over := func(protocol string) net.Conn {
		c, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{RootCAs: trusted, NextProtos: []string{protocol}})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	plain, other := net.Pipe()
	defer other.Close()
	for name, conn := range map[string]net.Conn{"HTTP/2": over("h2"), "HTTP/1.1 with TLS": over("http/1.1"), "HTTP/1.1": plain} {
		defer conn.Close()
		c := client(func(r *http.Request) (*http.Response, error) {
			trace := httptrace.ContextClientTrace(r.Context())
			if _, err := r.GetBody(); err == nil {
				t.Errorf("%s: there is another body, and it is not known what the first went to", name)
			}
			trace.GotConn(httptrace.GotConnInfo{Conn: conn})
			again, err := r.GetBody()
			if err != nil {
				t.Fatalf("%s: there is no other body before the first was sent: %v", name, err)
			}
			if text, err := io.ReadAll(again); string(text) != "hello" || err != nil || r.ContentLength != 5 {
				t.Errorf("%s: %q of %d, %v", name, text, r.ContentLength, err)
			}
			trace.WroteHeaders()
			if _, err := r.GetBody(); (err != nil) != (name == "HTTP/2") {
				t.Errorf("%s: %v, where the header was given to the connection", name, err)
			}
			return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
		})
		c.Replaces = true
		if _, err := c.Send(t.Context(), request("hello")); err != nil {
			t.Error(err)
		}
	}
	c := client(func(r *http.Request) (*http.Response, error) {
		if r.GetBody != nil {
			t.Error("a client that follows redirections can send the body again")
		}
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	})
	if _, err := c.Send(t.Context(), request("hello")); err != nil {
		t.Error(err)
	}
}

// TestAConnectionThatFailsIsReplaced if it has taken nothing, and the request is of unknown fate if it has taken a part.
func TestAConnectionThatFailsIsReplaced(t *testing.T) {
	for _, taken := range []int{0, 1} {
		var carried atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if text, err := io.ReadAll(r.Body); string(text) != "hello" || err != nil {
				t.Errorf("got %q, %v", text, err)
			}
			carried.Add(1)
		}))
		defer server.Close()
		var made atomic.Int64
		transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			if made.Add(1) == 1 {
				return &lasting{conn, 1, taken}, err
			}
			return conn, err
		}}
		defer transport.CloseIdleConnections()
		u, err := url.Parse(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		c := awswire.New("s", "r")
		c.HTTP, c.Replaces = answer(transport.RoundTrip), true
		for n := range 3 {
			r := request("hello")
			r.URL = *u
			if _, err := c.Send(t.Context(), r); (err != nil) != (n == 1 && taken > 0) {
				t.Errorf("request %d, where a connection took %d bytes: %v", n, taken, err)
			}
		}
		if want := int64(3 - taken); carried.Load() != want || made.Load() != 2 {
			t.Errorf("a connection took %d bytes: %d requests were carried out over %d connections, want %d", taken, carried.Load(), made.Load(), want)
		}
	}
}

// lasting is a connection that is good for some writes, and then takes a few bytes more and fails.
type lasting struct {
	net.Conn
	writes, then int
}

func (l *lasting) Write(p []byte) (int, error) {
	if l.writes--; l.writes >= 0 {
		return l.Conn.Write(p)
	}
	n, _ := l.Conn.Write(p[:l.then])
	return n, errors.New("broken")
}

type counting struct {
	net.Conn
	writes *atomic.Int64
}

func (c counting) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// TestASmallRequestIsWrittenInOne, with its header, and arrives as it is, like larger ones.
func TestASmallRequestIsWrittenInOne(t *testing.T) {
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = string(text)
	}))
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	var writes atomic.Int64
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return counting{conn, &writes}, err
	}}
	defer transport.CloseIdleConnections()
	c := awswire.New("s", "r")
	c.HTTP = &http.Client{Transport: transport}
	for n, size := range []int{1, 200, 3 << 10, 3<<10 + 1, 64 << 10, 1, 3 << 10, 64 << 10} {
		if n == 5 {
			c.HTTP, c.Replaces = answer(transport.RoundTrip), true
		}
		before := writes.Load()
		r := request(strings.Repeat("x", size))
		r.URL = *u
		if _, err := c.Send(t.Context(), r); err != nil || got != string(r.Body) {
			t.Errorf("of %d bytes %d arrived, %v", size, len(got), err)
		}
		if n := writes.Load() - before; size <= 3<<10 && n != 1 {
			t.Errorf("%d bytes were written in %d", size, n)
		}
	}
}

// TestDefaultPortsAreNotSent, nor signed, as with the SDK.
func TestDefaultPortsAreNotSent(t *testing.T) {
	for address, want := range map[string]string{"http://h:80/": "h", "https://h:443/": "h", "http://h:443/": "h:443", "https://h:80/": "h:80", "https://h/": "h", "http://h:8000/": "h:8000"} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		r := request("x")
		r.URL = *u
		if _, err := client(func(h *http.Request) (*http.Response, error) {
			if h.Host != want {
				t.Errorf("%s: the host is %s, want %s", address, h.Host, want)
			}
			return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
		}).Send(t.Context(), r); err != nil {
			t.Error(err)
		}
	}
}

// TestTheClockIsTakenOfRefusedSignatures alone, and not of any answer with a status.
func TestTheClockIsTakenOfRefusedSignatures(t *testing.T) {
	hour := http.Header{"Date": {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}}
	with := func(kind string) http.Header {
		h := hour.Clone()
		h.Set("X-Amzn-Errortype", kind)
		return h
	}
	old := with("InvalidSignatureException")
	old.Set("Age", "3600")
	for name, a := range map[string]struct {
		status   int
		header   http.Header
		body     string
		untimely bool
	}{
		"by its code": {403, with("InvalidSignatureException:http://x"), "", true}, "by its text": {403, hour, `{"message":"Signature expired: 1 is now earlier than 2"}`, true},
		"early": {400, hour, `{"message":"Signature not yet current: 2 is still later than 1"}`, true}, "of a table": {400, hour, `{"__type":"com.amazon.coral.service#InvalidSignatureException"}`, true},
		"no right": {403, with("ForbiddenException"), `{"message":"Forbidden"}`, false}, "no id": {400, with("BadRequestException"), "", false}, "fine": {200, hour, "", false},
		"trouble": {500, with("InvalidSignatureException"), "", false}, "a wrong key": {403, http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}, "X-Amzn-Errortype": {"SignatureDoesNotMatch"}}, "", false},
		"an old answer": {403, old, "", false},
	} {
		var at []time.Time
		c := client(func(h *http.Request) (*http.Response, error) {
			signed, err := time.Parse("20060102T150405Z", h.Header.Get("X-Amz-Date"))
			if err != nil {
				t.Fatal(err)
			}
			at = append(at, signed)
			return &http.Response{StatusCode: a.status, Header: a.header, ContentLength: -1, Body: io.NopCloser(strings.NewReader(a.body))}, nil
		})
		for n := range 2 {
			r, err := c.Send(t.Context(), request("x"))
			if err != nil || r.Untimely != (a.untimely && n == 0) {
				t.Errorf("%s: answer %d: untimely is %v, %v", name, n, r.Untimely, err)
			}
		}
		if took := at[1].Sub(at[0]) > time.Minute; took != a.untimely {
			t.Errorf("%s: the second request is of %v, the first of %v", name, at[1], at[0])
		}
	}
}

func TestNothingIsSentWithoutCredentials(t *testing.T) {
	c := client(func(*http.Request) (*http.Response, error) { t.Error("sent"); return nil, io.EOF })
	none := errors.New("none")
	c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, none })
	_, err := c.Send(t.Context(), request("x"))
	if missing := (*awswire.CredentialsError)(nil); !errors.As(err, &missing) || !errors.Is(err, none) {
		t.Errorf("got %v", err)
	}
}

// TestSignaturesAreTheSDKs signs requests with the SDK's signer too, with the same time, and compares.
func TestSignaturesAreTheSDKs(t *testing.T) {
	keys := []aws.Credentials{
		{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"},
		{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "another"}, {AccessKeyID: "other", SecretAccessKey: "another", SessionToken: "token+/=="},
	}
	for n, r := range []awswire.Request{
		request(""), request("{}"), {Method: http.MethodGet, Header: http.Header{}}, {Method: http.MethodDelete, Header: http.Header{"X-Zz": {"1"}, "Accept": {"a, b"}}},
		{Method: http.MethodPost, Body: []byte("ü"), Header: http.Header{"Content-Type": {"text/plain"}, "X-Amz-Target": {"A.B"}, "User-Agent": {"me"}, "Accept-Encoding": {"identity"}}},
	} {
		for _, address := range []string{"https://h.amazonaws.com/", "http://127.0.0.1:8000/", "http://h:80/", "https://h:443/", "https://h/live/@connections/a%3D", "https://h/a%2Fb/%C3%BC/~-._"} {
			for _, key := range keys {
				u, err := url.Parse(address)
				if err != nil {
					t.Fatal(err)
				}
				sent := r
				sent.URL, sent.Header = *u, r.Header.Clone()
				c := client(func(h *http.Request) (*http.Response, error) {
					at, err := time.Parse("20060102T150405Z", h.Header.Get("X-Amz-Date"))
					if err != nil {
						t.Fatal(err)
					}
					again := h.Clone(t.Context())
					again.Header = r.Header.Clone()
					if err := signAsTheSDK(again, key, r.Body, at); err != nil {
						t.Fatal(err)
					}
					if !reflect.DeepEqual(h.Header, again.Header) {
						t.Errorf("request %d to %s: %v, the SDK: %v", n, address, h.Header, again.Header)
					}
					return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
				})
				c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return key, nil })
				if _, err := c.Send(t.Context(), sent); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func signAsTheSDK(h *http.Request, key aws.Credentials, body []byte, at time.Time) error {
	sum := sha256.Sum256(body)
	return v4.NewSigner().SignHTTP(h.Context(), key, h, hex.EncodeToString(sum[:]), "s", "r", at)
}

// TestKeysChange: a client outlives its credentials.
func TestKeysChange(t *testing.T) {
	n := 0
	var all []string
	c := client(func(h *http.Request) (*http.Response, error) {
		all = append(all, h.Header.Get("Authorization"))
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	})
	c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		n++
		return aws.Credentials{AccessKeyID: "same", SecretAccessKey: fmt.Sprint("secret", n)}, nil
	})
	for range 2 {
		if _, err := c.Send(t.Context(), request("x")); err != nil {
			t.Fatal(err)
		}
	}
	if all[0] == all[1] {
		t.Errorf("another secret has the same signature: %s", all[0])
	}
}

// BenchmarkSend says what a request costs without a network, and what the SDK's signer takes for one.
func BenchmarkSend(b *testing.B) {
	key := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret", SessionToken: strings.Repeat("token", 150)}
	b.Run("whole", func(b *testing.B) {
		c := client(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
		})
		c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return key, nil })
		b.ReportAllocs()
		for b.Loop() {
			r := request("hello")
			r.URL = url.URL{Scheme: "https", Host: "h", Path: "/live"}
			if _, err := c.Send(b.Context(), r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("the SDK's signature", func(b *testing.B) {
		signer := v4.NewSigner()
		b.ReportAllocs()
		for b.Loop() {
			h := &http.Request{Method: http.MethodPost, URL: &url.URL{Scheme: "https", Host: "h", Path: "/live"}, Header: http.Header{}, ContentLength: 5}
			if err := signer.SignHTTP(b.Context(), key, h, strings.Repeat("0", 64), "s", "r", time.Now()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
