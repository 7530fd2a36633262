package jobqueue

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/dozeio/doze/internal/sqsask"
	"github.com/dozeio/doze/pkg/apigw"
)

const (
	pollWait   = 20 * time.Second // of a receive request while there is nothing: the longest that SQS has
	pollPause  = time.Second      // after an error
	jobsPolled = 50               // at a time
)

// PollTime is how long a client that Poll waits with has for an attempt.
const PollTime = pollWait + sqsask.Time

// Poll invokes a function with what comes out of the queue at a URL until ctx ends, and returns when the last
// invocation is over. It works as Lambda's event source mapping does: JobBatch jobs for an invocation, 50 jobs at a
// time; what the function does not report as failed is deleted; the rest comes again when it is visible again, and so
// does the whole batch when the function fails or takes longer than JobTime. Errors go to the log, each once until
// another comes, and are no reason to stop.
func Poll(ctx context.Context, client *sqs.Client, queue string, h apigw.Handler, log *slog.Logger) {
	var wg sync.WaitGroup
	defer wg.Wait()
	q := poller{client, queue, arnOf(queue, client.Options().Region), h, log}
	slots := make(chan struct{}, jobsPolled/JobBatch)
	said := ""
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		got, err := sqsask.AskFor(ctx, PollTime, client, queue, client.ReceiveMessage, &sqs.ReceiveMessageInput{
			QueueUrl:                    &queue,
			MaxNumberOfMessages:         JobBatch,
			WaitTimeSeconds:             int32(pollWait / time.Second),
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		})
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if err.Error() != said {
				said = err.Error()
				log.ErrorContext(ctx, "the job queue cannot be read", "error", err)
			}
			select {
			case <-time.After(pollPause):
			case <-ctx.Done():
				return
			}
		}
		if err != nil || len(got.Messages) == 0 {
			<-slots
			continue
		}
		said = ""
		wg.Go(func() {
			defer func() { <-slots }()
			q.invoke(context.WithoutCancel(ctx), got.Messages)
		})
	}
}

// poller is one call of Poll.
type poller struct {
	client     *sqs.Client
	queue, arn string
	h          apigw.Handler
	log        *slog.Logger
}

// invoke has a batch handled and deletes what is done.
func (q poller) invoke(ctx context.Context, messages []types.Message) {
	batch := events.SQSEvent{Records: make([]events.SQSMessage, len(messages))}
	for i, m := range messages {
		batch.Records[i] = events.SQSMessage{
			MessageId: *m.MessageId, ReceiptHandle: *m.ReceiptHandle, Body: *m.Body, Md5OfBody: aws.ToString(m.MD5OfBody),
			Attributes: m.Attributes, MessageAttributes: map[string]events.SQSMessageAttribute{},
			EventSource: "aws:sqs", EventSourceARN: q.arn, AWSRegion: q.client.Options().Region,
		}
	}
	event, err := json.Marshal(batch)
	if err != nil {
		panic(err) // strings only
	}
	limited, cancel := context.WithTimeout(ctx, JobTime)
	defer cancel()
	answer, err := q.h.Invoke(limited, event)
	var failed []string
	if err == nil {
		failed, err = failures(answer, messages)
	}
	if err != nil {
		q.log.ErrorContext(ctx, "the function of the job queue failed: its jobs will come again", "jobs", len(messages), "error", err)
		return
	}
	in := &sqs.DeleteMessageBatchInput{QueueUrl: &q.queue}
	for i, m := range messages {
		if !slices.Contains(failed, *m.MessageId) {
			in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle})
		}
	}
	if len(in.Entries) == 0 {
		return
	}
	out, err := sqsask.Ask(ctx, q.client, q.queue, q.client.DeleteMessageBatch, in)
	if err == nil && len(out.Failed) > 0 {
		err = fmt.Errorf("jobqueue: DeleteMessageBatch: %s: %s", aws.ToString(out.Failed[0].Code), aws.ToString(out.Failed[0].Message))
	}
	if err != nil {
		q.log.WarnContext(ctx, "jobs that are done could not be deleted: they will come again", "error", err)
	}
}

// failures returns the ids of the messages that failed. An id that is none of them makes all of them fail.
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
func failures(answer []byte, messages []types.Message) (ids []string, err error) {
	var response events.SQSEventResponse
	if len(answer) > 0 {
		if err := json.Unmarshal(answer, &response); err != nil {
			return nil, fmt.Errorf("jobqueue: the function's answer: %w", err)
		}
	}
	for _, f := range response.BatchItemFailures {
		if !slices.ContainsFunc(messages, func(m types.Message) bool { return *m.MessageId == f.ItemIdentifier }) {
			return nil, fmt.Errorf("jobqueue: the function reported %q as failed, which was not in the batch", f.ItemIdentifier)
		}
		ids = append(ids, f.ItemIdentifier)
	}
	return ids, nil
}

// arnOf names a queue by the account and the name at the end of its URL.
func arnOf(queue, region string) string {
	account, name := "", queue
	if u, err := url.Parse(queue); err == nil {
		if parts := strings.Split(strings.Trim(u.Path, "/"), "/"); len(parts) >= 2 {
			account, name = parts[len(parts)-2], parts[len(parts)-1]
		}
	}
	return "arn:aws:sqs:" + region + ":" + account + ":" + name
}
