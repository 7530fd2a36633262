package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/dozeio/doze/pkg/store/dynamo"
	"github.com/dozeio/doze/tests/kit/dynalite"
)

// once is a client that tries everything once.
func once(o *dynamodb.Options) { o.RetryMaxAttempts = 1 }

func isTemporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for _, c := range []struct {
		name      string
		status    int
		body      string
		temporary bool
		says      string
	}{
		{"throttled", 400, `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow down"}`, true, "slow down"},
		{"throttled by the account", 400, `{"__type":"com.amazonaws.dynamodb.v20120810#RequestLimitExceeded","message":"m"}`, true, "RequestLimitExceeded"},
		{"throttled by the control plane", 400, `{"__type":"com.amazon.coral.availability#ThrottlingException","message":"m"}`, true, "ThrottlingException"},
		{"500", 500, `{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"m"}`, true, "InternalServerError"},
		{"503 of a proxy", 503, `<html>try later</html>`, true, ""},
		{"no table", 400, `{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"m"}`, false, `no table "doze"`},
		{"no right", 400, `{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"User is not authorized"}`, false, "grant it to this function's role"},
		{"no such caller", 400, `{"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"m"}`, false, "AWS_ACCESS_KEY_ID"},
		{"too large", 400, `{"__type":"com.amazon.coral.validate#ValidationException","message":"Item size to update has exceeded the maximum allowed size"}`, false, "400 KB"},
		{"another server", 404, `<html>not found</html>`, false, "set the right endpoint"},
		{"another service", 400, `{"__type":"com.amazon.coral.service#UnknownOperationException"}`, false, "set the right endpoint"},
		{"a web page", 200, `<html>welcome</html>`, false, "set the right endpoint"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/x-amz-json-1.0")
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			}))
			defer server.Close()
			store := dynamo.New(dynalite.Client(server.URL, once), "doze", nil)
			_, err := store.Timer(t.Context(), 0, true)
			check(t, err, c.temporary, c.says)
			check(t, store.Touch(t.Context(), "wx", time.Now(), true), c.temporary, c.says)
		})
	}
}

func check(t *testing.T, err error, temporary bool, says string) {
	t.Helper()
	if err == nil || isTemporary(err) != temporary || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") ||
		!strings.HasPrefix(err.Error(), "dynamo: ") {
		t.Errorf("got %q (temporary: %t), want one line with %q (temporary: %t)", err, isTemporary(err), says, temporary)
	}
}

func TestNobodyListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	url := "http://" + listener.Addr().String()
	_, err = dynamo.New(dynalite.Client(url, once), "doze", nil).Timer(t.Context(), 0, true)
	check(t, err, true, url+" cannot be reached")
}

func TestAConnectionThatBreaks(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, `{"Item":`)
	}))
	defer server.Close()
	_, err := dynamo.New(dynalite.Client(server.URL, once), "doze", nil).Timer(t.Context(), 0, true)
	check(t, err, true, "")
}

// A server that hangs fails the request and not the invocation; one whose invocation is over is not tried again.
func TestAServerThatHangs(t *testing.T) {
	over := make(chan struct{})
	asked := make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-over:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(over)
	store := dynamo.New(dynalite.Client(server.URL), "doze", nil)
	begin := time.Now()
	_, err := store.Timer(t.Context(), 0, true)
	check(t, err, true, "no answer")
	if d := time.Since(begin); d > 10*time.Second {
		t.Errorf("it took %v", d)
	}
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	_, err = store.Timer(ctx, 0, true)
	check(t, err, false, "canceled")
}

// A server that throttles is asked again while the invocation lasts, and not a moment longer.
func TestRetriesEndWithTheInvocation(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"slow down"}`)
	}))
	defer server.Close()
	patient := func(o *dynamodb.Options) { o.RetryMaxAttempts = 1000 }
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := dynamo.New(dynalite.Client(server.URL, patient), "doze", nil).Timer(ctx, 0, true)
	check(t, err, false, "deadline")
	if d := time.Since(begin); d > 2*time.Second {
		t.Errorf("it took %v", d)
	}
	begin = time.Now()
	_, err = dynamo.New(dynalite.Client(server.URL, patient), "doze", nil).Timer(t.Context(), 0, true)
	check(t, err, true, "")
	if d := time.Since(begin); d > 10*time.Second {
		t.Errorf("without a deadline it took %v", d)
	}
}

func TestNoCredentialsAndNoRegion(t *testing.T) {
	none := func(o *dynamodb.Options) {
		o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, errors.New("no providers in chain")
		})
	}
	_, err := dynamo.New(dynalite.Client("http://127.0.0.1:1", none), "doze", nil).Timer(t.Context(), 0, true)
	check(t, err, false, "AWS_ACCESS_KEY_ID")
	nowhere := func(o *dynamodb.Options) { o.Region, o.BaseEndpoint = "", nil }
	_, err = dynamo.New(dynalite.Client("", nowhere), "doze", nil).Timer(t.Context(), 0, true)
	check(t, err, false, "AWS_REGION")
}
