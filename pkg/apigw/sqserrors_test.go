package apigw_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/dozeio/doze/internal/jobqueue"
	"github.com/dozeio/doze/pkg/apigw/outgoing"
)

// once is a client that tries everything once.
func once(o *sqs.Options) { o.RetryMaxAttempts = 1 }

// sqsClient returns a client of a server at an address. Credentials and region are those of the environment, if there
// are any.
func sqsClient(url string, more ...func(*sqs.Options)) *sqs.Client {
	return sqs.New(sqs.Options{
		Region:       cmp.Or(os.Getenv("AWS_REGION"), "us-east-1"),
		BaseEndpoint: &url,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{
				AccessKeyID:     cmp.Or(os.Getenv("AWS_ACCESS_KEY_ID"), "test"),
				SecretAccessKey: cmp.Or(os.Getenv("AWS_SECRET_ACCESS_KEY"), "test"),
				SessionToken:    os.Getenv("AWS_SESSION_TOKEN"),
			}, nil
		}),
	}, more...)
}

func schedule(ctx context.Context, client *sqs.Client) error {
	return outgoing.NewSQSQueue(client, outgoing.Queues{Jobs: "http://x/1/doze"}).Schedule(ctx, []byte("{}"), 0)
}

func checkFault(t *testing.T, err error, temporary bool, says string) {
	t.Helper()
	var f interface{ Temporary() bool }
	if err == nil || (errors.As(err, &f) && f.Temporary()) != temporary || !strings.Contains(err.Error(), says) ||
		strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "sqs: ") {
		t.Errorf("got %v, want one line with %q (temporary: %t)", err, says, temporary)
	}
}

func TestSQSErrorsSayWhatToDo(t *testing.T) {
	for _, c := range []struct {
		name      string
		status    int
		body      string
		query     string // x-amzn-query-error
		temporary bool
		says      string
	}{
		{"throttled", 400, `{"__type":"com.amazonaws.sqs#RequestThrottled","message":"slow down"}`, "RequestThrottled;Sender", true, "slow down"},
		{"throttled by the account", 400, `{"__type":"com.amazon.coral.availability#ThrottlingException","message":"m"}`, "", true, "ThrottlingException"},
		{"500", 500, `{"__type":"com.amazonaws.sqs#InternalError","message":"m"}`, "", true, "InternalError"},
		{"503 of a proxy", 503, `<html>try later</html>`, "", true, ""},
		{"no queue", 400, `{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"m"}`, "AWS.SimpleQueueService.NonExistentQueue;Sender", false, "there is no queue http://x/1/doze"},
		{"a queue of elsewhere", 400, `{"__type":"com.amazonaws.sqs#InvalidAddress","message":"m"}`, "InvalidAddress;Sender", false, "set the right URL, region and endpoint"},
		{"no right", 403, `{"__type":"com.amazon.coral.service#AccessDeniedException","message":"User is not authorized"}`, "AccessDenied;Sender", false, "no right to sqs:SendMessage"},
		{"no such caller", 403, `{"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"m"}`, "InvalidClientTokenId;Sender", false, "AWS_ACCESS_KEY_ID"},
		{"too large for the queue", 400, `{"__type":"com.amazonaws.sqs#InvalidParameterValueException","message":"Message must be shorter than 262144 bytes."}`, "InvalidParameterValue;Sender", false, "262144"},
		{"another server", 404, `<html>not found</html>`, "", false, "set the right endpoint"},
		{"another service", 400, `{"__type":"com.amazon.coral.service#UnknownOperationException"}`, "", false, "set the right endpoint"},
		{"a web page", 200, `<html>welcome</html>`, "", false, "set the right endpoint"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/x-amz-json-1.0")
				if c.query != "" {
					w.Header().Set("X-Amzn-Query-Error", c.query)
				}
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			}))
			defer server.Close()
			checkFault(t, schedule(t.Context(), sqsClient(server.URL, once)), c.temporary, c.says)
			_, err := jobqueue.Create(t.Context(), sqsClient(server.URL, once), "http://x/1/doze")
			checkFault(t, err, c.temporary, "")
		})
	}
}

func TestSQSDoesNotListen(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	url := "http://" + listener.Addr().String()
	checkFault(t, schedule(t.Context(), sqsClient(url, once)), true, url+" cannot be reached")
}

// A server that hangs fails the send and not the invocation; one whose invocation is over is not tried again.
func TestSQSHangs(t *testing.T) {
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
	begin := time.Now()
	checkFault(t, schedule(t.Context(), sqsClient(server.URL)), true, "no answer")
	if d := time.Since(begin); d > 10*time.Second {
		t.Errorf("it took %v", d)
	}
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	checkFault(t, schedule(ctx, sqsClient(server.URL)), false, "canceled")
}

func TestSQSWithoutCredentialsAndWithoutRegion(t *testing.T) {
	none := func(o *sqs.Options) {
		o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, errors.New("no providers in chain")
		})
	}
	checkFault(t, schedule(t.Context(), sqsClient("http://127.0.0.1:1", none)), false, "AWS_ACCESS_KEY_ID")
	nowhere := func(o *sqs.Options) { o.Region, o.BaseEndpoint = "", nil }
	checkFault(t, schedule(t.Context(), sqsClient("", nowhere)), false, "AWS_REGION")
}
