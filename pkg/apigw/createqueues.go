package apigw

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
)

// Attributes of the queues that CreateQueues makes.
const (
	visibility = 90 * time.Second // longer than Poll lets an invocation last
	redriveAt  = 2 * maxDeliveries
	deadFor    = 14 * 24 * time.Hour // the longest that SQS keeps a message
)

// CreateQueues makes the queues of a deployment where they are missing: name for jobs, and name-dead for what
// fails. Instead of the name, the URL of the first will do. Queues that are there stay as
// they are. In a deployment the template makes them instead, as follows: name has a redrive policy to
// name-dead with a maxReceiveCount of 20, which is for jobs whose invocation dies each time (any other failure ends
// there after 10 deliveries, with the reason), and a visibility timeout of 90 s, over the function's own.
func CreateQueues(ctx context.Context, client *sqs.Client, name string) (q Queues, err error) {
	if name = path.Base(name); strings.HasSuffix(name, ".fifo") {
		return q, fmt.Errorf("apigw: %q is the name of a FIFO queue, which has no delays for single messages: choose a standard queue", name)
	}
	size := strconv.Itoa(maxJob)
	if q.Dead, err = createQueue(ctx, client, name+"-dead", map[string]string{"MessageRetentionPeriod": seconds(deadFor), "MaximumMessageSize": size}); err != nil {
		return Queues{}, err
	}
	dead, err := ask(ctx, client, q.Dead, client.GetQueueAttributes, &sqs.GetQueueAttributesInput{
		QueueUrl: &q.Dead, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		return Queues{}, err
	}
	attributes := map[string]string{
		"VisibilityTimeout":  seconds(visibility),
		"MaximumMessageSize": size,
		"RedrivePolicy":      fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, dead.Attributes["QueueArn"], redriveAt),
	}
	if q.Jobs, err = createQueue(ctx, client, name, attributes); err != nil {
		return Queues{}, err
	}
	return q, nil
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// createQueue returns the URL of a queue, which it makes where there is none.
func createQueue(ctx context.Context, client *sqs.Client, name string, attributes map[string]string) (url string, err error) {
	found, err := ask(ctx, client, name, client.GetQueueUrl, &sqs.GetQueueUrlInput{QueueName: &name})
	if err == nil {
		return *found.QueueUrl, nil
	}
	var missing *types.QueueDoesNotExist
	if !errors.As(err, &missing) {
		return "", err
	}
	made, err := ask(ctx, client, name, client.CreateQueue, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		return "", err
	}
	return *made.QueueUrl, nil
}
