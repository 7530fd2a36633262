package awswire_test

import (
	"context"
	"errors"
	"io"
	"net/http"
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
	return &awswire.Client{Service: "s", Region: "r", Credentials: key, Signer: v4.NewSigner(), HTTP: a}
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
