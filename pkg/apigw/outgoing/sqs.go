package outgoing

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/dozeio/doze/internal/sqsask"
	"github.com/dozeio/doze/pkg/engine"
)

var _ engine.Timers = (*SQSQueue)(nil)

// Queues are the URLs of a deployment's standard queues. The template makes them.
type Queues struct {
	Jobs string // timers and jobs
	Dead string // jobs that can never succeed or have failed too often, with the reason. Empty: the redrive policy's turn
}

// SQSQueue schedules jobs in standard queues of SQS. It is safe for concurrent use.
//
// A send has three seconds, with the client's retries, which are safe: what is sent twice is a job that comes twice.
// Errors are one line that says what to do; those that may pass have a method Temporary that returns true.
type SQSQueue struct {
	client *sqs.Client
	queues Queues
}

// NewSQSQueue returns a queue on SQS. Nothing is sent before the first call.
func NewSQSQueue(client *sqs.Client, queues Queues) *SQSQueue { return &SQSQueue{client, queues} }

// Limits of SQS. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
const (
	maxJob      = 1 << 20
	maxJobDelay = 15 * time.Minute
)

// Schedule implements engine.Timers. Delays are rounded up to whole seconds. A job is text of 1 to 1,048,576 bytes, as
// SQS takes it: UTF-8, of the control characters only tab, line feed and carriage return. What is not, and a delay
// below zero or over 15 minutes, is refused before anything is sent.
func (q *SQSQueue) Schedule(ctx context.Context, job []byte, after time.Duration) error {
	switch {
	case len(job) == 0 || len(job) > maxJob:
		return fmt.Errorf("outgoing: a job of %d bytes: SQS takes 1 to %d", len(job), maxJob)
	case !utf8.Valid(job) || strings.ContainsFunc(string(job), unstorable):
		return errors.New("outgoing: a job with bytes that are no UTF-8, or control characters: SQS takes text only")
	case after < 0 || after > maxJobDelay:
		return fmt.Errorf("outgoing: a delay of %v: SQS takes 0 to %v", after, maxJobDelay)
	}
	_, err := sqsask.Ask(ctx, q.client, q.queues.Jobs, q.client.SendMessage, &sqs.SendMessageInput{
		QueueUrl:     &q.queues.Jobs,
		MessageBody:  aws.String(string(job)),
		DelaySeconds: int32((after + time.Second - 1) / time.Second),
	})
	return err
}

// unstorable reports whether SQS refuses a message for a character.
func unstorable(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\ufffe' || r == '\uffff'
}

// Postpone has a job that was received, by its receipt handle, delivered again after a time, rather than when its
// visibility timeout is over. Seconds are what counts.
func (q *SQSQueue) Postpone(ctx context.Context, receipt string, after time.Duration) error {
	_, err := sqsask.Ask(ctx, q.client, q.queues.Jobs, q.client.ChangeMessageVisibility, &sqs.ChangeMessageVisibilityInput{
		QueueUrl:          &q.queues.Jobs,
		ReceiptHandle:     &receipt,
		VisibilityTimeout: int32(after / time.Second),
	})
	return err
}

// Bury keeps a job, which was the message of an id, in the dead-letter queue: the body is as it was, the attributes
// reason (the first 500 bytes), queue and message say what became of it.
func (q *SQSQueue) Bury(ctx context.Context, job, message, reason string) error {
	if q.queues.Dead == "" {
		return errors.New("outgoing: there is no dead-letter queue: set its URL")
	}
	_, err := sqsask.Ask(ctx, q.client, q.queues.Dead, q.client.SendMessage, &sqs.SendMessageInput{
		QueueUrl:    &q.queues.Dead,
		MessageBody: &job,
		MessageAttributes: map[string]types.MessageAttributeValue{
			"reason":  attribute(reason),
			"queue":   attribute(path.Base(q.queues.Jobs)),
			"message": attribute(message),
		},
	})
	return err
}

// maxReason is how many bytes of a reason are kept.
const maxReason = 500

// attribute makes text acceptable to SQS as an attribute's value.
func attribute(s string) types.MessageAttributeValue {
	s = strings.Map(func(r rune) rune {
		if unstorable(r) {
			return utf8.RuneError
		}
		return r
	}, s)
	if len(s) > maxReason {
		s = strings.ToValidUTF8(s[:maxReason], "")
	}
	if s == "" {
		s = "-"
	}
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &s}
}
