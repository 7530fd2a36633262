// Package deadletters reads a deployment's dead-letter queue and sends what is in it to the job queue again.
//
// It receives, sends and deletes, and starts no message move task of SQS (StartMessageMoveTask): that moves all or
// nothing, and shows nothing. What failed for good was sent to the queue by the heartbeat's function, so that SQS does
// not know where it came from, and a move would take the reason along.
package deadletters

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/dozeio/doze/internal/sqsask"
	"github.com/dozeio/doze/pkg/apigw/outgoing"
)

// Letter is a message of the dead-letter queue.
type Letter struct {
	ID     string
	Body   string
	Since  time.Time // it has been in the queue
	Reason string    // why the job failed; "" when its invocation died each time: its log has it
	Was    string    // the id that it had as a job, by which the log has it; "" where nobody has said

	receipt string
}

// Queue is a dead-letter queue. Its methods must not be called concurrently.
type Queue struct {
	client *sqs.Client
	queues outgoing.Queues
}

// New returns the dead-letter queue beside a job queue. Nothing is sent before the first call.
func New(client *sqs.Client, queues outgoing.Queues) *Queue { return &Queue{client, queues} }

const (
	hiddenFor = 5 * time.Minute // what has been received, from everybody else, unless Release is called
	batch     = 10              // messages of a request, the most that SQS takes
	empties   = 3               // answers without a message after which there are none: SQS asks a part of its servers
)

// Receive returns up to so many messages, and hides them for five minutes, in which they can be resent or deleted. More
// says that there may be others. After an error it returns what it has received.
func (q *Queue) Receive(ctx context.Context, most int) (letters []Letter, more bool, err error) {
	seen := map[string]bool{}
	for empty := 0; empty < empties; {
		if len(letters) >= most {
			return letters, true, nil
		}
		got, err := sqsask.AskFor(ctx, sqsask.Time+time.Second, q.client, q.queues.Dead, q.client.ReceiveMessage, &sqs.ReceiveMessageInput{
			QueueUrl:                    &q.queues.Dead,
			MaxNumberOfMessages:         int32(min(batch, most-len(letters))),
			WaitTimeSeconds:             1,
			VisibilityTimeout:           int32(hiddenFor / time.Second),
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameSentTimestamp},
			MessageAttributeNames:       []string{"All"},
		})
		if err != nil {
			return letters, false, err
		}
		empty++
		for _, m := range got.Messages {
			if l := letterOf(m); !seen[l.ID] { // SQS may deliver one twice
				seen[l.ID], empty = true, 0
				letters = append(letters, l)
			}
		}
	}
	return letters, false, nil
}

func letterOf(m types.Message) Letter {
	text := func(name string) string { return aws.ToString(m.MessageAttributes[name].StringValue) }
	l := Letter{ID: aws.ToString(m.MessageId), Body: aws.ToString(m.Body), Reason: text("reason"), Was: text("message"), receipt: aws.ToString(m.ReceiptHandle)}
	if ms, err := strconv.ParseInt(m.Attributes["SentTimestamp"], 10, 64); err == nil {
		l.Since = time.UnixMilli(ms)
	}
	return l
}

// Resend puts a message that was received on the job queue again, without the reason, and deletes it here. After an
// error it may be in both: then the job comes twice if it is resent once more.
func (q *Queue) Resend(ctx context.Context, l Letter) error {
	_, err := sqsask.Ask(ctx, q.client, q.queues.Jobs, q.client.SendMessage, &sqs.SendMessageInput{QueueUrl: &q.queues.Jobs, MessageBody: &l.Body})
	if err != nil {
		return err
	}
	return q.Delete(context.WithoutCancel(ctx), l)
}

// Delete deletes a message that was received.
func (q *Queue) Delete(ctx context.Context, l Letter) error {
	_, err := sqsask.Ask(ctx, q.client, q.queues.Dead, q.client.DeleteMessage, &sqs.DeleteMessageInput{QueueUrl: &q.queues.Dead, ReceiptHandle: &l.receipt})
	return err
}

// Release shows messages that were received to everybody again. Without it they are back after five minutes.
func (q *Queue) Release(ctx context.Context, letters []Letter) error {
	var errs []error
	for len(letters) > 0 {
		some := letters[:min(batch, len(letters))]
		letters = letters[len(some):]
		in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.queues.Dead}
		for i, l := range some {
			in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &l.receipt})
		}
		out, err := sqsask.Ask(ctx, q.client, q.queues.Dead, q.client.ChangeMessageVisibilityBatch, in)
		if err == nil && len(out.Failed) > 0 {
			err = fmt.Errorf("deadletters: %d messages are hidden for up to five minutes: %s", len(out.Failed), aws.ToString(out.Failed[0].Message))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
