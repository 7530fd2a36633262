// Package deadletters reads a deployment's dead-letter queue and sends what is in it to the job queue again.
//
// It receives, sends and deletes, and starts no message move task of SQS (StartMessageMoveTask): that moves all or
// nothing, and shows nothing. What failed for good was sent to the queue by the heartbeat's function, so that SQS does
// not know where it came from, and a move would take the reason along.
package deadletters

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
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
}

// Queue is a dead-letter queue. Its methods must not be called concurrently.
type Queue struct {
	client *sqs.Client
	queues outgoing.Queues
	now    func() time.Time

	held    map[string]held // by ids
	prolong time.Time       // when some of them are to be hidden for longer; zero where none is
}

// held is a message that is hidden from everybody else.
type held struct {
	receipt string    // the last one: SQS takes no other
	until   time.Time // it is hidden; zero: others have seen it since
}

// New returns the dead-letter queue beside a job queue, by a clock. Nothing is sent before the first call.
func New(client *sqs.Client, queues outgoing.Queues, now func() time.Time) *Queue {
	return &Queue{client: client, queues: queues, now: now, held: map[string]held{}}
}

// ErrShown says that a message is not hidden any more, so that somebody else may have it.
var ErrShown = errors.New("is seen by others again, and was left as it is: list the messages anew")

const (
	hiddenFor = 5 * time.Minute // what has been received, from everybody else, unless Release is called
	prolonged = hiddenFor / 2   // the time left with which it is hidden for as long again
	batch     = 10              // messages of a request, the most that SQS takes
	empties   = 3               // answers without a message after which there are none: SQS asks a part of its servers
)

// Receive returns up to so many messages, and hides them for five minutes, and again whenever a method is called that
// long before: so call one every two minutes, until Release. More says that there may be others. After an error it
// returns what it has received.
func (q *Queue) Receive(ctx context.Context, most int) (letters []Letter, more bool, err error) {
	seen := map[string]bool{}
	for empty := 0; empty < empties; {
		if len(letters) >= most {
			return letters, true, nil
		}
		if err := q.keep(ctx); err != nil {
			return letters, false, err
		}
		began := q.now()
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
			l := letterOf(m)
			q.hold(l.ID, aws.ToString(m.ReceiptHandle), began.Add(hiddenFor))
			if !seen[l.ID] { // SQS may deliver one twice
				seen[l.ID], empty = true, 0
				letters = append(letters, l)
			}
		}
	}
	return letters, false, nil
}

// hold notes until when a message is hidden.
func (q *Queue) hold(id, receipt string, until time.Time) {
	q.held[id] = held{receipt, until}
	if at := until.Add(-prolonged); q.prolong.IsZero() || at.Before(q.prolong) {
		q.prolong = at
	}
}

// keep hides for longer what would be seen by others soon. What they have seen by now is noted.
func (q *Queue) keep(ctx context.Context) error {
	if q.prolong.IsZero() || q.now().Before(q.prolong) {
		return nil
	}
	soon := q.now().Add(prolonged)
	var ids []string
	for id, h := range q.held {
		if !h.until.IsZero() && !h.until.After(soon) {
			ids = append(ids, id)
		}
	}
	for some := range slices.Chunk(ids, batch) {
		began := q.now()
		failed, err := q.hide(ctx, some, hiddenFor)
		if err != nil {
			return err
		}
		for _, id := range some {
			h := q.held[id]
			if h.until = began.Add(hiddenFor); failed[id] != "" {
				h.until = time.Time{}
			}
			q.held[id] = h
		}
	}
	q.prolong = time.Time{}
	for id, h := range q.held {
		if !h.until.IsZero() {
			q.hold(id, h.receipt, h.until)
		}
	}
	return nil
}

