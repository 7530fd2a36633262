package stackmetrics

import (
	"context"
	"fmt"
	"path"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/dozeio/doze/internal/awsfault"
)

// metric is one that is read, and what is done with the sum of its minutes.
type metric struct {
	namespace, name string
	dimensions      []string // names and values
	stat            string   // "" for Sum
	add             func(value float64)
}

// metrics returns those of the stack. A stack without APIs has none of theirs.
func (s *Stack) metrics(a *Amounts) (all []metric) {
	to := func(into *float64) func(float64) { return func(v float64) { *into += v } }
	for i, name := range Functions {
		f, of := &a.Functions[i], []string{"FunctionName", s.resources[name]}
		all = append(all,
			metric{"AWS/Lambda", "Invocations", of, "", to(&f.Invocations)},
			metric{"AWS/Lambda", "Duration", of, "", func(ms float64) {
				f.Seconds += ms / 1000
				f.GBSeconds += ms / 1000 * s.memory[i]
			}},
			metric{"AWS/Lambda", "Errors", of, "", to(&f.Errors)},
			metric{"AWS/Lambda", "Throttles", of, "", to(&f.Throttles)})
		if group := s.resources[name[:len(name)-len("Function")]+"Log"]; group != "" {
			all = append(all, metric{"AWS/Logs", "IncomingBytes", []string{"LogGroupName", group}, "", to(&a.LogBytes)})
		}
	}
	all = append(all, metric{"AWS/Lambda", "Duration", []string{"FunctionName", s.resources["MessageFunction"]}, "p99", func(ms float64) {
		a.EventP99 = max(a.EventP99, ms/1000)
	}})
	if api := s.resources["WebSocketApi"]; api != "" {
		of := []string{"ApiId", api, "Stage", "live"}
		all = append(all,
			metric{"AWS/ApiGateway", "MessageCount", of, "", to(&a.Messages)},
			metric{"AWS/ApiGateway", "ConnectCount", of, "", to(&a.Connects)},
			metric{"AWS/ApiGateway", "ClientError", of, "", to(&a.ClientErrors)},
			metric{"AWS/ApiGateway", "ExecutionError", of, "", to(&a.LostClients)})
	}
	if api := s.resources["HttpApi"]; api != "" {
		of := []string{"ApiId", api, "Stage", "$default"}
		all = append(all,
			metric{"AWS/ApiGateway", "Count", of, "", to(&a.Requests)},
			metric{"AWS/ApiGateway", "5xx", of, "", to(&a.Failures)})
	}
	of := []string{"TableName", s.resources["Table"]}
	all = append(all,
		metric{"AWS/DynamoDB", "ConsumedReadCapacityUnits", of, "", to(&a.ReadUnits)},
		metric{"AWS/DynamoDB", "ConsumedWriteCapacityUnits", of, "", to(&a.WriteUnits)},
		metric{"AWS/DynamoDB", "ReadThrottleEvents", of, "", to(&a.TableThrottles)},
		metric{"AWS/DynamoDB", "WriteThrottleEvents", of, "", to(&a.TableThrottles)})
	queue := []string{"QueueName", path.Base(s.resources["JobQueue"])}
	for _, name := range []string{"NumberOfMessagesSent", "NumberOfMessagesReceived", "NumberOfMessagesDeleted", "NumberOfEmptyReceives"} {
		all = append(all, metric{"AWS/SQS", name, queue, "", to(&a.QueueRequests)})
	}
	return all
}

func (s *Stack) readMetrics(ctx context.Context, a *Amounts) error {
	all := s.metrics(a)
	byID := map[string]metric{}
	in := &cloudwatch.GetMetricDataInput{StartTime: &a.From, EndTime: &a.To}
	for i, m := range all {
		q := types.MetricDataQuery{Id: aws.String(fmt.Sprint("m", i)), MetricStat: &types.MetricStat{
			Metric: &types.Metric{Namespace: aws.String(m.namespace), MetricName: aws.String(m.name)}, Period: aws.Int32(60), Stat: aws.String("Sum"),
		}}
		if m.stat != "" {
			q.MetricStat.Stat = aws.String(m.stat)
		}
		for d := 0; d < len(m.dimensions); d += 2 {
			q.MetricStat.Metric.Dimensions = append(q.MetricStat.Metric.Dimensions, types.Dimension{Name: &m.dimensions[d], Value: &m.dimensions[d+1]})
		}
		byID[*q.Id] = m
		in.MetricDataQueries = append(in.MetricDataQueries, q)
	}
	pages := cloudwatch.NewGetMetricDataPaginator(s.cloudwatch, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, r := range page.MetricDataResults {
			m, ok := byID[aws.ToString(r.Id)]
			if err := awsfault.Metric(string(r.StatusCode)); err != nil && ok {
				return fmt.Errorf("%s of %s: %w", m.name, m.namespace, err)
			}
			if ok {
				for _, v := range r.Values {
					m.add(v)
				}
			}
		}
	}
	return nil
}
