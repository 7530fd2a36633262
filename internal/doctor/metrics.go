package doctor

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/dozeio/doze/internal/awsfault"
)

// peakOf is how far back the most invocations at once are looked for, and in which steps.
const (
	peakOf   = 7 * 24 * time.Hour
	peakStep = time.Hour
)

// alarm ends the names of alarms in the template.
const alarm = "Alarm"

func (f *facts) readMetrics(ctx context.Context, client *cloudwatch.Client) {
	now := time.Now().Truncate(time.Minute)
	out, err := client.GetMetricData(ctx, &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(now.Add(-peakOf)), EndTime: &now,
		MetricDataQueries: []types.MetricDataQuery{{Id: aws.String("peak"), MetricStat: &types.MetricStat{
			Metric: &types.Metric{Namespace: aws.String("AWS/Lambda"), MetricName: aws.String("ConcurrentExecutions")},
			Period: aws.Int32(int32(peakStep / time.Second)), Stat: aws.String("Maximum"),
		}}},
	})
	if err != nil {
		f.peak.err = awsfault.Cause(err)
	} else {
		for _, r := range out.MetricDataResults {
			if err := awsfault.Metric(string(r.StatusCode)); err != nil {
				f.peak.err = err
			}
			for _, v := range r.Values {
				f.peak.is = max(f.peak.is, v)
			}
		}
	}
	var names []string
	for name, id := range f.resources {
		if strings.HasSuffix(name, alarm) {
			names = append(names, id)
		}
	}
	if len(names) == 0 {
		return
	}
	alarms, err := client.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNames: names, StateValue: types.StateValueAlarm})
	if err != nil {
		f.ringing.err = awsfault.Cause(err)
		return
	}
	for _, a := range alarms.MetricAlarms {
		for name, id := range f.resources {
			if id == aws.ToString(a.AlarmName) {
				f.ringing.is = append(f.ringing.is, strings.TrimSuffix(name, alarm)) // as docs/operate.md calls it
			}
		}
	}
}