// hide has some messages, a batch at most, hidden for so long from now on. It returns why some were not.
func (q *Queue) hide(ctx context.Context, ids []string, d time.Duration) (failed map[string]string, err error) {
	in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.queues.Dead}
	for i, id := range ids {
		in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), ReceiptHandle: aws.String(q.held[id].receipt), VisibilityTimeout: int32(d / time.Second),
		})
	}
	out, err := sqsask.Ask(ctx, q.client, q.queues.Dead, q.client.ChangeMessageVisibilityBatch, in)
	if err != nil {
		return nil, err
	}
	failed = map[string]string{}
	for _, f := range out.Failed {
		if i, err := strconv.Atoi(aws.ToString(f.Id)); err == nil && i >= 0 && i < len(ids) {
			failed[ids[i]] = cmp.Or(aws.ToString(f.Message), aws.ToString(f.Code), "SQS does not say why")
		}
	}
	return failed, nil
}

// receipt returns that of a message which is hidden, and is for a while; ErrShown.
func (q *Queue) receipt(ctx context.Context, id string) (string, error) {
	if err := q.keep(ctx); err != nil {
		return "", err
	}
	h := q.held[id]
	if !q.now().Before(h.until) {
		return "", fmt.Errorf("%s %w", id, ErrShown)
	}
	return h.receipt, nil
}

func letterOf(m types.Message) Letter {
	text := func(name string) string { return aws.ToString(m.MessageAttributes[name].StringValue) }
	l := Letter{ID: aws.ToString(m.MessageId), Body: aws.ToString(m.Body), Reason: text("reason"), Was: text("message")}
	if ms, err := strconv.ParseInt(m.Attributes["SentTimestamp"], 10, 64); err == nil {
		l.Since = time.UnixMilli(ms)
	}
	return l
}

// Resend puts a message that was received on the job queue again, with the body of l and without the reason, and
// deletes it here; ErrShown. After another error it may be in both, which the error says where that is known: then the
// job comes twice if it is resent once more.
func (q *Queue) Resend(ctx context.Context, l Letter) error {
	if _, err := q.receipt(ctx, l.ID); err != nil {
		return err
	}
	_, err := sqsask.Ask(ctx, q.client, q.queues.Jobs, q.client.SendMessage, &sqs.SendMessageInput{QueueUrl: &q.queues.Jobs, MessageBody: &l.Body})
	if err != nil {
		return err
	}
	if err := q.Delete(context.WithoutCancel(ctx), l); err != nil {
		return fmt.Errorf("%s is resent, and could not be deleted: delete it, or the job comes twice when it is resent once more: %w", l.ID, err)
	}
	return nil
}

// Delete deletes a message that was received; ErrShown.
func (q *Queue) Delete(ctx context.Context, l Letter) error {
	receipt, err := q.receipt(ctx, l.ID)
	if err != nil {
		return err
	}
	_, err = sqsask.Ask(ctx, q.client, q.queues.Dead, q.client.DeleteMessage, &sqs.DeleteMessageInput{QueueUrl: &q.queues.Dead, ReceiptHandle: &receipt})
	if err == nil {
		delete(q.held, l.ID)
	}
	return err
}

// Release shows messages that were received to everybody again. Without it they are back after five minutes. Those
// that are back already are fine.
func (q *Queue) Release(ctx context.Context, letters []Letter) error {
	var errs []error
	var ids []string
	for _, l := range letters {
		if q.now().Before(q.held[l.ID].until) {
			ids = append(ids, l.ID)
		}
	}
	for some := range slices.Chunk(ids, batch) {
		failed, err := q.hide(ctx, some, 0)
		errs = append(errs, err)
		hidden, why := 0, ""
		for _, id := range some {
			switch {
			case err != nil:
			case failed[id] == "":
				delete(q.held, id)
			case q.now().Before(q.held[id].until):
				hidden, why = hidden+1, failed[id]
			}
		}
		if hidden > 0 {
			errs = append(errs, fmt.Errorf("deadletters: %d messages are hidden for up to five minutes: %s", hidden, why))
		}
	}
	return errors.Join(errs...)
}
