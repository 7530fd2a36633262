// Package stackmetrics reads what a stack does from the metrics that AWS keeps of every Lambda function, API, table,
// queue and log group, and from the table and the queues themselves. None of it needs a line of the application's.
package stackmetrics

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/dozeio/doze/internal/awsfault"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/store/dynamo"
)

// Functions are those of the template, in the order of Amounts.Functions.
var Functions = []string{"ConnectFunction", "PollFunction", "MessageFunction", "DisconnectFunction", "HeartbeatFunction"}

// Places of Functions.
const (
	Connect = iota
	Poll
	Message
	Disconnect
	Heartbeat
)

// Function is what one function did.
type Function struct{ Invocations, Seconds, GBSeconds, Errors, Throttles float64 }

// Amounts are what a stack did in some time, and what there is at the moment.
type Amounts struct {
	From, To  time.Time
	Functions [5]Function

	Messages, Connects        float64 // of the WebSocket API: frames both ways, and new connections
	ClientErrors, LostClients float64 // frames that it refused; those whose function failed, each a connection lost
	Requests, Failures        float64 // of the HTTP API, and its answers 5xx
	ReadUnits, WriteUnits     float64 // of the table
	TableThrottles            float64
	QueueRequests             float64 // of the job queue
	LogBytes                  float64
	EventP99                  float64 // seconds: of MessageFunction, in the worst minute

	Unknown error // why the amounts above could not be read, which are zero then

	WebSocket, Polling int // clients at the moment
	Unjoined           int // of those over WebSocket, who have joined no namespace
	Late, Dead         int // jobs that are due, and that were given up
}

// Stack is one whose resources were found. Its method may be called concurrently.
type Stack struct {
	OneOrigin bool // CloudFront is before its APIs

	resources  map[string]string
	memory     [5]float64 // GB
	cloudwatch *cloudwatch.Client
	queues     *sqs.Client
	store      *dynamo.Store
}

// Find looks a stack's resources and the memory of its functions up. The error says what to set.
func Find(ctx context.Context, cfg aws.Config, name string) (*Stack, error) {
	client := cloudformation.NewFromConfig(cfg)
	s := &Stack{resources: map[string]string{}, cloudwatch: cloudwatch.NewFromConfig(cfg), queues: sqs.NewFromConfig(cfg)}
	pages := cloudformation.NewListStackResourcesPaginator(client, &cloudformation.ListStackResourcesInput{StackName: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awsfault.Stack(name, cfg.Region, err)
		}
		for _, r := range page.StackResourceSummaries {
			s.resources[aws.ToString(r.LogicalResourceId)] = aws.ToString(r.PhysicalResourceId)
		}
	}
	for _, needed := range append([]string{"Table", "JobQueue", "DeadLetterQueue"}, Functions...) {
		if s.resources[needed] == "" {
			return nil, fmt.Errorf("the stack %s has no %s: it is none of Doze's, or of another version", name, needed)
		}
	}
	_, s.OneOrigin = s.resources["FrontDoor"]
	s.store = dynamo.New(dynamodb.NewFromConfig(cfg), s.resources["Table"], nil)
	functions := lambda.NewFromConfig(cfg)
	for i, function := range Functions {
		out, err := functions.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(s.resources[function])})
		if err != nil {
			return nil, fmt.Errorf("the memory of %s could not be read: %w", function, awsfault.Cause(err))
		}
		s.memory[i] = float64(aws.ToInt32(out.MemorySize)) / 1024
	}
	return s, nil
}

// Read returns what the stack did in whole minutes before a time, the last of them a minute ago: CloudWatch has the
// metrics of a minute by then, mostly. Where there are none, for want of rights or because a stand-in for AWS has no
// CloudWatch, Unknown says so, and the rest is read. It reads each partition of clients once.
func (s *Stack) Read(ctx context.Context, now time.Time, minutes int) (a Amounts, err error) {
	a.To = now.UTC().Truncate(time.Minute).Add(-time.Minute)
	a.From = a.To.Add(-time.Duration(minutes) * time.Minute)
	if err := s.readMetrics(ctx, &a); err != nil {
		if ctx.Err() != nil {
			return a, ctx.Err()
		}
		a = Amounts{From: a.From, To: a.To, Unknown: fmt.Errorf("the metrics could not be read: %w", awsfault.Cause(err))}
	}
	for shard := range engine.Shards {
		lives, err := s.store.Lives(ctx, shard)
		if err != nil {
			return a, err
		}
		for _, l := range lives {
			if _, ok := l.Address.Connection(); ok {
				a.WebSocket++
				if !l.Joined {
					a.Unjoined++
				}
			} else {
				a.Polling++
			}
		}
	}
	if a.Late, err = s.waiting(ctx, "JobQueue"); err != nil {
		return a, err
	}
	a.Dead, err = s.waiting(ctx, "DeadLetterQueue")
	return a, err
}

// waiting returns how many messages a queue has that could be received.
func (s *Stack) waiting(ctx context.Context, queue string) (int, error) {
	const name = types.QueueAttributeNameApproximateNumberOfMessages
	out, err := s.queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: aws.String(s.resources[queue]), AttributeNames: []types.QueueAttributeName{name}})
	if err != nil {
		return 0, fmt.Errorf("the %s could not be read: %w", queue, awsfault.Cause(err))
	}
	n, err := strconv.Atoi(out.Attributes[string(name)])
	if err != nil {
		return 0, fmt.Errorf("the %s has %q for %s", queue, out.Attributes[string(name)], name)
	}
	return n, nil
}

// Resources returns the names of the template that the stack has.
func (s *Stack) Resources() []string {
	names := make([]string, 0, len(s.resources))
	for name := range s.resources {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
