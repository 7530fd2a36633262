package doctor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	sqtypes "github.com/aws/aws-sdk-go-v2/service/servicequotas/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/dozeio/doze/internal/awsfault"
	"github.com/dozeio/doze/pkg/engine"
	"github.com/dozeio/doze/pkg/store/dynamo"
)

// known is a fact, or why it could not be read.
type known[T any] struct {
	is  T
	err error
}

// facts are what was read of a stack and its account.
type facts struct {
	status     string            // of the stack
	parameters map[string]string // of the stack
	resources  map[string]string // physical ids by the names of the template

	concurrency known[int]             // that the account has, for all functions
	reserved    map[string]known[*int] // concurrency of each function; nil for none, 0 for one that Lambda does not run
	recursion   known[string]          // of the function for jobs
	mapping     known[string]          // state of the one that invokes it for the job queue; "" when there is none
	functions   map[string]known[function]
	quotas      map[quota]known[float64]
	jobs, dead  known[map[string]string] // attributes of the queues
	expiry      known[string]            // state of the table's time to live
	open        known[clients]
	peak        known[float64]  // invocations at once, in the last week, of all functions of the region
	ringing     known[[]string] // alarms, by their names
}

// function is how one is set.
type function struct {
	state, update string // of the function, and of its last update
	timeout       int    // seconds
	table         string // DOZE_TABLE
}

// clients are those that are connected.
type clients struct{ websocket, polling int }

// quota names one of Service Quotas.
type quota struct{ service, code string }

// The quotas that matter to Doze. docs/operate.md names them.
var (
	apiRate     = quota{"apigateway", "L-8A5B8E43"}
	apiBurst    = quota{"apigateway", "L-CDF5615A"}
	connections = quota{"apigateway", "L-9ED1E49A"}
	tableReads  = quota{"dynamodb", "L-CF0CBE56"}
	tableWrites = quota{"dynamodb", "L-AB614373"}
)

// functionNames are those of the template.
var functionNames = []string{"ConnectFunction", "PollFunction", "MessageFunction", "DisconnectFunction", "HeartbeatFunction"}

// read asks AWS for the facts, many at a time.
func read(ctx context.Context, cfg aws.Config, stack string) (*facts, error) {
	f := &facts{parameters: map[string]string{}, resources: map[string]string{}, functions: map[string]known[function]{}, reserved: map[string]known[*int]{}, quotas: map[quota]known[float64]{}}
	if err := f.readStack(ctx, cloudformation.NewFromConfig(cfg), stack); err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	const fewTries = 2 // a stand-in for AWS that has no Service Quotas fails each time
	functions, quotas, queues := lambda.NewFromConfig(cfg), servicequotas.NewFromConfig(cfg, func(o *servicequotas.Options) { o.RetryMaxAttempts = fewTries }), sqs.NewFromConfig(cfg)
	for _, name := range functionNames {
		wg.Go(func() {
			k, reserved := f.readFunction(ctx, functions, name), f.readReserved(ctx, functions, name)
			mu.Lock()
			defer mu.Unlock()
			f.functions[name], f.reserved[name] = k, reserved
		})
	}
	for _, q := range []quota{apiRate, apiBurst, connections, tableReads, tableWrites} {
		wg.Go(func() {
			k := readQuota(ctx, quotas, q)
			mu.Lock()
			defer mu.Unlock()
			f.quotas[q] = k
		})
	}
	wg.Go(func() { f.readLambda(ctx, functions) })
	wg.Go(func() { f.jobs = f.readQueue(ctx, queues, "JobQueue") })
	wg.Go(func() { f.dead = f.readQueue(ctx, queues, "DeadLetterQueue") })
	wg.Go(func() { f.readTable(ctx, dynamodb.NewFromConfig(cfg)) })
	wg.Go(func() { f.readMetrics(ctx, cloudwatch.NewFromConfig(cfg)) })
	wg.Wait()
	return f, nil
}

func (f *facts) readStack(ctx context.Context, client *cloudformation.Client, stack string) error {
	out, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &stack})
	if err != nil || len(out.Stacks) == 0 {
		return awsfault.Stack(stack, client.Options().Region, err)
	}
	f.status = string(out.Stacks[0].StackStatus)
	for _, p := range out.Stacks[0].Parameters {
		f.parameters[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
	}
	pages := cloudformation.NewListStackResourcesPaginator(client, &cloudformation.ListStackResourcesInput{StackName: &stack})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("the resources of the stack %s could not be listed: %w", stack, awsfault.Cause(err))
		}
		for _, r := range page.StackResourceSummaries {
			f.resources[aws.ToString(r.LogicalResourceId)] = aws.ToString(r.PhysicalResourceId)
		}
	}
	return nil
}

