//go:build full

// The contract of the queues on SQS of MiniStack, or on another SQS:
//
//	go test -tags full ./pkg/apigw [-endpoint http://127.0.0.1:4566]
package apigw_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/dozeio/doze/internal/jobqueue"
	"github.com/dozeio/doze/pkg/apigw"
	"github.com/dozeio/doze/pkg/apigw/outgoing"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/gateway"
	"github.com/dozeio/doze/tests/kit/ministack"
)

var endpoint = flag.String("endpoint", "", "address of an SQS to test on; default: a MiniStack of its own")

// server is the SQS of all tests, started by the first that wants it.
var server = sync.OnceValues(func() (url string, err error) {
	if *endpoint != "" {
		return *endpoint, nil
	}
	url, stopServer, err = ministack.Start()
	return url, err
})

var stopServer = func() {}

func TestMain(m *testing.M) {
	if where := os.Getenv(scheduleVariable); where != "" {
		os.Exit(scheduleLines(where))
	}
	flag.Parse()
	if err := flag.Set("test.parallel", "32"); err != nil { // they wait rather than work
		panic(err)
	}
	code := m.Run()
	stopServer()
	os.Exit(code)
}

// openQueue is a queue whose jobs are done by a heartbeat function.
type openQueue struct {
	timers engine.Timers
	where  string                                 // for other processes; empty: there are none
	ended  func(t *testing.T, body string) string // waits until a job is given up, and returns the reason
}

// opens are the queues that there are.
var opens = map[string]func(t *testing.T, do func(context.Context, []byte) error) openQueue{
	"in process": openInProcess, "over HTTP": openOverHTTP, "SQS": openSQS,
}

func openInProcess(t *testing.T, do func(context.Context, []byte) error) openQueue {
	q, _ := openGateway(t, do)
	return q
}

func openOverHTTP(t *testing.T, do func(context.Context, []byte) error) openQueue {
	q, g := openGateway(t, do)
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	q.where = server.URL + "/_queue"
	q.timers = outgoing.NewHTTPQueue(q.where)
	return q
}

func openGateway(t *testing.T, do func(context.Context, []byte) error) (openQueue, *gateway.Gateway) {
	t.Helper()
	log := &logged{changed: make(chan struct{})}
	logger := slog.New(slog.NewJSONHandler(log, nil))
	g, err := gateway.New(gateway.Options{Jobs: apigw.NewJobs(do, logger, nil), JobAttempts: 3, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return openQueue{timers: g, ended: log.ended}, g
}

func openSQS(t *testing.T, do func(context.Context, []byte) error) openQueue {
	t.Helper()
	url, err := server()
	if err != nil {
		t.Fatal(err)
	}
	client := sqsClient(url)
	name, queues := "doze-"+rand.Text(), outgoing.Queues{}
	if _, err := patiently(func() (err error) {
		queues, err = jobqueue.Create(t.Context(), client, name)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	q := outgoing.NewSQSQueue(client, queues)
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		jobqueue.Poll(ctx, client, queues.Jobs, apigw.NewJobs(do, quiet, q), slog.Default())
	}()
	t.Cleanup(func() {
		cancel()
		<-over
		for _, url := range []string{queues.Jobs, queues.Dead} {
			_, _ = client.DeleteQueue(context.Background(), &sqs.DeleteQueueInput{QueueUrl: &url})
		}
	})
	where, err := json.Marshal(queues)
	if err != nil {
		t.Fatal(err)
	}
	return openQueue{
		timers: q,
		where:  url + " " + string(where),
		ended:  func(t *testing.T, body string) string { return deadLetter(t, client, queues.Dead, body) },
	}
}

// deadLetter waits for a job in the dead-letter queue and returns the reason.
func deadLetter(t *testing.T, client *sqs.Client, queue, body string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		got, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &queue, WaitTimeSeconds: 10, MessageAttributeNames: []string{"All"}})
		if err != nil {
			t.Fatalf("%q is not in the dead-letter queue: %v", body, err)
		}
		for _, m := range got.Messages {
			if *m.Body == body {
				return aws.ToString(m.MessageAttributes["reason"].StringValue)
			}
		}
	}
}

// logged is a log that can be waited for.
type logged struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(b)
	close(l.changed)
	l.changed = make(chan struct{})
	return len(b), nil
}

// ended waits until the gateway has dropped a job, of which it must be the only one.
func (l *logged) ended(t *testing.T, _ string) string { return l.wait(t, "job dropped") }

// wait waits for a text and returns all that has been written.
func (l *logged) wait(t *testing.T, what string) string {
	t.Helper()
	tired := time.After(patience)
	for {
		l.mu.Lock()
		text, changed := l.text.String(), l.changed
		l.mu.Unlock()
		if strings.Contains(text, what) {
			return text
		}
		select {
		case <-changed:
		case <-tired:
			t.Fatalf("%q was not logged: %s", what, text)
		}
	}
}

// scheduleVariable is set for processes that do nothing but schedule the lines of their standard input.
const scheduleVariable = "DOZE_TEST_SCHEDULE"

func scheduleLines(where string) int {
	var q engine.Timers = outgoing.NewHTTPQueue(where)
	if url, queues, ok := strings.Cut(where, " "); ok {
		var at outgoing.Queues
		if err := json.Unmarshal([]byte(queues), &at); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		q = outgoing.NewSQSQueue(sqsClient(url), at)
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if err := q.Schedule(context.Background(), lines.Bytes(), 0); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return 0
}
