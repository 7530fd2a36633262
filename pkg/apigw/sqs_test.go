//go:build full

package apigw_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/dozeio/doze/internal/jobqueue"
	"github.com/dozeio/doze/pkg/apigw"
	"github.com/dozeio/doze/pkg/apigw/outgoing"
)

// newQueues makes queues in which what is not done is visible again after a second.
func newQueues(t *testing.T) (*sqs.Client, outgoing.Queues) {
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
	setAttribute(t, client, queues.Jobs, "VisibilityTimeout", "1")
	return client, queues
}

func setAttribute(t *testing.T, client *sqs.Client, queue, name, value string) {
	t.Helper()
	if _, err := client.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: &queue, Attributes: map[string]string{name: value}}); err != nil {
		t.Fatal(err)
	}
}

func attributes(t *testing.T, client *sqs.Client, queue string) map[string]string {
	t.Helper()
	out, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &queue, AttributeNames: []types.QueueAttributeName{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Attributes
}

func TestCreateQueues(t *testing.T) {
	t.Parallel()
	url, err := server()
	if err != nil {
		t.Fatal(err)
	}
	client, name := sqsClient(url), "doze-"+rand.Text()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := jobqueue.Create(t.Context(), client, name); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	queues, err := jobqueue.Create(t.Context(), client, name)
	if err != nil {
		t.Fatal(err)
	}
	a := attributes(t, client, queues.Jobs)
	if a["VisibilityTimeout"] != "20" || a["MessageRetentionPeriod"] != "7200" || !strings.Contains(a["RedrivePolicy"], name+"-dead") || !strings.Contains(a["RedrivePolicy"], "200") || a["MaximumMessageSize"] != "1048576" {
		t.Errorf("%v", a)
	}
	if a := attributes(t, client, queues.Dead); a["MessageRetentionPeriod"] != "1209600" {
		t.Errorf("%v", a)
	}
	setAttribute(t, client, queues.Jobs, "VisibilityTimeout", "30")
	again, err := jobqueue.Create(t.Context(), client, queues.Jobs)
	if err != nil || again != queues {
		t.Errorf("%v, %v: want %v", again, err, queues)
	}
	if a := attributes(t, client, queues.Jobs); a["VisibilityTimeout"] != "30" {
		t.Error("a queue that was there has been changed")
	}
	if _, err := jobqueue.Create(t.Context(), client, "doze.fifo"); err == nil || !strings.Contains(err.Error(), "standard queue") {
		t.Errorf("FIFO: %v", err)
	}
	missing := outgoing.Queues{Jobs: queues.Jobs + "-none"}
	checkFault(t, outgoing.NewSQSQueue(client, missing).Schedule(t.Context(), []byte("{}"), 0), false, "there is no queue "+missing.Jobs)
}

// A job that has failed for the tenth time is given up with the reason; nine times are not enough.
func TestTheTenthFailureIsTheLast(t *testing.T) {
	t.Parallel()
	client, queues := newQueues(t)
	var out bytes.Buffer
	h := apigw.NewJobs(func(context.Context, []byte) error { return errors.New("no \x00 luck") }, slog.New(slog.NewTextHandler(&out, nil)), outgoing.NewSQSQueue(client, queues))
	record := func(id, deliveries string) events.SQSMessage {
		return events.SQSMessage{MessageId: id, Body: "job " + id, ReceiptHandle: "unknown", EventSourceARN: "arn:aws:sqs:us-east-1:0:q",
			Attributes: map[string]string{"ApproximateReceiveCount": deliveries}}
	}
	r := invoke[events.SQSEventResponse](t, h, events.SQSEvent{Records: []events.SQSMessage{record("9", "9"), record("10", "10")}})
	if got := fmt.Sprint(failed(r)); got != "[9]" {
		t.Errorf("%s failed", got)
	}
	if reason := deadLetter(t, client, queues.Dead, "job 10"); reason != "no \ufffd luck" {
		t.Errorf("the reason is %q", reason)
	}
	if !strings.Contains(out.String(), "when its visibility timeout is over") { // the receipt is not known
		t.Errorf("%s", &out)
	}
	// Without a dead-letter queue that can be written to, no job is lost.
	queues.Dead += "-none"
	h = apigw.NewJobs(func(context.Context, []byte) error { return errors.New("no luck") }, quiet, outgoing.NewSQSQueue(client, queues))
	r = invoke[events.SQSEventResponse](t, h, events.SQSEvent{Records: []events.SQSMessage{record("11", "11")}})
	if got := fmt.Sprint(failed(r)); got != "[11]" {
		t.Errorf("%s failed", got)
	}
}

// Poll treats a function's answers as Lambda does.
func TestPollUnderstandsAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		err    error
		again  bool
	}{
		"a list":        {`{"batchItemFailures":[]}`, nil, false},
		"null":          {`null`, nil, false},
		"a null list":   {`{"batchItemFailures":null}`, nil, false},
		"nothing":       {``, nil, false},
		"an error":      {``, errors.New("no"), true},
		"no JSON":       {`fine`, nil, true},
		"an unknown id": {`{"batchItemFailures":[{"itemIdentifier":"?"}]}`, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, queues := newQueues(t)
			ctx, cancel := context.WithCancel(t.Context())
			over, counts := make(chan struct{}), make(chan string, 10)
			go func() {
				defer close(over)
				jobqueue.Poll(ctx, client, queues.Jobs, invoker(func(event []byte) ([]byte, error) {
					var e events.SQSEvent
					if err := json.Unmarshal(event, &e); err != nil || len(e.Records) != 1 {
						t.Errorf("%v: %s", err, event)
					}
					r := e.Records[0]
					if r.EventSource != "aws:sqs" || !strings.HasPrefix(r.EventSourceARN, "arn:aws:sqs:") || !strings.HasSuffix(r.EventSourceARN, ":"+path.Base(queues.Jobs)) || r.Attributes["SentTimestamp"] == "" {
						t.Errorf("%s", event)
					}
					counts <- r.Attributes["ApproximateReceiveCount"]
					return []byte(c.answer), c.err
				}), quiet)
			}()
			if err := outgoing.NewSQSQueue(client, queues).Schedule(t.Context(), []byte("{}"), 0); err != nil {
				t.Fatal(err)
			}
			got := []string{<-counts}
			if c.again {
				got = append(got, <-counts)
			}
			cancel()
			<-over
			if !c.again {
				a := attributes(t, client, queues.Jobs)
				if n := a["ApproximateNumberOfMessages"] + a["ApproximateNumberOfMessagesNotVisible"]; n != "00" {
					t.Errorf("it is still there: %v", a)
				}
			} else if got[0] >= got[1] {
				t.Errorf("deliveries %v", got)
			}
		})
	}
}

type invoker func(event []byte) ([]byte, error)

func (i invoker) Invoke(_ context.Context, event []byte) ([]byte, error) { return i(event) }

// A queue that cannot be read is reported once, and read again when it can be.
func TestPollOutlivesErrors(t *testing.T) {
	t.Parallel()
	client, queues := newQueues(t)
	delivered := make(chan struct{}, 10)
	log := &logged{changed: make(chan struct{})}
	name := "doze-late-" + rand.Text()
	late := outgoing.Queues{Jobs: queues.Jobs[:strings.LastIndexByte(queues.Jobs, '/')+1] + name}
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		jobqueue.Poll(ctx, client, late.Jobs, invoker(func([]byte) ([]byte, error) {
			delivered <- struct{}{}
			return nil, nil
		}), slog.New(slog.NewTextHandler(log, nil)))
	}()
	log.wait(t, "there is no queue")
	if _, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &late.Jobs, MessageBody: aws.String("{}")}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-delivered:
	case <-time.After(patience):
		t.Error("it never came")
	}
	cancel()
	<-over
	if text := log.wait(t, ""); strings.Count(text, "cannot be read") != 1 {
		t.Errorf("the error was reported more than once: %s", text)
	}
}