// resource returns the physical id of a resource of the template.
func (f *facts) resource(name string) (*string, error) {
	if id := f.resources[name]; id != "" {
		return &id, nil
	}
	return nil, fmt.Errorf("%w %s", errMissing, name)
}

// errMissing is of what the template has, and the stack has not.
var errMissing = errors.New("the stack has no")

func (f *facts) readFunction(ctx context.Context, client *lambda.Client, name string) (k known[function]) {
	id, err := f.resource(name)
	if err != nil {
		return known[function]{err: err}
	}
	out, err := client.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: id})
	if err != nil {
		return known[function]{err: awsfault.Cause(err)}
	}
	k.is = function{state: string(out.State), update: string(out.LastUpdateStatus), timeout: int(aws.ToInt32(out.Timeout))}
	if out.Environment != nil {
		k.is.table = out.Environment.Variables["DOZE_TABLE"]
	}
	return k
}

func (f *facts) readReserved(ctx context.Context, client *lambda.Client, name string) (k known[*int]) {
	id, err := f.resource(name)
	if err != nil {
		return known[*int]{err: err}
	}
	out, err := client.GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: id})
	switch {
	case err != nil:
		k.err = awsfault.Cause(err)
	case out.ReservedConcurrentExecutions != nil:
		k.is = aws.Int(int(*out.ReservedConcurrentExecutions))
	}
	return k
}

func (f *facts) readLambda(ctx context.Context, client *lambda.Client) {
	if out, err := client.GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{}); err != nil {
		f.concurrency.err = awsfault.Cause(err)
	} else if out.AccountLimit == nil {
		f.concurrency.err = errors.New("GetAccountSettings has no AccountLimit")
	} else {
		f.concurrency.is = int(out.AccountLimit.ConcurrentExecutions)
	}
	id, err := f.resource("HeartbeatFunction")
	if err != nil {
		f.recursion.err, f.mapping.err = err, err
		return
	}
	if out, err := client.GetFunctionRecursionConfig(ctx, &lambda.GetFunctionRecursionConfigInput{FunctionName: id}); err != nil {
		f.recursion.err = awsfault.Cause(err)
	} else {
		f.recursion.is = string(out.RecursiveLoop)
	}
	if out, err := client.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{FunctionName: id}); err != nil {
		f.mapping.err = awsfault.Cause(err)
	} else {
		for _, m := range out.EventSourceMappings {
			f.mapping.is = aws.ToString(m.State)
		}
	}
}

// readQuota returns what the account has, which is AWS's default where nobody has asked for more.
func readQuota(ctx context.Context, client *servicequotas.Client, q quota) known[float64] {
	out, err := client.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: &q.service, QuotaCode: &q.code})
	if err == nil && out.Quota != nil {
		return known[float64]{is: aws.ToFloat64(out.Quota.Value)}
	}
	var none *sqtypes.NoSuchResourceException
	if err != nil && !errors.As(err, &none) {
		return known[float64]{err: awsfault.Cause(err)}
	}
	usual, err := client.GetAWSDefaultServiceQuota(ctx, &servicequotas.GetAWSDefaultServiceQuotaInput{ServiceCode: &q.service, QuotaCode: &q.code})
	if err == nil && usual.Quota == nil {
		err = errors.New("there is no such quota")
	}
	if err != nil {
		return known[float64]{err: awsfault.Cause(err)}
	}
	return known[float64]{is: aws.ToFloat64(usual.Quota.Value)}
}

func (f *facts) readQueue(ctx context.Context, client *sqs.Client, name string) known[map[string]string] {
	url, err := f.resource(name)
	if err != nil {
		return known[map[string]string]{err: err}
	}
	out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: url, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll}})
	if err != nil {
		return known[map[string]string]{err: awsfault.Cause(err)}
	}
	return known[map[string]string]{is: out.Attributes}
}

func (f *facts) readTable(ctx context.Context, client *dynamodb.Client) {
	table, err := f.resource("Table")
	if err != nil {
		f.expiry.err, f.open.err = err, err
		return
	}
	if out, err := client.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: table}); err != nil {
		f.expiry.err = awsfault.Cause(err)
	} else if out.TimeToLiveDescription != nil {
		f.expiry.is = string(out.TimeToLiveDescription.TimeToLiveStatus)
	}
	store := dynamo.New(client, *table, nil)
	for shard := range engine.Shards {
		lives, err := store.Lives(ctx, shard)
		if err != nil {
			f.open.err = err
			return
		}
		for _, l := range lives {
			if _, ok := l.Address.Connection(); ok {
				f.open.is.websocket++
			} else {
				f.open.is.polling++
			}
		}
	}
}

// number returns a parameter of the stack, or an attribute of a queue; ok is false when there is no such number.
func number(of map[string]string, name string) (n float64, ok bool) {
	n, err := strconv.ParseFloat(of[name], 64)
	return n, err == nil
}
