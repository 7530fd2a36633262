// Package jobqueue is what a deployment's template and Lambda do for its SQS queues, for programs outside of Lambda: it
// makes them and invokes a function with what comes out of them. No function of a deployment links it.
package jobqueue

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/dozeio/doze/internal/sqsask"
	"github.com/dozeio/doze/pkg/apigw/outgoing"
)

// What a deployment's template has to say of the job queue and its function, and what Create and Poll do.
const (
	// JobTime is how long an invocation for jobs may take.
	JobTime = 15 * time.Second
	// JobVisibility is how long a job is hidden that has been delivered: longer than JobTime, as Lambda demands
	// (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html; it advises six times as long, for an
	// invocation that has to wait for concurrency: here the job is rather delivered again). With JobTime it has to be
	// less than a client's time for a pong: then a sweep whose invocation dies is repeated before clients give up.
	JobVisibility = 20 * time.Second
	// JobBatch is how many jobs an invocation gets: one, because a sweep may take all of its time, and its memory is
	// small.
	JobBatch = 1
	// JobReceives is how often SQS delivers a job before its redrive policy takes it away. Deliveries that find the
	// account's concurrency used up count too, one in JobVisibility, because Lambda keeps a job for that long then
	// (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html): these are more than an hour of
	// them.
	JobReceives = 200
	// JobRetention is how long SQS keeps a job from when it was sent: longer than its delay and all its deliveries.
	JobRetention = 2 * time.Hour
)

const (
	deadFor = 14 * 24 * time.Hour // the longest that SQS keeps a message
	maxJob  = 1 << 20             // bytes, the most that SQS takes
)

// Create makes the queues of a deployment where they are missing: name for jobs, and name-dead for what fails.
// Instead of the name, the URL of the first will do. Queues that are there stay as they are. In a deployment the
// template makes them instead, as follows: name has a redrive policy to name-dead with a maxReceiveCount of
// JobReceives, which is for jobs whose invocation dies each time (any other failure ends there after 10 deliveries,
// with the reason), a visibility timeout of JobVisibility, over the function's own, and keeps a job for JobRetention.
func Create(ctx context.Context, client *sqs.Client, name string) (q outgoing.Queues, err error) {
	if name = path.Base(name); strings.HasSuffix(name, ".fifo") {
		return q, fmt.Errorf("jobqueue: %q is the name of a FIFO queue, which has no delays for single messages: choose a standard queue", name)
	}
	size := strconv.Itoa(maxJob)
	if q.Dead, err = createQueue(ctx, client, name+"-dead", map[string]string{"MessageRetentionPeriod": seconds(deadFor), "MaximumMessageSize": size}); err != nil {
		return outgoing.Queues{}, err
	}
	dead, err := sqsask.Ask(ctx, client, q.Dead, client.GetQueueAttributes, &sqs.GetQueueAttributesInput{
		QueueUrl: &q.Dead, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		return outgoing.Queues{}, err
	}
	attributes := map[string]string{
		"VisibilityTimeout":      seconds(JobVisibility),
		"MessageRetentionPeriod": seconds(JobRetention),
		"MaximumMessageSize":     size,
		"RedrivePolicy":          fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, dead.Attributes["QueueArn"], JobReceives),
	}
	if q.Jobs, err = createQueue(ctx, client, name, attributes); err != nil {
		return outgoing.Queues{}, err
	}
	return q, nil
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// createQueue returns the URL of a queue, which it makes where there is none.
func createQueue(ctx context.Context, client *sqs.Client, name string, attributes map[string]string) (url string, err error) {
	found, err := sqsask.Ask(ctx, client, name, client.GetQueueUrl, &sqs.GetQueueUrlInput{QueueName: &name})
	if err == nil {
		return *found.QueueUrl, nil
	}
	var missing *types.QueueDoesNotExist
	if !errors.As(err, &missing) {
		return "", err
	}
	made, err := sqsask.Ask(ctx, client, name, client.CreateQueue, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		return "", err
	}
	return *made.QueueUrl, nil
}
