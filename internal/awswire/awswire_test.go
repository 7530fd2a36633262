package awswire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

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
	_, err := client(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, ContentLength: 9, Body: failing{strings.NewReader("hello")}}, nil
	}).Send(t.Context(), request("x"))
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("of an answer that broke off: %v", err)
	}
}

// TestARequestCanBeWrittenAgain: net/http does that when a connection was closed before anything was written to it.
func TestARequestCanBeWrittenAgain(t *testing.T) {
	_, err := client(func(r *http.Request) (*http.Response, error) {
		for range 2 {
			b, err := r.GetBody()
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(b); string(text) != "hello" || err != nil || r.ContentLength != 5 {
				t.Errorf("%q of %d, %v", text, r.ContentLength, err)
			}
		}
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	}).Send(t.Context(), request("hello"))
	if err != nil {
		t.Error(err)
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

// TestSignaturesAreTheSDKs signs requests with the SDK's signer too, at the same second, and compares.
func TestSignaturesAreTheSDKs(t *testing.T) {
	keys := []aws.Credentials{
		{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"},
		{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "another"}, {AccessKeyID: "other", SecretAccessKey: "another", SessionToken: "token+/=="},
	}
	for n, r := range []awswire.Request{
		request(""), request("{}"), {Method: http.MethodGet, Header: http.Header{}}, {Method: http.MethodDelete, Header: http.Header{"X-Zz": {"1"}, "Accept": {"a, b"}}},
		{Method: http.MethodPost, Body: []byte("ü"), Header: http.Header{"Content-Type": {"text/plain"}, "X-Amz-Target": {"A.B"}, "User-Agent": {"me"}, "Accept-Encoding": {"identity"}}},
	} {
		for _, address := range []string{"https://h.amazonaws.com/", "http://127.0.0.1:8000/", "https://h/live/@connections/a%3D", "https://h/a%2Fb/%C3%BC/~-._"} {
			for _, key := range keys {
				u, err := url.Parse(address)
				if err != nil {
					t.Fatal(err)
				}
				r.URL = *u
				var headers []http.Header
				c := client(func(h *http.Request) (*http.Response, error) {
					headers = append(headers, h.Header)
					return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
				})
				c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return key, nil })
				for again := true; again; { // until both are of one second
					headers = nil
					for _, s := range []v4.HTTPSigner{nil, v4.NewSigner()} {
						sent := r
						sent.Header = r.Header.Clone()
						if c.Signer = s; s != nil {
							sent.URL.RawQuery = "" // which the SDK's signer writes
						}
						if _, err := c.Send(t.Context(), sent); err != nil {
							t.Fatal(err)
						}
					}
					again = headers[0].Get("X-Amz-Date") != headers[1].Get("X-Amz-Date")
				}
				if !reflect.DeepEqual(headers[0], headers[1]) {
					t.Errorf("request %d to %s: %v, the SDK: %v", n, address, headers[0], headers[1])
				}
			}
		}
	}
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

// BenchmarkSend compares what a request costs with this package's signatures and with the SDK's, without a network.
func BenchmarkSend(b *testing.B) {
	for name, s := range map[string]v4.HTTPSigner{"own": nil, "sdk": v4.NewSigner()} {
		b.Run(name, func(b *testing.B) {
			c := client(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
			})
			c.Signer = s
			key := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret", SessionToken: strings.Repeat("token", 150)}
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
	}
}
